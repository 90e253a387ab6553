// Scaled dot-product attention with gradients, for training: y = softmax(q k^T scale + bias) v, in blocks of queries
// and keys whose scores stay in the caches; backward computes the probabilities again from the logarithms of their
// sums (Dao et al., "FlashAttention", 2022). float32 or bfloat16 in memory, float32 in the registers.
//
// A bias is cut into tiles of a block of queries by a block of keys. Tiles that hide everything are skipped, tiles of
// zeros cost nothing; the others are stored transposed. A query that sees nothing gives zeros and passes no gradient.
// Results do not depend on how queries are divided among calls of `forward`; sums over queries are in their order.
//
// This header has no code and includes C headers only, because files with special instruction flags include it.
#pragma once

#include <stdint.h>

namespace molmo::kernels {

enum class AttentionType : int32_t { Float32, BFloat16 };

// The value i of a row of a head is at values + head * head_stride + row * row_stride + i, strides in values.
struct HeadRows {
  void* values;
  int64_t head_stride, row_stride;
};

// In a table of tiles, instead of an index of a stored tile.
constexpr int32_t kTileHidden = -1;  // no query sees any key
constexpr int32_t kTilePlain = -2;   // nothing is added

// What is added to a score: this and lower hides the key.
constexpr float kHiddenBias = -1e30f;

// Some of the queries of one key head.
struct AttentionWork {
  AttentionType type;  // of q, k, v, y, dy, dq
  int64_t num_queries, num_keys, width,
      num_heads;                    // width of a head <= kMaxHeadWidth; heads of queries on this key head
  int64_t first_block, last_block;  // of the blocks of queries, num_heads * ceil(num_queries / block)
  float scale;
  const int32_t* tile_table;  // [blocks of queries of a head, blocks of keys]; null: all plain
  const float* tiles;         // each [block_keys, block_queries], times log2(e), -inf where hidden
  HeadRows q, k, v, y;        // k and v: their head 0
  float* log_sums;            // [num_heads, num_queries]; base 2; infinity for a query that sees nothing
};

struct AttentionBackwardWork {
  AttentionWork forward;  // with y and log_sums filled in
  HeadRows dy, dq, dk, dv;
  AttentionType key_gradient_type;  // of dk and dv, which get the sums over these queries
};

// The corner of a bias that belongs to a tile, at most block_queries x block_keys; `bias` may be null. Query i sees
// key j only if j <= i + diagonal.
struct BiasCorner {
  const float* bias;
  int64_t row_stride, num_queries, num_keys, diagonal;
};

constexpr int64_t kMaxHeadWidth = 256;

struct AttentionKernel {
  int64_t block_queries, block_keys;
  // Floats of scratch, aligned to 64 bytes.
  int64_t (*forward_scratch)(int64_t num_keys, int64_t width);
  int64_t (*backward_scratch)(int64_t num_keys, int64_t width);
  void (*forward)(const AttentionWork& work, float* scratch);
  void (*backward)(const AttentionBackwardWork& work, float* scratch);
  // kTileHidden, kTilePlain, or 0 for a tile that has to be stored.
  int32_t (*tile_kind)(const BiasCorner& corner);
};

// Writes what a kernel reads as a tile: block_keys * block_queries floats.
void store_tile(const AttentionKernel& kernel, const BiasCorner& corner, float* tile);

extern const AttentionKernel kAttentionScalar;
extern const AttentionKernel kAttentionAvx2;    // AVX2, FMA
extern const AttentionKernel kAttentionAvx512;  // AVX-512 F, DQ
extern const AttentionKernel kAttentionAmx;     // AMX and AVX-512 with bfloat16; of that type alone

}  // namespace molmo::kernels
