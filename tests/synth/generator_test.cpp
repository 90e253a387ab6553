#include "synth/generator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <regex>

#include "base/error.h"
#include "base/json.h"
#include "base/threads.h"
#include "image/encode.h"

namespace molmo::synth {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

// Everything about an example, as bytes.
std::string fingerprint(const GeneratorEntry& generator, const SynthOptions& options, uint64_t index) {
  const SynthSample sample = make_sample(generator, options, index);
  std::string bytes(sample.labels.begin(), sample.labels.end());
  if (sample.picture.size.width > 0) bytes += image::encode_jpeg(sample.picture);
  if (sample.truth) bytes += dump_json(*sample.truth);
  for (const text::Annotation& annotation : sample.text.annotations) {
    for (const auto& text :
         {annotation.style, annotation.label, annotation.question, annotation.answer, annotation.text}) {
      bytes += text.value_or("-") + "\n";
    }
    for (const auto& point : annotation.points.value_or(text::Points{}))
      bytes += std::to_string(point[0]) + " " + std::to_string(point[1]);
  }
  return bytes + sample.plain_text.value_or("");
}

TEST(Generator, SameSeedGivesTheSameBytesWhateverTheThreadsAndTheOrder) {
  SynthOptions options;
  options.size = 160;
  options.difficulty = Difficulty::Hard;
  constexpr int64_t kCount = 8;
  for (const GeneratorEntry& generator : generators()) {
    options.labels = generator.name == "text" ? LabelMap::None : LabelMap::All;
    std::vector<std::string> expected;
    for (int64_t i = 0; i < kCount; ++i) expected.push_back(fingerprint(generator, options, static_cast<uint64_t>(i)));
    for (const int threads : {1, 2, 8}) {
      set_num_threads(threads);
      std::vector<std::string> found(kCount);
      parallel_for(kCount, 1, [&](int64_t begin, int64_t end) {
        for (int64_t i = end; i-- > begin;)
          found[static_cast<size_t>(kCount - 1 - i)] =
              fingerprint(generator, options, static_cast<uint64_t>(kCount - 1 - i));
      });
      EXPECT_EQ(found, expected) << generator.name << " with " << threads << " threads";
    }
    set_num_threads(1);
    EXPECT_NE(expected[0], expected[1]) << generator.name;
    options.seed ^= 1;
    EXPECT_NE(fingerprint(generator, options, 0), expected[0]) << generator.name;
    options.seed ^= 1;
  }
}

TEST(Generator, PointsAreThoseOfTheTruth) {
  SynthOptions options;
  options.size = 128;
  int num_absent = 0, num_present = 0;
  for (uint64_t index = 0; index < 40; ++index) {
    const SynthSample sample = make_sample(find_generator("points"), options, index);
    const Json& objects = sample.truth->at("objects");
    for (const text::Annotation& annotation : sample.text.annotations) {
      ASSERT_TRUE(annotation.label && annotation.points && annotation.point_scale == 100.0);
      (annotation.points->empty() ? num_absent : num_present) += 1;
      for (const auto& point : *annotation.points) {
        const bool is_center = std::any_of(objects.begin(), objects.end(), [&](const Json& object) {
          return std::abs(object.at("center").at(0).get<double>() - point[0] * 1.28) < 1e-6 &&
                 std::abs(object.at("center").at(1).get<double>() - point[1] * 1.28) < 1e-6;
        });
        EXPECT_TRUE(is_center) << *annotation.label;
      }
      const auto same_name = std::count_if(
          objects.begin(), objects.end(), [&](const Json& object) { return object.at("plural") == *annotation.label; });
      if (same_name > 0) {
        EXPECT_EQ(static_cast<int64_t>(annotation.points->size()), same_name) << *annotation.label;
      }
    }
  }
  EXPECT_GT(num_absent, 20);
  EXPECT_GT(num_present, 60);
}

TEST(Generator, CountsReachFromNoneToTheMost) {
  SynthOptions options;
  options.size = 224;
  options.difficulty = Difficulty::Hard;
  std::vector<int> histogram(24);
  for (uint64_t index = 0; index < 150; ++index) {
    const SynthSample sample = make_sample(find_generator("count"), options, index);
    ASSERT_EQ(sample.text.annotations.size(), 1u);
    const text::Annotation& annotation = sample.text.annotations[0];
    EXPECT_FALSE(annotation.point_scale);
    ASSERT_LT(annotation.points->size(), histogram.size());
    ++histogram[annotation.points->size()];
    for (const auto& point : *annotation.points) {
      EXPECT_GE(std::min(point[0], point[1]), 0);
      EXPECT_LT(std::max(point[0], point[1]), 224);
    }
  }
  for (const size_t count : {0u, 5u, 10u, 15u})
    EXPECT_GT(histogram[count] + histogram[count + 1] + histogram[count + 2], 4) << count;
  EXPECT_GT(histogram[18] + histogram[19] + histogram[20], 2);
}

// "three apples", "a dog": the numbers of a caption sum to the number of objects.
TEST(Generator, CaptionsCountEveryObject) {
  static const std::vector<std::string> kNumbers = {"two",   "three", "four", "five", "six",
                                                    "seven", "eight", "nine", "ten"};
  SynthOptions options;
  options.size = 128;
  for (uint64_t index = 0; index < 60; ++index) {
    const SynthSample sample = make_sample(find_generator("cap"), options, index);
    ASSERT_GE(sample.text.annotations.size(), 2u);
    EXPECT_EQ(sample.text.annotations[0].style, "long_caption");
    EXPECT_EQ(sample.text.annotations[1].style, "transcript");
    const std::string caption = *sample.text.annotations[0].text;
    for (const Json& object : sample.truth->at("objects")) {
      const auto mentions = [&](const char* key) {
        return caption.find(object.at(key).get<std::string>()) != std::string::npos;
      };
      EXPECT_TRUE(mentions("name") || mentions("plural")) << caption;
    }
  }
}

TEST(Generator, NamesAnUnknownKind) {
  try {
    find_generator("clock");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.category(), ErrorCategory::InvalidArgument);
    EXPECT_NE(std::string(error.what()).find("clocks"), std::string::npos) << error.what();
  }
}

TEST(Generator, AStyleReplacesTheDataSetsAndNothingElse) {
  SynthOptions options;
  options.size = 192;
  for (const char* kind : {"clocks", "docs"}) {
    options.style.clear();
    const SynthSample own = make_sample(find_generator(kind), options, 5);
    options.style = "user_qa";
    const SynthSample asked = make_sample(find_generator(kind), options, 5);
    EXPECT_EQ(asked.picture.pixels, own.picture.pixels);
    ASSERT_EQ(asked.text.annotations.size(), own.text.annotations.size());
    for (size_t i = 0; i < own.text.annotations.size(); ++i) {
      EXPECT_NE(own.text.annotations[i].style, "user_qa");
      EXPECT_EQ(asked.text.annotations[i].style, "user_qa");
      EXPECT_EQ(asked.text.annotations[i].question, own.text.annotations[i].question);
      EXPECT_EQ(asked.text.annotations[i].answer, own.text.annotations[i].answer);
    }
  }
  options.style = "user_qaa";
  EXPECT_THAT([&] { options.validate(); }, ThrowsMessage<Error>(HasSubstr("user_qa")));
}

TEST(Generator, RefusesOptionsOutOfRange) {
  SynthOptions options;
  options.size = 8;
  EXPECT_THROW(make_sample(find_generator("points"), options, 0), Error);
  options.size = 128;
  options.forms = {"colour"};
  EXPECT_THROW(make_sample(find_generator("points"), options, 0), Error);
}

}  // namespace
}  // namespace molmo::synth
