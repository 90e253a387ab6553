// AVX2 without dot instructions.
#include <immintrin.h>
#include <string.h>

#include "kernels/packed_linear.h"

namespace molmo::kernels {
namespace {

#include "kernels/packed_linear_avx2.inc"
#include "kernels/packed_linear_quantize.inc"
#include "kernels/packed_linear_simd.inc"

}  // namespace

const PackedLinearKernel kPackedLinearAvx2 = {quantize_rows, kScratchBytes,  kMaxFewTokens,
                                              kTilePanels,   kTokensPerPass, panels};

}  // namespace molmo::kernels
