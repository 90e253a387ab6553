// The packed attention pattern and positions of the golden numbers (packing.json).
#include <ATen/TensorOperators.h>
#include <gtest/gtest.h>

#include <cmath>

#include "golden_case.h"
#include "model/attention_mask.h"
#include "tiny_model.h"

namespace molmo::model {
namespace {

at::Tensor row_of(const Json& values) {
  return test::ids(values.get<std::vector<int64_t>>());
}

// [T, S] of 0 and 1; every other value of the bias is -inf.
at::Tensor may_attend(const at::Tensor& bias) {
  EXPECT_EQ(bias.scalar_type(), at::kFloat);
  EXPECT_TRUE(bias.eq(0).logical_or(bias.eq(-INFINITY)).all().item<bool>());
  return bias[0][0].eq(0).to(at::kLong);
}

TEST(PackedAttention, EqualsTheGoldenNumbers) {
  const Json golden = read_json_file(test::fixture_path("model/packing.json"));
  ASSERT_GE(golden.at("examples").size(), 3u);
  for (const Json& example : golden.at("examples")) {
    const at::Tensor subsegment_ids = row_of(example.at("subsegment_ids")), valid = row_of(example.at("valid"));
    const at::Tensor actual = may_attend(packed_bias(subsegment_ids, valid));
    for (size_t query = 0; query < example.at("may_attend").size(); ++query) {
      EXPECT_TRUE(actual[static_cast<int64_t>(query)].equal(row_of(example.at("may_attend")[query])[0])) << query;
    }
    const at::Tensor positions = packed_position_ids(subsegment_ids, valid);
    if (!example.at("position_ids").is_null()) {
      EXPECT_TRUE(positions.equal(row_of(example.at("position_ids"))));
    }
    EXPECT_TRUE(positions.masked_select(valid.eq(0)).eq(-1).all().item<bool>());
  }
}

TEST(CausalBias, HidesTheFutureAndPadding) {
  const at::Tensor valid = test::ids({1, 1, 0, 1}).to(at::kBool);
  EXPECT_TRUE(may_attend(causal_bias(valid, 4))[3].equal(test::ids({1, 1, 0, 1})[0]));
  EXPECT_TRUE(may_attend(causal_bias(valid, 4))[1].equal(test::ids({1, 1, 0, 0})[0]));
  EXPECT_TRUE(may_attend(causal_bias(valid, 4))[2].equal(test::ids({0, 0, 0, 0})[0]));
  // The last token alone, behind a cache of three.
  EXPECT_TRUE(may_attend(causal_bias(valid, 1)).equal(test::ids({1, 1, 0, 1})));
}

TEST(PositionIds, CountValidTokens) {
  EXPECT_TRUE(position_ids(test::ids({0, 1, 1, 0, 1})).equal(test::ids({0, 0, 1, 1, 2})));
}

}  // namespace
}  // namespace molmo::model
