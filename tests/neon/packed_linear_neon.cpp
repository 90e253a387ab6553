// Built for aarch64 and run by qemu-aarch64: the NEON version of packed_linear gives the bits of the scalar one.
// Without GoogleTest and torch, which are there for this machine only. Exit status 0 when all agree.
#include <cmath>
#include <cstdio>
#include <cstring>
#include <random>
#include <vector>

#include "kernels/packed_linear.h"

namespace {

using namespace molmo::kernels;

std::mt19937 g_random(7);

std::vector<uint8_t> random_matrix(const PackedShape& shape, bool is_extreme) {
  std::vector<uint8_t> bytes(static_cast<size_t>(shape.num_bytes()));
  zero_packed(shape, bytes.data());
  const bool is_q8 = shape.type == PackedType::Q8;
  const int lowest = is_q8 ? -127 : -8, highest = is_q8 ? 127 : 7;
  std::vector<int8_t> codes(static_cast<size_t>(shape.padded_in()));
  std::vector<uint8_t> scales(static_cast<size_t>(shape.padded_in() / kPackedGroup));
  for (int64_t row = 0; row < shape.out_features; ++row) {
    for (int64_t k = 0; k < shape.in_features; ++k) {
      const auto draw = static_cast<int>(g_random() % static_cast<unsigned>(highest - lowest + 1));
      codes[static_cast<size_t>(k)] = static_cast<int8_t>(is_extreme ? (draw % 2 ? lowest : highest) : lowest + draw);
    }
    for (auto& scale : scales) scale = static_cast<uint8_t>(is_extreme ? 15 : g_random() % 16);
    write_packed_row(shape, bytes.data(), row,
                     {std::ldexp(1.0f + static_cast<float>(g_random() % 99), -9), scales.data(), codes.data()});
  }
  return bytes;
}

std::vector<float> multiply(const PackedLinearKernel& kernel, const PackedShape& shape,
                            const std::vector<uint8_t>& weight, const std::vector<float>& x, int64_t num_tokens,
                            int64_t num_streams) {
  const int64_t in = shape.in_features, stride = (in + 63) / 64 * 64 + 64, rows = num_tokens + kSpareTokens;
  const int64_t num_groups = (in + kActivationGroup - 1) / kActivationGroup;
  std::vector<int8_t> codes(static_cast<size_t>(rows * stride));
  std::vector<float> scales(static_cast<size_t>(rows * num_groups));
  std::vector<int32_t> starts(static_cast<size_t>(rows * (shape.padded_in() / kPackedGroup)));
  std::vector<int32_t> wide_starts(static_cast<size_t>(rows * num_groups));
  const QuantizedRows quantized{codes.data(), stride, scales.data(), starts.data(), wide_starts.data(), num_groups};
  kernel.quantize(x.data(), in, in, quantized, 0, num_tokens);
  std::vector<uint8_t> scratch(static_cast<size_t>(kernel.scratch_bytes) + 64);
  std::vector<float> y(static_cast<size_t>(num_tokens * shape.out_features));
  kernel.panels({shape, weight.data(), nullptr, quantized, num_tokens, y.data(), shape.out_features, num_streams},
                scratch.data() + (64 - reinterpret_cast<uintptr_t>(scratch.data()) % 64) % 64, 0, shape.num_panels(),
                nullptr);
  return y;
}

}  // namespace

int main() {
  int num_cases = 0, num_wrong = 0;
  const int64_t sizes[][2] = {{1, 1}, {16, 32}, {5, 70}, {70, 128}, {33, 544}, {77, 1250}};
  for (const auto type : {PackedType::Q8, PackedType::Q4}) {
    for (const auto& [out, in] : sizes) {
      for (const bool is_extreme : {false, true}) {
        const PackedShape shape{type, out, in};
        const std::vector<uint8_t> weight = random_matrix(shape, is_extreme);
        for (const int64_t num_tokens : {1, 2, 3, 4, 5, 13, 400}) {
          if (num_tokens == 400 && in > 128) continue;
          std::normal_distribution<float> normal;
          std::vector<float> x(static_cast<size_t>(num_tokens * in));
          for (auto& value : x) value = is_extreme ? (g_random() % 2 ? 1.0f : -1.0f) : normal(g_random);
          const std::vector<float> expected = multiply(kPackedLinearScalar, shape, weight, x, num_tokens, 4);
          const std::vector<float> found = multiply(kPackedLinearNeonDot, shape, weight, x, num_tokens, 4);
          const std::vector<float> in_pairs = multiply(kPackedLinearNeonDot, shape, weight, x, num_tokens, 2);
          ++num_cases;
          const auto has_bits_of = [&](const std::vector<float>& other) {
            return std::memcmp(expected.data(), other.data(), expected.size() * sizeof(float)) == 0;
          };
          if (has_bits_of(found) && has_bits_of(in_pairs)) continue;
          ++num_wrong;
          std::printf("%s %dx%d, %d tokens: other bits than the scalar version, first %g and %g\n",
                      type == PackedType::Q8 ? "q8" : "q4", static_cast<int>(out), static_cast<int>(in),
                      static_cast<int>(num_tokens), static_cast<double>(found[0]), static_cast<double>(expected[0]));
        }
      }
    }
  }
  std::printf("%d of %d products agree\n", num_cases - num_wrong, num_cases);
  return num_wrong == 0 && num_cases > 100 ? 0 : 1;
}
