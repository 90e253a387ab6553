// Worker threads that prepare samples ahead of training; results come in the global order, whatever their number.
//   Loader<TrainingExample> loader(mixture, [&](const Example& example, RandomStream& draws) { return ...; },
//                                  {.num_workers = 2, .first = step * global_batch, .rank = rank, .num_ranks = 8});
//   while (auto example = loader.next()) ...;
// Rank r of R takes the positions p of the order with p mod R = r, so that no sample is lost or taken twice. A resumed
// run begins with `first` where the last one ended: nothing else is state.
// A sample that throws BadData, NotFound, Unsupported or InvalidArgument is quarantined: it is reported, and another
// example of its set, drawn by its position, takes its place. Any other exception is thrown by next(). One thread calls
// next(); `prepare` is called from the workers, concurrently.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "data/mixture.h"

namespace molmo::data {

struct LoaderOptions {
  int num_workers = 2;               // 0: next() prepares the sample itself
  int64_t prefetch = 16;             // samples that are prepared ahead at most
  uint64_t first = 0;                // position in the global order, of all ranks together
  std::optional<uint64_t> end = {};  // position behind the last one; empty: the order's own end
  int rank = 0, num_ranks = 1;
  int max_replacements = 100;  // of one sample; then its error is thrown
};

// A sample that could not be used.
struct BadSample {
  uint64_t position = 0;
  std::string source;  // name of the data set
  uint64_t index = 0;  // example within it
  std::string id;      // "" where the example could not be read
  std::string reason;
};

// Prepares the sample at `position`, or else its replacements. `prepare` may throw as described above.
void prepare_sample(const Mixture& mixture, uint64_t position, int max_replacements,
                    const std::function<void(const Example& example, RandomStream& draws)>& prepare,
                    std::vector<BadSample>& bad_samples);

// Throws InvalidArgument.
void check_loader_options(const LoaderOptions& options);

template <class T>
class Loader {
 public:
  using Prepare = std::function<T(const Example& example, RandomStream& draws)>;

  Loader(std::shared_ptr<const Mixture> mixture, Prepare prepare, const LoaderOptions& options)
      : mixture_(std::move(mixture)), prepare_(std::move(prepare)), options_(options) {
    check_loader_options(options_);
    const auto num_ranks = static_cast<uint64_t>(options_.num_ranks), rank = static_cast<uint64_t>(options_.rank);
    first_ = options_.first + (rank + num_ranks - options_.first % num_ranks) % num_ranks;
    end_ = std::min(options_.end.value_or(UINT64_MAX), mixture_->order.size().value_or(UINT64_MAX));
    for (int i = 0; i < options_.num_workers; ++i) workers_.emplace_back([this] { work(); });
  }

  // Waits for the samples that are being prepared.
  ~Loader() {
    {
      std::lock_guard lock(mutex_);
      is_stopping_ = true;
    }
    wake_workers_.notify_all();
    for (auto& worker : workers_) worker.join();
  }
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  // Nothing after the last sample. An exception of a worker is thrown here, in its place, and by every later call.
  std::optional<T> next() {
    if (failure_) std::rethrow_exception(failure_);
    if (position(num_taken_) >= end_) return std::nullopt;
    Result result = workers_.empty() ? prepare(num_taken_++) : wait_for_result();
    bad_samples_.insert(bad_samples_.end(), std::make_move_iterator(result.bad_samples.begin()),
                        std::make_move_iterator(result.bad_samples.end()));
    if (result.error) {
      failure_ = result.error;
      std::rethrow_exception(failure_);
    }
    return std::move(result.value);
  }

  // Of the samples that next() gave so far, in order.
  const std::vector<BadSample>& bad_samples() const { return bad_samples_; }

 private:
  struct Result {
    std::optional<T> value;
    std::vector<BadSample> bad_samples;
    std::exception_ptr error;
  };

  // Samples of this rank are counted; the last position is where counting would overflow.
  uint64_t position(uint64_t count) const {
    const auto stride = static_cast<uint64_t>(options_.num_ranks);
    return count > (UINT64_MAX - first_) / stride ? UINT64_MAX : first_ + count * stride;
  }

  Result prepare(uint64_t count) const {
    Result result;
    try {
      prepare_sample(
          *mixture_, position(count), options_.max_replacements,
          [&](const Example& example, RandomStream& draws) { result.value = prepare_(example, draws); },
          result.bad_samples);
    } catch (...) {
      result.error = std::current_exception();
    }
    return result;
  }

  Result wait_for_result() {
    std::unique_lock lock(mutex_);
    wake_taker_.wait(lock, [&] { return results_.contains(num_taken_); });
    Result result = std::move(results_.extract(num_taken_).mapped());
    ++num_taken_;
    wake_workers_.notify_all();
    return result;
  }

  void work() {
    const auto prefetch = static_cast<uint64_t>(options_.prefetch);
    std::unique_lock lock(mutex_);
    for (;;) {
      wake_workers_.wait(lock, [&] {
        return is_stopping_ || (num_started_ < num_taken_ + prefetch && position(num_started_) < end_);
      });
      if (is_stopping_) return;
      const uint64_t count = num_started_++;
      lock.unlock();
      Result result = prepare(count);
      lock.lock();
      results_.emplace(count, std::move(result));
      wake_taker_.notify_one();
    }
  }

  const std::shared_ptr<const Mixture> mixture_;
  const Prepare prepare_;
  const LoaderOptions options_;
  uint64_t first_ = 0, end_ = 0;
  std::vector<BadSample> bad_samples_;
  std::exception_ptr failure_;

  std::mutex mutex_;
  std::condition_variable wake_workers_, wake_taker_;
  uint64_t num_started_ = 0, num_taken_ = 0;
  std::map<uint64_t, Result> results_;
  bool is_stopping_ = false;
  std::vector<std::thread> workers_;  // last: they use everything above
};

}  // namespace molmo::data
