// A class for each patch of the crops of a picture, from a map that has one for each pixel: what a vision tower learns
// from when it is trained alone.
//   LabelMap map = to_label_maps(read_image("kinds.png"), 1, "kinds.png").front();
//   std::vector<int64_t> labels = patch_labels(map, config);   // as make_crops(picture, config) cuts the picture
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/geometry.h"
#include "config/model.h"
#include "image/image.h"

namespace molmo::image {

// Patches without a class, for example beside the picture.
constexpr int64_t kNoLabel = -1;
// Pixels without a class.
constexpr uint8_t kUnlabelledPixel = 255;

struct LabelMap {
  ImageSize size;
  std::vector<uint8_t> classes;  // [height, width]
};

// One map: of an 8-bit gray picture, whose values are the classes; throws BadData for colours. Two or three: red, green
// and blue are maps with classes of their own. `source` names the picture in errors.
std::vector<LabelMap> to_label_maps(const Image& image, int64_t num_maps, std::string_view source);

// [C, P]: the class that most pixels of the patch have, the smaller one of two; kNoLabel where most have none. A pixel
// of the canvas has the class of the pixel of the map that it lies on. Throws as make_crops does.
std::vector<int64_t> patch_labels(const LabelMap& map, const config::ModelConfig& config);

}  // namespace molmo::image
