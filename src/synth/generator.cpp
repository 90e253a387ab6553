#include "synth/generator.h"

#include <algorithm>
#include <iterator>

#include "base/error.h"
#include "base/nearest.h"

namespace molmo::synth {

SynthSample make_points(const SynthOptions& options, RandomStream& draws);
SynthSample make_count(const SynthOptions& options, RandomStream& draws);
SynthSample make_caption(const SynthOptions& options, RandomStream& draws);
SynthSample make_caption_questions(const SynthOptions& options, RandomStream& draws);
SynthSample make_questions(const SynthOptions& options, RandomStream& draws);
SynthSample make_scene(const SynthOptions& options, RandomStream& draws);
SynthSample make_clock(const SynthOptions& options, RandomStream& draws);
SynthSample make_docs(const SynthOptions& options, RandomStream& draws);
SynthSample make_android(const SynthOptions& options, RandomStream& draws);
SynthSample make_text(const SynthOptions& options, RandomStream& draws);

namespace {

constexpr GeneratorEntry kGenerators[] = {
    {"points", "scenes, and things to point at, present and absent", Schema::Points, make_points},
    {"count", "scenes, and things to count", Schema::Count, make_count},
    {"cap", "scenes with dense captions and spoken transcripts", Schema::Cap, make_caption},
    {"capqa", "scenes with conversations about them", Schema::CapQa, make_caption_questions},
    {"ask", "scenes with questions and short answers", Schema::Ask, make_questions},
    {"scenes", "scenes with all of these about the same picture", Schema::Records, make_scene},
    {"clocks", "clocks and watches, and the time that they show", Schema::Clocks, make_clock},
    {"docs", "charts, tables, documents, diagrams and screens with questions", Schema::Docs, make_docs},
    {"android", "screens of phones, and what to do on them", Schema::Records, make_android},
    {"text", "captions, questions and answers without pictures", Schema::Records, make_text},
};

}  // namespace

std::span<const GeneratorEntry> generators() {
  return kGenerators;
}

const GeneratorEntry& find_generator(std::string_view name) {
  const auto found = std::find_if(std::begin(kGenerators), std::end(kGenerators),
                                  [&](const GeneratorEntry& entry) { return entry.name == name; });
  if (found == std::end(kGenerators)) {
    std::vector<std::string> names;
    std::string list;
    for (const GeneratorEntry& entry : kGenerators) {
      names.emplace_back(entry.name);
      list += (list.empty() ? "" : ", ") + names.back();
    }
    fail(ErrorCategory::InvalidArgument, "'{}' is not a kind of synthetic data, expected one of: {}.{}", name, list,
         did_you_mean(name, names));
  }
  return *found;
}

image::Image label_image(const std::vector<uint8_t>& labels, ImageSize size) {
  const auto num_pixels = static_cast<size_t>(size.width * size.height);
  const size_t num_maps = labels.size() / num_pixels;
  check_internal(num_maps * num_pixels == labels.size() && (num_maps == 1 || num_maps == 3), "one or three label maps");
  image::Image picture{size, std::vector<uint8_t>(3 * num_pixels)};
  for (size_t i = 0; i < picture.pixels.size(); ++i)
    picture.pixels[i] = labels[(i % 3) % num_maps * num_pixels + i / 3];
  return picture;
}

SynthSample make_sample(const GeneratorEntry& generator, const SynthOptions& options, uint64_t index) {
  options.validate();
  RandomStream draws(options.seed, generator.name, index);
  SynthSample sample = generator.make(options, draws);
  if (!options.style.empty())
    for (text::Annotation& annotation : sample.text.annotations) annotation.style = options.style;
  return sample;
}

}  // namespace molmo::synth
