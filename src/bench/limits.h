// The machine's own limits with so many threads, measured: what the figures of a model stand beside.
#pragma once

#include <cstddef>
#include <memory>

namespace molmo::bench {

// Each takes a tenth of a second or a few. Zero where the project has no loop for this CPU. Threads are those of
// base/threads.h; parts are taken as threads get free, so that one slow core does not count for all.
double int8_gops();     // VNNI: dot products of 8-bit integers, a multiply and an add count as two
double float32_gops();  // multiply-adds

// Reads memory that no cache holds, one or several streams a thread.
class ReadBandwidth {
 public:
  double gb_per_s();

 private:
  std::shared_ptr<std::byte[]> buffer_;  // made by the first measurement
};

}  // namespace molmo::bench
