#include "synth/synth_dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "base/error.h"
#include "config/training.h"
#include "data/loader.h"
#include "data/picture_file.h"
#include "synth/generator.h"

namespace molmo::synth {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

std::shared_ptr<const data::Dataset> open(const std::string& kind, const std::vector<std::string>& options,
                                          const std::string& split = "train") {
  config::DataSource source;
  source.name = "synth:" + kind;
  source.split = split;
  source.options = options;
  return open_synth_dataset(source);
}

data::Example get(const data::Dataset& dataset, size_t index) {
  RandomStream draws(0, "test", index);
  return dataset.example(index, draws);
}

const std::vector<std::string> kSmall = {"size=64", "difficulty=easy", "examples=1000"};

TEST(SynthDataset, GivesTheSamplesOfEveryKindInPixels) {
  SynthOptions options;
  options.size = 64;
  options.difficulty = Difficulty::Easy;
  for (const GeneratorEntry& generator : generators()) {
    const auto dataset = open(std::string(generator.name), kSmall);
    EXPECT_EQ(dataset->size(), 1000u);
    EXPECT_EQ(dataset->name(), "synth:" + std::string(generator.name));
    const data::Example example = get(*dataset, 3);
    const SynthSample sample = make_sample(generator, options, 3);
    EXPECT_EQ(example.id, std::string(generator.name) + "-train-3");
    EXPECT_EQ(example.plain_text, sample.plain_text);
    if (sample.plain_text) {
      EXPECT_TRUE(example.pictures.empty());
      EXPECT_FALSE(example.plain_text->empty());
      continue;
    }
    ASSERT_EQ(example.pictures.size(), 1u) << generator.name;
    EXPECT_EQ(data::decode_picture(example.pictures[0]).pixels, sample.picture.pixels) << generator.name;
    EXPECT_FALSE(example.text.annotations.empty()) << generator.name;
    EXPECT_FALSE(example.label_map);
  }
}

TEST(SynthDataset, PassesTheLabelOfEveryPixelInEveryChannel) {
  SynthOptions options;
  options.size = 64;
  options.difficulty = Difficulty::Easy;
  options.labels = LabelMap::Kinds;
  std::vector<std::string> assignments = kSmall;
  assignments.push_back("labels=kinds");
  const data::Example example = get(*open("points", assignments), 5);
  const SynthSample sample = make_sample(find_generator("points"), options, 5);
  ASSERT_TRUE(example.label_map);
  const image::Image map = data::decode_picture(*example.label_map);
  ASSERT_EQ(map.pixels.size(), 3 * sample.labels.size());
  for (size_t i = 0; i < map.pixels.size(); ++i) ASSERT_EQ(map.pixels[i], sample.labels[i / 3]);
}

TEST(SynthDataset, SplitsShareNoExample) {
  std::set<std::vector<uint8_t>> seen;
  for (const std::string split : {"train", "validation", "test"}) {
    const auto dataset = open("clocks", kSmall, split);
    for (size_t index = 0; index < 20; ++index) {
      EXPECT_TRUE(seen.insert(get(*dataset, index).pictures[0].pixels->pixels).second) << split << " " << index;
    }
  }
}

TEST(SynthDataset, GivesACaptionAndOneOfItsTranscripts) {
  const auto dataset = open("cap", kSmall);
  for (size_t index = 0; index < 10; ++index) {
    const data::Example example = get(*dataset, index);
    ASSERT_EQ(example.text.annotations.size(), 2u);
    EXPECT_EQ(example.text.annotations[0].style, "long_caption");
    EXPECT_EQ(example.text.annotations[1].style, "transcript");
  }
  std::vector<std::string> options = kSmall;
  options.push_back("transcripts=0");
  EXPECT_EQ(get(*open("cap", options), 0).text.annotations.size(), 1u);
}

// The loader draws them ahead, in the same order whatever the number of workers.
TEST(SynthDataset, IsDrawnByTheWorkersOfALoader) {
  std::vector<config::MixtureGroup> groups(1);
  for (const char* kind : {"synth:points", "synth:ask", "synth:clocks"}) {
    config::DataSource& source = groups[0].sources.emplace_back();
    source.name = kind;
    source.options = kSmall;
  }
  const auto mixture =
      std::make_shared<const data::Mixture>(data::open_mixture(groups, {.seed = 3, .open = open_synth_dataset}));
  std::vector<std::vector<std::string>> ids;
  for (const int workers : {0, 3}) {
    data::Loader<std::string> loader(mixture, [](const data::Example& example, RandomStream&) { return example.id; },
                                     {.num_workers = workers, .end = 40});
    ids.emplace_back();
    while (auto id = loader.next()) ids.back().push_back(*id);
    EXPECT_EQ(loader.bad_samples().size(), 0u);
  }
  EXPECT_EQ(ids[0], ids[1]);
  EXPECT_EQ(ids[0].size(), 40u);
}

TEST(SynthDataset, RefusesWhatCannotBeDrawn) {
  EXPECT_THAT([] { open("point", kSmall); }, ThrowsMessage<Error>(HasSubstr("points")));
  EXPECT_THAT([] { open("points", {"dificulty=easy"}); }, ThrowsMessage<Error>(HasSubstr("difficulty")));
  EXPECT_THAT([] { open("points", {"kinds=[aple]"}); }, ThrowsMessage<Error>(HasSubstr("apple")));
  EXPECT_THAT([] { open("ask", {"question_forms=[colour]"}); }, ThrowsMessage<Error>(HasSubstr("color")));
  EXPECT_THAT([] { open("points", {"labels=kind_colors"}); }, ThrowsMessage<Error>(HasSubstr("num_kinds")));
  EXPECT_THAT([] { open("clocks", {"labels=colors"}); }, ThrowsMessage<Error>(HasSubstr("hands")));
  EXPECT_THAT([] { open("points", kSmall, "dev"); }, ThrowsMessage<Error>(HasSubstr("validation")));
}

}  // namespace
}  // namespace molmo::synth
