#include <immintrin.h>

#include "kernels/training_passes.h"

namespace molmo::kernels {
namespace {

using Vector = __m256;
constexpr int kLanes = 8;
typedef int32_t Integers __attribute__((vector_size(4 * kLanes)));

Vector fma(Vector a, Vector b, Vector c) {
  return _mm256_fmadd_ps(a, b, c);
}
Vector square_root(Vector v) {
  return _mm256_sqrt_ps(v);
}

#include "kernels/training_passes_simd.inc"

}  // namespace

const TrainingPasses kTrainingPassesAvx2 = kPasses;

}  // namespace molmo::kernels
