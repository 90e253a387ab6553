// Which picture to ask for next, so that no host is asked too much: a limit of requests at a time for each host, pauses
// that a host asked for, and a slow return after them. Knows nothing of the network, and time is given from outside.
//   FetchQueue queue({.max_per_host = 4});
//   for (...) queue.push(index, "example.org:443");
//   while (auto index = queue.pop(now)) start(*index);
//   queue.succeed(index);                      // or fail(index), or retry(index, wait, now)
// Single-threaded. Otherwise the order of pushes is kept.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/random.h"

namespace molmo::data {

struct FetchQueueOptions {
  int max_per_host = 4;
  // Pauses that a host does not name itself: this, twice this, ... times a random 0.5 to 1.5, up to max_wait.
  std::chrono::milliseconds first_wait{1000};
  std::chrono::milliseconds max_wait{120000};
};

class FetchQueue {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Wait = std::chrono::milliseconds;

  explicit FetchQueue(const FetchQueueOptions& options);

  void push(size_t item, const std::string& host);
  // The first item whose host may be asked now.
  std::optional<size_t> pop(Time now);
  // When a pause ends that items wait for; nothing when none does.
  std::optional<Time> next_ready() const;
  size_t num_waiting() const { return num_waiting_; }

  // What became of an item that was popped.
  void succeed(size_t item);
  void fail(size_t item);
  // The host is overloaded: it rests for `wait`, or for a pause that grows when it gave none, and the item is first
  // after that.
  void retry(size_t item, std::optional<Wait> wait, Time now);
  // The host is not to be asked again: `item` and everything that waits for it, which is given back.
  std::vector<size_t> give_up_host(size_t item);

 private:
  struct Host {
    std::deque<size_t> items;
    int num_running = 0;
    int limit = 1;
    int num_pauses = 0;  // in a row
    Time ready_at{};
  };
  Host& end_request(size_t item);
  void offer(size_t host);
  void withdraw(size_t host);
  Wait grown_wait(int num_pauses);

  FetchQueueOptions options_;
  RandomStream random_;
  std::vector<Host> hosts_;
  std::unordered_map<std::string, size_t> host_ids_;
  std::unordered_map<size_t, size_t> host_of_item_;
  std::set<std::pair<size_t, size_t>> offered_;  // (first item, host) of hosts that may be asked, pauses aside
  std::set<std::pair<Time, size_t>> paused_;     // (end of the pause, host)
  size_t num_waiting_ = 0;
};

}  // namespace molmo::data
