// As with AVX2, with the dot instruction of CPUs without AVX-512.
#include <immintrin.h>
#include <string.h>

#include "kernels/packed_linear.h"

namespace molmo::kernels {
namespace {

#include "kernels/packed_linear_avx2.inc"
#include "kernels/packed_linear_quantize.inc"
#include "kernels/packed_linear_simd.inc"

}  // namespace

const PackedLinearKernel kPackedLinearAvxVnni = {quantize_rows, kScratchBytes,  kMaxFewTokens,
                                                 kTilePanels,   kTokensPerPass, panels};

}  // namespace molmo::kernels
