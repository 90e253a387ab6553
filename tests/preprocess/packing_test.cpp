#include "preprocess/packing.h"

#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "fixtures.h"

namespace molmo::preprocess {
namespace {

constexpr SpecialIds kToyIds{.bos = 1, .eos = 1, .image_placeholder = -5};
constexpr int64_t kToyImageId = 5;

// The golden numbers use one token per character.
EncodedConversation encode_characters(const Json& messages) {
  EncodedConversation conversation;
  for (const auto& message : messages) {
    EncodedMessage& encoded = conversation.emplace_back();
    for (const char c : message.get<std::string>()) encoded.ids.push_back(10 + static_cast<unsigned char>(c) % 200);
    encoded.is_answer = conversation.size() % 2 == 0;
  }
  return conversation;
}

std::vector<int64_t> ints(const at::Tensor& tensor) {
  return {tensor.const_data_ptr<int64_t>(), tensor.const_data_ptr<int64_t>() + tensor.numel()};
}

std::vector<float> floats(const at::Tensor& tensor) {
  return {tensor.const_data_ptr<float>(), tensor.const_data_ptr<float>() + tensor.numel()};
}

TEST(Packing, EqualsTheReference) {
  const Json fixture = read_json_file(test::fixture_path("formatting/packing.json"));
  ASSERT_EQ(fixture["cases"].size(), 32u);
  for (const auto& row : fixture["cases"]) {
    SCOPED_TRACE(row["id"].get<std::string>());
    std::vector<EncodedConversation> conversations;
    if (row["messages"][0].is_string()) {
      conversations.push_back(encode_characters(row["messages"]));
    } else {
      for (const auto& messages : row["messages"]) conversations.push_back(encode_characters(messages));
    }
    PackOptions options;
    if (row["loss_token_weighting"] == "root_subsegments") options.weighting = LossWeighting::RootSubsegments;
    if (!row["weight"].is_null()) options.example_weight = row["weight"].get<double>();
    const ImageTokens picture{.ids = std::vector<int64_t>(row["image_tokens"].get<size_t>(), kToyImageId),
                              .feature_positions = {0, 2}};

    const TrainingExample example = pack_tokens(conversations, {{picture}}, kToyIds, options);
    const Json& expected = row["expected"];
    EXPECT_EQ(ints(example.input.input_ids), expected["input_tokens"].get<std::vector<int64_t>>());
    EXPECT_EQ(ints(example.labels), expected["target_tokens"].get<std::vector<int64_t>>());
    EXPECT_EQ(ints(example.input.position_ids), expected["position_ids"].get<std::vector<int64_t>>());
    EXPECT_EQ(floats(example.loss_weights), expected["loss_masks"].get<std::vector<float>>());
    EXPECT_EQ(ints(example.input.image_input_idx), (std::vector<int64_t>{1, 3}));
    ASSERT_EQ(example.subsegment_ids.defined(), expected.contains("subsegment_ids"));
    if (example.subsegment_ids.defined()) {
      EXPECT_EQ(ints(example.subsegment_ids), expected["subsegment_ids"].get<std::vector<int64_t>>());
    }
  }
}

TEST(Packing, PositionsEqualTheReference) {
  int num_checked = 0;
  const Json fixture = read_json_file(test::fixture_path("model/packing.json"));
  for (const auto& row : fixture["examples"]) {
    if (row["position_ids"].is_null()) continue;
    const at::Tensor subsegments = at::tensor(row["subsegment_ids"].get<std::vector<int64_t>>(), at::kLong);
    EXPECT_EQ(ints(packed_position_ids(subsegments)), row["position_ids"].get<std::vector<int64_t>>());
    ++num_checked;
  }
  EXPECT_EQ(num_checked, 2);
}

TEST(Packing, PictureInsideAConversationBelongsToIt) {
  const std::vector<EncodedConversation> conversations = {{{{7, -5, 8}, false}, {{9}, true}},
                                                          {{{7}, false}, {{9}, true}}};
  const ImageTokens picture{.ids = {20, 21}, .feature_positions = {1, kDroppedFeature}};
  const TrainingExample example = pack_tokens(conversations, {{picture}}, kToyIds);
  EXPECT_EQ(ints(example.input.input_ids), (std::vector<int64_t>{1, 7, 20, 21, 8, 9, 1, 7, 9}));
  EXPECT_EQ(ints(example.subsegment_ids), (std::vector<int64_t>{1, 1, 1, 1, 1, 1, 1, 2, 2}));
  EXPECT_EQ(floats(example.loss_weights), (std::vector<float>{0, 0, 0, 0, 1, 1, 0, 1, 1}));
  EXPECT_EQ(ints(example.input.image_input_idx), (std::vector<int64_t>{3, kDroppedFeature}));
}

TEST(Packing, BatchIsPaddedAndCut) {
  const std::vector<EncodedConversation> one = {{{{7, 8}, false}, {{9}, true}}};
  const std::vector<EncodedConversation> two = {{{{7}, false}, {{9}, true}}, {{{7}, false}, {{9}, true}}};
  const std::vector<TrainingExample> examples = {pack_tokens(one, {}, kToyIds), pack_tokens(two, {}, kToyIds)};
  const TrainingExample batch = collate(examples, {.num_tokens = 7}, 5);
  EXPECT_EQ(batch.input.input_ids.sizes(), (at::IntArrayRef{2, 7}));
  EXPECT_EQ(ints(batch.input.input_ids), (std::vector<int64_t>{1, 7, 8, 9, -1, -1, -1, 1, 7, 9, 1, 7, -1, -1}));
  EXPECT_EQ(ints(batch.labels), (std::vector<int64_t>{7, 8, 9, 1, -1, -1, -1, 7, 9, 1, 7, 9, -1, -1}));
  EXPECT_EQ(ints(batch.subsegment_ids), (std::vector<int64_t>{1, 1, 1, 1, -1, -1, -1, 1, 1, 1, 1, 2, -1, -1}));
  EXPECT_EQ(floats(batch.loss_weights), (std::vector<float>{0, 0, 1, 1, -1, -1, -1, 0, 1, 1, 0, 1, -1, -1}));
}

}  // namespace
}  // namespace molmo::preprocess
