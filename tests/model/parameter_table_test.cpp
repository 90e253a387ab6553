#include "model/parameter_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "base/error.h"

namespace molmo::model {
namespace {

using config::ModelConfig;

// Sizes of the released models (paper, Table 6, recomputed to the last parameter).
TEST(ParameterTable, CountsTheReleasedModelsExactly) {
  EXPECT_EQ(count_parameters(config::preset("molmo-7b-d")).total, 8'021'025'280);
  EXPECT_EQ(count_parameters(config::preset("molmo-72b")).total, 73'308'285'952);
  EXPECT_EQ(count_parameters(config::preset("molmo-7b-o")).total, 7'665'032'192);
  EXPECT_EQ(count_parameters(config::preset("molmoe-1b")).total, 7'221'875'712);
  EXPECT_EQ(count_parameters(config::preset("molmoe-1b")).active, 1'584'731'136);
}

TEST(ParameterTable, ActiveIsTotalWithoutExperts) {
  const ParameterCounts counts = count_parameters(config::preset("molmo-7b-d"));
  EXPECT_EQ(counts.active, counts.total);
}

TEST(ParameterTable, ComponentsAddUp) {
  for (const std::string& name : config::preset_names()) {
    const ParameterCounts counts = count_parameters(config::preset(name));
    EXPECT_EQ(counts.vision + counts.connector + counts.language, counts.total) << name;
    // Embeddings and 23 blocks of CLIP ViT-L/14; nano has 6 narrow ones.
    EXPECT_EQ(counts.vision, name == "nano" ? 175'872 + 6 * 444'864 : 1'196'032 + 23 * 12'596'224) << name;
  }
  // pooling 7,344,128, projector 106,692,608, padding 4,096, 128 embedding rows of 3,584
  EXPECT_EQ(count_parameters(config::preset("molmo-7b-d")).connector, 7'344'128 + 106'692'608 + 4'096 + 458'752);
}

std::map<std::string, std::vector<int64_t>> shapes_of(const ModelConfig& config) {
  std::map<std::string, std::vector<int64_t>> shapes;
  for (const ParameterSpec& parameter : parameter_table(config)) {
    EXPECT_TRUE(shapes.emplace(parameter.name, parameter.shape).second) << parameter.name << " is listed twice";
  }
  return shapes;
}

TEST(ParameterTable, FollowsPoolingAndProjector) {
  ModelConfig config = config::preset("molmo-7b-d");
  const std::string pooling = "vision_backbone.image_pooling_2d.", projector = "vision_backbone.image_projector.";
  using Sizes = std::vector<int64_t>;

  config.connector.pooling = config::Pooling::Attention2Wide;
  auto shapes = shapes_of(config);
  EXPECT_EQ(shapes.at(pooling + "wq.weight"), (Sizes{2048, 2048}));
  EXPECT_EQ(shapes.at(pooling + "wo.weight"), (Sizes{2048, 2048}));
  EXPECT_EQ(shapes.at(projector + "w1.weight"), (Sizes{18944, 2048}));

  config.connector.pooling = config::Pooling::Stack;
  shapes = shapes_of(config);
  EXPECT_FALSE(shapes.contains(pooling + "wq.weight"));
  EXPECT_EQ(shapes.at(projector + "w3.weight"), (Sizes{18944, 8192}));

  config.connector.pooling = config::Pooling::None;
  config.connector.pooling_window = {1, 1};
  config.connector.projector = config::Projector::Linear;
  EXPECT_EQ(shapes_of(config).at(projector + "weight"), (Sizes{3584, 2048}));

  config.connector.projector = config::Projector::Mlp2;
  shapes = shapes_of(config);
  EXPECT_EQ(shapes.at(projector + "0.w1.weight"), (Sizes{18944, 2048}));
  EXPECT_EQ(shapes.at(projector + "1.submodule.w1.weight"), (Sizes{18944, 3584}));
  EXPECT_EQ(shapes.at(projector + "1.submodule.w2.weight"), (Sizes{3584, 18944}));
}

TEST(ParameterTable, FollowsPaddingHeadAndTower) {
  ModelConfig config = config::preset("molmo-7b-d");
  const std::string pad = "vision_backbone.pad_embed";
  EXPECT_EQ(shapes_of(config).at(pad), (std::vector<int64_t>{2, 2048}));
  config.connector.padding_embed = config::PaddingEmbed::Regress;
  EXPECT_EQ(shapes_of(config).at(pad), (std::vector<int64_t>{2048}));
  config.connector.padding_embed = config::PaddingEmbed::None;
  config.decoder.has_tied_head = true;
  config.vision = config::siglip_so400m_14_378();
  const auto shapes = shapes_of(config);
  EXPECT_FALSE(shapes.contains(pad));
  EXPECT_FALSE(shapes.contains("transformer.ff_out.weight"));
  EXPECT_FALSE(shapes.contains("vision_backbone.image_vit.class_embedding"));
  EXPECT_FALSE(shapes.contains("vision_backbone.image_vit.pre_ln.weight"));
  EXPECT_TRUE(shapes.contains("vision_backbone.image_vit.patch_embedding.bias"));
  config.vision = config::dinov2_vit_l14_336();
  EXPECT_TRUE(shapes_of(config).contains("vision_backbone.image_vit.transformer.resblocks.23.lambda2"));
}

TEST(ParameterTable, RefusesAbsurdConfigurations) {
  ModelConfig config = config::preset("molmoe-1b");
  config.decoder.num_experts = 1 << 16;
  config.decoder.num_layers = 1 << 12;
  EXPECT_THROW(parameter_table(config), Error);
}

}  // namespace
}  // namespace molmo::model
