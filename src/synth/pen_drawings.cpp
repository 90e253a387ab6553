#include "synth/pen_drawings.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <iterator>

#include "synth/canvas.h"
#include "synth/draws.h"
#include "synth/shapes.h"

namespace molmo::synth {
namespace {

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

// Other ways to draw some of the kinds: bodies of simple shapes, put together. All run in one direction, so that what
// two of them cover is inside.

void built_house(cairo_t* c) {
  box(c, -0.8, -0.12, 0.8, 0.95);
}
void built_house_roof(cairo_t* c) {
  shape(c, {{-0.98, -0.12}, {0, -0.95}, {0.98, -0.12}});
}
void built_house_details(cairo_t* c, RandomStream& draws) {
  if (chance(draws, 0.75)) {
    const double door = between(draws, -0.5, 0.1), width = between(draws, 0.28, 0.44), top = between(draws, 0.2, 0.45);
    lines(c, {{door, 0.95}, {door, top}, {door + width, top}, {door + width, 0.95}});
  }
  if (chance(draws, 0.35)) box(c, 0.36, 0.08, 0.64, 0.36);
  if (chance(draws, 0.2)) ellipse(c, 0, -0.45, 0.13, 0.13);
}

void oval_fish(cairo_t* c) {
  ellipse(c, -0.22, 0, 0.76, 0.48);
}
void oval_fish_tail(cairo_t* c) {
  shape(c, {{0.52, 0}, {1, -0.46}, {1, 0.46}});
}
void oval_fish_details(cairo_t* c, RandomStream& draws) {
  if (chance(draws, 0.85)) ellipse(c, -0.62, -0.1, 0.04, 0.04);
  if (chance(draws, 0.4)) lines(c, {{-0.32, -0.4}, {-0.22, 0}, {-0.32, 0.4}});
  if (chance(draws, 0.3)) lines(c, {{-0.3, -0.46}, {-0.1, -0.74}, {0.1, -0.42}});
}

void fir(cairo_t* c) {
  shape(c, {{-0.68, 0.55}, {0, -1}, {0.68, 0.55}});
}
void stepped_fir(cairo_t* c) {
  shape(c, {{0, -1},
            {0.4, -0.35},
            {0.22, -0.35},
            {0.58, 0.15},
            {0.34, 0.15},
            {0.74, 0.62},
            {-0.74, 0.62},
            {-0.34, 0.15},
            {-0.58, 0.15},
            {-0.22, -0.35},
            {-0.4, -0.35}});
}
void round_crown(cairo_t* c) {
  ellipse(c, 0, -0.34, 0.66, 0.64);
}
void trunk(cairo_t* c) {
  shape(c, {{-0.14, 0.3}, {0.14, 0.3}, {0.16, 1}, {-0.16, 1}});
}
void short_trunk(cairo_t* c) {
  box(c, -0.13, 0.6, 0.13, 1);
}

void boxy_car(cairo_t* c) {
  box(c, -1, -0.12, 1, 0.42);
}
void boxy_car_parts(cairo_t* c) {
  shape(c, {{-0.6, -0.12}, {-0.4, -0.6}, {0.4, -0.6}, {0.6, -0.12}});
  for (const double x : {-0.52, 0.52}) ellipse(c, x, 0.44, 0.24, 0.24);
}
void boxy_car_details(cairo_t* c, RandomStream& draws) {
  if (chance(draws, 0.7)) lines(c, {{0, -0.58}, {0, -0.14}});
  if (chance(draws, 0.4)) ellipse(c, -0.92, 0.08, 0.06, 0.06);
}

void round_cat(cairo_t* c) {
  ellipse(c, 0, 0.14, 0.8, 0.74);
}
void round_cat_ears(cairo_t* c) {
  shape(c, {{-0.76, -0.08}, {-0.68, -0.95}, {-0.24, -0.56}});
  shape(c, {{0.24, -0.56}, {0.68, -0.95}, {0.76, -0.08}});
}

void petals(cairo_t* c) {
  ellipse(c, 0, -0.36, 0.22, 0.22);
}
void petals_around(cairo_t* c) {
  constexpr int kPetals = 8;
  for (int i = 0; i < kPetals; ++i) {
    const double angle = 2 * kPi * i / kPetals;
    ellipse(c, 0.42 * std::cos(angle), -0.36 + 0.42 * std::sin(angle), 0.17, 0.17);
  }
}
void petals_details(cairo_t* c, RandomStream& draws) {
  lines(c, {{0, 0.24}, {0.02, 1}});
  if (chance(draws, 0.5)) shape(c, {{0.02, 0.8}, {-0.24, 0.48}, {-0.46, 0.5}, {-0.3, 0.74}});
}

void star_in_one_stroke(cairo_t* c) {
  for (int i = 0; i < 5; ++i) {
    const double angle = -kPi / 2 + 4 * kPi * i / 5;
    cairo_line_to(c, std::cos(angle), std::sin(angle));
  }
  cairo_close_path(c);
}

constexpr PenDrawing kDrawings[] = {
    {"dog", dog, nullptr, dog_details},
    {"cat", cat, nullptr, cat_details},
    {"cat", round_cat, round_cat_ears, cat_details},
    {"fish", fish, nullptr, fish_details},
    {"fish", oval_fish, oval_fish_tail, oval_fish_details},
    {"apple", apple, nullptr, apple_details},
    {"banana", banana, nullptr, banana_details},
    {"car", car, nullptr, car_details},
    {"car", boxy_car, boxy_car_parts, boxy_car_details},
    {"tree", tree},
    {"tree", round_crown, trunk},
    {"tree", fir, short_trunk},
    {"tree", stepped_fir, short_trunk},
    {"sunflower", sunflower, nullptr, sunflower_details},
    {"sunflower", petals, petals_around, petals_details},
    {"house", house, nullptr, house_details},
    {"house", built_house, built_house_roof, built_house_details},
    {"soccer ball", ball, nullptr, ball_details},
    {"balloon", balloon, nullptr, balloon_details},
    {"umbrella", umbrella, nullptr, umbrella_details},
    {"key", key, nullptr, key_details},
    {"star", star_in_one_stroke},
};

}  // namespace

std::vector<PenDrawing> ways_to_draw(std::string_view kind) {
  std::vector<PenDrawing> found;
  if (has_shape(kind)) found.push_back({kind});
  std::ranges::copy_if(kDrawings, std::back_inserter(found),
                       [&](const PenDrawing& drawing) { return drawing.kind == kind; });
  return found;
}

}  // namespace molmo::synth
