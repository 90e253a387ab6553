// The one thread pool of the parts that do not use torch.
//   parallel_for(num_rows, /*grain=*/16, [&](int64_t begin, int64_t end) { ... });
// The split depends only on the range and the grain, never on the number of threads, so results do not either.
#pragma once

#include <cstdint>
#include <functional>

namespace molmo {

// Threads used by parallel_for, the caller included. Defaults to MOLMO_THREADS, else the CPUs this process may use.
int num_threads();
void set_num_threads(int count);

// Calls `body` for chunks of at most `grain` items of [0, size). The first exception is rethrown here after all chunks
// ended. A nested call runs on the calling thread.
void parallel_for(int64_t size, int64_t grain, const std::function<void(int64_t begin, int64_t end)>& body);

}  // namespace molmo
