#include "kernels/task_queue.h"

namespace molmo::kernels {

void take_tasks(std::atomic<int64_t>& next, int64_t num_tasks, const std::function<Task()>& make_task) {
  const Task task = make_task();
  for (int64_t index; (index = next.fetch_add(1)) < num_tasks;) task(index);
}

}  // namespace molmo::kernels
