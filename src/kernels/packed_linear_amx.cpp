// Few tokens as with AVX-512 VNNI. Many: 32 tokens x 32 outputs in four of the tiles, 16 rows of 64 bytes, whose sums
// leave once per activation group to meet its scale.
#include <immintrin.h>
#include <string.h>

#include "kernels/packed_linear.h"

#define MOLMO_INLINE inline __attribute__((always_inline))
#define MOLMO_OWN_TILES

namespace molmo::kernels {
namespace {

constexpr int kTilePanels = 4;
constexpr int kPairPanels = 2;
constexpr int64_t kMaxFewTokens = 8;
constexpr int64_t kTileTokens = 16;
constexpr int64_t kColumnStep = 64;  // the sum of one tile instruction
constexpr int64_t kTileFloats = kTileTokens * kPanelRows;
constexpr int64_t kTileScratchBytes = 4 * kTileFloats * 4;  // four tiles of sums

#include "kernels/packed_linear_avx512.inc"
#include "kernels/packed_linear_quantize.inc"

void block_tiles(const uint8_t* const* weights, const PackedLinear& problem, int64_t token, int64_t num_tokens,
                 int64_t column, int64_t size, float* sums, uint8_t* scratch);

#include "kernels/packed_linear_simd.inc"

// All eight tiles of 16 rows of 64 bytes.
struct TileScope {
  TileScope() {
    alignas(64) uint8_t config[64] = {};
    config[0] = 1;  // palette
    for (int i = 0; i < 8; ++i) {
      config[16 + 2 * i] = 64;
      config[48 + i] = 16;
    }
    _tile_loadconfig(config);
  }
  ~TileScope() { _tile_release(); }
  TileScope(const TileScope&) = delete;
  TileScope& operator=(const TileScope&) = delete;
};

// Sums of 16 tokens over one activation group times its scales, added to `sums`.
inline void add_scaled(const int32_t* ints, const PackedLinear& problem, int64_t token, int64_t group, int64_t size,
                       bool is_first, float* sums) {
  for (int64_t t = 0; t < kTileTokens; ++t) {
    const Ints values =
        ints_of(_mm512_load_si512(ints + t * kPanelRows)) + wide_start(sum_of_codes(problem, token + t, group, size));
    const Floats scale = splat(problem.x.scales[(token + t) * problem.x.num_groups + group]);
    float* sum = sums + t * kTileLanes;
    store_floats(sum, fma(to_float(values), scale, is_first ? splat(0.0f) : load_floats(sum)));
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

void block_tiles(const uint8_t* const* weights, const PackedLinear& problem, int64_t token, int64_t num_tokens,
                 int64_t column, int64_t size, float* sums, uint8_t* scratch) {
  const TileScope tiles;
  const QuantizedRows& x = problem.x;
  int32_t* ints = reinterpret_cast<int32_t*>(scratch);
  for (int64_t t = 0; t < num_tokens; t += 2 * kTileTokens) {
    const int8_t* a = x.codes + (token + t) * x.stride + column;
    const int64_t num_rows = num_tokens - t > kTileTokens ? 2 : 1;
    for (int64_t k = 0; k < size; k += kActivationGroup) {
      const int64_t group = (column + k) / kActivationGroup, group_size = least(kActivationGroup, size - k);
      for (int p = 0; p < kTilePanels; p += kPairPanels) {
        if (num_rows > 1) {
          multiply_tiles<2>(a, x.stride, weights[p], weights[p + 1], k, k + group_size, ints);
        } else {
          multiply_tiles<1>(a, x.stride, weights[p], weights[p + 1], k, k + group_size, ints);
        }
        for (int64_t row = 0; row < num_rows; ++row) {
          for (int64_t q = 0; q < kPairPanels; ++q) {
            add_scaled(ints + (2 * row + q) * kTileFloats, problem, token + t + row * kTileTokens, group, group_size,
                       column + k == 0, sums + (t + row * kTileTokens) * kTileLanes + (p + q) * kPanelRows);
          }
        }
      }
    }
  }
}

}  // namespace

const PackedLinearKernel kPackedLinearAmx = {quantize_rows, kScratchBytes, kTilePanels, panels};

}  // namespace molmo::kernels
