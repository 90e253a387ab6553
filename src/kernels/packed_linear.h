// packed_linear: y[t, o] = sum_k W[o, k] * x[t, k] + bias[o] for packed weights (packed_weight.h) and float32
// activations, which become 8 bits on the way. Letters: T tokens, I input and O output features, K = I rounded up
// to 32.
//
// Activations: groups of 256 columns share a scale, the largest absolute value / 127; codes are x * (127 / largest),
// rounded to nearest even, and zero behind I. A group with an infinite or undefined value has an undefined scale and
// zero codes: y of that token is undefined. Single channels of language models are hundreds of times larger than the
// rest, so one scale a token would round the rest to nothing (docs/quantised-format.md).
//
// Numerics: with s the scales of token t, C the integer weights (row scale apart) and a the codes,
//   sum = fma(s[G - 1], dot(C, a)[G - 1], ... fma(s[0], dot(C, a)[0], 0)), y = fma(row_scale, sum, bias)
// where every dot over a group is an integer below 2^24. That fixes each bit of y: versions, numbers of tokens and of
// threads all give the same.
//
// Two ways, chosen by T. Few tokens: each byte of W is read once and multiplied in registers, limited by memory. Many
// tokens: blocks of W become 8 bits in a scratch that stays in the L1 cache (q8 is read in place) and are multiplied
// with all tokens by a register-blocked kernel, limited by multiplication.
//
// This header has no code of its own and the C++ headers that it includes bring none, because files with special
// instruction flags include it.
#pragma once

#include <stdint.h>

#include "kernels/packed_weight.h"

namespace molmo::kernels {

inline constexpr int64_t kActivationGroup = 256;
// Kernels read this many rows behind the last of several tokens: zero codes and scales.
inline constexpr int64_t kSpareTokens = 32;

// Activations of 8 bits. Rows are K codes and zeros up to the next multiple of 64. One token alone has no spare rows.
struct QuantizedRows {
  int8_t* codes;    // [T + kSpareTokens, stride]
  int64_t stride;   // a multiple of 64
  float* scales;    // [T + kSpareTokens, num_groups]
  int32_t* starts;  // [T + kSpareTokens, K / 32]: -8 times the sum of the codes of 32 columns: the middle of 4 bits
  int32_t* wide_starts;  // [T + kSpareTokens, num_groups]: -128 times that of a group: the middle of 8 bits
  int64_t num_groups;
};

struct PackedLinear {
  PackedShape shape;
  const uint8_t* weight;  // [num_panels, panel_bytes]
  const float* bias;      // [O] or null
  QuantizedRows x;
  int64_t num_tokens;
  float* y;  // [T, O]
  int64_t y_stride;
  int64_t num_streams = 4;  // panels that a thread reads at once where tokens are few: 4 or 2
};

// One version of the family: quantize all tokens, then panels for every range of [0, num_panels). Calls for different
// tokens, or panels, may run at once.
struct PackedLinearKernel {
  // x [T, I] float32, rows `x_stride` apart, tokens [begin, end).
  void (*quantize)(const float* x, int64_t x_stride, int64_t in_features, const QuantizedRows& rows, int64_t begin,
                   int64_t end);
  int64_t scratch_bytes;  // that each running call of panels needs, at a multiple of 64
  int64_t max_few_tokens;   // up to this many each byte of W is read once
  int64_t panel_grain;      // where tokens are many: ranges begin at multiples of this for full speed
  int64_t tokens_per_pass;  // whose codes stay in the L2 cache while all weights pass by
  // `following` are the panels, as long as these, that the thread is likely to take next, or null: they begin to come
  // from memory while the last of the range are multiplied.
  void (*panels)(const PackedLinear& problem, uint8_t* scratch, int64_t panel_begin, int64_t panel_end,
                 const uint8_t* following);
};

extern const PackedLinearKernel kPackedLinearScalar;
extern const PackedLinearKernel kPackedLinearAvx2;        // AVX2, FMA
extern const PackedLinearKernel kPackedLinearAvxVnni;     // and AVX-VNNI
extern const PackedLinearKernel kPackedLinearAvx512Vnni;  // AVX-512 F, BW, DQ, VL, VNNI
extern const PackedLinearKernel kPackedLinearAmx;         // and the 8-bit tiles
extern const PackedLinearKernel kPackedLinearNeonDot;     // dot product

}  // namespace molmo::kernels
