#include "synth/sprite.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace molmo::synth {
namespace {

Sprite halve(const Sprite& from) {
  Sprite to{(from.width + 1) / 2, (from.height + 1) / 2, {}};
  to.pixels.resize(static_cast<size_t>(to.width) * to.height);
  for (int y = 0; y < to.height; ++y) {
    for (int x = 0; x < to.width; ++x) {
      uint32_t sums[4] = {2, 2, 2, 2};  // rounds the division by four
      for (int dy = 0; dy < 2; ++dy) {
        for (int dx = 0; dx < 2; ++dx) {
          if (2 * x + dx >= from.width || 2 * y + dy >= from.height) continue;
          const uint32_t pixel = from.pixels[static_cast<size_t>(2 * y + dy) * from.width + 2 * x + dx];
          for (int c = 0; c < 4; ++c) sums[c] += pixel >> (8 * c) & 255;
        }
      }
      uint32_t pixel = 0;
      for (int c = 0; c < 4; ++c) pixel |= (sums[c] / 4) << (8 * c);
      to.pixels[static_cast<size_t>(y) * to.width + x] = pixel;
    }
  }
  return to;
}

// Weight of b: 0 to 256. Two channels at a time; no channel can carry into its neighbour.
uint32_t blend(uint32_t a, uint32_t b, uint32_t weight) {
  constexpr uint32_t kMask = 0x00FF00FF;
  const uint32_t low = ((a & kMask) * (256 - weight) + (b & kMask) * weight) >> 8 & kMask;
  const uint32_t high = ((a >> 8 & kMask) * (256 - weight) + (b >> 8 & kMask) * weight) & ~kMask;
  return low | high;
}

}  // namespace

SpritePyramid make_pyramid(Sprite sprite) {
  SpritePyramid pyramid;
  pyramid.levels.push_back(std::move(sprite));
  while (std::max(pyramid.levels.back().width, pyramid.levels.back().height) > 8) {
    pyramid.levels.push_back(halve(pyramid.levels.back()));
  }
  return pyramid;
}

std::vector<uint8_t> opaque_mask(std::span<const uint32_t> pixels) {
  std::vector<uint8_t> mask;
  mask.reserve(pixels.size());
  for (const uint32_t pixel : pixels) mask.push_back(pixel >> 24 >= 128 ? 255 : 0);
  return mask;
}

Sprite trim_transparent(const Sprite& sprite) {
  int left = sprite.width, right = 0, top = sprite.height, bottom = 0;
  for (int y = 0; y < sprite.height; ++y) {
    for (int x = 0; x < sprite.width; ++x) {
      if (sprite.pixels[static_cast<size_t>(y) * sprite.width + x] >> 24 < 32) continue;
      left = std::min(left, x), right = std::max(right, x + 1);
      top = std::min(top, y), bottom = std::max(bottom, y + 1);
    }
  }
  if (left >= right) return {};
  Sprite trimmed{right - left, bottom - top, {}};
  for (int y = top; y < bottom; ++y) {
    const auto row = sprite.pixels.begin() + static_cast<ptrdiff_t>(y) * sprite.width;
    trimmed.pixels.insert(trimmed.pixels.end(), row + left, row + right);
  }
  return trimmed;
}

Sprite pose_sprite(const SpritePyramid& pyramid, const SpritePose& pose) {
  size_t level = 0;
  const auto longer_side = [&](size_t i) {
    return static_cast<double>(std::max(pyramid.levels[i].width, pyramid.levels[i].height));
  };
  while (level + 1 < pyramid.levels.size() && longer_side(level + 1) >= pose.length) ++level;
  const Sprite& from = pyramid.levels[level];
  const double scale = pose.length / longer_side(level);
  const double cosine = std::cos(pose.angle), sine = std::sin(pose.angle);
  const double half_width = from.width * scale / 2, half_height = from.height * scale / 2;
  const double reach_x = std::abs(cosine) * half_width + std::abs(sine) * half_height;
  const double reach_y = std::abs(sine) * half_width + std::abs(cosine) * half_height;
  Sprite to{static_cast<int>(std::ceil(2 * reach_x)) + 2, static_cast<int>(std::ceil(2 * reach_y)) + 2, {}};
  to.pixels.resize(static_cast<size_t>(to.width) * to.height);

  // Places in the source in 1/256 pixels, advanced along each row.
  const double mirror = pose.is_mirrored ? -1 : 1;
  const auto fixed = [](double value) { return static_cast<int64_t>(std::lround(value * 65536)); };
  const int64_t step_x = fixed(mirror * cosine / scale), step_y = fixed(-sine / scale);
  const auto at = [&](int x, int y) -> uint32_t {
    if (x < 0 || y < 0 || x >= from.width || y >= from.height) return 0;
    return from.pixels[static_cast<size_t>(y) * from.width + x];
  };
  for (int y = 0; y < to.height; ++y) {
    const double dx = 0.5 - to.width / 2.0, dy = y + 0.5 - to.height / 2.0;
    int64_t u = fixed(mirror * (cosine * dx + sine * dy) / scale + from.width / 2.0 - 0.5);
    int64_t v = fixed((-sine * dx + cosine * dy) / scale + from.height / 2.0 - 0.5);
    for (int x = 0; x < to.width; ++x, u += step_x, v += step_y) {
      const int ix = static_cast<int>(u >> 16), iy = static_cast<int>(v >> 16);
      if (ix < -1 || iy < -1 || ix >= from.width || iy >= from.height) continue;
      const uint32_t fx = u >> 8 & 255, fy = v >> 8 & 255;
      to.pixels[static_cast<size_t>(y) * to.width + x] =
          blend(blend(at(ix, iy), at(ix + 1, iy), fx), blend(at(ix, iy + 1), at(ix + 1, iy + 1), fx), fy);
    }
  }
  return to;
}

}  // namespace molmo::synth
