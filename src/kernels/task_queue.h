// How the ops divide work among the threads of at::parallel_for, libtorch's OpenMP pool: its workers spin for a while
// after each parallel region, so that a second pool would compete with them for the cores between every two layers.
// Threads take tasks as they get free, because a static half each would wait for the slower core of a shared machine.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>

namespace molmo::kernels {

using Task = std::function<void(int64_t index)>;

int64_t num_task_threads();

// Runs tasks 0 to num_tasks - 1. Each thread makes its own `Task` once, with what scratch it needs, and calls it for
// numbers that nobody took yet.
void run_tasks(int64_t num_tasks, const std::function<Task()>& make_task);

// body(begin, end) for [0, count) in pieces of `size`; a single piece on the calling thread.
void run_pieces(int64_t count, int64_t size, const std::function<void(int64_t begin, int64_t end)>& body);

// What each of its threads does: `next` is the first task that nobody took yet, of all of them. Knows no torch.
void take_tasks(std::atomic<int64_t>& next, int64_t num_tasks, const std::function<Task()>& make_task);

}  // namespace molmo::kernels
