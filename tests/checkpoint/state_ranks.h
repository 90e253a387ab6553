// Ranks as threads of one process, for tests of what ranks agree on.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "checkpoint/training_state.h"

namespace molmo::test {

class Agreement {
 public:
  explicit Agreement(int64_t num_ranks) : num_ranks_(num_ranks) {}

  bool agree(bool is_fine) {
    std::unique_lock lock(mutex_);
    all_fine_ = all_fine_ && is_fine;
    const int64_t round = round_;
    if (++num_waiting_ == num_ranks_) {
      result_ = all_fine_;
      all_fine_ = true;
      num_waiting_ = 0;
      ++round_;
      wake_.notify_all();
    } else {
      wake_.wait(lock, [&] { return round_ != round; });
    }
    return result_;
  }

 private:
  const int64_t num_ranks_;
  std::mutex mutex_;
  std::condition_variable wake_;
  int64_t num_waiting_ = 0, round_ = 0;
  bool all_fine_ = true, result_ = true;
};

inline void run_ranks(int64_t num_ranks, const std::function<void(const checkpoint::StateRanks&)>& work) {
  Agreement agreement(num_ranks);
  std::vector<std::thread> threads;
  for (int64_t rank = 0; rank < num_ranks; ++rank) {
    threads.emplace_back([&, rank] {
      work({.rank = rank, .num_ranks = num_ranks, .all_agree = [&](bool is_fine) { return agreement.agree(is_fine); }});
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace molmo::test
