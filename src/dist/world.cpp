#include "dist/world.h"

#include <c10/util/Logging.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <cstdlib>

#include "base/error.h"

namespace molmo::dist {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr auto kBeatEvery = 500ms;
// How long a rank is listened to after something broke: ten beats, so that one on a busy machine is not taken for dead.
constexpr auto kListen = 5s;
// A rank that says nothing for so long is given up although no connection broke: its machine is gone, or stands still.
constexpr auto kLongestSilence = 60s;
constexpr auto kTimeToMeet = std::chrono::minutes(5);
constexpr auto kTimeToLeave = 10s, kTimeToLeaveAfterFailure = 3s;  // until the meeting point closes

constexpr const char* kFailureKey = "failure";
constexpr const char* kLeftKey = "left";

// c10d writes pages of addresses to standard error when a connection breaks. Our errors say which rank is gone.
void quiet_c10d() {
  if (std::getenv("TORCH_CPP_LOG_LEVEL") == nullptr) FLAGS_caffe2_log_level = c10::GLOG_ERROR;
}

std::string beat_key(int64_t rank) {
  return fmt::format("alive/{}", rank);
}

}  // namespace

struct World::Stores {
  // The watch has a connection of its own: a call that waits holds the other one.
  c10::intrusive_ptr<c10d::Store> store, watch;
};

World::World(const Launch& launch) : launch_(launch), stores_(std::make_unique<Stores>()) {
  quiet_c10d();
  const bool is_server = launch.rank == 0 && !launch.has_served_store;
  try {
    c10d::TCPStoreOptions options;
    options.port = launch.port;
    options.timeout = kTimeToMeet;
    options.waitWorkers = false;
    options.isServer = is_server;
    const auto open = [&](const c10d::TCPStoreOptions& settings) {
      const auto store = c10::make_intrusive<c10d::TCPStore>(launch.address, settings);
      return c10::make_intrusive<c10d::PrefixStore>("molmo/" + launch.attempt, store);
    };
    stores_->store = open(options);
    options.isServer = false;
    stores_->watch = open(options);
  } catch (const std::exception& error) {
    if (is_server) {
      fail(ErrorCategory::Io,
           "rank 0 of {} cannot wait for the others at port {}: {}. Is another run using it? Then set MASTER_PORT.",
           launch.num_ranks, launch.port, error.what());
    }
    fail(ErrorCategory::Io, "rank {} of {} cannot reach the meeting point {}:{}: {}", launch.rank, launch.num_ranks,
         launch.address, launch.port, error.what());
  }
}

World::~World() {
  {
    const std::lock_guard lock(mutex_);
    is_leaving_ = true;
  }
  changed_.notify_all();
  if (watcher_.joinable()) watcher_.join();
  try {
    int64_t num_left = stores_->store->add(kLeftKey, 1);
    // The others need the meeting point until they have left too.
    const bool is_server = launch_.rank == 0 && !launch_.has_served_store;
    const auto end = Clock::now() + (failure_ ? kTimeToLeaveAfterFailure : kTimeToLeave);
    while (is_server && num_left < launch_.num_ranks && Clock::now() < end) {
      std::this_thread::sleep_for(20ms);
      num_left = stores_->store->add(kLeftKey, 0);
    }
  } catch (const std::exception&) {  // the meeting point is gone, and nobody is waited for
  }
}

c10d::Store& World::store() const {
  return *stores_->store;
}

void World::begin_watch() {
  watcher_ = std::thread([this] { watch(); });
}

void World::watch() {
  for (int64_t beat = 0;; ++beat) {
    try {
      stores_->watch->set(beat_key(launch_.rank), std::to_string(beat));
      if (stores_->watch->check({kFailureKey})) set_failure(stores_->watch->get_to_str(kFailureKey));
      if (launch_.rank == 0) look_around();
    } catch (const std::exception&) {
      set_failure(meeting_point_is_gone());
    }
    std::unique_lock lock(mutex_);
    if (changed_.wait_for(lock, kBeatEvery, [this] { return is_leaving_ || failure_; })) return;
  }
}

void World::look_around() {
  const Beats beats = read_beats();
  beats_.resize(beats.size());
  heard_.resize(beats.size(), Clock::now());
  for (size_t rank = 0; rank < beats.size(); ++rank) {
    if (beats[rank] != beats_[rank]) heard_[rank] = Clock::now();
    beats_[rank] = beats[rank];
    if (Clock::now() - heard_[rank] < kLongestSilence) continue;
    set_failure(announce(fmt::format("rank {} of {} was silent for {} seconds", rank, launch_.num_ranks,
                                     std::chrono::seconds(kLongestSilence).count())));
  }
}

World::Beats World::read_beats() const {
  std::vector<std::string> keys;
  for (int64_t rank = 0; rank < launch_.num_ranks; ++rank) keys.push_back(beat_key(rank));
  Beats beats;
  for (const auto& bytes : stores_->watch->multiGet(keys)) beats.emplace_back(bytes.begin(), bytes.end());
  return beats;
}

void World::set_failure(const std::string& failure) {
  {
    const std::lock_guard lock(mutex_);
    if (!failure_) failure_ = failure;
  }
  changed_.notify_all();
}

bool World::has_failed() const {
  const std::lock_guard lock(mutex_);
  return failure_.has_value();
}

void World::wait_for(const std::function<bool()>& is_done) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return is_done() || failure_; });
  if (!is_done()) throw Error(ErrorCategory::Io, *failure_);
}

void World::notify() {
  { const std::lock_guard lock(mutex_); }
  changed_.notify_all();
}

std::string World::meeting_point_is_gone() const {
  if (launch_.has_served_store)
    return fmt::format("the launcher's meeting point {}:{} does not answer any more", launch_.address, launch_.port);
  return fmt::format("rank 0 of {} does not answer any more at {}:{}: it was killed, or its machine is gone",
                     launch_.num_ranks, launch_.address, launch_.port);
}

std::string World::announce(const std::string& failure) {
  try {
    return stores_->watch->compareSet(std::string(kFailureKey), std::string(), failure);  // the first one stays
  } catch (const std::exception&) {
    return failure;
  }
}

std::string World::name_silent(const Beats& before) const {
  const Beats now = read_beats();
  std::vector<size_t> silent;
  for (size_t rank = 0; rank < now.size(); ++rank) {
    if (now[rank] == before[rank] && static_cast<int64_t>(rank) != launch_.rank) silent.push_back(rank);
  }
  if (silent.empty()) return "";
  return fmt::format("rank{} {} of {} {} not answer any more: killed, or the machine is gone",
                     silent.size() == 1 ? "" : "s", fmt::join(silent, ", "), launch_.num_ranks,
                     silent.size() == 1 ? "does" : "do");
}

void World::fail_because(const std::string& cause) {
  std::string failure;
  try {
    const Beats before = read_beats();
    {
      // Whoever knows more may say so meanwhile.
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, kListen, [this] { return failure_.has_value(); });
    }
    if (!has_failed()) {
      const std::string silent = name_silent(before);
      failure = silent.empty() ? fmt::format("rank {} of {}: {}", launch_.rank, launch_.num_ranks, cause) : silent;
      failure = announce(failure);
    }
  } catch (const std::exception&) {
    failure = meeting_point_is_gone();
  }
  set_failure(failure);
  const std::lock_guard lock(mutex_);
  throw Error(ErrorCategory::Io, *failure_);
}

}  // namespace molmo::dist
