// How a picture becomes crops, patches and image tokens (paper, section 2; reference: olmo/data/model_preprocessor.py).
#pragma once

#include <array>
#include <cstdint>

#include "base/enum_names.h"

namespace molmo::config {

enum class CropMode {
  Resize,            // one crop: the whole picture
  OverlapAndResize,  // overlapping crops of a tiling, after a low-resolution crop of the whole picture
};

enum class ResizeMode {
  PadBilinear,      // keeps the aspect ratio, antialiased bilinear in float, centred padding (the released models)
  StretchBilinear,  // SigLIP: bilinear without antialias on 8-bit values
  StretchBicubic,   // DINOv2, MetaCLIP: antialiased bicubic on 8-bit values
};

enum class PixelNormalization { Clip, SigLip, ImageNet };

struct ImageInputConfig {
  CropMode crop_mode = CropMode::OverlapAndResize;
  int64_t max_crops = 12;  // without the low-resolution crop
  std::array<int64_t, 2> overlap_margins = {4,
                                            4};  // patches dropped on the left/top and right/bottom of inner crop sides
  ResizeMode resize_mode = ResizeMode::PadBilinear;
  PixelNormalization normalization = PixelNormalization::Clip;
  double pad_value = 0;           // of padding pixels, before normalization
  bool has_column_tokens = true;  // a token ends every row of image tokens

  void validate() const;

  template <class Visitor>
  void fields(Visitor& visit) {
    visit("crop_mode", crop_mode, "how the picture is cut into crops");
    visit("max_crops", max_crops, "most crops, without the low-resolution one");
    visit("overlap_margins", overlap_margins, "patches dropped at inner crop sides: left/top, right/bottom");
    visit("resize_mode", resize_mode, "filter, aspect ratio and padding");
    visit("normalization", normalization, "mean and standard deviation of pixels");
    visit("pad_value", pad_value, "value of padding pixels in 0..1");
    visit("has_column_tokens", has_column_tokens, "a token ends every row of image tokens");
  }
};

}  // namespace molmo::config

template <>
struct molmo::EnumNames<molmo::config::CropMode> {
  using enum config::CropMode;
  static constexpr EnumName<config::CropMode> kValues[] = {{Resize, "resize"},
                                                           {OverlapAndResize, "overlap-and-resize-c2"}};
};

template <>
struct molmo::EnumNames<molmo::config::ResizeMode> {
  using enum config::ResizeMode;
  static constexpr EnumName<config::ResizeMode> kValues[] = {
      {PadBilinear, "pad_bilinear"}, {StretchBilinear, "stretch_bilinear"}, {StretchBicubic, "stretch_bicubic"}};
};

template <>
struct molmo::EnumNames<molmo::config::PixelNormalization> {
  using enum config::PixelNormalization;
  static constexpr EnumName<config::PixelNormalization> kValues[] = {
      {Clip, "clip"}, {SigLip, "siglip"}, {ImageNet, "imagenet"}};
};
