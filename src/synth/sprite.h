// A small picture with transparency, and drawing it larger, smaller, turned or mirrored.
// Pixels are 0xAARRGGBB, premultiplied by alpha.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace molmo::synth {

struct Sprite {
  int width = 0, height = 0;
  std::vector<uint32_t> pixels;
};

// The sprite at full size, half, quarter, ..., for smooth reduction.
struct SpritePyramid {
  std::vector<Sprite> levels;
};
SpritePyramid make_pyramid(Sprite sprite);

// 255 where a pixel hides more than half of what is behind it.
std::vector<uint8_t> opaque_mask(std::span<const uint32_t> pixels);

Sprite trim_transparent(const Sprite& sprite);

struct SpritePose {
  double length = 64;  // of the longer side, in pixels
  double angle = 0;    // clockwise, in radians
  bool is_mirrored = false;
};

// The smallest picture that holds the posed sprite. Two-by-two interpolation of the level above the wanted size.
Sprite pose_sprite(const SpritePyramid& pyramid, const SpritePose& pose);

}  // namespace molmo::synth
