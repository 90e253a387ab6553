// Attention of one new token over the keys and values of the tokens so far: y[h] = softmax(q[h] k^T scale + bias) v.
// The G query heads of a key head go together, so that each key and each value is read once: memory is the limit.
// Queries and results are float32; keys and values are float32, bfloat16 or float16, which convert exactly.
// Letters: S keys, G query heads of a key head, A width of a head.
//
// Keys are cut into ranges of kDecodeRange, and each range gives its own softmax: for every head the largest score, the
// sum of the powers of two below it, and the sum of the values times those. The merge is in the order of the ranges.
// Who computes which range changes nothing, so no result depends on the number of threads. Scores are to base 2. A
// bias of -1e30 or less hides a key; a head that sees nothing gives zeros.
//
// This header has no code and includes C headers only, because files with special instruction flags include it.
#pragma once

#include <stdint.h>

namespace molmo::kernels {

enum class CacheType : int32_t { Float32, BFloat16, Float16 };

// One range of keys of one key head.
struct DecodeRange {
  CacheType type;
  const void *keys, *values;           // [num_keys, A]
  int64_t key_stride, value_stride;    // from row to row, in values
  int64_t num_keys, width, num_heads;  // at most kDecodeRange keys; G heads
  const float* q;                      // [G, A], rows q_stride apart
  int64_t q_stride;
  float scale;
  const float* bias;  // [num_keys], or null

  float* y;               // [G, A], not divided by the sums
  float *largest, *sums;  // [G]; -infinity and 0 where all keys are hidden
};

constexpr int64_t kDecodeRange = 256;
constexpr float kHiddenKey = -1e30f;

struct DecodeAttentionKernel {
  int64_t width_grain;  // widths that are no multiple of this are left to the scalar version
  // Floats of scratch, aligned to 64 bytes.
  int64_t (*scratch)(int64_t width);
  void (*range)(const DecodeRange& work, float* scratch);
};

extern const DecodeAttentionKernel kDecodeAttentionScalar;
extern const DecodeAttentionKernel kDecodeAttentionAvx2;    // AVX2, FMA, F16C
extern const DecodeAttentionKernel kDecodeAttentionAvx512;  // AVX-512 F, BW, DQ, VL

}  // namespace molmo::kernels
