#include "machine_limits.h"

#include <chrono>
#include <thread>
#include <vector>

#include "base/cpu_features.h"

namespace molmo::bench {

#if defined(__x86_64__)
ReadStreams best_read_streams() {
  return cpu_features().avx512 ? read_streams_avx512 : cpu_features().avx2 ? read_streams_avx2 : nullptr;
}
RegisterLoop best_float_fma() {
  return cpu_features().avx512 ? float_fma_avx512 : cpu_features().avx2 ? float_fma_avx2 : nullptr;
}
RegisterLoop best_int8_dot() {
  return cpu_features().avx512_vnni ? int8_dot_avx512vnni : nullptr;
}
#else
ReadStreams best_read_streams() {
  return nullptr;
}
RegisterLoop best_float_fma() {
  return nullptr;
}
RegisterLoop best_int8_dot() {
  return nullptr;
}
#endif

double read_bandwidth(const void* data, size_t size, int num_threads, int num_streams) {
  const ReadStreams read = best_read_streams();
  if (!read) return 0;
  const size_t unit = 64u * static_cast<size_t>(num_streams);
  const size_t part = size / num_threads / unit * unit;
  volatile uint64_t checksum = 0;
  const auto start = std::chrono::steady_clock::now();
  std::vector<std::jthread> threads;
  const auto work = [&](int index) {
    checksum = read(static_cast<const char*>(data) + index * part, part, num_streams);
  };
  for (int index = 1; index < num_threads; ++index) threads.emplace_back(work, index);
  work(0);
  threads.clear();
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  return static_cast<double>(part) * num_threads / seconds.count() / 1e9;
}

}  // namespace molmo::bench
