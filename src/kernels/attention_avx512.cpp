// 32 registers of 16 floats: 8 rows x 48 columns of a product, 24 multiply-adds per 3 loads and 8 broadcasts.
#include <immintrin.h>

#include <utility>  // index_sequence: no code

#include "kernels/attention.h"

namespace molmo::kernels {
namespace {

using Vector = __m512;
constexpr int kLanes = 16;
constexpr int kRows = 8, kVectors = 3;

Vector broadcast(float value) {
  return _mm512_set1_ps(value);
}
Vector fma(Vector a, Vector b, Vector c) {
  return _mm512_fmadd_ps(a, b, c);
}

#include "kernels/attention_simd.inc"

}  // namespace

const AttentionKernel kAttentionAvx512 = kKernel;

}  // namespace molmo::kernels
