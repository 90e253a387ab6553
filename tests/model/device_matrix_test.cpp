// Packed weights for other devices, against what their bytes stand for.
#include "model/device_matrix.h"

#include <ATen/ops/linear.h>
#include <gtest/gtest.h>

#include "model/matrix.h"
#include "pack_weight.h"
#include "tiny_model.h"

namespace molmo::model {
namespace {

using kernels::PackedShape;
using kernels::PackedType;

at::Tensor float_weight(const PackedShape& shape, const at::Tensor& packed) {
  return Matrix::packed(packed, shape.out_features, shape.in_features, "w").unpacked();
}

double most(const at::Tensor& values) {
  return values.abs().max().item<double>();
}

TEST(DeviceMatrix, UnpacksWhatTheBytesStandFor) {
  for (const PackedType type : {PackedType::Q8, PackedType::Q4}) {
    for (const auto& [out, in] : {std::pair<int64_t, int64_t>{16, 64}, {20, 70}, {50, 32}, {1, 5}}) {
      const PackedShape shape{type, out, in};
      const at::Tensor packed = test::pack(test::random_tensor({out, in}, 3), type);
      // Rounded once, from float32 to bfloat16.
      EXPECT_EQ(most(unpack_on_device(shape, packed).to(at::kFloat) -
                     float_weight(shape, packed).to(at::kBFloat16).to(at::kFloat)),
                0);
    }
  }
}

TEST(DeviceMatrix, FourBitProductsAreThoseOfTheNumbers) {
  for (const int64_t in : {32, 64, 96, 128, 384}) {
    for (const int64_t out : {16, 48, 64}) {
      const PackedShape shape{PackedType::Q4, out, in};
      const at::Tensor packed = test::pack(test::random_tensor({out, in}, 5), PackedType::Q4);
      const auto weight = to_int4_weight(shape, packed);
      ASSERT_TRUE(weight.has_value());
      const at::Tensor x = test::random_tensor({2, 3, in}, 7).to(at::kFloat).to(at::kBFloat16).to(at::kFloat);
      const at::Tensor expected = at::linear(x, float_weight(shape, packed));
      const at::Tensor y = int4_linear(x, *weight, out);
      EXPECT_EQ(y.scalar_type(), at::kFloat);
      ASSERT_EQ(y.sizes(), expected.sizes());
      // Scales and results are of 8 bits: two roundings of at most 2^-9.
      EXPECT_LT(((y - expected).norm() / expected.norm()).item<double>(), 0x1p-8) << out << " x " << in;
    }
  }
}

TEST(DeviceMatrix, SaysWhatHasNoFourBitKernel) {
  for (const PackedShape& shape : {PackedShape{PackedType::Q8, 32, 64}, PackedShape{PackedType::Q4, 32, 70},
                                   PackedShape{PackedType::Q4, 20, 64}}) {
    const at::Tensor packed = test::pack(test::random_tensor({shape.out_features, shape.in_features}, 9), shape.type);
    EXPECT_FALSE(to_int4_weight(shape, packed).has_value());
  }
}

}  // namespace
}  // namespace molmo::model
