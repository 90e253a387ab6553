// 16 registers of 8 floats: 4 rows x 24 columns of a product, 12 multiply-adds per 3 loads and 4 broadcasts.
#include <immintrin.h>

#include <utility>  // index_sequence: no code

#include "kernels/attention.h"

namespace molmo::kernels {
namespace {

using Vector = __m256;
constexpr int kLanes = 8;
constexpr int kRows = 4, kVectors = 3;

Vector broadcast(float value) {
  return _mm256_set1_ps(value);
}
Vector fma(Vector a, Vector b, Vector c) {
  return _mm256_fmadd_ps(a, b, c);
}

#include "kernels/attention_simd.inc"

}  // namespace

const AttentionKernel kAttentionAvx2 = kKernel;

}  // namespace molmo::kernels
