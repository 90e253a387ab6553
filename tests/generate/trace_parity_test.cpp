// Every stage from the picture's file to the logits, against the golden numbers of the reference.
#include "generate/trace.h"

#include <ATen/ops/stack.h>
#include <gtest/gtest.h>

#include "loaded_case.h"
#include "preprocess/build_input.h"

namespace molmo::generate {
namespace {

using test::max_difference;

class TraceParity : public testing::TestWithParam<std::string> {
 protected:
  TraceParity()
      : model_(GetParam()), settings_(model_.expected["forward"]), tolerances_(model_.expected["tolerances"]) {}

  preprocess::ModelInput input_of(const std::string& prompt, std::span<const image::Image> images) const {
    return preprocess::build_input(model_.config(), model_.model->tokenizer, images,
                                   settings_[prompt].get<std::string>());
  }
  double tolerance(const char* kind) const { return tolerances_[kind].get<double>(); }
  int64_t seed(const char* group) const { return settings_["formula_seed"][group]; }
  at::Tensor last_rows(const at::Tensor& logits) const { return logits.narrow(0, logits.size(0) - 8, 8); }
  at::Tensor every_seventh(const at::Tensor& rows) const { return rows.slice(0, 0, {}, 7); }
  // [layers, T, E]
  at::Tensor router_logits(const std::map<std::string, at::Tensor>& trace) const {
    std::vector<at::Tensor> layers;
    for (int64_t i = 0; i < model_.config().decoder.num_layers; ++i)
      layers.push_back(trace.at("router_logits." + std::to_string(i)));
    return at::stack(layers);
  }

  test::LoadedCase model_;
  Json settings_;
  Json tolerances_;
};

TEST_P(TraceParity, TextEqualsTheReference) {
  const auto trace = record_trace(model_.model->molmo, input_of("text_prompt", {}));
  const int64_t num_layers = model_.config().decoder.num_layers;
  EXPECT_EQ(test::ints(trace.at("input_ids")), test::ints(model_.tensor("text/input_ids")));
  EXPECT_FALSE(trace.contains("images"));
  EXPECT_LE(max_difference(trace.at("embeddings"), model_.tensor("text/hidden_0")), tolerance("hidden_states"));
  for (int64_t i = 0; i + 1 < num_layers; ++i) {
    const at::Tensor expected = model_.tensor("text/hidden_" + std::to_string(i + 1));
    EXPECT_LE(max_difference(trace.at("hidden." + std::to_string(i)), expected), tolerance("hidden_states"))
        << "block " << i;
  }
  EXPECT_TRUE(trace.contains("hidden." + std::to_string(num_layers - 1)));
  const at::Tensor last = model_.tensor("text/hidden_" + std::to_string(num_layers));
  EXPECT_LE(max_difference(trace.at("hidden.final"), last), tolerance("hidden_states"));
  EXPECT_LE(max_difference(trace.at("logits"), model_.tensor("text/logits")), tolerance("logits"));
  if (model_.config().decoder.has_experts()) {
    EXPECT_LE(max_difference(router_logits(trace), model_.tensor("text/router_logits")), tolerance("router_logits"));
  }
}

TEST_P(TraceParity, FormulaCropsEqualTheReference) {
  preprocess::ModelInput input = input_of("img_prompt", {{model_.image()}});
  input.images = model_.formula_crops(input.images.size(0), seed("image"));
  const auto trace = record_trace(model_.model->molmo, input);
  EXPECT_LE(max_difference(trace.at("vit.features")[0], model_.tensor("image/vit_features_crop0")),
            tolerance("vit_features"));
  EXPECT_LE(max_difference(trace.at("connector.output"), model_.tensor("image/connector")), tolerance("connector"));
  const at::Tensor embeddings = model_.tensor("image/formula_hidden_0");
  const bool has_all_rows = embeddings.size(0) == trace.at("embeddings").size(0);
  EXPECT_LE(max_difference(has_all_rows ? trace.at("embeddings") : every_seventh(trace.at("embeddings")), embeddings),
            tolerance("connector"));
  EXPECT_LE(max_difference(every_seventh(trace.at("hidden.final")), model_.tensor("image/formula_hidden_last")),
            tolerance("hidden_states"));
  EXPECT_LE(max_difference(last_rows(trace.at("logits")), model_.tensor("image/formula_logits_last8")),
            tolerance("logits"));
}

TEST_P(TraceParity, TwoPicturesEqualTheReference) {
  const std::vector<image::Image> images(2, model_.image());
  preprocess::ModelInput input = input_of("two_prompt", images);
  input.images = model_.formula_crops(input.images.size(0), seed("two_images"));
  const auto trace = record_trace(model_.model->molmo, input);
  EXPECT_LE(max_difference(last_rows(trace.at("logits")), model_.tensor("two_images/formula_logits_last8")),
            tolerance("logits"));
}

TEST_P(TraceParity, PictureFileToLogitsEqualsTheReference) {
  const auto trace = record_trace(model_.model->molmo, input_of("img_prompt", {{model_.image()}}));
  EXPECT_LE(max_difference(last_rows(trace.at("logits")), model_.tensor("image/e2e_logits_last8")), 2e-3);
}

INSTANTIATE_TEST_SUITE_P(Models, TraceParity, testing::ValuesIn(test::model_cases()),
                         [](const auto& parameter) { return parameter.param.substr(0, 2); });

}  // namespace
}  // namespace molmo::generate
