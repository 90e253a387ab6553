#include "bench/limits.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "base/large_pages.h"
#include "base/threads.h"
#include "base/timing.h"
#include "kernels/machine_limits.h"

namespace molmo::bench {
namespace {

constexpr size_t kBufferBytes = size_t{512} << 20;
constexpr int kReads = 4;
constexpr int kPartsPerThread = 8;
constexpr int64_t kRounds = 2'000'000;  // a part takes ten milliseconds

double gops(kernels::RegisterLoop loop) {
  if (loop == nullptr) return 0;
  std::atomic<int64_t> operations = 0;
  const double time = seconds_of([&] {
    parallel_for(num_threads() * kPartsPerThread, /*grain=*/1, [&](int64_t, int64_t) { operations += loop(kRounds); });
  });
  return static_cast<double>(operations) / 1e9 / time;
}

}  // namespace

double int8_gops() {
  return gops(kernels::best_int8_dot());
}

double float32_gops() {
  return gops(kernels::best_float_fma());
}

double ReadBandwidth::gb_per_s() {
  if (kernels::best_read_streams() == nullptr) return 0;
  if (!buffer_) {
    buffer_ = allocate_on_large_pages(kBufferBytes, "the read bandwidth's measure");
    std::memset(buffer_.get(), 1, kBufferBytes);
  }
  const int num_parts = num_threads() * kPartsPerThread;
  double best = 0;
  for (const int num_streams : {1, 4, 16}) {  // which is faster differs from machine to machine
    const double time = seconds_of([&] {
      for (int read = 0; read < kReads; ++read) {
        parallel_for(num_parts, /*grain=*/1, [&](int64_t part, int64_t) {
          kernels::read_part(buffer_.get(), kBufferBytes, static_cast<int>(part), num_parts, num_streams);
        });
      }
    });
    best = std::max(best, kReads * static_cast<double>(kBufferBytes) / 1e9 / time);
  }
  return best;
}

}  // namespace molmo::bench
