// One panel a register: 4 panels x 6 tokens stay in registers, 24 dot products per 4 loads and 6 broadcasts.
#include <immintrin.h>
#include <string.h>

#include "kernels/packed_linear.h"

namespace molmo::kernels {
namespace {

constexpr int kTilePanels = 4;
constexpr int kTileTokens = 6;
constexpr int64_t kMaxFewTokens = 8;
constexpr int64_t kTokensPerPass = 192;

#include "kernels/packed_linear_avx512.inc"
#include "kernels/packed_linear_quantize.inc"
#include "kernels/packed_linear_simd.inc"

}  // namespace

const PackedLinearKernel kPackedLinearAvx512Vnni = {quantize_rows, kScratchBytes,  kMaxFewTokens,
                                                    kTilePanels,   kTokensPerPass, panels};

}  // namespace molmo::kernels
