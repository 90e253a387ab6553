// What the benchmarks of kernels measure with: times, and how long the threads take to read as many bytes.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <vector>

namespace molmo::kernels {

template <class Work>
double seconds_of(const Work& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

inline double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + values.size() / 2, values.end());
  return values[values.size() / 2];
}

// All threads of libtorch's pool, which the kernels use, read their part of the bytes, in `num_streams` streams each.
double read_seconds(const void* data, size_t num_bytes, int num_streams);

}  // namespace molmo::kernels
