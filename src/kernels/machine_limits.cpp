#include "kernels/machine_limits.h"

#include "base/cpu_features.h"

namespace molmo::kernels {

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

void read_part(const void* data, size_t size, int index, int num_parts, int num_streams) {
  const ReadStreams read = best_read_streams();
  if (!read) return;
  const size_t unit = 64u * static_cast<size_t>(num_streams);
  const size_t part = size / num_parts / unit * unit;
  [[maybe_unused]] const volatile uint64_t checksum =
      read(static_cast<const char*>(data) + index * part, part, num_streams);
}

}  // namespace molmo::kernels
