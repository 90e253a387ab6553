#include "base/threads.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace molmo {
namespace {

thread_local bool is_inside_parallel_for = false;

struct Job {
  const std::function<void(int64_t, int64_t)>& body;
  int64_t size, grain;
  std::atomic<int64_t> next = 0;
  std::mutex mutex;
  std::exception_ptr error;

  void run() {
    is_inside_parallel_for = true;
    for (;;) {
      const int64_t begin = next.fetch_add(grain);
      if (begin >= size) break;
      try {
        body(begin, std::min(begin + grain, size));
      } catch (...) {
        std::lock_guard lock(mutex);
        if (!error) error = std::current_exception();
        next = size;
      }
    }
    is_inside_parallel_for = false;
  }
};

class Pool {
 public:
  explicit Pool(int num_workers) {
    for (int i = 0; i < num_workers; ++i) workers_.emplace_back([this] { work(); });
  }
  ~Pool() {
    {
      std::lock_guard lock(mutex_);
      is_stopping_ = true;
    }
    wake_.notify_all();
    for (auto& worker : workers_) worker.join();
  }

  void run(Job& job) {
    std::lock_guard one_job(caller_mutex_);
    {
      std::lock_guard lock(mutex_);
      job_ = &job;
      num_running_ = static_cast<int>(workers_.size());
      ++generation_;
    }
    wake_.notify_all();
    job.run();
    std::unique_lock lock(mutex_);
    done_.wait(lock, [this] { return num_running_ == 0; });
    job_ = nullptr;
  }

 private:
  void work() {
    uint64_t seen = 0;
    for (;;) {
      Job* job;
      {
        std::unique_lock lock(mutex_);
        wake_.wait(lock, [&] { return is_stopping_ || generation_ != seen; });
        if (is_stopping_) return;
        seen = generation_;
        job = job_;
      }
      job->run();
      {
        std::lock_guard lock(mutex_);
        --num_running_;
      }
      done_.notify_one();
    }
  }

  std::vector<std::thread> workers_;
  std::mutex caller_mutex_, mutex_;
  std::condition_variable wake_, done_;
  Job* job_ = nullptr;
  int num_running_ = 0;
  uint64_t generation_ = 0;
  bool is_stopping_ = false;
};

int default_num_threads() {
  if (const char* text = std::getenv("MOLMO_THREADS")) {
    if (int count = std::atoi(text); count > 0) return count;
  }
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) return std::max(1, CPU_COUNT(&allowed));
  return std::max(1u, std::thread::hardware_concurrency());
}

std::mutex pool_mutex;
std::shared_ptr<Pool> pool;
std::atomic<int> thread_count = 0;

}  // namespace

int num_threads() {
  if (thread_count == 0) thread_count = default_num_threads();
  return thread_count;
}

void set_num_threads(int count) {
  std::lock_guard lock(pool_mutex);
  thread_count = std::max(1, count);
  pool.reset();
}

void parallel_for(int64_t size, int64_t grain, const std::function<void(int64_t, int64_t)>& body) {
  if (size <= 0) return;
  grain = std::max<int64_t>(1, grain);
  Job job{body, size, grain, 0, {}, nullptr};
  if (is_inside_parallel_for || num_threads() == 1 || size <= grain) {
    const bool was_inside = is_inside_parallel_for;
    job.run();
    is_inside_parallel_for = was_inside;
  } else {
    std::shared_ptr<Pool> current;
    {
      std::lock_guard lock(pool_mutex);
      if (!pool) pool = std::make_shared<Pool>(num_threads() - 1);
      current = pool;
    }
    current->run(job);
  }
  if (job.error) std::rethrow_exception(job.error);
}

}  // namespace molmo
