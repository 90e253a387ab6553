// The letters that AI2D's questions speak of, drawn over the texts of a diagram in two ways (reference:
// olmo/hf_datasets/ai2d.py). Boxes are those of the reference to the pixel; the letters are of the system's font for
// "Arial", so their shapes differ by a few pixels.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "image/image.h"

namespace molmo::data {

struct DiagramLabel {
  int64_t left = 0, top = 0, right = 0, bottom = 0;  // of the text, in pixels, edges included
  std::string letter;
};

enum class LabelRendering {
  Opaque,       // the letter inside a filled box that covers the text
  Transparent,  // a half-transparent box, and the letter on white at its upper left corner
};

// Labels without height are left out, and what lies outside of the picture is not drawn.
image::Image draw_labels(const image::Image& image, std::span<const DiagramLabel> labels, LabelRendering rendering);

}  // namespace molmo::data
