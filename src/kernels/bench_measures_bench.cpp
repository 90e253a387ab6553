#include "kernels/bench_measures.h"

#include <ATen/Parallel.h>

#include "kernels/machine_limits.h"

namespace molmo::kernels {

double read_seconds(const void* data, size_t num_bytes, int num_streams) {
  const int num_threads = at::get_num_threads();
  return seconds_of([&] {
    at::parallel_for(0, num_threads, 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) read_part(data, num_bytes, static_cast<int>(i), num_threads, num_streams);
    });
  });
}

}  // namespace molmo::kernels
