// The distributions that are handed to the draw, against the golden numbers of the reference's samplers.
#include <ATen/ops/log_softmax.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "checkpoint/safetensors.h"
#include "fixtures.h"
#include "generate/sampling.h"

namespace molmo::generate {
namespace {

TEST(SamplingParity, DistributionsEqualTheReference) {
  for (const auto& name : test::model_cases()) {
    const auto folder = test::fixture_path("model/" + name);
    const auto forward = checkpoint::SafetensorsFile::open(folder / "forward/forward.safetensors");
    const at::Tensor log_probs = at::log_softmax(forward.tensor("text/logits")[-1], -1);
    const Json fixture = read_json_file(folder / "sampling.json");
    ASSERT_GE(fixture["rows"].size(), 20u);
    for (const auto& row : fixture["rows"]) {
      SCOPED_TRACE(name + " " + row["sampler"].get<std::string>() + " " +
                   std::to_string(row["temperature"].get<double>()));
      auto candidates = candidates_of(log_probs, row["temperature"].get<double>());
      if (row["sampler"] == "top_k") keep_top_k(candidates, row["k"].get<int64_t>());
      if (row["sampler"] == "top_p") keep_top_p(candidates, row["p"].get<double>(), row["per_node"].get<int64_t>());
      EXPECT_EQ(candidates.size(), row["n_candidates"].get<size_t>());
      // The file lists the likeliest.
      keep_top_k(candidates, static_cast<int64_t>(candidates.size()));
      const auto ids = row["ids"].get<std::vector<int64_t>>();
      const auto probabilities = row["probs"].get<std::vector<double>>();
      ASSERT_GE(candidates.size(), ids.size());
      for (size_t i = 0; i < ids.size(); ++i) {
        EXPECT_EQ(candidates[i].id, ids[i]) << "candidate " << i;
        EXPECT_NEAR(candidates[i].probability, probabilities[i], 1e-6) << "candidate " << i;
      }
    }
  }
}

}  // namespace
}  // namespace molmo::generate
