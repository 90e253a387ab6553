#include <cmath>

#include "synth/background.h"
#include "synth/draws.h"

namespace molmo::synth {
namespace {

// Adds `amplitude` times a lattice of random values, smoothly interpolated.
void add_octave(std::vector<float>& field, ImageSize size, double cell, float amplitude, RandomStream& draws) {
  const auto columns = static_cast<size_t>(static_cast<double>(size.width) / cell) + 2;
  const auto rows = static_cast<size_t>(static_cast<double>(size.height) / cell) + 2;
  std::vector<float> lattice(columns * rows);
  for (float& value : lattice) value = static_cast<float>(draws.uniform());
  struct Place {
    size_t index;
    float weight;
  };
  const auto place = [&](int64_t position) {
    const double at = static_cast<double>(position) / cell, part = at - std::floor(at);
    return Place{static_cast<size_t>(at), static_cast<float>(part * part * (3 - 2 * part))};
  };
  std::vector<Place> across;
  for (int64_t x = 0; x < size.width; ++x) across.push_back(place(x));
  std::vector<float> row(columns);
  for (int64_t y = 0; y < size.height; ++y) {
    const Place down = place(y);
    const float* upper = lattice.data() + down.index * columns;
    for (size_t i = 0; i < columns; ++i) row[i] = upper[i] + (upper[columns + i] - upper[i]) * down.weight;
    float* to = field.data() + y * size.width;
    for (const Place& p : across) *to++ += amplitude * (row[p.index] + (row[p.index + 1] - row[p.index]) * p.weight);
  }
}

}  // namespace

std::vector<float> noise_field(ImageSize size, double cell, int octaves, RandomStream& draws) {
  std::vector<float> field(static_cast<size_t>(size.height * size.width));
  float amplitude = 1, total = 0;
  for (int i = 0; i < octaves && cell >= 1; ++i, cell /= 2, amplitude *= 0.55f) {
    add_octave(field, size, cell, amplitude, draws);
    total += amplitude;
  }
  for (float& value : field) value /= total;
  return field;
}

void photograph(Canvas& canvas, double strength, RandomStream& draws) {
  const ImageSize size = canvas.size();
  // Light falls off from a point, and every channel has its own gain.
  const double light_x = between(draws, 0.2, 0.8), light_y = between(draws, 0.1, 0.7);
  const double falloff = strength * between(draws, 0, 0.35), grain = strength * between(draws, 0, 14);
  int32_t gains[3];
  for (int32_t& gain : gains) gain = static_cast<int32_t>(256 * (1 + strength * between(draws, -0.05, 0.05)));
  // In 1/65536: light at each column and row, to be added.
  const auto dimming = [&](int64_t length, double light) {
    std::vector<int32_t> values;
    for (int64_t i = 0; i < length; ++i) {
      const double apart = static_cast<double>(i) / static_cast<double>(length) - light;
      values.push_back(static_cast<int32_t>(65536 * 2 * falloff * apart * apart));
    }
    return values;
  };
  const std::vector<int32_t> across = dimming(size.width, light_x), down = dimming(size.height, light_y);
  const auto amplitude = static_cast<int32_t>(grain * 256);
  uint64_t state = draws.next() | 1;
  uint32_t* pixel = canvas.pixels().data();
  for (int64_t y = 0; y < size.height; ++y) {
    for (int64_t x = 0; x < size.width; ++x, ++pixel) {
      const int32_t light = (65536 - across[static_cast<size_t>(x)] - down[static_cast<size_t>(y)]) >> 8;
      state ^= state << 13, state ^= state >> 7, state ^= state << 17;
      // The sum of two uniform draws, about -256 to 256.
      const int32_t noise = static_cast<int32_t>(state & 255) + static_cast<int32_t>(state >> 8 & 255) - 255;
      const int32_t offset = (noise * amplitude) >> 16;
      const auto channel = [&](int shift, int32_t gain) {
        const int32_t value = ((static_cast<int32_t>(*pixel >> shift & 255) * gain * light) >> 16) + offset;
        return static_cast<uint32_t>(value < 0 ? 0 : value > 255 ? 255 : value) << shift;
      };
      *pixel = 0xFF000000u | channel(16, gains[2]) | channel(8, gains[1]) | channel(0, gains[0]);
    }
  }
  canvas.pixels_changed();
}

}  // namespace molmo::synth
