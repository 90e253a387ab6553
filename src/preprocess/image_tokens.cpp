#include "preprocess/image_tokens.h"

#include <algorithm>

#include "base/error.h"

namespace molmo::preprocess {
namespace {

void append_grid(int64_t rows, int64_t columns, const config::ModelConfig& config, std::vector<int64_t>& ids) {
  ids.push_back(config.image_start_id());
  for (int64_t row = 0; row < rows; ++row) {
    ids.insert(ids.end(), static_cast<size_t>(columns), config.image_patch_id());
    if (config.image_input.has_column_tokens) ids.push_back(config.image_column_id());
  }
  ids.push_back(config.image_end_id());
}

void append_picture(const ImageTokens& picture, int64_t text_index, TokenLayout& layout) {
  const auto begin = static_cast<int64_t>(layout.ids.size());
  layout.ids.insert(layout.ids.end(), picture.ids.begin(), picture.ids.end());
  layout.text_index.insert(layout.text_index.end(), picture.ids.size(), text_index);
  for (const int64_t position : picture.feature_positions) {
    layout.image_input_idx.push_back(position < 0 ? position : begin + position);
  }
  layout.num_image_tokens += static_cast<int64_t>(picture.ids.size());
}

}  // namespace

ImageTokens make_image_tokens(const image::ImageCrops& crops, const config::ModelConfig& config) {
  ImageTokens tokens;
  append_grid(crops.low_resolution_rows, crops.low_resolution_columns, config, tokens.ids);
  if (crops.rows > 0) append_grid(crops.rows, crops.columns, config, tokens.ids);

  std::vector<int64_t> patch_positions;  // of the image-patch tokens among the picture's tokens
  for (size_t i = 0; i < tokens.ids.size(); ++i) {
    if (tokens.ids[i] == config.image_patch_id()) patch_positions.push_back(static_cast<int64_t>(i));
  }
  check_internal(static_cast<int64_t>(crops.token_index.size()) == crops.num_crops * config.tokens_per_crop(),
                 "the crops have another number of image tokens than the configuration");
  tokens.feature_positions.reserve(crops.token_index.size());
  for (const int32_t index : crops.token_index) {
    check_internal(index < static_cast<int32_t>(patch_positions.size()),
                   "a crop refers to a token behind the picture's last");
    tokens.feature_positions.push_back(index < 0 ? kDroppedFeature : patch_positions[static_cast<size_t>(index)]);
  }
  return tokens;
}

void TokenLayout::prepend(int64_t id) {
  ids.insert(ids.begin(), id);
  text_index.insert(text_index.begin(), kInFront);
  for (int64_t& index : image_input_idx) index += index < 0 ? 0 : 1;
}

TokenLayout lay_out_tokens(std::span<const int64_t> text_ids, std::span<const ImageTokens> pictures,
                           int64_t placeholder_id) {
  const auto num_placeholders = static_cast<size_t>(std::ranges::count(text_ids, placeholder_id));
  if (num_placeholders != 0 && num_placeholders != pictures.size()) {
    fail(ErrorCategory::InvalidArgument,
         "the prompt has {} places for pictures (<|image|>), but {} pictures were given. Write one place per picture, "
         "or none: "
         "then the pictures stand in front",
         num_placeholders, pictures.size());
  }
  TokenLayout layout;
  if (num_placeholders == 0) {
    for (const auto& picture : pictures) append_picture(picture, TokenLayout::kInFront, layout);
  }
  size_t next_picture = 0;
  for (size_t i = 0; i < text_ids.size(); ++i) {
    if (text_ids[i] == placeholder_id) {
      append_picture(pictures[next_picture++], static_cast<int64_t>(i), layout);
    } else {
      layout.ids.push_back(text_ids[i]);
      layout.text_index.push_back(static_cast<int64_t>(i));
    }
  }
  return layout;
}

}  // namespace molmo::preprocess
