#include "kernels/task_queue.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <atomic>

#ifndef INTRA_OP_PARALLEL
#error "built without OpenMP, at::parallel_for is a serial loop"
#endif

namespace molmo::kernels {

int64_t num_task_threads() {
  return at::get_num_threads();
}

void run_tasks(int64_t num_tasks, const std::function<Task()>& make_task) {
  const int64_t num_workers = std::min(num_tasks, num_task_threads());
  std::atomic<int64_t> next = 0;
  at::parallel_for(0, num_workers, 1, [&](int64_t, int64_t) { take_tasks(next, num_tasks, make_task); });
}

void run_pieces(int64_t count, int64_t size, const std::function<void(int64_t begin, int64_t end)>& body) {
  if (count <= size) return body(0, count);
  run_tasks((count + size - 1) / size,
            [&] { return [&](int64_t task) { body(task * size, std::min((task + 1) * size, count)); }; });
}

}  // namespace molmo::kernels
