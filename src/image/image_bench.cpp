// From a photo-sized JPEG to crops, on one thread. The reference's figures for the same work stand in
// docs/performance.md.
#include <benchmark/benchmark.h>

#include <cmath>
#include <string>

#include "base/random.h"
#include "base/threads.h"
#include "image/crops.h"
#include "image/encode.h"

namespace molmo::image {
namespace {

// 2000x1500, waves and grain: about as many bytes as a camera's JPEG.
const Image& photo() {
  static const Image image = [] {
    Image made{{1500, 2000}, std::vector<uint8_t>(1500 * 2000 * 3)};
    RandomStream random(1, "photo");
    for (int64_t i = 0; i < 1500 * 2000 * 3; ++i) {
      const double x = static_cast<double>(i / 3 % 2000), y = static_cast<double>(i / 6000),
                   c = static_cast<double>(i % 3);
      const double light =
          0.5 + 0.25 * std::sin(x / (40 + 9 * c)) + 0.2 * std::sin(y / 31 + x / 170 * c) + 0.02 * random.normal();
      made.pixels[i] = static_cast<uint8_t>(255 * std::fmin(std::fmax(light, 0), 1));
    }
    return made;
  }();
  return image;
}

const std::string& photo_jpeg() {
  static const std::string bytes = encode_jpeg(photo(), 95);
  return bytes;
}

config::ModelConfig config_with(int64_t max_crops) {
  config::ModelConfig config = config::preset("molmo-7b-d");
  config.image_input.max_crops = max_crops;
  return config;
}

Image decode() {
  return decode_image(std::as_bytes(std::span(photo_jpeg())), "photo.jpg");
}

void BM_DecodeJpeg2000x1500(benchmark::State& state) {
  photo_jpeg();
  for (auto _ : state) benchmark::DoNotOptimize(decode());
  state.counters["MB"] = static_cast<double>(photo_jpeg().size()) / 1e6;
}

void BM_Crops2000x1500(benchmark::State& state) {
  set_num_threads(1);
  const config::ModelConfig config = config_with(state.range(0));
  const Image& image = photo();
  for (auto _ : state) benchmark::DoNotOptimize(make_crops(image, config));
}

void BM_StretchedCrops2000x1500(benchmark::State& state) {
  set_num_threads(1);
  config::ModelConfig config = config_with(12);
  config.image_input.resize_mode = static_cast<config::ResizeMode>(state.range(0));
  const Image& image = photo();
  for (auto _ : state) benchmark::DoNotOptimize(make_crops(image, config));
}

void BM_JpegToCrops2000x1500(benchmark::State& state) {
  set_num_threads(1);
  const config::ModelConfig config = config_with(state.range(0));
  photo_jpeg();
  for (auto _ : state) benchmark::DoNotOptimize(make_crops(decode(), config));
}

BENCHMARK(BM_DecodeJpeg2000x1500)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_Crops2000x1500)->Arg(12)->Arg(36)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_StretchedCrops2000x1500)
    ->ArgName("mode")
    ->Arg(static_cast<int64_t>(config::ResizeMode::StretchBilinear))
    ->Arg(static_cast<int64_t>(config::ResizeMode::StretchBicubic))
    ->Unit(benchmark::kMillisecond);
BENCHMARK(BM_JpegToCrops2000x1500)->Arg(12)->Arg(36)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace molmo::image
