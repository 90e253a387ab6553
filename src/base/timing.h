// What the benchmarks measure times with.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <vector>

namespace molmo {

// Wall time of one call.
template <class Work>
double seconds_of(const Work& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Of an even number of values, the mean of the two in the middle. There is at least one.
inline double median(std::vector<double> values) {
  std::ranges::sort(values);
  const size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

}  // namespace molmo
