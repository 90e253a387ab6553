#include "data/fetch.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/progress.h"
#include "base/threads.h"
#include "data/fetch_journal.h"
#include "data/picture_checker.h"
#include "http/url.h"

namespace molmo::data {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

std::string host_of(const std::string& text) {
  try {
    const http::Url url = http::Url::parse(text);
    return fmt::format("{}:{}", url.host(), url.port());
  } catch (const Error&) {
    return "";  // asking for it says what is wrong
  }
}

std::string lower(std::string digits) {
  for (char& c : digits) c = c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
  return digits;
}

// What kills left behind. The journal's lock is ours, so nobody is writing.
void remove_temporary_files(const fs::path& folder) {
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().filename().string().find(".tmp.") != std::string::npos) fs::remove(entry.path());
  }
}

FetchOptions checked(FetchOptions options) {
  const auto check = [](int64_t value, std::string_view name) {
    if (value < 1) fail(ErrorCategory::InvalidArgument, "{} is {}, expected at least 1", name, value);
  };
  check(options.max_connections, "max_connections");
  check(options.max_attempts, "max_attempts");
  options.rules.limits.max_file_bytes = options.http.max_body_bytes;
  return options;
}

class Fetch {
 public:
  Fetch(const FetchList& list, const fs::path& folder, FetchOptions options)
      : folder_(folder),
        options_(checked(std::move(options))),
        journal_(folder / "journal.jsonl"),
        queue_(options_.hosts),
        client_(options_.http),
        checker_(folder / "images", options_.rules, num_threads(), [this] { client_.wake(); }) {
    items_ = list.shuffled();
    if (options_.max_items > 0 && items_.size() > options_.max_items) items_.resize(options_.max_items);
    for (FetchItem& item : items_) {
      if (!options_.checks_hashes) item.sha256.clear();
      if (options_.rules.quirks == config::Quirks::Fixed) item.sha256 = lower(item.sha256);
    }
    records_.resize(items_.size());
    num_attempts_.resize(items_.size());
  }

  FetchReport run();

 private:
  void recall(size_t item);
  void start(size_t item);
  void take_answer(size_t item, http::Response&& response);
  void take_checked(CheckedPicture&& picture);
  bool try_again(size_t item, const http::Response& response);
  void conclude(size_t item, FetchRecord record, bool is_new = true);
  FetchRecord new_record(size_t item) const;
  void write_results(FetchReport& report) const;

  fs::path folder_;
  FetchOptions options_;
  FetchJournal journal_;
  FetchQueue queue_;
  http::Client client_;
  PictureChecker checker_;
  std::vector<FetchItem> items_;
  std::vector<std::optional<FetchRecord>> records_;
  std::vector<int> num_attempts_;
  std::optional<Progress> progress_;
  FetchReport report_;
};

FetchRecord Fetch::new_record(size_t item) const {
  FetchRecord record;
  record.file = picture_file_name(items_[item].url);
  record.url = items_[item].url;
  return record;
}

void Fetch::conclude(size_t item, FetchRecord record, bool is_new) {
  if (is_new) journal_.append(record);
  records_[item] = std::move(record);
  if (progress_) progress_->advance();
}

// Decides from what is known and on the disk whether an item is done, and queues it otherwise.
void Fetch::recall(size_t item) {
  FetchRecord fresh = new_record(item);
  const FetchRecord* known = journal_.find(fresh.file);
  std::error_code error;
  const uint64_t num_bytes = fs::file_size(folder_ / "images" / fresh.file, error);
  const bool has_file = !error;
  const std::string& expected = items_[item].sha256;
  if (has_file && known != nullptr && known->outcome == FetchOutcome::Ok && known->num_bytes == num_bytes &&
      (expected.empty() || expected == known->sha256)) {
    return conclude(item, *known, /*is_new=*/false);
  }
  if (has_file) {
    checker_.submit({.item = item, .expected_sha256 = expected, .record = std::move(fresh), .bytes = std::nullopt});
    return;
  }
  const bool is_other_hash = known != nullptr && known->outcome == FetchOutcome::HashMismatch &&
                             (expected.empty() || expected == known->sha256);
  if (known != nullptr && known->outcome != FetchOutcome::Ok && !options_.retries_failed && !is_other_hash) {
    return conclude(item, *known, /*is_new=*/false);
  }
  queue_.push(item, host_of(items_[item].url));
}

void Fetch::start(size_t item) {
  ++num_attempts_[item];
  client_.start(items_[item].url, [this, item](http::Response&& response) { take_answer(item, std::move(response)); });
}

// True when the server is only busy and the item waits for another attempt, or was concluded with its host.
bool Fetch::try_again(size_t item, const http::Response& response) {
  const bool is_fixed = options_.rules.quirks == config::Quirks::Fixed;
  const bool is_busy = response.status == 429 || (response.status == 503 && is_fixed);
  if (response.failure != http::Failure::None || !is_busy) return false;
  std::optional<milliseconds> wait;
  if (response.retry_after) wait = *response.retry_after;
  if (wait && *wait > options_.hosts.max_wait) {
    const std::string message = fmt::format("the host asked to wait {} s", response.retry_after->count());
    for (const size_t given_up : queue_.give_up_host(item)) {
      FetchRecord record = new_record(given_up);
      record.outcome = outcome_of(response);
      record.status = response.status;
      record.message = message;
      conclude(given_up, std::move(record));
    }
    return true;
  }
  if (num_attempts_[item] >= options_.max_attempts) return false;
  queue_.retry(item, wait, Clock::now());
  return true;
}

void Fetch::take_answer(size_t item, http::Response&& response) {
  if (try_again(item, response)) return;
  FetchRecord record = new_record(item);
  record.outcome = outcome_of(response);
  record.status = response.status;
  if (record.outcome == FetchOutcome::Ok) {
    queue_.succeed(item);
    ++report_.num_downloads;
    report_.num_bytes += response.body.size();
    checker_.submit({.item = item,
                     .expected_sha256 = items_[item].sha256,
                     .record = std::move(record),
                     .bytes = std::move(response.body)});
    return;
  }
  queue_.fail(item);
  record.message =
      response.failure == http::Failure::None ? fmt::format("HTTP status {}", response.status) : response.message;
  conclude(item, std::move(record));
}

void Fetch::take_checked(CheckedPicture&& picture) {
  const bool is_kept = picture.record.outcome == FetchOutcome::Ok;
  const bool is_other_picture = picture.record.outcome == FetchOutcome::HashMismatch && !options_.retries_failed;
  if (!picture.was_downloaded && !is_kept && !is_other_picture) {
    queue_.push(picture.item, host_of(items_[picture.item].url));
    return;
  }
  if (picture.was_downloaded && is_kept) ++report_.num_kept;
  // A picture of another set's that has not this set's hash stays: its record is the other set's.
  const bool is_new = picture.was_downloaded || is_kept;
  conclude(picture.item, std::move(picture.record), is_new);
}

FetchReport Fetch::run() {
  const auto begin = Clock::now();
  remove_temporary_files(folder_ / "images");
  for (size_t item = 0; item < items_.size(); ++item) recall(item);
  progress_.emplace("fetch", queue_.num_waiting() + checker_.num_pending(), "pictures");
  const auto max_running = static_cast<size_t>(options_.max_connections);
  while (queue_.num_waiting() + client_.num_running() + checker_.num_pending() > 0) {
    // Pictures that wait to be looked at hold memory, so they take the place of downloads.
    while (client_.num_running() + checker_.num_pending() < max_running) {
      const auto item = queue_.pop(Clock::now());
      if (!item) break;
      start(*item);
    }
    milliseconds wait(1000);
    if (const auto ready = queue_.next_ready()) {
      wait = std::clamp(std::chrono::ceil<milliseconds>(*ready - Clock::now()), milliseconds(0), wait);
    }
    client_.poll(wait);
    for (CheckedPicture& picture : checker_.take()) take_checked(std::move(picture));
  }
  progress_.reset();
  report_.elapsed = Clock::now() - begin;
  write_results(report_);
  return report_;
}

// One document a line, sorted by URL.
class Lines {
 public:
  explicit Lines(const fs::path& path) : file_(path) {}
  void add(const Json& json) { file_.write(dump_json(json) + "\n"); }
  void commit() { file_.commit(); }

 private:
  AtomicFile file_;
};

void Fetch::write_results(FetchReport& report) const {
  std::vector<size_t> order(items_.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return items_[a].url < items_[b].url; });
  Lines images(folder_ / "images.jsonl"), failures(folder_ / "failures.jsonl");
  for (const size_t item : order) {
    const FetchRecord& record = records_[item].value();
    ++report.num_pictures[record.outcome];
    Json line = {{"url", items_[item].url}};
    if (record.outcome == FetchOutcome::Ok) {
      line["file"] = "images/" + record.file;
      line["sha256"] = record.sha256;
      line["bytes"] = record.num_bytes;
      line["width"] = record.size.width;
      line["height"] = record.size.height;
    } else {
      line["cause"] = enum_name(record.outcome);
      if (record.status != 0) line["status"] = record.status;
    }
    if (!items_[item].licence.empty()) line["licence"] = items_[item].licence;
    (record.outcome == FetchOutcome::Ok ? images : failures).add(line);
  }
  report.num_items = items_.size();
  images.commit();
  failures.commit();
  write_json_file(folder_ / "report.json", report.json());
}

}  // namespace

FetchReport fetch_pictures(const FetchList& list, const fs::path& folder, const FetchOptions& options) {
  std::error_code error;
  fs::create_directories(folder / "images", error);
  if (error) fail(ErrorCategory::Io, "{}: cannot create: {}", (folder / "images").string(), error.message());
  return Fetch(list, folder, options).run();
}

}  // namespace molmo::data
