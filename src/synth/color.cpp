#include "synth/color.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "synth/draws.h"

namespace molmo::synth {
namespace {

struct Range {
  std::string_view name;
  double hue[2], saturation[2], value[2];
};

constexpr Range kRanges[] = {
    {"red", {351, 366}, {0.75, 1}, {0.7, 0.95}},  {"orange", {23, 35}, {0.85, 1}, {0.92, 1}},
    {"yellow", {48, 58}, {0.72, 1}, {0.92, 1}},   {"green", {98, 148}, {0.55, 1}, {0.4, 0.8}},
    {"blue", {207, 234}, {0.65, 1}, {0.6, 1}},    {"purple", {268, 288}, {0.5, 0.9}, {0.45, 0.75}},
    {"pink", {322, 345}, {0.35, 0.6}, {0.93, 1}}, {"brown", {18, 30}, {0.6, 0.8}, {0.34, 0.5}},
    {"black", {0, 360}, {0, 0.15}, {0.03, 0.14}}, {"white", {0, 360}, {0, 0.03}, {0.96, 1}},
    {"gray", {0, 360}, {0, 0.06}, {0.46, 0.64}},
};

constexpr auto kNames = [] {
  std::array<std::string_view, std::size(kRanges)> names;
  for (size_t i = 0; i < names.size(); ++i) names[i] = kRanges[i].name;
  return names;
}();

const Range& range(std::string_view name) {
  const auto found =
      std::find_if(std::begin(kRanges), std::end(kRanges), [&](const Range& r) { return r.name == name; });
  if (found == std::end(kRanges)) fail(ErrorCategory::Internal, "'{}' is not a basic colour", name);
  return *found;
}

}  // namespace

Color to_rgb(Hsv color) {
  const double hue = color.hue / 60 - 6 * std::floor(color.hue / 360);
  const auto channel = [&](double offset) {
    const double k = std::fmod(offset + hue, 6);
    return color.value * (1 - color.saturation * std::clamp(std::min(k, 4 - k), 0.0, 1.0));
  };
  return {channel(5), channel(3), channel(1)};
}

Hsv to_hsv(Color color) {
  const double high = std::max({color.red, color.green, color.blue});
  const double span = high - std::min({color.red, color.green, color.blue});
  if (span <= 0) return {0, 0, high};
  double hue;
  if (high == color.red) {
    hue = (color.green - color.blue) / span;
  } else if (high == color.green) {
    hue = 2 + (color.blue - color.red) / span;
  } else {
    hue = 4 + (color.red - color.green) / span;
  }
  return {hue < 0 ? hue * 60 + 360 : hue * 60, span / high, high};
}

Color mix(Color a, Color b, double share) {
  return {a.red + (b.red - a.red) * share, a.green + (b.green - a.green) * share, a.blue + (b.blue - a.blue) * share};
}

double luminance(Color color) {
  return 0.299 * color.red + 0.587 * color.green + 0.114 * color.blue;
}

double distance(Color a, Color b) {
  const double red = a.red - b.red, green = a.green - b.green, blue = a.blue - b.blue;
  return std::sqrt(0.3 * red * red + 0.5 * green * green + 0.2 * blue * blue);
}

uint32_t to_pixel(Color color) {
  const auto byte = [](double value) { return static_cast<uint32_t>(std::lround(std::clamp(value, 0.0, 1.0) * 255)); };
  return 0xFF000000u | byte(color.red) << 16 | byte(color.green) << 8 | byte(color.blue);
}

std::string to_hex(Color color) {
  return fmt::format("#{:06X}", to_pixel(color) & 0xFFFFFF);
}

Color from_pixel(uint32_t pixel) {
  return {(pixel >> 16 & 255) / 255.0, (pixel >> 8 & 255) / 255.0, (pixel & 255) / 255.0};
}

std::span<const std::string_view> color_names() {
  return kNames;
}

Color shade(std::string_view name, RandomStream& draws) {
  const Range& r = range(name);
  return to_rgb({between(draws, r.hue[0], r.hue[1]), between(draws, r.saturation[0], r.saturation[1]),
                 between(draws, r.value[0], r.value[1])});
}

Color typical(std::string_view name) {
  const Range& r = range(name);
  return to_rgb({(r.hue[0] + r.hue[1]) / 2, (r.saturation[0] + r.saturation[1]) / 2, (r.value[0] + r.value[1]) / 2});
}

std::optional<std::string_view> color_name(Color color) {
  const Hsv hsv = to_hsv(color);
  // Pixels are rounded, which moves the saturation of dark colours most.
  const double slack = 0.01 + 1 / (255 * std::max(hsv.value, 0.02));
  for (const Range& r : kRanges) {
    const bool hue_fits = (hsv.hue >= r.hue[0] - 2 && hsv.hue <= r.hue[1] + 2) || hsv.hue + 360 <= r.hue[1] + 2;
    if ((hue_fits || r.saturation[0] == 0) && hsv.saturation >= r.saturation[0] - slack &&
        hsv.saturation <= r.saturation[1] + slack && hsv.value >= r.value[0] - 0.01 && hsv.value <= r.value[1] + 0.01) {
      return r.name;
    }
  }
  return std::nullopt;
}

}  // namespace molmo::synth
