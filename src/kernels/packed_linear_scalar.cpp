// What every other version is compared with.
#include <math.h>
#include <string.h>

#include "kernels/packed_linear.h"

namespace molmo::kernels {
namespace {

#include "kernels/packed_linear_quantize.inc"

// W[lane, k] without its row scale.
int integer_weight(const PackedShape& shape, const uint8_t* panel, int64_t lane, int64_t k) {
  const uint8_t* codes = panel + shape.header_bytes();
  if (shape.type == PackedType::Q8) return codes[k / 4 * 64 + lane * 4 + k % 4] - 128;
  const int code = codes[k / 8 * 64 + lane * 4 + k % 4] >> (k / 4 % 2 * 4) & 0xF;
  const int scale = panel[64 + k / kPackedGroup * 8 + lane / 2] >> (lane % 2 * 4) & 0xF;
  return (code - 8) * scale;
}

void packed_linear_panels(const PackedLinear& problem, uint8_t*, int64_t panel_begin, int64_t panel_end,
                          const uint8_t*) {
  const PackedShape& shape = problem.shape;
  for (int64_t panel = panel_begin; panel < panel_end; ++panel) {
    const uint8_t* bytes = problem.weight + panel * shape.panel_bytes();
    for (int64_t lane = 0; lane < kPanelRows && panel * kPanelRows + lane < shape.out_features; ++lane) {
      const int64_t o = panel * kPanelRows + lane;
      float row_scale;
      memcpy(&row_scale, bytes + lane * 4, sizeof row_scale);
      for (int64_t t = 0; t < problem.num_tokens; ++t) {
        float sum = 0;
        for (int64_t group = 0; group < problem.x.num_groups; ++group) {
          int32_t dot = 0;
          for (int64_t k = group * kActivationGroup; k < (group + 1) * kActivationGroup && k < shape.in_features; ++k)
            dot += integer_weight(shape, bytes, lane, k) * problem.x.codes[t * problem.x.stride + k];
          sum = fmaf(static_cast<float>(dot), problem.x.scales[t * problem.x.num_groups + group], sum);
        }
        problem.y[t * problem.y_stride + o] = fmaf(row_scale, sum, problem.bias ? problem.bias[o] : 0.0f);
      }
    }
  }
}

}  // namespace

const PackedLinearKernel kPackedLinearScalar = {.quantize = quantize_rows,
                                                .scratch_bytes = 0,
                                                .max_few_tokens = 0,
                                                .panel_grain = 1,
                                                .tokens_per_pass = 192,
                                                .panels = packed_linear_panels};

}  // namespace molmo::kernels
