#include "synth/shapes.h"

#include <cairo.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "base/error.h"
#include "synth/canvas.h"
#include "synth/draws.h"
#include "synth/wobble.h"

namespace molmo::synth {
namespace {

// ---- Silhouettes, in a square from -1 to 1.

void polygon(cairo_t* cairo, int corners, double start_angle) {
  for (int i = 0; i < corners; ++i) {
    const double angle = start_angle + 2 * kPi * i / corners;
    cairo_line_to(cairo, std::cos(angle), std::sin(angle));
  }
  cairo_close_path(cairo);
}

void star(cairo_t* cairo) {
  for (int i = 0; i < 10; ++i) {
    const double angle = -kPi / 2 + kPi * i / 5, radius = i % 2 == 0 ? 1 : 0.45;
    cairo_line_to(cairo, radius * std::cos(angle), radius * std::sin(angle));
  }
  cairo_close_path(cairo);
}

void heart(cairo_t* cairo) {
  cairo_move_to(cairo, 0, 0.95);
  cairo_curve_to(cairo, -1.5, -0.1, -0.95, -1.25, 0, -0.5);
  cairo_curve_to(cairo, 0.95, -1.25, 1.5, -0.1, 0, 0.95);
  cairo_close_path(cairo);
}

void cross(cairo_t* cairo) {
  constexpr double kArm = 0.36;
  const double corners[][2] = {{-kArm, -1}, {kArm, -1}, {kArm, -kArm}, {1, -kArm}, {1, kArm},   {kArm, kArm},
                               {kArm, 1},   {-kArm, 1}, {-kArm, kArm}, {-1, kArm}, {-1, -kArm}, {-kArm, -kArm}};
  for (const auto& corner : corners) cairo_line_to(cairo, corner[0], corner[1]);
  cairo_close_path(cairo);
}

void arrow(cairo_t* cairo) {
  const double corners[][2] = {{-1, -0.3}, {0.1, -0.3}, {0.1, -0.8}, {1, 0}, {0.1, 0.8}, {0.1, 0.3}, {-1, 0.3}};
  for (const auto& corner : corners) cairo_line_to(cairo, corner[0], corner[1]);
  cairo_close_path(cairo);
}

void crescent(cairo_t* cairo) {
  cairo_arc(cairo, 0, 0, 1, kPi * 0.3, kPi * 1.7);
  cairo_arc_negative(cairo, 0.62, 0, std::hypot(std::cos(kPi * 0.3) - 0.62, std::sin(kPi * 0.3)),
                     std::atan2(-std::sin(kPi * 0.3), std::cos(kPi * 0.3) - 0.62),
                     std::atan2(std::sin(kPi * 0.3), std::cos(kPi * 0.3) - 0.62));
  cairo_close_path(cairo);
}

void semicircle(cairo_t* cairo) {
  cairo_arc(cairo, 0, 0.4, 1, kPi, 2 * kPi);
  cairo_close_path(cairo);
}

void mug(cairo_t* cairo) {
  rounded_rectangle(cairo, -0.9, -0.8, 1.3, 1.65, 0.18);
  cairo_new_sub_path(cairo);
  cairo_arc(cairo, 0.4, 0, 0.58, -kPi / 2, kPi / 2);
  cairo_arc_negative(cairo, 0.4, 0, 0.36, kPi / 2, -kPi / 2);
  cairo_close_path(cairo);
}

void mug_details(cairo_t* cairo) {
  cairo_save(cairo);
  cairo_translate(cairo, -0.25, -0.76);
  cairo_scale(cairo, 0.58, 0.13);
  cairo_arc(cairo, 0, 0, 1, 0, 2 * kPi);
  cairo_restore(cairo);
}

void bottle(cairo_t* cairo) {
  cairo_move_to(cairo, -0.16, -1);
  cairo_line_to(cairo, 0.16, -1);
  cairo_line_to(cairo, 0.16, -0.5);
  cairo_curve_to(cairo, 0.18, -0.25, 0.42, -0.25, 0.42, 0.05);
  cairo_line_to(cairo, 0.42, 0.85);
  cairo_curve_to(cairo, 0.42, 1, 0.42, 1, 0.28, 1);
  cairo_line_to(cairo, -0.28, 1);
  cairo_curve_to(cairo, -0.42, 1, -0.42, 1, -0.42, 0.85);
  cairo_line_to(cairo, -0.42, 0.05);
  cairo_curve_to(cairo, -0.42, -0.25, -0.18, -0.25, -0.16, -0.5);
  cairo_close_path(cairo);
}

void bottle_details(cairo_t* cairo) {
  cairo_rectangle(cairo, -0.2, -1.02, 0.4, 0.2);
  cairo_rectangle(cairo, -0.44, 0.2, 0.88, 0.42);
}

void vase(cairo_t* cairo) {
  cairo_move_to(cairo, -0.38, -1);
  cairo_line_to(cairo, 0.38, -1);
  cairo_curve_to(cairo, 0.1, -0.5, 0.75, -0.35, 0.68, 0.2);
  cairo_curve_to(cairo, 0.62, 0.7, 0.3, 0.8, 0.34, 1);
  cairo_line_to(cairo, -0.34, 1);
  cairo_curve_to(cairo, -0.3, 0.8, -0.62, 0.7, -0.68, 0.2);
  cairo_curve_to(cairo, -0.75, -0.35, -0.1, -0.5, -0.38, -1);
  cairo_close_path(cairo);
}

void vase_details(cairo_t* cairo) {
  cairo_rectangle(cairo, -0.8, -0.06, 1.6, 0.1);
  cairo_rectangle(cairo, -0.8, 0.3, 1.6, 0.1);
}

void lamp(cairo_t* cairo) {
  cairo_move_to(cairo, -0.38, -0.95);
  cairo_line_to(cairo, 0.38, -0.95);
  cairo_line_to(cairo, 0.8, 0.05);
  cairo_line_to(cairo, 0.09, 0.05);
  cairo_line_to(cairo, 0.09, 0.78);
  cairo_curve_to(cairo, 0.45, 0.8, 0.5, 0.9, 0.5, 1);
  cairo_line_to(cairo, -0.5, 1);
  cairo_curve_to(cairo, -0.5, 0.9, -0.45, 0.8, -0.09, 0.78);
  cairo_line_to(cairo, -0.09, 0.05);
  cairo_line_to(cairo, -0.8, 0.05);
  cairo_close_path(cairo);
}

void lamp_details(cairo_t* cairo) {
  cairo_rectangle(cairo, -0.6, 0.05, 1.2, 1);
}

void box(cairo_t* cairo) {
  const double corners[][2] = {{-1, -0.45}, {-0.1, -0.9}, {0.95, -0.55}, {0.95, 0.45}, {0, 0.95}, {-1, 0.5}};
  for (const auto& corner : corners) cairo_line_to(cairo, corner[0], corner[1]);
  cairo_close_path(cairo);
}

void box_details(cairo_t* cairo) {
  const double corners[][2] = {{0, -0.05}, {0.95, -0.55}, {0.95, 0.45}, {0, 0.95}};
  for (const auto& corner : corners) cairo_line_to(cairo, corner[0], corner[1]);
  cairo_close_path(cairo);
}

void flag(cairo_t* cairo) {
  cairo_move_to(cairo, -0.85, -1);
  cairo_line_to(cairo, -0.69, -1);
  cairo_line_to(cairo, -0.69, -0.9);
  cairo_curve_to(cairo, -0.2, -1.15, 0.3, -0.6, 0.9, -0.85);
  cairo_line_to(cairo, 0.9, 0.1);
  cairo_curve_to(cairo, 0.3, 0.35, -0.2, -0.2, -0.69, 0.05);
  cairo_line_to(cairo, -0.69, 1);
  cairo_line_to(cairo, -0.85, 1);
  cairo_close_path(cairo);
}

void flag_details(cairo_t* cairo) {
  cairo_rectangle(cairo, -0.9, -1.05, 0.21, 2.1);
}

using Path = void (*)(cairo_t*);
struct Shape {
  std::string_view name;
  Path path;
  Path details = nullptr;  // parts that are painted darker
};

constexpr Shape kShapes[] = {
    {"circle", [](cairo_t* c) { cairo_arc(c, 0, 0, 1, 0, 2 * kPi); }},
    {"square", [](cairo_t* c) { cairo_rectangle(c, -0.9, -0.9, 1.8, 1.8); }},
    {"triangle", [](cairo_t* c) { polygon(c, 3, -kPi / 2); }},
    {"star", star},
    {"heart", heart},
    {"diamond",
     [](cairo_t* c) {
       cairo_scale(c, 0.72, 1);
       polygon(c, 4, 0);
       cairo_scale(c, 1 / 0.72, 1);
     }},
    {"rectangle", [](cairo_t* c) { cairo_rectangle(c, -1, -0.5, 2, 1); }},
    {"hexagon", [](cairo_t* c) { polygon(c, 6, 0); }},
    {"pentagon", [](cairo_t* c) { polygon(c, 5, -kPi / 2); }},
    {"cross", cross},
    {"arrow", arrow},
    {"crescent", crescent},
    {"oval",
     [](cairo_t* c) {
       cairo_scale(c, 1, 0.58);
       cairo_arc(c, 0, 0, 1, 0, 2 * kPi);
       cairo_scale(c, 1, 1 / 0.58);
     }},
    {"semicircle", semicircle},
    {"mug", mug, mug_details},
    {"bottle", bottle, bottle_details},
    {"vase", vase, vase_details},
    {"lamp", lamp, lamp_details},
    {"box", box, box_details},
    {"flag", flag, flag_details},
};

const Shape& find_shape(std::string_view name) {
  const auto* found = std::ranges::find(kShapes, name, &Shape::name);
  if (found == std::end(kShapes)) fail(ErrorCategory::Internal, "there is no drawing '{}'", name);
  return *found;
}

// ---- Painting

void paint_pattern(cairo_t* cairo, const ShapeLook& look) {
  set_color(cairo, look.second);
  if (look.pattern == Pattern::Striped) {
    for (double x = -1.3; x < 1.3; x += 0.4) cairo_rectangle(cairo, x, -1.3, 0.17, 2.6);
  } else if (look.pattern == Pattern::Checkered) {
    constexpr double kSide = 0.36;
    for (int row = 0; row < 7; ++row) {
      for (int column = row % 2; column < 7; column += 2) {
        cairo_rectangle(cairo, (column - 3.5) * kSide, (row - 3.5) * kSide, kSide, kSide);
      }
    }
  } else if (look.pattern == Pattern::Dotted) {
    for (int row = 0; row < 6; ++row) {
      for (int column = 0; column < 6; ++column) {
        cairo_new_sub_path(cairo);
        cairo_arc(cairo, (column - 2.5 + (row % 2) * 0.5) * 0.42, (row - 2.5) * 0.42, 0.11, 0, 2 * kPi);
      }
    }
  }
  cairo_fill(cairo);
}

void paint_inside(cairo_t* cairo, const Shape& shape, const ShapeLook& look) {
  if (look.pattern == Pattern::Shaded) {
    const std::unique_ptr<cairo_pattern_t, decltype(&cairo_pattern_destroy)> gradient(
        cairo_pattern_create_radial(-0.4, -0.45, 0.1, 0, 0, 1.5), cairo_pattern_destroy);
    const Color light = mix(look.color, {1, 1, 1}, 0.28), dark = mix(look.color, {0, 0, 0}, 0.22);
    cairo_pattern_add_color_stop_rgb(gradient.get(), 0, light.red, light.green, light.blue);
    cairo_pattern_add_color_stop_rgb(gradient.get(), 1, dark.red, dark.green, dark.blue);
    cairo_set_source(cairo, gradient.get());
    cairo_paint(cairo);
  } else {
    set_color(cairo, look.color);
    cairo_paint(cairo);
    paint_pattern(cairo, look);
  }
  if (shape.details) {
    shape.details(cairo);
    // A darker part of something black would not show.
    set_color(cairo, luminance(look.color) > 0.25 ? Color{0, 0, 0} : Color{1, 1, 1}, 0.24);
    cairo_fill(cairo);
  }
}

}  // namespace

bool has_shape(std::string_view name) {
  return std::ranges::find(kShapes, name, &Shape::name) != std::end(kShapes);
}

void apply_pose(cairo_t* cairo, const SpritePose& pose, int side) {
  const double radius = pose.length / 2;
  cairo_translate(cairo, side / 2.0, side / 2.0);
  cairo_rotate(cairo, pose.angle);
  cairo_scale(cairo, pose.is_mirrored ? -radius : radius, radius);
}

void trace_shape(std::string_view name, cairo_t* cairo) {
  find_shape(name).path(cairo);
}

Drawing draw_shape(std::string_view name, const SpritePose& pose, const ShapeLook& look, RandomStream& draws) {
  const Shape& shape = find_shape(name);
  const Wobble wobble(look.wobble, draws);
  const double radius = pose.length / 2;
  const double reach =
      radius * (1 + 2 * look.wobble + look.border) * (std::abs(std::cos(pose.angle)) + std::abs(std::sin(pose.angle)));
  const int side =
      2 * static_cast<int>(std::ceil(std::min(reach, 1.45 * radius * (1 + 2 * look.wobble + look.border)))) + 2;

  const auto outline = [&](Canvas& canvas) {
    cairo_t* cairo = canvas.cairo();
    apply_pose(cairo, pose, side);
    shape.path(cairo);
    wobble.apply(cairo);
  };
  Canvas canvas({side, side});
  cairo_t* cairo = canvas.cairo();
  outline(canvas);
  cairo_set_line_join(cairo, CAIRO_LINE_JOIN_ROUND);
  if (look.pattern == Pattern::Outlined) {
    set_color(cairo, look.color);
    cairo_set_line_width(cairo, 2 * look.border);
    cairo_stroke(cairo);
  } else {
    cairo_push_group(cairo);
    cairo_path_t* path = cairo_copy_path(cairo);
    cairo_new_path(cairo);
    paint_inside(cairo, shape, look);
    cairo_pop_group_to_source(cairo);
    cairo_new_path(cairo);
    cairo_append_path(cairo, path);
    cairo_path_destroy(path);
    cairo_fill_preserve(cairo);
    if (look.border > 0) {
      set_color(cairo, luminance(look.color) > 0.2 ? mix(look.color, {0, 0, 0}, 0.55) : Color{0.45, 0.45, 0.45});
      cairo_set_line_width(cairo, 2 * look.border);
      cairo_stroke(cairo);
    }
  }

  Drawing drawing;
  drawing.picture = {side, side, {canvas.pixels().begin(), canvas.pixels().end()}};
  if (look.pattern == Pattern::Outlined) {
    outline(canvas = Canvas({side, side}));
    set_color(canvas.cairo(), {0, 0, 0});
    cairo_fill_preserve(canvas.cairo());
    cairo_set_line_width(canvas.cairo(), 2 * look.border);
    cairo_stroke(canvas.cairo());
  }
  drawing.mask = opaque_mask(canvas.pixels());
  return drawing;
}

}  // namespace molmo::synth
