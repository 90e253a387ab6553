#include <immintrin.h>

#include "kernels/machine_limits.h"

namespace molmo::kernels {

int64_t int8_dot_avx512vnni(int64_t num_rounds) {
  constexpr int kChains = 24;
  __m512i sums[kChains], a = _mm512_set1_epi8(3), b = _mm512_set1_epi8(-2);
#pragma GCC unroll 24
  for (auto& sum : sums) sum = _mm512_setzero_si512();
  for (int64_t round = 0; round < num_rounds; ++round) {
#pragma GCC unroll 24
    for (auto& sum : sums) {
      sum = _mm512_dpbusd_epi32(sum, a, b);
      asm volatile("" : "+v"(sum));  // each one is computed, and stays in its register
    }
  }
  return num_rounds * kChains * 64 * 2;
}

}  // namespace molmo::kernels
