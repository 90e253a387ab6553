// What the benchmarks of kernels measure with: times, and how long the threads take to read as many bytes.
#pragma once

#include <cstddef>

#include "base/timing.h"

namespace molmo::kernels {

// All threads of libtorch's pool, which the kernels use, read their part of the bytes, in `num_streams` streams each.
double read_seconds(const void* data, size_t num_bytes, int num_streams);

}  // namespace molmo::kernels
