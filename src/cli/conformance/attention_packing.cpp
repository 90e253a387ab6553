// packing.json: sub-segments of packed conversations -> who sees whom, and positions.
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "cli/conformance/kind.h"
#include "model/attention_mask.h"

namespace molmo::conformance {
namespace {

constexpr size_t kMostTokens = 8192;  // the answer is a table with its square of entries

// attention_bias: [1, 1, T, T], 0 where a token may attend.
Json may_attend(const at::Tensor& attention_bias) {
  const at::Tensor allowed = attention_bias.eq(0).to(at::kLong).contiguous();
  const int64_t num_tokens = allowed.size(-1);
  const int64_t* value = allowed.const_data_ptr<int64_t>();
  Json rows = Json::array();
  for (int64_t i = 0; i < num_tokens; ++i)
    rows.push_back(std::vector<int64_t>(value + i * num_tokens, value + (i + 1) * num_tokens));
  return rows;
}

void answer_example(const Place& place, const Json& example) {
  const auto valid = example.at("valid").get<std::vector<int64_t>>();
  const auto subsegment_ids = example.at("subsegment_ids").get<std::vector<int64_t>>();
  if (valid.size() != subsegment_ids.size() || valid.size() > kMostTokens) {
    fail(ErrorCategory::BadData, "{} entries in 'valid' and {} in 'subsegment_ids', expected as many, at most {}",
         valid.size(), subsegment_ids.size(), kMostTokens);
  }
  const at::Tensor is_valid = at::tensor(valid, at::kLong).to(at::kBool).unsqueeze(0);
  const at::Tensor subsegments = at::tensor(subsegment_ids, at::kLong).unsqueeze(0);
  place.answer_field("may_attend", may_attend(model::packed_bias(subsegments, is_valid)));
  // The reference computes positions before it pads: an example with padding has none.
  const bool has_padding = std::ranges::find(valid, 0) != valid.end();
  const at::Tensor positions = model::packed_position_ids(subsegments, is_valid).contiguous();
  const int64_t* first = positions.const_data_ptr<int64_t>();
  place.answer_field("position_ids",
                     has_padding ? Json() : Json(std::vector<int64_t>(first, first + positions.numel())));
}

}  // namespace

void answer_attention_packing(Run& run, const std::filesystem::path& file) {
  run.answer_json(file, [](const Place& root, const Json& document) {
    const Json& examples = document.at("examples");
    for (size_t i = 0; i < examples.size(); ++i) {
      const Place place = root["examples"][i];
      place.attempt([&] { answer_example(place, examples[i]); });
    }
  });
}

}  // namespace molmo::conformance
