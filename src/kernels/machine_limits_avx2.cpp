#include <immintrin.h>

#include "kernels/machine_limits.h"

namespace molmo::kernels {

uint64_t read_streams_avx2(const void* data, size_t size, int num_streams) {
  const char* bytes = static_cast<const char*>(data);
  const size_t stream = size / num_streams;
  __m256i even = _mm256_setzero_si256(), odd = even;
  for (size_t i = 0; i < stream; i += 64) {
    for (int s = 0; s < num_streams; ++s) {
      const __m256i* line = reinterpret_cast<const __m256i*>(bytes + s * stream + i);
      even = _mm256_xor_si256(even, _mm256_loadu_si256(line));
      odd = _mm256_xor_si256(odd, _mm256_loadu_si256(line + 1));
    }
  }
  return static_cast<uint64_t>(_mm256_extract_epi64(_mm256_xor_si256(even, odd), 0));
}

int64_t float_fma_avx2(int64_t num_rounds) {
  constexpr int kChains = 12;
  __m256 sums[kChains], factor = _mm256_set1_ps(0.999f), term = _mm256_set1_ps(1e-3f);
#pragma GCC unroll 12
  for (auto& sum : sums) sum = term;
  for (int64_t round = 0; round < num_rounds; ++round) {
#pragma GCC unroll 12
    for (auto& sum : sums) {
      sum = _mm256_fmadd_ps(sum, factor, term);
      asm volatile("" : "+x"(sum));  // each one is computed, and stays in its register
    }
  }
  return num_rounds * kChains * 8 * 2;
}

}  // namespace molmo::kernels
