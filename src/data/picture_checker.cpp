#include "data/picture_checker.h"

#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"

namespace molmo::data {

PictureChecker::PictureChecker(std::filesystem::path folder, PictureRules rules, int num_threads,
                               std::function<void()> on_done)
    : folder_(std::move(folder)), rules_(rules), on_done_(std::move(on_done)) {
  for (int i = 0; i < num_threads; ++i) threads_.emplace_back([this] { work(); });
}

PictureChecker::~PictureChecker() {
  {
    std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void PictureChecker::submit(UncheckedPicture picture) {
  {
    std::lock_guard lock(mutex_);
    waiting_.push_back(std::move(picture));
    ++num_pending_;
  }
  wake_.notify_one();
}

std::vector<CheckedPicture> PictureChecker::take() {
  std::lock_guard lock(mutex_);
  if (error_) std::rethrow_exception(error_);
  num_pending_ -= done_.size();
  return std::exchange(done_, {});
}

size_t PictureChecker::num_pending() const {
  std::lock_guard lock(mutex_);
  return num_pending_;
}

void PictureChecker::work() {
  for (;;) {
    UncheckedPicture picture;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return is_stopping_ || !waiting_.empty(); });
      if (is_stopping_) return;
      picture = std::move(waiting_.front());
      waiting_.pop_front();
    }
    try {
      CheckedPicture checked = check(std::move(picture));
      std::lock_guard lock(mutex_);
      done_.push_back(std::move(checked));
    } catch (...) {
      std::lock_guard lock(mutex_);
      error_ = std::current_exception();
    }
    on_done_();
  }
}

CheckedPicture PictureChecker::check(UncheckedPicture&& picture) const {
  CheckedPicture checked{picture.item, std::move(picture.record), picture.bytes.has_value()};
  const std::filesystem::path path = folder_ / checked.record.file;
  std::string bytes;
  if (picture.bytes) {
    bytes = std::move(*picture.bytes);
  } else {
    try {
      bytes = read_file(path, rules_.limits.max_file_bytes);
    } catch (const Error& error) {
      if (error.category() != ErrorCategory::BadData) throw;
      checked.record.outcome = FetchOutcome::TooLarge;  // such a file is none of ours
    }
  }
  if (checked.record.outcome == FetchOutcome::Ok) check_picture(bytes, picture.expected_sha256, rules_, checked.record);
  const FetchOutcome outcome = checked.record.outcome;
  if (checked.was_downloaded) {
    if (outcome == FetchOutcome::Ok) write_file_atomic(path, bytes);
  } else if (outcome != FetchOutcome::Ok && outcome != FetchOutcome::HashMismatch) {
    // Left by another program: the reference keeps the text of an error under a picture's name.
    log_warn("{}: {}, removed", path.string(), enum_name(outcome));
    std::filesystem::remove(path);
  }
  return checked;
}

}  // namespace molmo::data
