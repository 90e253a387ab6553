// Drawings of our own: geometric shapes and a few things that come in every colour, plain or patterned, clean or as if
// drawn by hand.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/enum_names.h"
#include "base/random.h"
#include "synth/canvas.h"
#include "synth/color.h"
#include "synth/sprite.h"

namespace molmo::synth {

enum class Pattern { Solid, Shaded, Striped, Dotted, Checkered, Outlined };

struct ShapeLook {
  Color color;
  Color second;  // of stripes, dots and checks
  Pattern pattern = Pattern::Solid;
  double border = 0;  // width of a darker edge, as a share of the size; of Outlined the line itself
  double wobble = 0;  // how unsteady the hand is, as a share of the size
};

// A picture, and which of its pixels belong to the object: 255 inside the silhouette, also where an outline leaves the
// background visible.
struct Drawing {
  Sprite picture;
  std::vector<uint8_t> mask;
};

bool has_shape(std::string_view shape);

// Puts a square from -1 to 1 into the middle of a canvas of `side` x `side` pixels, as large and turned as the pose.
void apply_pose(cairo_t* cairo, const SpritePose& pose, int side);

// Adds the silhouette, in a square from -1 to 1, to the path. Throws Internal for a shape that does not exist.
void trace_shape(std::string_view shape, cairo_t* cairo);

// `pose.length` is the longer side of the unturned shape. Throws Internal for a shape that does not exist.
Drawing draw_shape(std::string_view shape, const SpritePose& pose, const ShapeLook& look, RandomStream& draws);

}  // namespace molmo::synth

template <>
struct molmo::EnumNames<molmo::synth::Pattern> {
  using enum synth::Pattern;
  static constexpr EnumName<synth::Pattern> kValues[] = {{Solid, "solid"},         {Shaded, "shaded"},
                                                         {Striped, "striped"},     {Dotted, "dotted"},
                                                         {Checkered, "checkered"}, {Outlined, "outlined"}};
};
