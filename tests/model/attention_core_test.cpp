#include "model/attention_core.h"

#include <gtest/gtest.h>

#include <cmath>

#include "golden_case.h"
#include "slow_twin.h"
#include "tiny_model.h"

namespace molmo::model {
namespace {

using test::Row;
using test::Rows;

// Query head h looks at key head h / (H / K). A query that may see nothing gives an empty row.
Row slow_query(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const std::vector<bool>& may_see,
               int64_t head, int64_t query) {
  const int64_t key_head = head / (q.size(0) / k.size(0));
  Rows keys, values;
  for (int64_t i = 0; i < k.size(1); ++i) {
    if (!may_see[i]) continue;
    keys.push_back(test::to_row(k[key_head][i]));
    values.push_back(test::to_row(v[key_head][i]));
  }
  return keys.empty() ? Row{} : test::slow_attention(test::to_row(q[head][query]), keys, values, /*num_heads=*/1);
}

struct Shape {
  int64_t heads, key_heads, queries, keys;
  Causality causality = Causality::Full;
  bool has_bias = false;
};

class Attend : public testing::TestWithParam<Shape> {};

TEST_P(Attend, EqualsPlainLoops) {
  const Shape& shape = GetParam();
  constexpr int64_t kBatch = 2, kWidth = 6;
  const at::Tensor q = test::random_tensor({kBatch, shape.heads, shape.queries, kWidth}, 1, at::kFloat, 3);
  const at::Tensor k = test::random_tensor({kBatch, shape.key_heads, shape.keys, kWidth}, 2, at::kFloat, 3);
  const at::Tensor v = test::random_tensor({kBatch, shape.key_heads, shape.keys, kWidth}, 3);
  at::Tensor hidden = test::random_tensor({kBatch, 1, shape.queries, shape.keys}, 4).gt(0.3);
  hidden[0][0][shape.queries - 1].fill_(true);  // sees nothing
  hidden[1][0][0][0] = false;
  const at::Tensor bias = shape.has_bias ? hidden.to(at::kFloat).masked_fill(hidden, -INFINITY) : at::Tensor();
  const at::Tensor y = attend(q, k, v, bias, shape.causality);
  ASSERT_EQ(y.sizes(), q.sizes());
  EXPECT_TRUE(y.isfinite().all().item<bool>());
  for (int64_t row = 0; row < kBatch; ++row) {
    for (int64_t query = 0; query < shape.queries; ++query) {
      std::vector<bool> may_see;
      for (int64_t key = 0; key < shape.keys; ++key) {
        const bool is_hidden = shape.has_bias && hidden[row][0][query][key].item<bool>();
        may_see.push_back(!is_hidden && (shape.causality == Causality::Full || key <= query));
      }
      for (int64_t head = 0; head < shape.heads; ++head) {
        const Row slow = slow_query(q[row], k[row], v[row], may_see, head, query);
        if (slow.empty()) continue;
        test::expect_close(y[row][head][query], at::tensor(slow, at::kDouble), 2e-6, "head of one query");
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, Attend,
                         testing::Values(Shape{4, 4, 1, 9}, Shape{6, 2, 1, 40}, Shape{6, 2, 3, 9}, Shape{6, 2, 20, 33},
                                         Shape{4, 4, 17, 17, Causality::Causal}, Shape{6, 3, 17, 17, Causality::Causal},
                                         Shape{6, 3, 2, 2, Causality::Causal}, Shape{6, 3, 1, 1, Causality::Causal},
                                         Shape{6, 2, 1, 40, Causality::Full, true},
                                         Shape{6, 2, 3, 9, Causality::Full, true},
                                         Shape{6, 2, 20, 33, Causality::Full, true},
                                         Shape{4, 4, 20, 20, Causality::Full, true}));

// Keys as large as the biases of Qwen2 make them. Rounding values moves an average of them by half of bfloat16's step
// at most, rounding queries and keys moves its weights.
TEST(AttendRounded, IsAttentionWithinBfloat16) {
  const at::Tensor q = test::random_tensor({1, 4, 70, 64}, 1, at::kFloat);
  const at::Tensor k = test::random_tensor({1, 2, 70, 64}, 2, at::kFloat) + 20;
  const at::Tensor v = test::random_tensor({1, 2, 70, 64}, 3, at::kFloat);
  for (const Causality causality : {Causality::Full, Causality::Causal}) {
    const at::Tensor y = attend_rounded(q, k, v, {}, causality);
    EXPECT_EQ(y.scalar_type(), at::kFloat);
    const auto halve = [](const at::Tensor& x) { return x.to(at::kBFloat16).to(at::kDouble); };
    const at::Tensor exact = attend(halve(q), halve(k), halve(v), {}, causality);
    const double largest = exact.abs().max().item<double>();
    // Either not rounded at all, or probabilities and the result, to 8 bits.
    const double error = (y - exact).abs().max().item<double>();
    const double unrounded = (y - attend(q, k, v, {}, causality)).abs().max().item<double>();
    EXPECT_LT(std::min(error, unrounded), largest * 0x1p-7);
  }
}

}  // namespace
}  // namespace molmo::model
