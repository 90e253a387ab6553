// One panel is four registers; the sums of one panel and six tokens stay in registers. The instruction multiplies
// signed bytes: the codes are shifted to -128..127.
#include <arm_neon.h>
#include <string.h>

#include "kernels/packed_linear.h"

#define MOLMO_INLINE inline __attribute__((always_inline))

namespace molmo::kernels {
namespace {

constexpr int kTilePanels = 1;
constexpr int kTileTokens = 6;
constexpr int64_t kMaxFewTokens = 4;
constexpr int64_t kTokensPerPass = 192;

struct Codes {
  uint8x16_t part[4];
};
struct Ints {
  int32x4_t part[4];
};
struct Floats {
  float32x4_t part[4];
};

template <class To, class From, class Function>
MOLMO_INLINE To each(const From& from, const Function& function) {
  return {{function(from.part[0]), function(from.part[1]), function(from.part[2]), function(from.part[3])}};
}

MOLMO_INLINE Codes load_codes(const uint8_t* p) {
  return {{vld1q_u8(p), vld1q_u8(p + 16), vld1q_u8(p + 32), vld1q_u8(p + 48)}};
}
MOLMO_INLINE void store_codes(uint8_t* p, const Codes& codes) {
  for (int i = 0; i < 4; ++i) vst1q_u8(p + 16 * i, codes.part[i]);
}
MOLMO_INLINE Codes low(const Codes& codes) {
  return each<Codes>(codes, [](uint8x16_t v) { return vandq_u8(v, vdupq_n_u8(0x0F)); });
}
MOLMO_INLINE Codes high(const Codes& codes) {
  return each<Codes>(codes, [](uint8x16_t v) { return vshrq_n_u8(v, 4); });
}
MOLMO_INLINE Ints splat(int32_t value) {
  const int32x4_t v = vdupq_n_s32(value);
  return {{v, v, v, v}};
}
MOLMO_INLINE Floats splat(float value) {
  const float32x4_t v = vdupq_n_f32(value);
  return {{v, v, v, v}};
}
MOLMO_INLINE Ints dot(const Ints& sums, const Codes& codes, int32_t quad) {
  const int8x16_t a = vreinterpretq_s8_s32(vdupq_n_s32(quad));
  Ints result;
  for (int i = 0; i < 4; ++i) result.part[i] = vdotq_s32(sums.part[i], vreinterpretq_s8_u8(codes.part[i]), a);
  return result;
}
MOLMO_INLINE Ints wide_start(int32_t) {
  return splat(0);
}
MOLMO_INLINE Ints dot_wide(const Ints& sums, const Codes& codes, int32_t quad) {
  return dot(sums, each<Codes>(codes, [](uint8x16_t v) { return veorq_u8(v, vdupq_n_u8(0x80)); }), quad);
}
MOLMO_INLINE Ints dot_high(const Ints& sums, const Codes& codes, int32_t quad) {
  return dot(sums, high(codes), quad);
}
MOLMO_INLINE Ints join(const Ints& low_sums, const Ints& high_sums) {
  Ints result;
  for (int i = 0; i < 4; ++i) result.part[i] = vaddq_s32(low_sums.part[i], high_sums.part[i]);
  return result;
}
MOLMO_INLINE Floats to_float(const Ints& ints) {
  return each<Floats>(ints, [](int32x4_t v) { return vcvtq_f32_s32(v); });
}
MOLMO_INLINE Floats fma(const Floats& a, const Floats& b, const Floats& c) {
  Floats result;
  for (int i = 0; i < 4; ++i) result.part[i] = vfmaq_f32(c.part[i], a.part[i], b.part[i]);
  return result;
}
MOLMO_INLINE Floats load_floats(const void* p) {
  float values[kPanelRows];  // weights stand at any address
  memcpy(values, p, sizeof values);
  return {{vld1q_f32(values), vld1q_f32(values + 4), vld1q_f32(values + 8), vld1q_f32(values + 12)}};
}
MOLMO_INLINE void store_floats(float* p, const Floats& values) {
  for (int i = 0; i < 4; ++i) vst1q_f32(p + 4 * i, values.part[i]);
}
MOLMO_INLINE void store_first_lanes(float* p, int64_t n, const Floats& values) {
  float lanes[kPanelRows];
  store_floats(lanes, values);
  memcpy(p, lanes, static_cast<size_t>(n) * sizeof(float));
}

MOLMO_INLINE void prefetch(const uint8_t* p) {
  __builtin_prefetch(p);
}
MOLMO_INLINE void prefetch_l2(const uint8_t* p) {
  __builtin_prefetch(p, 0, 2);
}

// 16 scales of 4 bits, a lane each.
MOLMO_INLINE Codes load_scale_lanes(const uint8_t* p) {
  const uint8x8_t bytes = vld1_u8(p), even = vand_u8(bytes, vdup_n_u8(0x0F)), odd = vshr_n_u8(bytes, 4);
  const uint16x8_t first = vmovl_u8(vzip1_u8(even, odd)), second = vmovl_u8(vzip2_u8(even, odd));
  return {{vreinterpretq_u8_u32(vmovl_u16(vget_low_u16(first))), vreinterpretq_u8_u32(vmovl_u16(vget_high_u16(first))),
           vreinterpretq_u8_u32(vmovl_u16(vget_low_u16(second))),
           vreinterpretq_u8_u32(vmovl_u16(vget_high_u16(second)))}};
}
MOLMO_INLINE void load_group_scales(const uint8_t* p, Floats (&scales)[4]) {
  for (int i = 0; i < 4; ++i) {
    scales[i] =
        each<Floats>(load_scale_lanes(p + 8 * i), [](uint8x16_t v) { return vcvtq_f32_u32(vreinterpretq_u32_u8(v)); });
  }
}

// scale * (code - 8) + 128.
struct Expander {
  explicit Expander(const uint8_t* p)
      : scales(each<Codes>(load_scale_lanes(p), [](uint8x16_t v) {
          return vreinterpretq_u8_u32(vmulq_n_u32(vreinterpretq_u32_u8(v), 0x01010101));
        })) {}
  MOLMO_INLINE Codes expand(const Codes& half) const {
    Codes result;
    for (int i = 0; i < 4; ++i) {
      const uint8x16_t start = vsubq_u8(vdupq_n_u8(128), vshlq_n_u8(scales.part[i], 3));
      result.part[i] = vmlaq_u8(start, half.part[i], scales.part[i]);
    }
    return result;
  }
  Codes scales;
};

#include "kernels/packed_linear_quantize.inc"
#include "kernels/packed_linear_simd.inc"

}  // namespace

const PackedLinearKernel kPackedLinearNeonDot = {quantize_rows, kScratchBytes,  kMaxFewTokens,
                                                 kTilePanels,   kTokensPerPass, panels};

}  // namespace molmo::kernels
