#include "synth/pen.h"

#include <cairo.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/error.h"
#include "synth/canvas.h"
#include "synth/draws.h"
#include "synth/pen_drawings.h"
#include "synth/wobble.h"

namespace molmo::synth {
namespace {

// Lines over the whole square, the pen's width and some paper apart: in one direction, or to and fro.
void cover(cairo_t* cairo, const PenLook& look, RandomStream& draws) {
  const double step = look.width * between(draws, 2.8, 7), tilt = between(draws, -0.9, 0.9);
  const bool turns = look.fill == PenFill::Scribbled;
  const double shake = turns ? step * 0.6 : step * 0.15;
  double side = 1;
  for (double y = -2.6; y < 2.6; y += step, side = -side) {
    if (!turns) cairo_new_sub_path(cairo);
    const double first = between(draws, -shake, shake), second = between(draws, -shake, shake);
    cairo_line_to(cairo, -1.4 * side, y + tilt * -1.4 * side + first);
    cairo_line_to(cairo, 1.4 * side, y + tilt * 1.4 * side + second + (turns ? step : 0));
  }
}

}  // namespace

Hand::Hand(RandomStream& draws)
    : width(0.03 * std::pow(4, draws.uniform())),
      wobble(chance(draws, 0.75) ? between(draws, 0.005, 0.05) : 0),
      has_one_fill(chance(draws, 0.7)),
      has_dark_lines(chance(draws, 0.4)),
      fill(PenFill::Empty) {
  static constexpr double kWeights[] = {0.5, 0.18, 0.1, 0.22};
  fill = static_cast<PenFill>(pick_weighted(draws, kWeights));
}

PenLook Hand::look(Color color, RandomStream& draws) const {
  PenLook look{color, color, fill, width * between(draws, 0.85, 1.2)};
  if (!has_one_fill) look.fill = static_cast<PenFill>(draws.below(4));
  if (look.fill == PenFill::Painted && has_dark_lines) {
    look.line = {0.12, 0.12, 0.12};
    look.width = std::min(look.width, 0.05);  // so that the colour inside shows
  }
  return look;
}

bool has_pen_drawing(std::string_view kind) {
  return !ways_to_draw(kind).empty();
}

Drawing draw_with_pen(std::string_view kind, const SpritePose& pose, const PenLook& look, double wobble_amount,
                      RandomStream& draws) {
  const auto ways = ways_to_draw(kind);
  if (ways.empty()) fail(ErrorCategory::Internal, "there is no drawing '{}' with a pen", kind);
  const PenDrawing& drawing = ways[draws.below(ways.size())];
  const Wobble wobble(wobble_amount, draws, 0.4 * wobble_amount);
  std::vector<Wobble> passes{wobble, Wobble(wobble_amount + 0.02, draws, 0.4 * wobble_amount)};
  // Some draw a line twice, not content with the first.
  if (wobble_amount <= 0 || !chance(draws, 0.15)) passes.pop_back();
  const bool are_parts_filled = chance(draws, 0.4);
  const double radius = pose.length / 2, wide = between(draws, 0.85, 1), high = between(draws, 0.85, 1);
  const int side = 2 * static_cast<int>(std::ceil(1.5 * radius * (1.05 + 2.5 * wobble_amount + 2 * look.width))) + 2;
  const double line_width = std::max(2 * look.width, 2.2 / pose.length);  // never thinner than about a pixel
  const auto begin = [&](Canvas& canvas) {
    cairo_t* cairo = canvas.cairo();
    apply_pose(cairo, pose, side);
    cairo_scale(cairo, wide, high);
    cairo_set_line_join(cairo, CAIRO_LINE_JOIN_ROUND);
    cairo_set_line_cap(cairo, CAIRO_LINE_CAP_ROUND);
    cairo_set_line_width(cairo, line_width);
    return cairo;
  };
  const auto trace = [&](cairo_t* cairo, bool is_all, const Wobble& hand) {
    if (drawing.outline == nullptr) {
      trace_shape(kind, cairo);
    } else {
      drawing.outline(cairo);
    }
    if (is_all && drawing.parts != nullptr) drawing.parts(cairo);
    hand.apply(cairo);
  };

  const auto stroke = [&](cairo_t* cairo) {
    for (const Wobble& pass : passes) {
      trace(cairo, true, pass);
      cairo_stroke(cairo);
    }
  };

  Canvas canvas({side, side});
  cairo_t* cairo = begin(canvas);
  trace(cairo, are_parts_filled, wobble);
  set_color(cairo, look.color);
  if (look.fill == PenFill::Painted) {
    cairo_fill(cairo);
  } else if (look.fill != PenFill::Empty) {
    cairo_save(cairo);
    cairo_clip(cairo);
    cover(cairo, look, draws);
    cairo_stroke(cairo);
    cairo_restore(cairo);
  }
  cairo_new_path(cairo);
  const bool is_same = look.line == look.color && look.fill == PenFill::Painted;
  set_color(cairo, look.line);
  stroke(cairo);
  if (drawing.details != nullptr) {
    drawing.details(cairo, draws);
    wobble.apply(cairo);
    // Lines on a thing that is painted all over with the same pen do not show.
    set_color(cairo, is_same ? mix(look.line, {0, 0, 0}, 0.45) : look.line);
    cairo_stroke(cairo);
  }

  Canvas whole({side, side});
  cairo = begin(whole);
  trace(cairo, true, wobble);
  set_color(cairo, {0, 0, 0});
  cairo_fill(cairo);
  stroke(cairo);
  return {{side, side, {canvas.pixels().begin(), canvas.pixels().end()}}, opaque_mask(whole.pixels())};
}

}  // namespace molmo::synth
