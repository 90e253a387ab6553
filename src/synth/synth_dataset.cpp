#include "synth/synth_dataset.h"

#include <fmt/core.h>

#include "base/error.h"
#include "base/fields.h"
#include "config/training.h"
#include "synth/generator.h"

namespace molmo::synth {
namespace {

constexpr std::string_view kPrefix = "synth:";

uint64_t split_seed(uint64_t seed, const std::string& split) {
  if (split == "train") return seed;
  if (split != "validation" && split != "test") {
    fail(ErrorCategory::InvalidArgument, "data that is drawn has no split '{}', expected train, validation or test",
         split);
  }
  return RandomStream(seed, split).next();
}

// One map in every channel, as a gray picture is decoded, or three maps, each in a channel of its own.
std::shared_ptr<const image::Image> label_picture(const std::vector<uint8_t>& labels, ImageSize size) {
  return std::make_shared<const image::Image>(label_image(labels, size));
}

// The caption and one of its transcripts, as training on PixMo-Cap has them.
void keep_one_transcript(text::Example& example, RandomStream& draws) {
  const size_t num_transcripts = example.annotations.size() - 1;
  if (num_transcripts == 0) return;
  std::swap(example.annotations[1], example.annotations[1 + draws.below(num_transcripts)]);
  example.annotations.resize(2);
}

class SynthDataset final : public data::Dataset {
 public:
  SynthDataset(std::string name, std::string split, const GeneratorEntry& generator, SynthOptions options)
      : name_(std::move(name)), split_(std::move(split)), generator_(generator), options_(std::move(options)) {}

  const std::string& name() const override { return name_; }
  size_t size() const override { return static_cast<size_t>(options_.examples); }

  data::Example example(size_t index, RandomStream& draws) const override {
    if (index >= size()) fail(ErrorCategory::Internal, "{}: no example {} of {}", name_, index, size());
    SynthSample sample = make_sample(generator_, options_, index);
    data::Example example;
    example.id = fmt::format("{}-{}-{}", generator_.name, split_, index);
    const ImageSize picture_size = sample.picture.size;
    if (!sample.picture.pixels.empty()) {
      example.pictures.push_back({.pixels = std::make_shared<const image::Image>(std::move(sample.picture))});
    }
    if (!sample.labels.empty()) example.label_map = data::Picture{.pixels = label_picture(sample.labels, picture_size)};
    example.text = std::move(sample.text);
    if (generator_.schema == Schema::Cap) keep_one_transcript(example.text, draws);
    example.plain_text = std::move(sample.plain_text);
    example.metadata = std::move(sample.truth);
    return example;
  }

 private:
  std::string name_, split_;
  const GeneratorEntry& generator_;
  SynthOptions options_;
};

}  // namespace

bool is_synth_dataset(std::string_view name) {
  return name.starts_with(kPrefix);
}

std::shared_ptr<const data::Dataset> open_synth_dataset(const config::DataSource& source) {
  if (!is_synth_dataset(source.name)) {
    fail(ErrorCategory::InvalidArgument, "'{}' is not drawn: names of data that is begin with '{}'", source.name,
         kPrefix);
  }
  if (!source.path.empty()) {
    fail(ErrorCategory::InvalidArgument, "{}: it is drawn and has no path, found '{}'", source.name, source.path);
  }
  const GeneratorEntry& generator = find_generator(std::string_view(source.name).substr(kPrefix.size()));
  SynthOptions options;
  for (const std::string& option : source.options) set_field(options, option);
  options.seed = split_seed(options.seed, source.split);
  make_sample(generator, options, 0);  // what is wrong with the options shows now and not while training
  return std::make_shared<const SynthDataset>(source.name, source.split, generator, std::move(options));
}

std::shared_ptr<const data::Dataset> open_any_dataset(const data::DatasetSource& source) {
  if (!is_synth_dataset(source.name)) return data::open_dataset(source);
  config::DataSource drawn;
  drawn.name = source.name;
  drawn.path = source.path.string();
  drawn.split = source.split;
  drawn.options = source.options;
  return open_synth_dataset(drawn);
}

}  // namespace molmo::synth
