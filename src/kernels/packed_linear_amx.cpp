// Few tokens as with AVX-512 VNNI. Many: 32 tokens x 32 outputs in four of the tiles, 16 rows of 64 bytes, whose sums
// leave once per activation group to meet its scale. Where another hardware thread of the core works, every instruction
// that writes a tile waits for the one before, so all else happens between them: scaling the sums of the last group.
// The codes of 32 tokens stay in the L1 cache for 16 panels, which come from the L2 cache one after the other.
#include <immintrin.h>
#include <string.h>

#include "kernels/packed_linear.h"

#define MOLMO_OWN_TILES

namespace molmo::kernels {
namespace {

constexpr int kTilePanels = 16;
constexpr int64_t kMaxFewTokens = 8;
constexpr int64_t kTokensPerPass = 384;  // twice as many as elsewhere: 16 panels share each reading of the codes
constexpr int64_t kTileTokens = 16;
constexpr int64_t kColumnStep = 64;  // the sum of one tile instruction
constexpr int64_t kPairTokens = 2 * kTileTokens;
constexpr int64_t kSumPanels = 2;
constexpr int64_t kSumLanes = kSumPanels * kPanelRows;
constexpr int64_t kPairSums = kPairTokens * kSumLanes;                           // four tiles
constexpr int64_t kTileScratchBytes = 2 * kPairSums * int64_t{sizeof(int32_t)};  // what is pending, and what comes next

#include "kernels/amx_tiles.inc"
#include "kernels/packed_linear_avx512.inc"
#include "kernels/packed_linear_quantize.inc"

struct Upcoming;
void block_tiles(const uint8_t* const* weights, int64_t num_panels, const PackedLinear& problem, int64_t token,
                 int64_t num_tokens, int64_t column, int64_t size, const Upcoming& upcoming, float* sums,
                 uint8_t* scratch);

#include "kernels/packed_linear_simd.inc"

// What tiles have left in `ints` [tokens, kSumLanes], sums over a group of up to 32 tokens times two panels, on its
// way into `sums`, with the scales of the tokens.
struct Pending {
  const int32_t* ints;
  const int32_t* starts;  // of the first token
  const float* scales;
  int64_t num_groups;  // from token to token
  float* sums;
  __mmask16 is_added;  // to what is there; none in the first group
  int64_t num_tokens;

  MOLMO_INLINE void add_token() {
    const Ints start = splat(*starts);
    const Floats scale = splat(*scales);
    MOLMO_UNROLL
    for (int q = 0; q < kSumPanels; ++q) {
      const Ints values = ints_of(_mm512_load_si512(ints + q * kPanelRows)) + start;
      float* sum = sums + q * kPanelRows;
      store_floats(sum, fma(to_float(values), scale, _mm512_maskz_loadu_ps(is_added, sum)));
    }
    ints += kSumLanes;
    starts += num_groups;
    scales += num_groups;
    sums += kSumLanes;
  }
  void add_all() {
    for (; num_tokens > 0; --num_tokens) add_token();
  }
};

// kRows x 16 tokens times two panels over `size` columns. Meanwhile what is pending is added, all of it if kAdds tells
// that it is 32 tokens.
template <int kRows, bool kAdds>
void multiply_tiles(const int8_t* a, int64_t a_stride, const uint8_t* first, const uint8_t* second, int64_t size,
                    Pending pending, int32_t* ints) {
  const auto add_tokens = [&] {
    if constexpr (kAdds) {
      pending.add_token();
      pending.add_token();
    }
  };
  _tile_zero(0);
  _tile_zero(1);
  if constexpr (kRows > 1) _tile_zero(2);
  if constexpr (kRows > 1) _tile_zero(3);
  for (int64_t i = 0; i < size; i += kColumnStep) {
    _tile_loadd(4, a + i, a_stride);
    _tile_loadd(6, first + i * kPanelRows, 64);
    _tile_dpbsud(0, 4, 6);
    add_tokens();
    _tile_loadd(7, second + i * kPanelRows, 64);
    _tile_dpbsud(1, 4, 7);
    add_tokens();
    if constexpr (kRows > 1) {
      _tile_loadd(5, a + kTileTokens * a_stride + i, a_stride);
      _tile_dpbsud(2, 5, 6);
      add_tokens();
      _tile_dpbsud(3, 5, 7);
      add_tokens();
    }
  }
  constexpr int64_t kBytes = kSumLanes * sizeof(int32_t);
  _tile_stored(0, ints, kBytes);
  _tile_stored(1, ints + kPanelRows, kBytes);
  if constexpr (kRows > 1) _tile_stored(2, ints + kTileTokens * kSumLanes, kBytes);
  if constexpr (kRows > 1) _tile_stored(3, ints + kTileTokens * kSumLanes + kPanelRows, kBytes);
}

void block_tiles(const uint8_t* const* weights, int64_t num_panels, const PackedLinear& problem, int64_t token,
                 int64_t num_tokens, int64_t column, int64_t size, const Upcoming& upcoming, float* sums,
                 uint8_t* scratch) {
  const TileScope tiles;
  __asm__ volatile("" ::: "memory");  // GCC does not know that loading a tile reads memory
  const QuantizedRows& x = problem.x;
  const int64_t num_pairs = (num_tokens + kPairTokens - 1) / kPairTokens;
  int32_t* ints = reinterpret_cast<int32_t*>(scratch);
  int32_t* other_ints = ints + kPairSums;
  Pending pending{};
  for (int64_t t = 0; t < num_tokens; t += kPairTokens) {
    upcoming.prefetch_part(t / kPairTokens, num_pairs);
    const int8_t* a = x.codes + (token + t) * x.stride + column;
    const int64_t num_rows = num_tokens - t > kTileTokens ? 2 : 1;
    for (int64_t p = 0; p < num_panels; p += kSumPanels) {
      for (int64_t k = 0; k < size; k += kActivationGroup) {
        const int64_t group = (column + k) / kActivationGroup, group_size = least(kActivationGroup, size - k);
        const uint8_t* first = weights[p] + k * kPanelRows;
        const uint8_t* second = weights[p + 1] + k * kPanelRows;
        if (num_rows > 1 && group_size == kActivationGroup && pending.num_tokens == kPairTokens) {
          multiply_tiles<2, true>(a + k, x.stride, first, second, group_size, pending, ints);
        } else {
          pending.add_all();
          const auto multiply = num_rows > 1 ? multiply_tiles<2, false> : multiply_tiles<1, false>;
          multiply(a + k, x.stride, first, second, group_size, pending, ints);
        }
        pending = {.ints = ints,
                   .starts = x.wide_starts + (token + t) * x.num_groups + group,
                   .scales = x.scales + (token + t) * x.num_groups + group,
                   .num_groups = x.num_groups,
                   .sums = sums_at(sums, t, p),
                   .is_added = static_cast<__mmask16>(group == 0 ? 0 : 0xFFFF),
                   .num_tokens = num_rows * kTileTokens};
        int32_t* used = ints;
        ints = other_ints;
        other_ints = used;
      }
    }
  }
  pending.add_all();
}

}  // namespace

const PackedLinearKernel kPackedLinearAmx = {quantize_rows, kScratchBytes,  kMaxFewTokens,
                                             kTilePanels,   kTokensPerPass, panels};

}  // namespace molmo::kernels
