// The kinds of synthetic data by name, and one example of a kind by its number.
//   const GeneratorEntry& points = find_generator("points");
//   SynthSample sample = make_sample(points, options, /*index=*/7);
// Example n depends on (seed, kind, n) and the options alone: not on other examples, threads or the order of calls.
// Adding a kind is one file with its function and one line in generator.cpp.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/random.h"
#include "image/image.h"
#include "synth/options.h"
#include "text/example.h"

namespace molmo::synth {

struct SynthSample {
  image::Image picture;                   // empty for text alone
  text::Example text;                     // points in percent, but of `count` in pixels, as in PixMo
  std::optional<std::string> plain_text;  // of the kind `text`
  std::vector<uint8_t> labels;            // [maps, height, width], a class per pixel, where the options ask for it;
                                          // three maps for LabelMap::All, else one
  std::shared_ptr<const Json> truth;      // everything that was drawn
};

// Which PixMo schema the files of a kind have; Records: own data (data/jsonl.h).
enum class Schema { Points, Count, Cap, CapQa, Ask, Docs, Clocks, Records };

struct GeneratorEntry {
  std::string_view name;
  std::string_view summary;  // one line
  Schema schema;
  SynthSample (*make)(const SynthOptions& options, RandomStream& draws);
};

std::span<const GeneratorEntry> generators();
// Throws InvalidArgument naming the nearest name.
const GeneratorEntry& find_generator(std::string_view name);

// [maps, height, width] as a picture: one map in every channel, or three maps in red, green and blue.
image::Image label_image(const std::vector<uint8_t>& labels, ImageSize size);

// Throws InvalidArgument for options that do not fit the kind, NotFound where a font is missing.
SynthSample make_sample(const GeneratorEntry& generator, const SynthOptions& options, uint64_t index);

}  // namespace molmo::synth
