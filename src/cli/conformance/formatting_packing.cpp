// packing.json of the formatting fixtures: conversations in characters -> tokens, targets, weights, positions;
// mixture_rates.json: groups of data sets -> the rate of each.
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "cli/conformance/formatting_case.h"
#include "data/sample_order.h"
#include "preprocess/packing.h"

namespace molmo::conformance {
namespace {

using preprocess::EncodedConversation;
using preprocess::EncodedMessage;

constexpr preprocess::SpecialIds kToyIds{.bos = 1, .eos = 1, .image_placeholder = -5};
constexpr int64_t kToyImageId = 5;

// The toy tokenizer: a token for each code point. The text is valid UTF-8, as JSON is.
std::vector<int64_t> encode(const std::string& text) {
  std::vector<int64_t> ids;
  int64_t code_point = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte & 0xC0) == 0x80) {
      code_point = code_point << 6 | (byte & 0x3F);
    } else {
      code_point = byte < 0x80 ? byte : byte < 0xE0 ? byte & 0x1F : byte < 0xF0 ? byte & 0x0F : byte & 0x07;
    }
    const bool is_last = i + 1 == text.size() || (static_cast<unsigned char>(text[i + 1]) & 0xC0) != 0x80;
    if (is_last) ids.push_back(10 + code_point % 200);
  }
  return ids;
}

EncodedConversation encode_conversation(const Json& messages) {
  EncodedConversation conversation;
  for (const Json& message : messages) {
    conversation.push_back({.ids = encode(message.get<std::string>()), .is_answer = conversation.size() % 2 == 1});
  }
  return conversation;
}

Json ints(const at::Tensor& tensor) {
  const auto* values = tensor.const_data_ptr<int64_t>();
  return std::vector<int64_t>(values, values + tensor.numel());
}

Json reals(const at::Tensor& tensor) {
  const auto* values = tensor.const_data_ptr<float>();
  return std::vector<double>(values, values + tensor.numel());
}

Json pack(const Json& item) {
  std::vector<EncodedConversation> conversations;
  const Json& messages = item.at("messages");
  if (!messages.empty() && messages[0].is_array()) {
    for (const Json& conversation : messages) conversations.push_back(encode_conversation(conversation));
  } else {
    conversations.push_back(encode_conversation(messages));
  }
  preprocess::PackOptions options;
  if (item.value("loss_token_weighting", Json()) == "root_subsegments")
    options.weighting = preprocess::LossWeighting::RootSubsegments;
  if (const Json weight = item.value("weight", Json()); !weight.is_null())
    options.example_weight = weight.get<double>();
  const preprocess::ImageTokens picture{.ids = std::vector<int64_t>(item.at("image_tokens").get<size_t>(), kToyImageId),
                                        .feature_positions = {}};
  const auto example = preprocess::pack_tokens(conversations, {{picture}}, kToyIds, options);
  Json answer = {{"input_tokens", ints(example.input.input_ids)},
                 {"target_tokens", ints(example.labels)},
                 {"loss_masks", reals(example.loss_weights)},
                 {"position_ids", ints(example.input.position_ids)}};
  if (example.subsegment_ids.defined()) answer["subsegment_ids"] = ints(example.subsegment_ids);
  return answer;
}

Json rates(const Json& item) {
  std::vector<data::GroupShares> groups;
  std::vector<std::string> names;
  for (const Json& group : item.at("groups")) {
    data::GroupShares& shares =
        groups.emplace_back(data::GroupShares{.rate = group.at("rate").get<double>(), .sources = {}});
    for (const Json& dataset : group.at("datasets")) {
      const Json as_size = dataset.value("as_size", Json());
      shares.sources.push_back({.size = (as_size.is_null() ? dataset.at("size") : as_size).get<double>()});
      names.push_back(dataset.at("name").get<std::string>());
    }
  }
  const std::vector<double> rates = data::sampling_rates(groups);
  Json answer = Json::object();
  for (size_t i = 0; i < names.size(); ++i) answer[names[i]] = rates[i];
  return answer;
}

}  // namespace

void answer_formatting_packing(Run& run, const std::filesystem::path& file) {
  answer_cases(run, file, [](const Json&, const Json& item) { return pack(item); });
}

void answer_mixture_rates(Run& run, const std::filesystem::path& file) {
  answer_cases(run, file, [](const Json&, const Json& item) { return rates(item); }, {.absolute = 1e-9});
}

}  // namespace molmo::conformance
