// The tokens that pictures take in a sequence, and where the features of their crops are added
// (paper, section 2; reference: olmo/data/model_preprocessor.py).
//   [im_start, rows of the low-resolution crop, im_end, im_start, rows of the high-resolution grid, im_end]
// A row is one im_patch per feature, ended by im_col where the configuration says so. The high-resolution rows run in
// reading order over the whole picture, while features come crop by crop; overlaps belong to one crop only. Letters: C
// crops, Q image tokens of a crop.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "config/model.h"
#include "image/crops.h"

namespace molmo::preprocess {

// Position of a feature that has no token, because its place belongs to a neighbouring crop.
constexpr int64_t kDroppedFeature = -100;

struct ImageTokens {
  std::vector<int64_t> ids;
  std::vector<int64_t> feature_positions;  // [C * Q], index into ids, or kDroppedFeature
};

// Throws Internal when the crops and the configuration do not belong together.
ImageTokens make_image_tokens(const image::ImageCrops& crops, const config::ModelConfig& config);

// Text tokens with the tokens of pictures among them.
struct TokenLayout {
  std::vector<int64_t> ids;
  std::vector<int64_t>
      text_index;  // per token: the text token or placeholder it comes from, kInFront for pictures in front
  std::vector<int64_t> image_input_idx;  // per feature of all pictures: index into ids, or kDroppedFeature
  int64_t num_image_tokens = 0;

  static constexpr int64_t kInFront = -1;

  // Puts BOS in front.
  void prepend(int64_t id);
};

// Each picture takes the place of one `placeholder_id`, or all stand in front where the text has none.
// Throws InvalidArgument when there are placeholders, but not one per picture.
TokenLayout lay_out_tokens(std::span<const int64_t> text_ids, std::span<const ImageTokens> pictures,
                           int64_t placeholder_id);

}  // namespace molmo::preprocess
