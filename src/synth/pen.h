// Things drawn by hand with a pen or crayon: an outline and a few lines, left empty, hatched, scribbled over or
// painted.
#pragma once

#include <string_view>

#include "base/random.h"
#include "synth/shapes.h"

namespace molmo::synth {

enum class PenFill { Empty, Hatched, Scribbled, Painted };

struct PenLook {
  Color color;  // of what tells the colour of the thing: the lines, or what they enclose
  Color line;   // the same, or that of another pen where it is painted
  PenFill fill = PenFill::Empty;
  double width = 0.06;  // of the pen, as a share of the size of the thing
};

// A hand that draws all things of a picture: how it fills, how thick its pens are, how steady it is.
struct Hand {
  explicit Hand(RandomStream& draws);
  PenLook look(Color color, RandomStream& draws) const;

  double width, wobble;
  bool has_one_fill, has_dark_lines;
  PenFill fill;
};

// Whether there is a drawing of this kind of the vocabulary.
bool has_pen_drawing(std::string_view kind);

// As draw_shape(). No two drawings of a kind are the same: lines tremble, proportions differ, parts are left out.
Drawing draw_with_pen(std::string_view kind, const SpritePose& pose, const PenLook& look, double wobble,
                      RandomStream& draws);

}  // namespace molmo::synth
