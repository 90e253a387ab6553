// dense_linear: y[t, o] = sum_i x[t, i] * W[o, i] for float32 activations and bfloat16 or float16 weights.
// Letters: T tokens, I input features, O output features (rows of W).
//
// Layout: x [T, I], W [O, I] and y [T, O] are row-major; rows may be further apart than they are long. W is read where
// it is, at any address that is a multiple of 2: usually it is a mapped file. Nothing is repacked on disk or kept in
// memory.
//
// Numerics: a weight converts to float32 exactly, products and sums are float32 (fused where the CPU can), so that
// |y - exact| <= (I + 2) * 2^-24 * sum_i |x[t, i] * W[o, i]|. Denormals, infinities and NaN go through as in the
// formula. The order of the sum depends on T and on the version, never on how rows are divided among threads: one call
// gives the same bits on any number of threads. Activations are not rounded to bfloat16, which would be about twice as
// fast where the CPU multiplies bfloat16 (docs/performance.md): the product must agree with float32 arithmetic within
// 2e-4.
//
// Two ways, chosen by T (the version's packed_x_size says which):
//   few tokens   each weight is read once, converted in registers and multiplied with every token: limited by memory
//   bandwidth. many tokens  x is packed into tiles once; a block of W is converted to float32 in a scratch that stays
//   in the L2 cache, transposed so
//                that lanes run along O, and multiplied with all tiles by a register-blocked kernel: limited by
//                multiply-add.
//
// This header has no code and includes C headers only, because files with special instruction flags include it.
#pragma once

#include <stdint.h>

namespace molmo::kernels {

enum class HalfType { BF16, F16 };

struct DenseLinear {
  const float* x;  // [T, I]
  int64_t x_stride;
  const uint16_t* weight;  // [O, I], bits of HalfType
  int64_t weight_stride;
  HalfType weight_type;
  float* y;  // [T, O]
  int64_t y_stride;
  int64_t num_tokens;
  int64_t in_features;
  int64_t out_features;
};

// One version of the family. To compute a product: pack_x for all tiles when packed_x_size is not 0, then rows for
// every range of [0, O). Calls for different tiles, or different rows, may run at once.
struct DenseLinearKernel {
  // Floats of packed activations for this T and I; 0 where x is read as it is.
  int64_t (*packed_x_size)(int64_t num_tokens, int64_t in_features);
  int64_t (*num_tiles)(int64_t num_tokens);
  void (*pack_x)(const DenseLinear& problem, float* packed_x, int64_t tile_begin, int64_t tile_end);
  int64_t scratch_size;  // floats that each running call of rows needs when x is packed
  int64_t row_grain;     // ranges of rows begin at multiples of this for full speed
  int64_t block_rows;    // and are this long when x is packed
  void (*rows)(const DenseLinear& problem, const float* packed_x, float* scratch, int64_t row_begin, int64_t row_end);
};

extern const DenseLinearKernel kDenseLinearScalar;
extern const DenseLinearKernel kDenseLinearAvx2;    // AVX2, FMA, F16C
extern const DenseLinearKernel kDenseLinearAvx512;  // AVX-512 F, BW, DQ, VL

}  // namespace molmo::kernels
