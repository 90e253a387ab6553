// The golden numbers of one miniature model: its weights, inputs and every intermediate tensor that the reference
// computed.
#pragma once

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/json.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/safetensors.h"
#include "config/model.h"
#include "fixtures.h"
#include "model/molmo.h"

namespace molmo::test {

class GoldenCase {
 public:
  explicit GoldenCase(const std::string& name, const std::string& forward_file = "forward.safetensors")
      : expected_(read_json_file(fixture_path("model/" + name + "/expected.json"))),
        forward_(checkpoint::SafetensorsFile::open(fixture_path("model/" + name + "/forward/" + forward_file))) {}

  // "logits", "hidden_states", ...: the tolerances that the golden numbers come with.
  double tolerance(const std::string& kind) const { return expected_.at("tolerances").at(kind).get<double>(); }
  bool has(const std::string& name) const { return forward_.contains(name); }
  // Integers become int64.
  at::Tensor tensor(const std::string& name) const {
    const at::Tensor stored = forward_.tensor(name);
    return stored.is_floating_point() ? stored : stored.to(at::kLong);
  }
  int64_t formula_seed(const std::string& group) const {
    return expected_.at("forward").at("formula_seed").at(group).get<int64_t>();
  }

 private:
  Json expected_;
  checkpoint::SafetensorsFile forward_;
};

// The checkpoint of a case, in whichever layout it is there.
inline checkpoint::Checkpoint open_golden_checkpoint(const std::string& name) {
  const std::filesystem::path folder = fixture_path("model/" + name + "/expected.json").parent_path();
  return checkpoint::Checkpoint::open(std::filesystem::exists(folder / "hf") ? folder / "hf" : folder / "native");
}

// Crop values [1, num_crops, P, patch_dim] by the formula of the golden numbers' README, exact in float32.
inline at::Tensor formula_crops(const config::VisionConfig& vision, int64_t num_crops, int64_t seed) {
  std::vector<float> values;
  for (int64_t i = 0; i < num_crops; ++i) {
    for (int64_t p = 0; p < vision.num_patches(); ++p) {
      for (int64_t q = 0; q < vision.patch_dim(); ++q) {
        const int64_t mixed = i * 7919 + p * 104729 + q * 1299709 + ((p * q) % 251) * 50021 + seed * 15485863;
        values.push_back(static_cast<float>(mixed % 65537 - 32768) / 16384.0f);
      }
    }
  }
  return at::tensor(values).view({1, num_crops, vision.num_patches(), vision.patch_dim()});
}

// The shapes agree, and no element differs by more than the tolerance.
inline void expect_close(const at::Tensor& actual, const at::Tensor& expected, double tolerance,
                         const std::string& what) {
  ASSERT_TRUE(actual.defined()) << what;
  ASSERT_EQ(actual.sizes(), expected.sizes()) << what;
  if (actual.numel() == 0) return;
  const double difference = (actual.to(at::kDouble) - expected.to(at::kDouble)).abs().max().item<double>();
  EXPECT_LE(difference, tolerance) << what << ": largest absolute difference";
}

}  // namespace molmo::test
