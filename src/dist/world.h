// What every group of a run shares: the meeting point, and the watch over who is alive. For process_group.cpp alone,
// the other source that knows c10d.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "dist/launch.h"

namespace c10d {
class Store;
}

namespace molmo::dist {

class World {
 public:
  // Meets the other ranks' meeting point. Throws Io.
  explicit World(const Launch& launch);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  const Launch& launch() const { return launch_; }
  c10d::Store& store() const;
  // From here on each rank says that it lives. All have met.
  void begin_watch();

  // Returns when `is_done` or throws Io when the run has failed meanwhile. Whoever makes `is_done` true calls notify().
  void wait_for(const std::function<bool()>& is_done);
  void notify();

  // What broke, seen from here: finds out who does not live any more, tells the others, and throws Io.
  [[noreturn]] void fail_because(const std::string& cause);
  // Tells the others.
  std::string announce(const std::string& failure);
  bool has_failed() const;

 private:
  struct Stores;
  using Beats = std::vector<std::string>;

  void watch();
  void look_around();
  Beats read_beats() const;
  std::string name_silent(const Beats& before) const;
  void set_failure(const std::string& failure);
  std::string meeting_point_is_gone() const;

  const Launch launch_;
  std::unique_ptr<Stores> stores_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<std::string> failure_;
  bool is_leaving_ = false;
  std::thread watcher_;
  // Of rank 0: when each rank last said that it lives.
  Beats beats_;
  std::vector<std::chrono::steady_clock::time_point> heard_;
};

}  // namespace molmo::dist
