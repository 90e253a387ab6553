#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/fields.h"
#include "config/generation.h"
#include "config/model.h"

namespace molmo::config {
namespace {

TEST(Presets, AreValidAndRoundTrip) {
  for (const std::string& name : preset_names()) {
    const ModelConfig config = preset(name);
    EXPECT_NO_THROW(config.validate()) << name;
    ModelConfig copy;
    read_fields(write_fields(config), copy, name);
    EXPECT_EQ(write_fields(copy), write_fields(config));
  }
}

TEST(Presets, UnknownNameIsAnErrorThatHelps) {
  try {
    preset("molmo-7bd");
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("molmo-7b-d"));
  }
}

TEST(ModelConfig, DerivesTokenCounts) {
  ModelConfig config = preset("molmo-7b-d");
  EXPECT_EQ(config.tokens_per_crop(), 144);
  config.vision = siglip_so400m_14_378();  // 27 x 27 patches: odd, padded to 14 x 14 windows
  EXPECT_EQ(config.tokens_per_crop(), 196);
}

TEST(ModelConfig, RefusesWhatDoesNotFit) {
  auto broken = [](auto change) {
    ModelConfig config = preset("molmo-7b-d");
    change(config);
    EXPECT_THROW(config.validate(), Error);
  };
  broken([](ModelConfig& c) { c.decoder.num_kv_heads = 5; });
  broken([](ModelConfig& c) { c.connector.feature_layers = {-24}; });
  broken([](ModelConfig& c) { c.image_input.overlap_margins = {3, 4}; });
  broken([](ModelConfig& c) { c.image_input.overlap_margins = {12, 12}; });
  broken([](ModelConfig& c) { c.image_input.max_crops = 0; });
  broken([](ModelConfig& c) { c.decoder.norm_eps = 0; });
}

TEST(GenerationConfig, RefusesValuesOutOfRange) {
  auto broken = [](auto change) {
    GenerationConfig config;
    change(config);
    EXPECT_THROW(config.validate(), Error);
  };
  EXPECT_NO_THROW(GenerationConfig{}.validate());
  broken([](GenerationConfig& c) { c.max_new_tokens = 0; });
  broken([](GenerationConfig& c) { c.temperature = -1; });
  broken([](GenerationConfig& c) { c.top_p = 0; });
  broken([](GenerationConfig& c) { c.num_beams = 2, c.num_answers = 2; });
}

}  // namespace
}  // namespace molmo::config
