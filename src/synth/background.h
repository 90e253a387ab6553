// Backgrounds of scenes: plain, patterned, and painted so that they have the textures of photographs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/enum_names.h"
#include "base/random.h"
#include "synth/canvas.h"

namespace molmo::synth {

enum class BackgroundRange {
  Plain,
  Simple,
  All
};  // plain colours; and gradients and patterns; and textures and places

struct Background {
  std::string name;           // "brick wall"
  std::string description;    // "a plain light blue background", "a green meadow under a blue sky"
  std::string style;          // "plain", "pattern", "texture", "place"
  std::vector<Color> colors;  // that cover most of it
};

// Fills the whole canvas.
Background paint_background(Canvas& canvas, BackgroundRange range, RandomStream& draws);

// A sheet that one draws on, sometimes ruled or squared.
Background paint_paper(Canvas& canvas, RandomStream& draws);

// A smooth random field, 0 to 1, `cell` pixels between its hills at the largest scale.
std::vector<float> noise_field(ImageSize size, double cell, int octaves, RandomStream& draws);

// What a camera adds: uneven light, grain, a slight tint. `strength` 0 to 1.
void photograph(Canvas& canvas, double strength, RandomStream& draws);

}  // namespace molmo::synth

template <>
struct molmo::EnumNames<molmo::synth::BackgroundRange> {
  using enum synth::BackgroundRange;
  static constexpr EnumName<synth::BackgroundRange> kValues[] = {{Plain, "plain"}, {Simple, "simple"}, {All, "all"}};
};
