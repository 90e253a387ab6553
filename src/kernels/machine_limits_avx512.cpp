#include <immintrin.h>

#include "kernels/machine_limits.h"

namespace molmo::kernels {

uint64_t read_streams_avx512(const void* data, size_t size, int num_streams) {
  const char* bytes = static_cast<const char*>(data);
  const size_t stream = size / num_streams;
  __m512i sum = _mm512_setzero_si512();
  for (size_t i = 0; i < stream; i += 64) {
    for (int s = 0; s < num_streams; ++s) sum = _mm512_xor_si512(sum, _mm512_loadu_si512(bytes + s * stream + i));
  }
  return static_cast<uint64_t>(_mm_cvtsi128_si64(_mm512_castsi512_si128(sum)));
}

int64_t float_fma_avx512(int64_t num_rounds) {
  constexpr int kChains = 24;
  __m512 sums[kChains], factor = _mm512_set1_ps(0.999f), term = _mm512_set1_ps(1e-3f);
#pragma GCC unroll 24
  for (auto& sum : sums) sum = term;
  for (int64_t round = 0; round < num_rounds; ++round) {
#pragma GCC unroll 24
    for (auto& sum : sums) {
      sum = _mm512_fmadd_ps(sum, factor, term);
      asm volatile("" : "+v"(sum));  // each one is computed, and stays in its register
    }
  }
  return num_rounds * kChains * 16 * 2;
}

}  // namespace molmo::kernels
