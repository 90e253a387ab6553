#include "synth/pen.h"

#include <cairo.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "synth/canvas.h"
#include "synth/draws.h"
#include "synth/wobble.h"

namespace molmo::synth {
namespace {

// ---- Things in a square from -1 to 1, as people draw them. `outline` encloses what is filled; `details` are lines
// only, of which each drawing may have others.

void lines(cairo_t* c, std::initializer_list<PointPx> points) {
  cairo_new_sub_path(c);
  for (const PointPx& point : points) cairo_line_to(c, point.x, point.y);
}
void shape(cairo_t* c, std::initializer_list<PointPx> corners) {
  lines(c, corners);
  cairo_close_path(c);
}
void ellipse(cairo_t* c, double x, double y, double radius_x, double radius_y) {
  constexpr int kCorners = 24;
  cairo_new_sub_path(c);
  for (int i = 0; i < kCorners; ++i) {
    const double angle = 2 * kPi * i / kCorners;
    cairo_line_to(c, x + radius_x * std::cos(angle), y + radius_y * std::sin(angle));
  }
  cairo_close_path(c);
}
void box(cairo_t* c, double left, double top, double right, double bottom) {
  shape(c, {{left, top}, {right, top}, {right, bottom}, {left, bottom}});
}

void dog(cairo_t* c) {
  shape(c, {{-0.72, -0.2},
            {0.4, -0.2},
            {0.42, 0.25},
            {0.42, 0.95},
            {0.2, 0.95},
            {0.2, 0.32},
            {-0.5, 0.32},
            {-0.5, 0.95},
            {-0.72, 0.95}});
  ellipse(c, 0.56, -0.45, 0.38, 0.32);
}
void dog_details(cairo_t* c, RandomStream& draws) {
  lines(c, {{-0.72, -0.15}, {-0.98, -0.62}});                           // tail
  shape(c, {{0.3, -0.68}, {0.18, -0.2}, {0.38, -0.22}, {0.45, -0.6}});  // ear
  ellipse(c, 0.62, -0.5, 0.035, 0.035);
  ellipse(c, 0.9, -0.42, 0.06, 0.05);                                               // nose
  if (chance(draws, 0.5)) lines(c, {{0.62, -0.26}, {0.74, -0.22}, {0.84, -0.28}});  // mouth
}

void cat(cairo_t* c) {
  shape(c, {{-0.7, -0.2},
            {-0.72, -0.95},
            {-0.3, -0.6},
            {0, -0.66},
            {0.3, -0.6},
            {0.72, -0.95},
            {0.7, -0.2},
            {0.78, 0.2},
            {0.6, 0.65},
            {0.25, 0.88},
            {-0.25, 0.88},
            {-0.6, 0.65},
            {-0.78, 0.2}});
}
void cat_details(cairo_t* c, RandomStream& draws) {
  for (const double side : {-1.0, 1.0}) {
    ellipse(c, side * 0.3, -0.02, 0.08, 0.11);
    for (const double y : {0.28, 0.4, 0.52}) {
      if (chance(draws, 0.85)) lines(c, {{side * 0.3, 0.34 + (y - 0.34) * 0.4}, {side, y - 0.06}});
    }
    lines(c, {{0, 0.4}, {side * 0.16, 0.54}, {side * 0.26, 0.48}});
  }
  shape(c, {{-0.08, 0.24}, {0.08, 0.24}, {0, 0.36}});
}

void fish(cairo_t* c) {
  cairo_move_to(c, 1, -0.52);
  cairo_line_to(c, 0.42, -0.08);
  cairo_curve_to(c, 0.1, -0.72, -0.68, -0.68, -1, 0);
  cairo_curve_to(c, -0.68, 0.68, 0.1, 0.72, 0.42, 0.08);
  cairo_line_to(c, 1, 0.52);
  cairo_line_to(c, 0.84, 0);
  cairo_close_path(c);
}
void fish_details(cairo_t* c, RandomStream& draws) {
  ellipse(c, -0.64, -0.12, 0.06, 0.06);
  if (chance(draws, 0.5)) lines(c, {{-0.42, -0.36}, {-0.32, 0}, {-0.42, 0.36}});
  if (chance(draws, 0.4)) lines(c, {{-0.1, -0.48}, {0.1, -0.8}, {0.22, -0.38}});
  if (chance(draws, 0.5)) lines(c, {{-0.95, 0.08}, {-0.72, 0.14}});
  if (chance(draws, 0.5)) lines(c, {{0.44, -0.1}, {0.44, 0.1}});
}

void apple(cairo_t* c) {
  cairo_move_to(c, 0, -0.5);
  cairo_curve_to(c, -0.45, -0.85, -1, -0.55, -0.95, 0);
  cairo_curve_to(c, -0.9, 0.65, -0.4, 1.1, 0, 0.85);
  cairo_curve_to(c, 0.4, 1.1, 0.9, 0.65, 0.95, 0);
  cairo_curve_to(c, 1, -0.55, 0.45, -0.85, 0, -0.5);
  cairo_close_path(c);
}
void apple_details(cairo_t* c, RandomStream& draws) {
  lines(c, {{0, -0.5}, {0.04, -0.75}, {0.12, -1}});
  if (chance(draws, 0.6)) shape(c, {{0.06, -0.72}, {0.3, -0.95}, {0.58, -0.85}, {0.34, -0.7}});
}

void banana(cairo_t* c) {
  cairo_move_to(c, -0.95, -0.45);
  cairo_curve_to(c, -0.75, 0.85, 0.6, 0.9, 1, -0.35);
  cairo_line_to(c, 0.86, -0.42);
  cairo_curve_to(c, 0.45, 0.3, -0.35, 0.25, -0.76, -0.52);
  cairo_close_path(c);
}
void banana_details(cairo_t* c, RandomStream& draws) {
  if (chance(draws, 0.6)) lines(c, {{-0.7, 0}, {-0.2, 0.36}, {0.3, 0.34}, {0.72, 0.02}});
}

void car(cairo_t* c) {
  shape(c,
        {{-1, 0.42}, {-1, 0.02}, {-0.62, -0.08}, {-0.36, -0.56}, {0.38, -0.56}, {0.66, -0.06}, {1, 0.04}, {1, 0.42}});
  for (const double x : {-0.52, 0.52}) ellipse(c, x, 0.44, 0.22, 0.22);
}
void car_details(cairo_t* c, RandomStream& draws) {
  shape(c, {{-0.48, -0.08}, {-0.28, -0.44}, {-0.02, -0.44}, {-0.02, -0.08}});
  shape(c, {{0.06, -0.08}, {0.06, -0.44}, {0.32, -0.44}, {0.52, -0.08}});
  if (chance(draws, 0.5)) lines(c, {{0.02, -0.08}, {0.02, 0.4}});
  if (chance(draws, 0.4)) ellipse(c, 0.92, 0.16, 0.07, 0.07);
}

void tree(cairo_t* c) {
  shape(c, {{-0.16, 0.3}, {-0.2, 1}, {0.2, 1}, {0.16, 0.3}});
  cairo_new_sub_path(c);
  constexpr int kBumps = 7, kCorners = 56;
  for (int i = 0; i < kCorners; ++i) {
    const double angle = 2 * kPi * i / kCorners, radius = 0.62 + 0.09 * std::abs(std::sin(kBumps * angle / 2));
    cairo_line_to(c, radius * std::cos(angle), -0.3 + radius * std::sin(angle));
  }
  cairo_close_path(c);
}

void sunflower(cairo_t* c) {
  constexpr int kPetals = 9, kCorners = 72;
  for (int i = 0; i < kCorners; ++i) {
    const double angle = 2 * kPi * i / kCorners, radius = 0.3 + 0.34 * std::abs(std::sin(kPetals * angle / 2));
    cairo_line_to(c, radius * std::cos(angle), -0.36 + radius * std::sin(angle));
  }
  cairo_close_path(c);
}
void sunflower_details(cairo_t* c, RandomStream& draws) {
  ellipse(c, 0, -0.36, 0.24, 0.24);
  lines(c, {{0, 0.26}, {0.02, 1}});
  if (chance(draws, 0.6)) shape(c, {{0.02, 0.8}, {0.24, 0.48}, {0.52, 0.46}, {0.32, 0.72}});
}

void house(cairo_t* c) {
  shape(c, {{-0.78, 0.95}, {-0.78, -0.1}, {-0.98, -0.1}, {0, -0.95}, {0.98, -0.1}, {0.78, -0.1}, {0.78, 0.95}});
}
void house_details(cairo_t* c, RandomStream& draws) {
  if (chance(draws, 0.85)) lines(c, {{-0.78, -0.1}, {0.78, -0.1}});
  const double door = between(draws, -0.5, 0.15);
  if (chance(draws, 0.8)) lines(c, {{door, 0.95}, {door, 0.35}, {door + 0.32, 0.35}, {door + 0.32, 0.95}});
  if (chance(draws, 0.6)) box(c, 0.4, 0.12, 0.66, 0.38);
  if (chance(draws, 0.3)) box(c, -0.62, 0.02, -0.38, 0.24);
  if (chance(draws, 0.35)) lines(c, {{0.45, -0.56}, {0.45, -0.9}, {0.66, -0.9}, {0.66, -0.38}});  // chimney
}

void ball(cairo_t* c) {
  ellipse(c, 0, 0, 1, 1);
}
void ball_details(cairo_t* c, RandomStream&) {
  constexpr double kInner = 0.36;
  cairo_new_sub_path(c);
  for (int i = 0; i < 5; ++i) {
    const double angle = -kPi / 2 + 2 * kPi * i / 5;
    cairo_line_to(c, kInner * std::cos(angle), kInner * std::sin(angle));
  }
  cairo_close_path(c);
  for (int i = 0; i < 5; ++i) {
    const double angle = -kPi / 2 + 2 * kPi * i / 5;
    lines(c, {{kInner * std::cos(angle), kInner * std::sin(angle)}, {0.7 * std::cos(angle), 0.7 * std::sin(angle)}});
    lines(c, {{0.95 * std::cos(angle - 0.35), 0.95 * std::sin(angle - 0.35)},
              {0.7 * std::cos(angle), 0.7 * std::sin(angle)},
              {0.95 * std::cos(angle + 0.35), 0.95 * std::sin(angle + 0.35)}});
  }
}

void balloon(cairo_t* c) {
  ellipse(c, 0, -0.34, 0.54, 0.64);
  shape(c, {{0, 0.3}, {-0.1, 0.42}, {0.1, 0.42}});
}
void balloon_details(cairo_t* c, RandomStream& draws) {
  const double sway = between(draws, -0.2, 0.2);
  lines(c, {{0, 0.42}, {sway, 0.62}, {-sway, 0.82}, {0, 1}});
}

void umbrella(cairo_t* c) {
  cairo_move_to(c, -1, 0.05);
  cairo_curve_to(c, -0.9, -1.2, 0.9, -1.2, 1, 0.05);
  for (int i = 0; i < 4; ++i) {
    const double right = 1 - 0.5 * i;
    cairo_curve_to(c, right - 0.1, -0.14, right - 0.4, -0.14, right - 0.5, 0.05);
  }
  cairo_close_path(c);
}
void umbrella_details(cairo_t* c, RandomStream& draws) {
  lines(c, {{0, 0}, {0, 0.8}, {-0.08, 0.95}, {-0.24, 0.95}, {-0.3, 0.8}});
  if (chance(draws, 0.6)) {
    lines(c, {{0, -0.88}, {-0.34, -0.5}, {-0.5, 0}});
    lines(c, {{0, -0.88}, {0.34, -0.5}, {0.5, 0}});
  }
}

void key(cairo_t* c) {
  ellipse(c, -0.62, 0, 0.38, 0.38);
  shape(c, {{-0.25, -0.09},
            {1, -0.09},
            {1, 0.34},
            {0.84, 0.34},
            {0.84, 0.1},
            {0.68, 0.1},
            {0.68, 0.28},
            {0.52, 0.28},
            {0.52, 0.09},
            {-0.25, 0.09}});
}
void key_details(cairo_t* c, RandomStream&) {
  ellipse(c, -0.66, 0, 0.16, 0.16);
}

struct PenDrawing {
  std::string_view kind;
  void (*outline)(cairo_t*);
  void (*details)(cairo_t*, RandomStream&) = nullptr;
};
constexpr PenDrawing kDrawings[] = {
    {"dog", dog, dog_details},
    {"cat", cat, cat_details},
    {"fish", fish, fish_details},
    {"apple", apple, apple_details},
    {"banana", banana, banana_details},
    {"car", car, car_details},
    {"tree", tree},
    {"sunflower", sunflower, sunflower_details},
    {"house", house, house_details},
    {"soccer ball", ball, ball_details},
    {"balloon", balloon, balloon_details},
    {"umbrella", umbrella, umbrella_details},
    {"key", key, key_details},
};

const PenDrawing* find_drawing(std::string_view kind) {
  const auto* found = std::ranges::find(kDrawings, kind, &PenDrawing::kind);
  return found == std::end(kDrawings) ? nullptr : found;
}

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
  return find_drawing(kind) != nullptr || has_shape(kind);
}

Drawing draw_with_pen(std::string_view kind, const SpritePose& pose, const PenLook& look, double wobble_amount,
                      RandomStream& draws) {
  const PenDrawing* drawing = find_drawing(kind);
  const Wobble wobble(wobble_amount, draws);
  const double radius = pose.length / 2, wide = between(draws, 0.85, 1), high = between(draws, 0.85, 1);
  const int side = 2 * static_cast<int>(std::ceil(1.5 * radius * (1 + 2 * wobble_amount + 2 * look.width))) + 2;
  const double line_width = std::max(2 * look.width, 2.2 / pose.length);  // never thinner than about a pixel
  const auto begin = [&](Canvas& canvas) {
    cairo_t* cairo = canvas.cairo();
    cairo_translate(cairo, side / 2.0, side / 2.0);
    cairo_rotate(cairo, pose.angle);
    cairo_scale(cairo, (pose.is_mirrored ? -radius : radius) * wide, radius * high);
    cairo_set_line_join(cairo, CAIRO_LINE_JOIN_ROUND);
    cairo_set_line_cap(cairo, CAIRO_LINE_CAP_ROUND);
    cairo_set_line_width(cairo, line_width);
    if (drawing == nullptr) {
      trace_shape(kind, cairo);
    } else {
      drawing->outline(cairo);
    }
    wobble.apply(cairo);
    return cairo;
  };

  Canvas canvas({side, side});
  cairo_t* cairo = begin(canvas);
  if (look.fill == PenFill::Painted) {
    set_color(cairo, look.color);
    cairo_fill_preserve(cairo);
  } else if (look.fill != PenFill::Empty) {
    cairo_save(cairo);
    cairo_path_t* path = cairo_copy_path(cairo);
    cairo_clip(cairo);
    cover(cairo, look, draws);
    set_color(cairo, look.color);
    cairo_stroke(cairo);
    cairo_restore(cairo);
    cairo_append_path(cairo, path);
    cairo_path_destroy(path);
  }
  const bool is_same = look.line == look.color && look.fill == PenFill::Painted;
  set_color(cairo, look.line);
  cairo_stroke(cairo);
  if (drawing != nullptr && drawing->details != nullptr) {
    drawing->details(cairo, draws);
    wobble.apply(cairo);
    // Lines on a thing that is painted all over with the same pen do not show.
    set_color(cairo, is_same ? mix(look.line, {0, 0, 0}, 0.45) : look.line);
    cairo_stroke(cairo);
  }

  Canvas whole({side, side});
  set_color(begin(whole), {0, 0, 0});
  cairo_fill_preserve(whole.cairo());
  cairo_stroke(whole.cairo());
  return {{side, side, {canvas.pixels().begin(), canvas.pixels().end()}}, opaque_mask(whole.pixels())};
}

}  // namespace molmo::synth
