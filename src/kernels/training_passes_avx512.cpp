#include <immintrin.h>

#include "kernels/training_passes.h"

namespace molmo::kernels {
namespace {

using Vector = __m512;
constexpr int kLanes = 16;
typedef int32_t Integers __attribute__((vector_size(4 * kLanes)));

Vector fma(Vector a, Vector b, Vector c) {
  return _mm512_fmadd_ps(a, b, c);
}
Vector square_root(Vector v) {
  return _mm512_sqrt_ps(v);
}

#include "kernels/training_passes_simd.inc"

}  // namespace

const TrainingPasses kTrainingPassesAvx512 = kPasses;

}  // namespace molmo::kernels
