#include "synth/background.h"

#include <cairo.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>

#include "synth/draws.h"

namespace molmo::synth {
namespace {

struct Tone {
  std::string name;  // "light blue"
  Color color;
};

// Quiet colours, so that objects stand out more often than not.
Tone draw_tone(RandomStream& draws) {
  if (chance(draws, 0.25)) {
    const double gray = draws.uniform();
    if (gray < 0.5)
      return {"white", to_rgb({between(draws, 0, 360), between(draws, 0, 0.03), between(draws, 0.95, 1)})};
    if (gray < 0.8) return {"light gray", to_rgb({between(draws, 0, 360), 0.02, between(draws, 0.75, 0.88)})};
    return {"black", to_rgb({between(draws, 0, 360), 0.1, between(draws, 0.02, 0.12)})};
  }
  struct Hue {
    std::string_view name;
    double hue[2];
  };
  static constexpr Hue kHues[] = {{"red", {352, 364}},  {"orange", {24, 34}}, {"yellow", {48, 56}},
                                  {"green", {98, 145}}, {"blue", {205, 232}}, {"purple", {268, 288}},
                                  {"pink", {325, 342}}};
  const Hue& hue = pick(draws, kHues);
  const double angle = between(draws, hue.hue[0], hue.hue[1]);
  const double kind = draws.uniform();
  const std::string name(hue.name);
  if (kind < 0.6) return {"light " + name, to_rgb({angle, between(draws, 0.12, 0.35), between(draws, 0.9, 1)})};
  if (kind < 0.8) return {name, to_rgb({angle, between(draws, 0.5, 0.75), between(draws, 0.7, 0.9)})};
  return {"dark " + name, to_rgb({angle, between(draws, 0.5, 0.8), between(draws, 0.2, 0.38)})};
}

// What painters share.
struct Painter {
  Canvas& canvas;
  RandomStream& draws;
  double width, height;
  cairo_t* cairo;

  Painter(Canvas& target, RandomStream& stream)
      : canvas(target),
        draws(stream),
        width(static_cast<double>(target.size().width)),
        height(static_cast<double>(target.size().height)),
        cairo(target.cairo()) {}

  void fill(Color color) {
    set_color(cairo, color);
    cairo_paint(cairo);
  }

  void rectangle(double x, double y, double w, double h, Color color, double alpha = 1) {
    set_color(cairo, color, alpha);
    cairo_rectangle(cairo, x, y, w, h);
    cairo_fill(cairo);
  }

  void gradient(double x0, double y0, double x1, double y1, Color from, Color to) {
    const std::unique_ptr<cairo_pattern_t, decltype(&cairo_pattern_destroy)> pattern(
        cairo_pattern_create_linear(x0, y0, x1, y1), cairo_pattern_destroy);
    cairo_pattern_add_color_stop_rgb(pattern.get(), 0, from.red, from.green, from.blue);
    cairo_pattern_add_color_stop_rgb(pattern.get(), 1, to.red, to.green, to.blue);
    cairo_set_source(cairo, pattern.get());
    cairo_paint(cairo);
  }

  // Rows `top` to `bottom` become a mixture of two colours by a noise field; `stretch` makes it wider than high.
  void texture(double top, double bottom, Color from, Color to, double cell, int octaves, double contrast,
               double stretch = 1) {
    const auto first = static_cast<int64_t>(std::max(0.0, top)), last = static_cast<int64_t>(std::min(height, bottom));
    if (first >= last) return;
    const ImageSize field_size{last - first, static_cast<int64_t>(width / stretch) + 1};
    const std::vector<float> field = noise_field(field_size, std::max(2.0, cell), octaves, draws);
    // 256 steps of the mixture, looked up by the field.
    std::array<uint32_t, 256> steps;
    for (size_t i = 0; i < steps.size(); ++i) steps[i] = to_pixel(mix(from, to, static_cast<double>(i) / 255));
    std::vector<int64_t> columns;
    for (int64_t x = 0; x < canvas.size().width; ++x)
      columns.push_back(static_cast<int64_t>(static_cast<double>(x) / stretch));
    const auto gain = static_cast<float>(contrast * 255), offset = static_cast<float>(127.5 - contrast * 127.5);
    uint32_t* pixel = canvas.pixels().data() + first * canvas.size().width;
    for (int64_t y = 0; y < field_size.height; ++y) {
      const float* row = field.data() + y * field_size.width;
      for (int64_t x : columns) *pixel++ = steps[static_cast<size_t>(std::clamp(row[x] * gain + offset, 0.0f, 255.0f))];
    }
    canvas.pixels_changed();
  }
};

// ---- Plain and simple

Background plain(Painter& p) {
  const Tone tone = draw_tone(p.draws);
  p.fill(tone.color);
  return {"plain", "a plain " + tone.name + " background", "plain", {tone.color}};
}

Background gradient(Painter& p) {
  const Tone from = draw_tone(p.draws);
  Tone to = draw_tone(p.draws);
  if (to.name == from.name) to = {"white", {1, 1, 1}};
  const double angle = between(p.draws, 0, 2 * kPi), reach = 0.5 * (p.width + p.height) / 2;
  const double dx = std::cos(angle) * reach, dy = std::sin(angle) * reach;
  p.gradient(p.width / 2 - dx, p.height / 2 - dy, p.width / 2 + dx, p.height / 2 + dy, from.color, to.color);
  return {
      "gradient", "a background that fades from " + from.name + " to " + to.name, "pattern", {from.color, to.color}};
}

// A second colour that is close to the first.
Color near_color(Color color, RandomStream& draws) {
  return luminance(color) > 0.45 ? mix(color, {0, 0, 0}, between(draws, 0.08, 0.2))
                                 : mix(color, {1, 1, 1}, between(draws, 0.1, 0.22));
}

Background stripes(Painter& p) {
  const Tone tone = draw_tone(p.draws);
  const Color second = near_color(tone.color, p.draws);
  const double pitch = between(p.draws, 0.06, 0.16) * p.width;
  p.fill(tone.color);
  cairo_save(p.cairo);
  cairo_translate(p.cairo, p.width / 2, p.height / 2);
  cairo_rotate(p.cairo, pick(p.draws, std::array{0.0, kPi / 2, kPi / 4, -kPi / 4}));
  const double reach = p.width + p.height;
  for (double x = -reach; x < reach; x += pitch) p.rectangle(x, -reach, pitch / 2, 2 * reach, second);
  cairo_restore(p.cairo);
  return {"stripes", "a " + tone.name + " striped background", "pattern", {tone.color, second}};
}

Background checkerboard(Painter& p) {
  const Tone tone = draw_tone(p.draws);
  const Color second = near_color(tone.color, p.draws);
  const double side = between(p.draws, 0.07, 0.15) * p.width;
  p.fill(tone.color);
  for (int row = 0; row * side < p.height; ++row) {
    for (int column = row % 2; column * side < p.width; column += 2) {
      p.rectangle(column * side, row * side, side, side, second);
    }
  }
  return {"checkerboard", "a " + tone.name + " checkered background", "pattern", {tone.color, second}};
}

Background polka_dots(Painter& p) {
  const Tone tone = draw_tone(p.draws);
  const Color second = near_color(tone.color, p.draws);
  const double pitch = between(p.draws, 0.07, 0.13) * p.width, radius = pitch * between(p.draws, 0.15, 0.28);
  p.fill(tone.color);
  set_color(p.cairo, second);
  for (int row = 0; (row - 1) * pitch < p.height; ++row) {
    for (int column = 0; (column - 1) * pitch < p.width; ++column) {
      cairo_new_sub_path(p.cairo);
      cairo_arc(p.cairo, (column + (row % 2) * 0.5) * pitch, row * pitch, radius, 0, 2 * kPi);
    }
  }
  cairo_fill(p.cairo);
  return {"polka dots", "a " + tone.name + " background with polka dots", "pattern", {tone.color, second}};
}

Background paper(Painter& p) {
  const bool is_grid = chance(p.draws, 0.5);
  const Color color = to_rgb({between(p.draws, 40, 60), between(p.draws, 0, 0.08), between(p.draws, 0.94, 1)});
  const Color line = mix(color, typical("blue"), between(p.draws, 0.2, 0.45));
  const double pitch = between(p.draws, 0.04, 0.08) * p.width;
  p.fill(color);
  for (double y = pitch; y < p.height; y += pitch) p.rectangle(0, std::floor(y), p.width, 1, line);
  for (double x = pitch; is_grid && x < p.width; x += pitch) p.rectangle(std::floor(x), 0, 1, p.height, line);
  return {"paper", is_grid ? "a sheet of squared paper" : "a sheet of lined paper", "pattern", {color}};
}

// ---- Textures

Background clouds_of_color(Painter& p) {
  const Tone tone = draw_tone(p.draws);
  const Color second = near_color(near_color(tone.color, p.draws), p.draws);
  p.texture(0, p.height, tone.color, second, between(p.draws, 0.15, 0.5) * p.width, 4, 2);
  return {"mottled", "a mottled " + tone.name + " background", "texture", {tone.color, second}};
}

Background wood(Painter& p) {
  const Color dark = to_rgb({between(p.draws, 22, 32), between(p.draws, 0.35, 0.6), between(p.draws, 0.35, 0.7)});
  const Color light = mix(dark, {1, 0.92, 0.8}, between(p.draws, 0.2, 0.4));
  p.texture(0, p.height, dark, light, p.height * 0.03, 3, 1.6, 12);
  const double plank = between(p.draws, 0.14, 0.3) * p.height;
  for (double y = between(p.draws, 0, plank); y < p.height; y += plank) {
    p.rectangle(0, std::floor(y), p.width, std::max(1.0, p.height * 0.005), mix(dark, {0, 0, 0}, 0.5), 0.8);
    p.rectangle(0, y, p.width, plank, {0, 0, 0}, between(p.draws, 0, 0.1));
  }
  return {"wood", "a wooden table top", "texture", {dark, light}};
}

Background bricks(Painter& p) {
  const double row_height = between(p.draws, 0.06, 0.11) * p.height, brick_width = row_height * 2.3;
  const Color brick = to_rgb({between(p.draws, 5, 20), between(p.draws, 0.4, 0.6), between(p.draws, 0.5, 0.75)});
  const Color mortar = to_rgb({40, 0.08, between(p.draws, 0.7, 0.85)});
  p.texture(0, p.height, mix(mortar, {0, 0, 0}, 0.1), mortar, 6, 2, 2);
  const double gap = std::max(1.0, row_height * 0.1);
  for (int row = 0; row * row_height < p.height; ++row) {
    for (double x = (row % 2 ? -0.5 : 0) * brick_width; x < p.width; x += brick_width) {
      const Color color = mix(brick, {0.2, 0.1, 0.1}, between(p.draws, 0, 0.3));
      p.rectangle(x + gap / 2, row * row_height + gap / 2, brick_width - gap, row_height - gap, color, 0.95);
    }
  }
  return {"brick wall", "a brick wall", "texture", {brick, mortar}};
}

Background tiles(Painter& p) {
  const Tone tone = draw_tone(p.draws);
  const double side = between(p.draws, 0.12, 0.24) * p.width, gap = std::max(1.0, side * 0.035);
  p.fill(near_color(near_color(tone.color, p.draws), p.draws));
  for (double y = 0; y < p.height; y += side) {
    for (double x = 0; x < p.width; x += side) {
      p.rectangle(x, y, side - gap, side - gap, mix(tone.color, {0.5, 0.5, 0.5}, between(p.draws, 0, 0.16)));
    }
  }
  return {"tiles", "a wall of " + tone.name + " tiles", "texture", {tone.color}};
}

Background grass(Painter& p) {
  const Color dark = to_rgb({between(p.draws, 88, 125), between(p.draws, 0.45, 0.7), between(p.draws, 0.3, 0.5)});
  const Color light = mix(dark, {0.85, 1, 0.5}, between(p.draws, 0.25, 0.45));
  p.texture(0, p.height, dark, light, p.width * 0.06, 5, 2.2);
  cairo_set_line_width(p.cairo, std::max(1.0, p.width * 0.004));
  for (int shade = 0; shade < 2; ++shade) {
    for (int i = 0; i < 110; ++i) {
      const double x = between(p.draws, 0, p.width), y = between(p.draws, 0, p.height * 1.02);
      cairo_move_to(p.cairo, x, y);
      const double lean = between(p.draws, -0.012, 0.012) * p.width, length = between(p.draws, 0.015, 0.035) * p.height;
      cairo_rel_line_to(p.cairo, lean, -length);
    }
    set_color(p.cairo, shade ? light : mix(dark, {0, 0, 0}, 0.25), 0.7);
    cairo_stroke(p.cairo);
  }
  return {"grass", "a lawn of green grass", "texture", {dark, light}};
}

Background sand(Painter& p) {
  const Color light = to_rgb({between(p.draws, 36, 46), between(p.draws, 0.25, 0.4), between(p.draws, 0.85, 0.98)});
  p.texture(0, p.height, mix(light, {0.4, 0.25, 0.1}, 0.35), light, p.width * 0.12, 6, 1.6, 2);
  return {"sand", "yellowish sand", "texture", {light}};
}

Background water(Painter& p) {
  const Color deep = to_rgb({between(p.draws, 190, 215), between(p.draws, 0.5, 0.8), between(p.draws, 0.45, 0.7)});
  const Color light = mix(deep, {0.9, 1, 1}, between(p.draws, 0.3, 0.5));
  p.texture(0, p.height, deep, light, p.height * 0.05, 3, 2.2, 5);
  return {"water", "rippling blue water", "texture", {deep, light}};
}

Background fabric(Painter& p) {
  const Tone tone = draw_tone(p.draws);
  const Color second = near_color(tone.color, p.draws);
  p.texture(0, p.height, tone.color, second, p.width * 0.3, 2, 1.5);
  const double pitch = std::max(3.0, between(p.draws, 0.01, 0.025) * p.width);
  for (double x = 0; x < p.width; x += pitch) p.rectangle(std::floor(x), 0, 1, p.height, second, 0.5);
  for (double y = 0; y < p.height; y += pitch) p.rectangle(0, std::floor(y), p.width, 1, {0, 0, 0}, 0.07);
  return {"cloth", "a woven " + tone.name + " cloth", "texture", {tone.color, second}};
}

Background blurred_lights(Painter& p) {
  const Color base = to_rgb({between(p.draws, 0, 360), between(p.draws, 0.2, 0.5), between(p.draws, 0.15, 0.45)});
  p.texture(0, p.height, base, near_color(base, p.draws), p.width * 0.4, 2, 1.8);
  for (int i = 0; i < 26; ++i) {
    const double x = between(p.draws, 0, p.width), y = between(p.draws, 0, p.height);
    const double radius = between(p.draws, 0.02, 0.08) * p.width;
    const Color light = to_rgb({between(p.draws, 0, 360), between(p.draws, 0, 0.35), 1});
    set_color(p.cairo, light, between(p.draws, 0.04, 0.16));
    cairo_arc(p.cairo, x, y, radius, 0, 2 * kPi);
    cairo_fill(p.cairo);
  }
  return {"blurred lights", "a dark background with blurred lights", "texture", {base}};
}

// ---- Places

// Pixels above `bottom`; returns the two colours.
std::array<Color, 2> sky(Painter& p, double bottom) {
  const Color top = to_rgb({between(p.draws, 200, 222), between(p.draws, 0.45, 0.75), between(p.draws, 0.75, 0.98)});
  const Color low = mix(top, {1, 1, 1}, between(p.draws, 0.4, 0.7));
  const double cell = between(p.draws, 0.15, 0.35) * p.width, contrast = between(p.draws, 1.2, 2.8);
  p.texture(0, bottom, top, low, cell, 4, contrast, 2);
  return {top, low};
}

Background meadow(Painter& p) {
  const double horizon = between(p.draws, 0.3, 0.6) * p.height;
  const auto [top, low] = sky(p, horizon + 1);
  const Color dark = to_rgb({between(p.draws, 85, 125), between(p.draws, 0.45, 0.7), between(p.draws, 0.35, 0.6)});
  p.texture(horizon, p.height, dark, mix(dark, {0.8, 1, 0.4}, 0.35), p.width * 0.08, 5, 1.9, 2);
  return {"meadow", "a green meadow under a blue sky", "place", {top, low, dark}};
}

Background beach(Painter& p) {
  const double horizon = between(p.draws, 0.22, 0.4) * p.height,
               shore = horizon + between(p.draws, 0.12, 0.25) * p.height;
  const auto [top, low] = sky(p, horizon + 1);
  const Color sea = to_rgb({between(p.draws, 195, 215), 0.7, between(p.draws, 0.5, 0.75)});
  p.texture(horizon, shore + 1, sea, mix(sea, {1, 1, 1}, 0.3), p.height * 0.03, 3, 2, 6);
  const Color grains = to_rgb({between(p.draws, 36, 46), between(p.draws, 0.25, 0.4), between(p.draws, 0.88, 0.98)});
  p.texture(shore, p.height, mix(grains, {0.5, 0.3, 0.1}, 0.25), grains, p.width * 0.1, 6, 1.5, 2);
  return {"beach", "a sandy beach with the sea and a blue sky behind it", "place", {top, low, sea, grains}};
}

Background room(Painter& p) {
  const double floor = between(p.draws, 0.55, 0.75) * p.height;
  const Tone wall = draw_tone(p.draws);
  p.texture(0, floor, wall.color, near_color(wall.color, p.draws), p.width * 0.5, 3, 0.8);
  const Color wood = to_rgb({between(p.draws, 22, 34), between(p.draws, 0.3, 0.6), between(p.draws, 0.4, 0.75)});
  p.texture(floor, p.height, wood, mix(wood, {1, 0.9, 0.8}, 0.3), p.height * 0.03, 3, 1.6, 10);
  p.rectangle(0, floor - p.height * 0.025, p.width, p.height * 0.03, mix(wall.color, {1, 1, 1}, 0.5));
  return {"room", "a room with a " + wall.name + " wall and a wooden floor", "place", {wall.color, wood}};
}

Background snow(Painter& p) {
  const double horizon = between(p.draws, 0.3, 0.5) * p.height;
  const auto [top, low] = sky(p, horizon + 1);
  const Color white = to_rgb({210, between(p.draws, 0.02, 0.06), between(p.draws, 0.95, 1)});
  p.texture(horizon, p.height, mix(white, {0.5, 0.6, 0.8}, 0.3), white, p.width * 0.25, 4, 1.6, 3);
  return {"snow", "a snowy field under a blue sky", "place", {top, low, white}};
}

Background road(Painter& p) {
  const double horizon = between(p.draws, 0.3, 0.5) * p.height;
  const auto [top, low] = sky(p, horizon + 1);
  const Color asphalt = to_rgb({220, 0.04, between(p.draws, 0.32, 0.48)});
  p.texture(horizon, p.height, mix(asphalt, {0, 0, 0}, 0.2), mix(asphalt, {1, 1, 1}, 0.12), p.width * 0.04, 4, 1.6);
  const double middle = (horizon + p.height) / 2, dash = p.width * 0.12;
  for (double x = -between(p.draws, 0, dash); x < p.width; x += 2 * dash) {
    p.rectangle(x, middle, dash, p.height * 0.02, {0.95, 0.95, 0.9});
  }
  return {"road", "a gray road under a blue sky", "place", {top, low, asphalt}};
}

Background night(Painter& p) {
  const Color top = to_rgb({between(p.draws, 225, 245), between(p.draws, 0.5, 0.8), between(p.draws, 0.1, 0.22)});
  const Color low = mix(top, {0.3, 0.3, 0.6}, between(p.draws, 0.2, 0.5));
  p.gradient(0, 0, 0, p.height, top, low);
  for (int i = 0; i < 70; ++i) {
    const double x = between(p.draws, 0, p.width), y = between(p.draws, 0, p.height);
    const double side = between(p.draws, 0.001, 0.006) * p.width;
    p.rectangle(x, y, std::max(1.0, side), std::max(1.0, side), {1, 1, 0.9}, between(p.draws, 0.3, 0.9));
  }
  return {"night sky", "a dark night sky with small stars", "place", {top, low}};
}

Background desk(Painter& p) {
  const double edge = between(p.draws, 0.35, 0.55) * p.height;
  const Tone wall = draw_tone(p.draws);
  p.texture(0, edge, wall.color, near_color(wall.color, p.draws), p.width * 0.6, 2, 0.7);
  const Color wood = to_rgb({between(p.draws, 20, 34), between(p.draws, 0.35, 0.6), between(p.draws, 0.45, 0.8)});
  p.texture(edge, p.height, wood, mix(wood, {1, 0.9, 0.75}, 0.35), p.height * 0.025, 3, 1.7, 14);
  p.rectangle(0, edge, p.width, p.height * 0.012, mix(wood, {0, 0, 0}, 0.4));
  return {"desk", "a wooden desk in front of a " + wall.name + " wall", "place", {wall.color, wood}};
}

using Paint = Background (*)(Painter&);
constexpr Paint kSimple[] = {plain, gradient, stripes, checkerboard, polka_dots, paper};
constexpr Paint kTextures[] = {clouds_of_color, wood, bricks, tiles, grass, sand, water, fabric, blurred_lights};
constexpr Paint kPlaces[] = {meadow, beach, room, snow, road, night, desk};

}  // namespace

Background paint_background(Canvas& canvas, BackgroundRange range, RandomStream& draws) {
  Painter painter(canvas, draws);
  Paint paint = plain;
  if (range == BackgroundRange::Simple && chance(draws, 0.5)) paint = pick(draws, kSimple);
  if (range == BackgroundRange::All) {
    const double family = draws.uniform();
    if (family < 0.3) {
      paint = pick(draws, kSimple);
    } else if (family < 0.65) {
      paint = pick(draws, kTextures);
    } else {
      paint = pick(draws, kPlaces);
    }
  }
  return paint(painter);
}

Background paint_paper(Canvas& canvas, RandomStream& draws) {
  Painter painter(canvas, draws);
  const bool is_white = chance(draws, 0.5);
  const Color paper =
      is_white ? Color{1, 1, 1} : to_rgb({between(draws, 30, 60), between(draws, 0, 0.08), between(draws, 0.86, 1)});
  painter.fill(paper);
  const double ruling = draws.uniform();
  if (ruling < 0.25) {
    set_color(painter.cairo, {0.6, 0.72, 0.9}, between(draws, 0.3, 0.8));
    cairo_set_line_width(painter.cairo, std::max(1.0, painter.height / 300));
    const double step = painter.height / between(draws, 8, 20);
    for (double y = step * draws.uniform(); y < painter.height; y += step) {
      cairo_move_to(painter.cairo, 0, y);
      cairo_line_to(painter.cairo, painter.width, y);
    }
    for (double x = step * draws.uniform(); ruling < 0.1 && x < painter.width; x += step) {
      cairo_move_to(painter.cairo, x, 0);
      cairo_line_to(painter.cairo, x, painter.height);
    }
    cairo_stroke(painter.cairo);
  }
  const char* sheet = ruling >= 0.25 ? "a sheet of paper" : ruling < 0.1 ? "squared paper" : "lined paper";
  return {"paper", sheet, "plain", {paper}};
}

}  // namespace molmo::synth
