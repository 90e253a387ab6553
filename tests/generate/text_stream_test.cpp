#include "generate/text_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/random.h"
#include "fixtures.h"
#include "text/utf8.h"

namespace molmo::generate {
namespace {

// One tokenizer per kind; the last one cleans up spaces when decoding.
const std::vector<std::string> kTokenizers = {"P1-qwen2-clip", "P2-olmo-clip", "P3-olmoe-clip"};

text::Tokenizer load_tokenizer(const std::string& name) {
  const auto folder = test::checkpoint_path(name);
  return text::Tokenizer::load(folder.filename() == "native" ? folder / "tokenizer" : folder);
}

// Random tokens, with many that begin or end characters, spaces, and the marks that clean-up of spaces looks for.
std::vector<int64_t> random_tokens(const text::Tokenizer& tokenizer, RandomStream& random) {
  const std::vector<std::string> favourites = {" ",  " n", "'t",  "'", " '",       " 've", "s", ".",
                                               " .", " ,", "n't", "!", "\xF0\x9F", "\x9A", "é", "图"};
  std::vector<int64_t> tokens;
  const uint64_t length = random.below(40);
  while (tokens.size() < length) {
    if (random.below(2) == 0) {
      tokens.push_back(static_cast<int64_t>(random.below(static_cast<uint64_t>(tokenizer.size()))));
    } else {
      std::ranges::copy(tokenizer.encode(favourites[random.below(favourites.size())]), std::back_inserter(tokens));
    }
  }
  return tokens;
}

// The text before the stop string that is complete first.
std::string cut_at_stop(const std::string& text, const std::vector<std::string>& stop) {
  for (size_t size = 1; size <= text.size(); ++size) {
    size_t longest = 0;
    for (const auto& word : stop) {
      if (text.substr(0, size).ends_with(word)) longest = std::max(longest, word.size());
    }
    if (longest > 0) return text.substr(0, size - longest);
  }
  return text;
}

class TextStreamTest : public testing::TestWithParam<std::string> {};

TEST_P(TextStreamTest, PiecesAreWholeCharactersAndTogetherTheText) {
  const text::Tokenizer tokenizer = load_tokenizer(GetParam());
  RandomStream random(1, "text-stream");
  for (int round = 0; round < 4000; ++round) {
    const std::vector<int64_t> tokens = random_tokens(tokenizer, random);
    TextStream stream(tokenizer, {});
    std::string joined;
    for (const int64_t token : tokens) {
      const std::string piece = stream.push(token);
      ASSERT_TRUE(text::is_valid_utf8(piece));
      joined += piece;
    }
    joined += stream.finish();
    ASSERT_EQ(joined, tokenizer.decode(tokens, {.skips_special = true})) << "round " << round;
    ASSERT_EQ(joined, stream.text());
    ASSERT_FALSE(stream.has_stopped());
  }
}

TEST_P(TextStreamTest, NeverShowsAPartOfAStopString) {
  const text::Tokenizer tokenizer = load_tokenizer(GetParam());
  RandomStream random(2, "text-stream");
  int num_stopped = 0;
  for (int round = 0; round < 4000; ++round) {
    const std::vector<int64_t> tokens = random_tokens(tokenizer, random);
    const std::string full = tokenizer.decode(tokens, {.skips_special = true});
    // Stop strings from the text itself, some with another end, so that they nearly match.
    std::vector<std::string> stop = {""};
    for (uint64_t i = 0; i < 1 + random.below(3) && !full.empty(); ++i) {
      std::string word = full.substr(random.below(full.size()), 1 + random.below(6));
      if (random.below(2) == 0) word += "#";
      stop.push_back(word);
    }
    TextStream stream(tokenizer, stop);
    const std::string expected = cut_at_stop(full, {stop.begin() + 1, stop.end()});
    for (const int64_t token : tokens) {
      stream.push(token);
      ASSERT_TRUE(expected.starts_with(stream.text())) << "round " << round;
    }
    stream.finish();
    ASSERT_EQ(stream.text(), expected) << "round " << round;
    ASSERT_EQ(stream.has_stopped(), expected.size() < full.size());
    num_stopped += stream.has_stopped() ? 1 : 0;
  }
  EXPECT_GT(num_stopped, 1000);
}

TEST_P(TextStreamTest, ShowsPlainTextAtOnce) {
  const text::Tokenizer tokenizer = load_tokenizer(GetParam());
  TextStream stream(tokenizer, {"###"});
  std::string shown;
  for (const int64_t token : tokenizer.encode("photographs")) shown += stream.push(token);
  EXPECT_EQ(shown, "photographs");
  for (const int64_t token : tokenizer.encode(" dogs##")) shown += stream.push(token);
  EXPECT_EQ(shown, "photographs dogs") << "a possible stop string was not held back";
  shown += stream.finish();
  EXPECT_EQ(shown, "photographs dogs##");
}

INSTANTIATE_TEST_SUITE_P(Tokenizers, TextStreamTest, testing::ValuesIn(kTokenizers), [](const auto& parameter) {
  std::string name = parameter.param;
  std::ranges::replace(name, '-', '_');
  return name;
});

}  // namespace
}  // namespace molmo::generate
