#include "data/fetch_queue.h"

#include <algorithm>

#include "base/error.h"

namespace molmo::data {

FetchQueue::FetchQueue(const FetchQueueOptions& options) : options_(options), random_(0, "fetch waits") {
  if (options.max_per_host < 1)
    molmo::fail(ErrorCategory::InvalidArgument, "max_per_host is {}, expected at least 1", options.max_per_host);
}

void FetchQueue::push(size_t item, const std::string& host) {
  const auto [found, is_new] = host_ids_.emplace(host, hosts_.size());
  if (is_new) hosts_.push_back({.items = {}, .limit = options_.max_per_host});
  const size_t id = found->second;
  withdraw(id);
  hosts_[id].items.push_back(item);
  host_of_item_[item] = id;
  ++num_waiting_;
  offer(id);
}

// A host is offered while it has items and room, and is not paused.
void FetchQueue::offer(size_t id) {
  const Host& host = hosts_[id];
  if (host.items.empty() || host.num_running >= host.limit || paused_.contains({host.ready_at, id})) return;
  offered_.emplace(host.items.front(), id);
}

void FetchQueue::withdraw(size_t id) {
  if (!hosts_[id].items.empty()) offered_.erase({hosts_[id].items.front(), id});
}

std::optional<size_t> FetchQueue::pop(Time now) {
  while (!paused_.empty() && paused_.begin()->first <= now) {
    const size_t id = paused_.begin()->second;
    paused_.erase(paused_.begin());
    offer(id);
  }
  if (offered_.empty()) return std::nullopt;
  const auto [item, id] = *offered_.begin();
  withdraw(id);
  Host& host = hosts_[id];
  host.items.pop_front();
  ++host.num_running;
  --num_waiting_;
  offer(id);
  return item;
}

std::optional<FetchQueue::Time> FetchQueue::next_ready() const {
  if (paused_.empty()) return std::nullopt;
  return paused_.begin()->first;
}

FetchQueue::Host& FetchQueue::end_request(size_t item) {
  Host& host = hosts_[host_of_item_.at(item)];
  check_internal(host.num_running > 0, "a request ends that never began");
  --host.num_running;
  return host;
}

void FetchQueue::succeed(size_t item) {
  const size_t id = host_of_item_.at(item);
  Host& host = end_request(item);
  host.num_pauses = 0;
  host.limit = std::min(host.limit + 1, options_.max_per_host);
  host_of_item_.erase(item);
  offer(id);
}

void FetchQueue::fail(size_t item) {
  const size_t id = host_of_item_.at(item);
  end_request(item);
  host_of_item_.erase(item);
  offer(id);
}

FetchQueue::Wait FetchQueue::grown_wait(int num_pauses) {
  const double grown =
      static_cast<double>(options_.first_wait.count()) * static_cast<double>(1ull << std::min(num_pauses, 30));
  const double jittered = grown * (0.5 + random_.uniform());
  return Wait(static_cast<int64_t>(std::min(jittered, static_cast<double>(options_.max_wait.count()))));
}

void FetchQueue::retry(size_t item, std::optional<Wait> wait, Time now) {
  const size_t id = host_of_item_.at(item);
  withdraw(id);
  Host& host = end_request(item);
  host.items.push_front(item);
  ++num_waiting_;
  const bool is_paused = paused_.erase({host.ready_at, id}) > 0;
  // Several requests were under way: their complaints are one, unless a longer pause is asked for.
  const Time asked = now + (wait ? *wait : grown_wait(is_paused ? std::max(0, host.num_pauses - 1) : host.num_pauses));
  host.ready_at = is_paused ? std::max(host.ready_at, asked) : asked;
  if (!is_paused) ++host.num_pauses;
  host.limit = 1;
  paused_.emplace(host.ready_at, id);
}

std::vector<size_t> FetchQueue::give_up_host(size_t item) {
  const size_t id = host_of_item_.at(item);
  withdraw(id);
  Host& host = end_request(item);
  std::vector<size_t> given_up{item};
  given_up.insert(given_up.end(), host.items.begin(), host.items.end());
  num_waiting_ -= host.items.size();
  host.items.clear();
  paused_.erase({host.ready_at, id});
  for (const size_t gone : given_up) host_of_item_.erase(gone);
  return given_up;
}

}  // namespace molmo::data
