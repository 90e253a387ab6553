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

void block_tiles(const uint8_t* const* weights, const PackedLinear& problem, int64_t token, int64_t num_tokens,
                 int64_t column, int64_t size, float* sums, uint8_t* scratch) {
  const TileScope tiles;
  const QuantizedRows& x = problem.x;
  int32_t* ints = reinterpret_cast<int32_t*>(scratch);
  for (int64_t t = 0; t < num_tokens; t += 2 * kTileTokens) {
    const int8_t* a = x.codes + (token + t) * x.stride + column;
    for (int64_t k = 0; k < size; k += kActivationGroup) {
      const int64_t group = (column + k) / kActivationGroup, group_size = least(kActivationGroup, size - k);
      for (int p = 0; p < kTilePanels; p += kPairPanels) {
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        _tile_zero(3);
        for (int64_t i = k; i < k + group_size; i += kColumnStep) {
          _tile_loadd(4, a + i, x.stride);
          _tile_loadd(6, weights[p] + i * kPanelRows, 64);
          _tile_dpbsud(0, 4, 6);
          _tile_loadd(7, weights[p + 1] + i * kPanelRows, 64);
          _tile_dpbsud(1, 4, 7);
          _tile_loadd(5, a + kTileTokens * x.stride + i, x.stride);
          _tile_dpbsud(2, 5, 6);
          _tile_dpbsud(3, 5, 7);
        }
        _tile_stored(0, ints, 64);
        _tile_stored(1, ints + kTileFloats, 64);
        _tile_stored(2, ints + 2 * kTileFloats, 64);
        _tile_stored(3, ints + 3 * kTileFloats, 64);
        const bool is_first = column + k == 0;
        for (int64_t part = 0; part < 2; ++part) {
          for (int64_t q = 0; q < kPairPanels; ++q) {
            add_scaled(ints + (2 * part + q) * kTileFloats, problem, token + t + part * kTileTokens, group, group_size,
                       is_first, sums + (t + part * kTileTokens) * kTileLanes + (p + q) * kPanelRows);
          }
        }
      }
    }
  }
}

}  // namespace

const PackedLinearKernel kPackedLinearAmx = {quantize_rows, kScratchBytes, kTilePanels, panels};

}  // namespace molmo::kernels
