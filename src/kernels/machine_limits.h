// What one core of this machine can do at most, measured by loops that do nothing else. Benchmarks put their figures
// beside these. C headers only: files with special instruction flags include it.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace molmo::kernels {

// Reads `size` bytes as `num_streams` (1 to 16) concurrent sequential streams; returns a checksum. `size`: a multiple
// of 64 * num_streams.
using ReadStreams = uint64_t (*)(const void* data, size_t size, int num_streams);
// Operations (a multiply and an add count as two) that stay in registers; `num_rounds` repetitions, returns how many
// were done.
using RegisterLoop = int64_t (*)(int64_t num_rounds);

uint64_t read_streams_avx512(const void* data, size_t size, int num_streams);
uint64_t read_streams_avx2(const void* data, size_t size, int num_streams);
int64_t float_fma_avx512(int64_t num_rounds);
int64_t float_fma_avx2(int64_t num_rounds);
int64_t int8_dot_avx512vnni(int64_t num_rounds);

// Chosen for this CPU; null where it has no such instruction, or the project no loop for it.
ReadStreams best_read_streams();
RegisterLoop best_float_fma();
RegisterLoop best_int8_dot();

// Reads part `index` of `num_parts` of `size` bytes; nothing where there is no loop for this CPU.
void read_part(const void* data, size_t size, int index, int num_parts, int num_streams);

}  // namespace molmo::kernels
