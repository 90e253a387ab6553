#include "model/moe.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "golden_case.h"
#include "model/fused.h"
#include "slow_twin.h"
#include "tiny_model.h"

namespace molmo::model {
namespace {

using test::Row;

constexpr char kBlock[] = "transformer.blocks.0";

config::ModelConfig config_with_experts(int64_t num_experts, int64_t num_active_experts) {
  config::ModelConfig config = test::tiny_config();
  config.decoder.num_experts = num_experts;
  config.decoder.num_active_experts = num_active_experts;
  return config;
}

Row slow_moe(const Row& x, const Weights& weights, int64_t num_active) {
  const std::string block = std::string(kBlock) + ".ffn.";
  const Row probabilities = test::slow_softmax(test::slow_linear(x, weights, block + "router.layer"));
  std::vector<size_t> experts(probabilities.size());
  std::iota(experts.begin(), experts.end(), 0);
  std::sort(experts.begin(), experts.end(), [&](size_t a, size_t b) { return probabilities[a] > probabilities[b]; });
  Row sum(x.size(), 0.0);
  for (int64_t i = 0; i < num_active; ++i) {
    const std::string expert = block + "experts." + std::to_string(experts[i]);
    const Row y = test::slow_gated_mlp(x, weights, expert + ".gate_proj", expert + ".up_proj", expert + ".down_proj");
    for (size_t j = 0; j < sum.size(); ++j) sum[j] += probabilities[experts[i]] * y[j];
  }
  return sum;
}

TEST(Moe, EqualsALoopOverTokensAndExperts) {
  for (const auto& [num_experts, num_active] : {std::pair<int64_t, int64_t>{8, 2}, {3, 3}, {5, 1}, {64, 8}}) {
    const config::ModelConfig config = config_with_experts(num_experts, num_active);
    const Weights weights = test::random_weights(config);
    const Adapter none;
    const Moe moe(WeightScope(weights, none).child(kBlock), config.decoder);
    for (int64_t num_tokens : {1, 2, 33}) {
      const at::Tensor x = test::random_tensor({2, num_tokens, config.decoder.width}, num_tokens, at::kFloat, 2);
      const at::Tensor y = moe.forward(x, {});
      ASSERT_EQ(y.sizes(), x.sizes());
      for (int64_t row = 0; row < 2; ++row) {
        for (int64_t token = 0; token < num_tokens; ++token) {
          const Row slow = slow_moe(test::to_row(x[row][token]), weights, num_active);
          test::expect_close(y[row][token], at::tensor(slow, at::kDouble), 1e-5, "token");
        }
      }
    }
    EXPECT_EQ(moe.forward(at::empty({1, 0, config.decoder.width}), {}).numel(), 0);
  }
}

TEST(Moe, RoutesAlikeBehindPackedWeights) {
  const at::Tensor logits = test::random_tensor({70, 9}, 3, at::kFloat, 2);
  const Routing chain = route(logits, 4, false), kernel = route(logits, 4, true);
  test::expect_close(kernel.weights, chain.weights, 1e-6, "weights");
  EXPECT_TRUE(kernel.token_of_pair.equal(chain.token_of_pair));
  EXPECT_TRUE(kernel.place_of_pair.equal(chain.place_of_pair));
  EXPECT_EQ(kernel.counts, chain.counts);
}

TEST(Moe, RoutesWhatIsUndefinedToDifferentExperts) {
  const Routing routing = route(at::full({2, 5}, NAN), 5, true);
  EXPECT_EQ(routing.counts, std::vector<int64_t>(5, 2));
  EXPECT_TRUE(routing.weights.isnan().all().item<bool>());
}

TEST(Moe, TouchesOnlyTheChosenExperts) {
  const config::ModelConfig config = config_with_experts(8, 2);
  Weights weights = test::random_weights(config);
  const Adapter none;
  const at::Tensor x = test::random_tensor({1, 1, config.decoder.width}, 5);
  at::Tensor logits;
  const Moe moe(WeightScope(weights, none).child(kBlock), config.decoder);
  const at::Tensor expected = moe.forward(x, [&](const at::Tensor& router_logits) { logits = router_logits; });
  ASSERT_EQ(logits.sizes(), (std::vector<int64_t>{1, 1, 8}));
  const int64_t worst = logits.argmin().item<int64_t>();
  weights.at(fmt::format("{}.ffn.experts.{}.up_proj.weight", kBlock, worst)).fill_(NAN);
  test::expect_close(moe.forward(x, {}), expected, 0, "output without the idle expert");
}

}  // namespace
}  // namespace molmo::model
