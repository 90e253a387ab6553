// A miniature model of the golden numbers, loaded, with the inputs that its files describe.
#pragma once

#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/tensor.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/json.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/safetensors.h"
#include "fixtures.h"
#include "generate/session.h"
#include "image/image.h"
#include "preprocess/model_input.h"

namespace molmo::test {

inline std::vector<int64_t> ints(const at::Tensor& tensor) {
  const at::Tensor wide = tensor.to(at::kLong).contiguous();
  return {wide.const_data_ptr<int64_t>(), wide.const_data_ptr<int64_t>() + wide.numel()};
}

inline double max_difference(const at::Tensor& a, const at::Tensor& b) {
  return a.sub(b).abs().max().item<double>();
}

// Runs of [id, count].
inline std::vector<int64_t> expand_runs(const Json& runs) {
  std::vector<int64_t> ids;
  for (const auto& run : runs) ids.insert(ids.end(), run[1].get<size_t>(), run[0].get<int64_t>());
  return ids;
}

struct LoadedCase {
  explicit LoadedCase(const std::string& name, at::Device device = at::kCPU) : folder("model/" + name) {
    at::set_num_threads(1);  // the layers are so small that waking a second thread costs more than it helps
    const auto checkpoint = checkpoint::Checkpoint::open(checkpoint_path(name));
    model::Weights weights = checkpoint.load_weights();
    for (auto& [unused, weight] : weights) weight = weight.to(device);
    model = std::make_shared<const generate::LoadedModel>(
        generate::LoadedModel{.molmo = model::Molmo(checkpoint.config(), weights),
                              .tokenizer = text::Tokenizer::load(checkpoint.tokenizer_folder())});
    expected = read_json_file(file("expected.json"));
    forward = std::make_shared<checkpoint::SafetensorsFile>(
        checkpoint::SafetensorsFile::open(file("forward/forward.safetensors")));
  }

  std::filesystem::path file(const std::string& name) const { return fixture_path(folder + "/" + name); }
  const config::ModelConfig& config() const { return model->molmo.config(); }
  int64_t eos() const { return *model->tokenizer.eos_id(); }
  at::Tensor tensor(const std::string& name) const { return forward->tensor(name); }
  image::Image image() const {
    return image::read_image(fixture_path("model/images/" + expected["forward"]["fwd_image"].get<std::string>()));
  }

  // Crops whose values come from a formula instead of pixels, see tests/fixtures/README.md. [C, P, patch_dim].
  at::Tensor formula_crops(int64_t num_crops, int64_t seed) const {
    const auto& vision = config().vision;
    const at::Tensor i = at::arange(num_crops, at::kLong).view({-1, 1, 1});
    const at::Tensor p = at::arange(vision.num_patches(), at::kLong).view({-1, 1});
    const at::Tensor q = at::arange(vision.patch_dim(), at::kLong);
    const at::Tensor t = i.mul(7919)
                             .add(p.mul(104729))
                             .add(q.mul(1299709))
                             .add(p.mul(q).remainder(251).mul(50021))
                             .add(seed * 15485863)
                             .remainder(65537);
    return t.sub(32768).to(at::kFloat).div(16384);
  }

  // The prompt "image" of the forward file, with formula crops.
  preprocess::ModelInput formula_input(const std::vector<int64_t>& ids, int64_t seed) const {
    const at::Tensor index = tensor("image/image_input_idx")[0].to(at::kLong);
    return {.input_ids = at::tensor(ids, at::kLong),
            .position_ids = at::arange(static_cast<int64_t>(ids.size()), at::kLong),
            .images = formula_crops(index.size(0), seed),
            .image_masks = tensor("image/image_masks")[0],
            .image_input_idx = index};
  }

  std::string folder;
  std::shared_ptr<const generate::LoadedModel> model;
  Json expected;
  std::shared_ptr<const checkpoint::SafetensorsFile> forward;
};

// One model for all tests that need any: the Qwen2 decoder.
inline const LoadedCase& shared_case() {
  static const LoadedCase model("P1-qwen2-clip");
  return model;
}

}  // namespace molmo::test
