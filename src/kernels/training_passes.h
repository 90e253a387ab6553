// The passes over memory between the matrix products of training, each fused to one read and one write, on the CPU:
// float32, and bfloat16 for what stands between two products. With gradients, what a chain of tensor operators would
// keep and read again is computed again in registers.
//
//   gated       y = silu(gate) * up, with up and gate the halves of a row of x [N, 2F]; y [N, F]
//   quick_gelu  y = x * sigmoid(1.702 x)
//   rms_norm    y = x / sqrt(mean(x^2) + eps) * weight; `inverse` [N] keeps 1 / sqrt(..)
//   rotate      (a, b) -> (a c - b s, b c + a s) for the halves a, b of a head; s < 0 turns back (rotary.h)
//   cross_entropy   log of the softmax's denominator, loss and hit of a row of logits; and, in place of the logits,
//               the gradient scale * ((1 + 2 z log_denominator) softmax - one_hot(label))
//   weighted_sum   y = sum of weights[i] * x[rows[i]], fma after fma: the same bits in every version
//   adamw       see train/optimizer.h
//
// Numerics: exponentials are within 2 ulp where they are not exact (scalar: libm's), sums over a row are float32 in an
// order that depends on the version, sums of squares double beyond a block. NaN and infinity come out as from the
// formulas, except that exponentials below 2e-38 are zero. Rows are independent: no result depends on how they are
// divided among threads.
//
// This header has no code and includes C headers only, because files with special instruction flags include it.
#pragma once

#include <stdint.h>

namespace molmo::kernels {

struct AdamwSettings {
  float learning_rate, decay, beta1, beta2, eps, gradient_factor;
  float mean_correction, square_correction;  // 1 - beta^updates
};

struct RowLoss {
  float cross_entropy, log_denominator, is_correct;
};

// Values are floats or the bits of bfloat16; float32 in the registers. Rows are contiguous unless there is a stride.
template <class Value>
struct ActivationPasses {
  void (*gated)(const Value* x, Value* y, int64_t num_rows, int64_t width);
  void (*gated_backward)(const Value* x, const Value* dy, Value* dx, int64_t num_rows, int64_t width);
  void (*quick_gelu)(const Value* x, Value* y, int64_t count);
  void (*quick_gelu_backward)(const Value* x, const Value* dy, Value* dx, int64_t count);
  // One head of one token: x and y have 2 * half values, cos and sin half. y may be x.
  void (*rotate)(const Value* x, const float* cos, const float* sin, float sign, Value* y, int64_t half);
};

struct TrainingPasses {
  ActivationPasses<float> float32;
  ActivationPasses<uint16_t> bfloat16;
  void (*rms_norm)(const float* x, const float* weight, float eps, float* y, float* inverse, int64_t num_rows,
                   int64_t width);
  // Adds to dweight [width].
  void (*rms_norm_backward)(const float* x, const float* weight, const float* inverse, const float* dy, float* dx,
                            float* dweight, int64_t num_rows, int64_t width);
  RowLoss (*cross_entropy)(const float* logits, int64_t label, int64_t width);
  // logits -> gradient, with log_denominator of the same row.
  void (*cross_entropy_gradient)(float* logits, int64_t label, float log_denominator, float scale, float z_loss,
                                 int64_t width);
  double (*sum_of_squares)(const float* x, int64_t count);
  // x: rows of `width` values, `count` of them are added.
  void (*weighted_sum)(const float* x, const int64_t* rows, const float* weights, int64_t count, float* y,
                       int64_t width);
  void (*adamw)(const AdamwSettings& settings, float* value, const float* gradient, float* mean, float* square,
                int64_t count);
};

extern const TrainingPasses kTrainingPassesScalar;
extern const TrainingPasses kTrainingPassesAvx2;    // AVX2, FMA
extern const TrainingPasses kTrainingPassesAvx512;  // AVX-512 F

}  // namespace molmo::kernels
