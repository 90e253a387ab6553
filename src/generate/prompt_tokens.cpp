#include "generate/prompt_tokens.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/tensor.h>

#include <algorithm>

namespace molmo::generate {

size_t common_prefix(std::span<const PromptToken> a, std::span<const PromptToken> b) {
  return static_cast<size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
}

void PromptTokens::append(std::span<const int64_t> ids) {
  for (const int64_t id : ids) tokens_.push_back({.id = id, .picture = 0});
}

void PromptTokens::append(std::span<const int64_t> ids, std::span<const std::shared_ptr<Picture>> pictures,
                          int64_t placeholder_id) {
  std::vector<preprocess::ImageTokens> image_tokens;
  for (const auto& picture : pictures) image_tokens.push_back(picture->tokens());
  const preprocess::TokenLayout layout = preprocess::lay_out_tokens(ids, image_tokens, placeholder_id);

  const int64_t begin = size();
  size_t feature = 0;
  for (const auto& picture : pictures) {
    PlacedPicture& placed = pictures_.emplace_back(PlacedPicture{.picture = picture, .feature_positions = {}});
    for (size_t i = 0; i < picture->tokens().feature_positions.size(); ++i) {
      const int64_t position = layout.image_input_idx[feature++];
      placed.feature_positions.push_back(position < 0 ? position : begin + position);
    }
  }
  // Pictures come in order, so counting their tokens tells which one a token belongs to.
  size_t next_picture = 0, rest = 0;
  for (size_t i = 0; i < layout.ids.size(); ++i) {
    const int64_t text_index = layout.text_index[i];
    const bool is_text = text_index >= 0 && ids[static_cast<size_t>(text_index)] != placeholder_id;
    if (is_text) {
      tokens_.push_back({.id = layout.ids[i], .picture = 0});
      continue;
    }
    if (rest == 0) rest = pictures[next_picture++]->tokens().ids.size();
    tokens_.push_back({.id = layout.ids[i], .picture = pictures[next_picture - 1]->id()});
    --rest;
  }
}

int64_t PromptTokens::num_image_tokens() const {
  return std::ranges::count_if(tokens_, [](const PromptToken& token) { return token.picture != 0; });
}

std::vector<PromptTokens::PlacedPicture> PromptTokens::pictures_from(int64_t begin) const {
  std::vector<PlacedPicture> unread;
  std::ranges::copy_if(pictures_, std::back_inserter(unread), [&](const PlacedPicture& placed) {
    return std::ranges::max(placed.feature_positions) >= begin;
  });
  return unread;
}

PrefillInput PromptTokens::input_from(int64_t begin) const {
  std::vector<int64_t> ids;
  for (const auto& token : std::span(tokens_).subspan(static_cast<size_t>(begin))) ids.push_back(token.id);
  PrefillInput input{.input_ids = at::tensor(ids, at::kLong).unsqueeze(0)};
  std::vector<at::Tensor> features, positions;
  for (const auto& placed : pictures_from(begin)) {
    features.push_back(placed.picture->features());
    // What was read already becomes negative, as dropped features are.
    positions.push_back(
        at::tensor(placed.feature_positions, at::kLong).sub(begin).view(features.back().sizes().slice(0, 2)));
  }
  if (!features.empty()) {
    input.image_features = at::cat(features).unsqueeze(0);
    input.image_input_idx = at::cat(positions).unsqueeze(0);
  }
  return input;
}

}  // namespace molmo::generate
