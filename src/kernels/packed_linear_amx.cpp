// Few tokens as with AVX-512 VNNI. Many: 32 tokens x 32 outputs in four of the tiles, 16 rows of 64 bytes, whose sums
// leave once per activation group to meet its scale.
#include <immintrin.h>
#include <string.h>

#include "kernels/packed_linear.h"

#define MOLMO_OWN_TILES

namespace molmo::kernels {
namespace {

constexpr int kTilePanels = 4;
constexpr int kPairPanels = 2;
constexpr int64_t kMaxFewTokens = 8;
constexpr int64_t kTileTokens = 16;
constexpr int64_t kColumnStep = 64;  // the sum of one tile instruction
constexpr int64_t kTileFloats = kTileTokens * kPanelRows;
constexpr int64_t kTileScratchBytes = 2 * 4 * kTileFloats * 4;  // twice four tiles of sums

#include "kernels/amx_tiles.inc"
#include "kernels/packed_linear_avx512.inc"
#include "kernels/packed_linear_quantize.inc"

struct Upcoming;
void block_tiles(const uint8_t* const* weights, const PackedLinear& problem, int64_t token, int64_t num_tokens,
                 int64_t column, int64_t size, const Upcoming& upcoming, float* sums, uint8_t* scratch);

#include "kernels/packed_linear_simd.inc"

// Sums of 16 tokens over one activation group times its scales, added to `sums`.
inline void add_scaled(const int32_t* ints, const QuantizedRows& x, int64_t token, int64_t group, bool is_first,
                       float* sums) {
  const int32_t* starts = x.wide_starts + token * x.num_groups + group;
  const float* scales = x.scales + token * x.num_groups + group;
  for (int64_t t = 0; t < kTileTokens; ++t) {
    const Ints values = ints_of(_mm512_load_si512(ints + t * kPanelRows)) + splat(starts[t * x.num_groups]);
    float* sum = sums + t * kTileLanes;
    store_floats(sum,
                 fma(to_float(values), splat(scales[t * x.num_groups]), is_first ? splat(0.0f) : load_floats(sum)));
  }
}

// kRows x 16 tokens times two panels over the columns [begin, end).
template <int kRows>
MOLMO_INLINE void multiply_tiles(const int8_t* a, int64_t a_stride, const uint8_t* first, const uint8_t* second,
                                 int64_t begin, int64_t end, int32_t* ints) {
  _tile_zero(0);
  _tile_zero(1);
  if constexpr (kRows > 1) _tile_zero(2);
  if constexpr (kRows > 1) _tile_zero(3);
  for (int64_t i = begin; i < end; i += kColumnStep) {
    _tile_loadd(4, a + i, a_stride);
    _tile_loadd(6, first + i * kPanelRows, 64);
    _tile_dpbsud(0, 4, 6);
    _tile_loadd(7, second + i * kPanelRows, 64);
    _tile_dpbsud(1, 4, 7);
    if constexpr (kRows > 1) {
      _tile_loadd(5, a + kTileTokens * a_stride + i, a_stride);
      _tile_dpbsud(2, 5, 6);
      _tile_dpbsud(3, 5, 7);
    }
  }
  _tile_stored(0, ints, 64);
  _tile_stored(1, ints + kTileFloats, 64);
  if constexpr (kRows > 1) _tile_stored(2, ints + 2 * kTileFloats, 64);
  if constexpr (kRows > 1) _tile_stored(3, ints + 3 * kTileFloats, 64);
}

// Sums that tiles have left in `ints`: up to 32 tokens times two panels over a group.
struct Pending {
  const int32_t* ints;
  int64_t token, group, num_rows;
  bool is_first;
  float* sums;  // of that token and the first of the panels
};

inline void add_pending(const Pending& pending, const QuantizedRows& x) {
  for (int64_t row = 0; row < pending.num_rows; ++row) {
    for (int64_t q = 0; q < kPairPanels; ++q) {
      add_scaled(pending.ints + (2 * row + q) * kTileFloats, x, pending.token + row * kTileTokens, pending.group,
                 pending.is_first, pending.sums + row * kTileTokens * kTileLanes + q * kPanelRows);
    }
  }
}

void block_tiles(const uint8_t* const* weights, const PackedLinear& problem, int64_t token, int64_t num_tokens,
                 int64_t column, int64_t size, const Upcoming& upcoming, float* sums, uint8_t* scratch) {
  const TileScope tiles;
  const QuantizedRows& x = problem.x;
  const int64_t num_pairs = (num_tokens + 2 * kTileTokens - 1) / (2 * kTileTokens);
  // Loads wait long for what tiles have just stored: meanwhile the next tiles are multiplied.
  int32_t* ints = reinterpret_cast<int32_t*>(scratch);
  int32_t* other_ints = ints + 4 * kTileFloats;
  Pending pending{};
  for (int64_t t = 0; t < num_tokens; t += 2 * kTileTokens) {
    upcoming.prefetch_part(t / (2 * kTileTokens), num_pairs);
    const int8_t* a = x.codes + (token + t) * x.stride + column;
    const int64_t num_rows = num_tokens - t > kTileTokens ? 2 : 1;
    for (int64_t k = 0; k < size; k += kActivationGroup) {
      const int64_t end = least(k + kActivationGroup, size);
      for (int p = 0; p < kTilePanels; p += kPairPanels) {
        if (num_rows > 1) {
          multiply_tiles<2>(a, x.stride, weights[p], weights[p + 1], k, end, ints);
        } else {
          multiply_tiles<1>(a, x.stride, weights[p], weights[p + 1], k, end, ints);
        }
        add_pending(pending, x);
        pending = {ints,     token + t,       (column + k) / kActivationGroup,
                   num_rows, column + k == 0, sums + t * kTileLanes + p * kPanelRows};
        int32_t* used = ints;
        ints = other_ints;
        other_ints = used;
      }
    }
  }
  add_pending(pending, x);
}

}  // namespace

const PackedLinearKernel kPackedLinearAmx = {quantize_rows, kScratchBytes, kTilePanels, panels};

}  // namespace molmo::kernels
