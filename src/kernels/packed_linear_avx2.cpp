// One panel is two registers; the sums of one panel and four tokens stay in registers.
#include <immintrin.h>
#include <string.h>

#include "kernels/packed_linear.h"

#define MOLMO_INLINE inline __attribute__((always_inline))

namespace molmo::kernels {
namespace {

constexpr int kTilePanels = 1;
constexpr int kTileTokens = 4;
constexpr int64_t kMaxFewTokens = 4;

#include "kernels/packed_linear_avx2.inc"
#include "kernels/packed_linear_quantize.inc"
#include "kernels/packed_linear_simd.inc"

}  // namespace

const PackedLinearKernel kPackedLinearAvx2 = {quantize_rows, kScratchBytes, kTilePanels, panels};

}  // namespace molmo::kernels
