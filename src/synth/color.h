// Colours, and the eleven basic colour words. A word stands for a range of shades that people agree on; ranges keep
// clear of each other, so that "the red one" is never a matter of taste.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/random.h"

namespace molmo::synth {

// sRGB, 0 to 1.
struct Color {
  double red = 0, green = 0, blue = 0;
  bool operator==(const Color&) const = default;
};

// Hue in degrees (any turn), saturation and value 0 to 1.
struct Hsv {
  double hue = 0, saturation = 0, value = 0;
};
Color to_rgb(Hsv color);
Hsv to_hsv(Color color);

Color mix(Color a, Color b, double share_of_b);
double luminance(Color color);      // 0 to 1, as bright as it looks
double distance(Color a, Color b);  // 0 to 1, weighted as the eye weighs the channels
uint32_t to_pixel(Color color);     // 0xFFRRGGBB
Color from_pixel(uint32_t pixel);
std::string to_hex(Color color);  // "#RRGGBB"

std::span<const std::string_view> color_names();
Color shade(std::string_view name, RandomStream& draws);  // one of the shades that the word stands for
Color typical(std::string_view name);                     // the middle of them
// The word for a colour, or nothing when it lies between the words.
std::optional<std::string_view> color_name(Color color);

}  // namespace molmo::synth
