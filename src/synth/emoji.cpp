#include "synth/emoji.h"

#include <ft2build.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>
#include <string>
#include FT_FREETYPE_H

#include "base/error.h"
#include "synth/color.h"
#include "synth/font_file.h"

namespace molmo::synth {
namespace {

constexpr const char* kFamily = "Noto Color Emoji";

// One face and its mutex: FreeType's faces are not for several threads.
class EmojiFont {
 public:
  static EmojiFont& instance() {
    static EmojiFont font;
    return font;
  }

  const SpritePyramid& get(char32_t code_point, std::string_view color) {
    std::lock_guard lock(mutex_);
    const auto key = std::pair(code_point, std::string(color));
    const auto found = sprites_.find(key);
    if (found != sprites_.end()) return found->second;
    Sprite sprite = trim_transparent(read_glyph(code_point));
    if (!color.empty()) sprite = paint(std::move(sprite), typical(color));
    return sprites_.emplace(key, make_pyramid(std::move(sprite))).first->second;
  }

 private:
  EmojiFont() {
    const std::string file = find_font_file(kFamily, "").path;
    if (file.empty()) {
      fail(ErrorCategory::NotFound, "the font '{}' is not installed. On Debian: apt-get install fonts-noto-color-emoji",
           kFamily);
    }
    if (FT_Init_FreeType(&library_) != 0 || FT_New_Face(library_, file.c_str(), 0, &face_) != 0 ||
        face_->num_fixed_sizes < 1 || FT_Select_Size(face_, 0) != 0) {
      fail(ErrorCategory::BadData, "{}: not a colour emoji font with bitmaps", file);
    }
  }
  ~EmojiFont() {
    FT_Done_Face(face_);
    FT_Done_FreeType(library_);
  }

  Sprite read_glyph(char32_t code_point) {
    const FT_UInt glyph = FT_Get_Char_Index(face_, code_point);
    if (glyph == 0 || FT_Load_Glyph(face_, glyph, FT_LOAD_COLOR) != 0 ||
        face_->glyph->bitmap.pixel_mode != FT_PIXEL_MODE_BGRA) {
      fail(ErrorCategory::NotFound, "{} has no picture for U+{:04X}; a newer version of the font may have it", kFamily,
           static_cast<uint32_t>(code_point));
    }
    const FT_Bitmap& bitmap = face_->glyph->bitmap;
    Sprite sprite{static_cast<int>(bitmap.width), static_cast<int>(bitmap.rows), {}};
    for (int y = 0; y < sprite.height; ++y) {
      const unsigned char* row = bitmap.buffer + y * bitmap.pitch;
      for (int x = 0; x < sprite.width; ++x, row += 4) {
        sprite.pixels.push_back(uint32_t{row[3]} << 24 | uint32_t{row[2]} << 16 | uint32_t{row[1]} << 8 | row[0]);
      }
    }
    return sprite;
  }

  static Hsv unpremultiplied(uint32_t pixel) {
    const double alpha = std::max(1u, pixel >> 24);
    return to_hsv({(pixel >> 16 & 255) / alpha, (pixel >> 8 & 255) / alpha, (pixel & 255) / alpha});
  }

  // The main hue is the one with the most colourful pixels; they are moved to the new colour and keep their shading.
  static Sprite paint(Sprite sprite, Color color) {
    constexpr int kBins = 36;
    double weight[kBins] = {}, value_sum = 0, value_weight = 0;
    for (uint32_t pixel : sprite.pixels) {
      const Hsv hsv = unpremultiplied(pixel);
      if (pixel >> 24 < 128 || hsv.saturation < 0.3) continue;
      weight[static_cast<int>(hsv.hue / 360 * kBins) % kBins] += hsv.saturation * hsv.value;
    }
    const double main_hue = (std::max_element(weight, weight + kBins) - weight + 0.5) * 360 / kBins;
    const auto belongs = [&](const Hsv& hsv) {
      const double apart = std::abs(std::remainder(hsv.hue - main_hue, 360));
      return apart < 38 && hsv.saturation > 0.18;
    };
    for (uint32_t pixel : sprite.pixels) {
      const Hsv hsv = unpremultiplied(pixel);
      if (pixel >> 24 < 128 || !belongs(hsv)) continue;
      value_sum += hsv.value;
      value_weight += 1;
    }
    const double mean_value = value_weight > 0 ? value_sum / value_weight : 1;
    const Hsv target = to_hsv(color);
    for (uint32_t& pixel : sprite.pixels) {
      const Hsv hsv = unpremultiplied(pixel);
      if (pixel >> 24 == 0 || !belongs(hsv)) continue;
      // Pale pixels, such as the shine on a balloon, stay paler than the rest.
      const double paleness = std::clamp((0.6 - hsv.saturation) / 0.42, 0.0, 1.0);
      Hsv painted{target.hue, target.saturation * (1 - 0.6 * paleness),
                  std::min(1.0, target.value * hsv.value / mean_value)};
      if (target.value < 0.2) painted.value += 0.25 * paleness;
      const Color rgb = to_rgb(painted);
      const uint32_t alpha = pixel >> 24;
      const auto channel = [&](double value) { return static_cast<uint32_t>(std::lround(value * alpha)); };
      pixel = alpha << 24 | channel(rgb.red) << 16 | channel(rgb.green) << 8 | channel(rgb.blue);
    }
    return sprite;
  }

  FT_Library library_ = nullptr;
  FT_Face face_ = nullptr;
  std::mutex mutex_;
  std::map<std::pair<char32_t, std::string>, SpritePyramid> sprites_;  // nodes stay where they are
};

}  // namespace

const SpritePyramid& emoji(char32_t code_point) {
  return EmojiFont::instance().get(code_point, "");
}

const SpritePyramid& painted_emoji(char32_t code_point, std::string_view color) {
  return EmojiFont::instance().get(code_point, color);
}

}  // namespace molmo::synth
