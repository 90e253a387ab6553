// Learnt tokenizers: against the list that Hugging Face's library learnt from the same text, and against a slow twin.
#include "text/bpe_trainer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "fixtures.h"
#include "text/tokenizer.h"

namespace molmo::text {
namespace {

using ::testing::ElementsAre;

// tests/fixtures/text/bpe_training.json: made by scripts of the README beside it.
TEST(BpeTrainer, LearnsWhatTheReferenceLibraryLearns) {
  const Json golden = read_json_file(test::fixture_path("text/bpe_training.json"));
  BpeTrainer trainer;
  for (const Json& text : golden.at("texts")) trainer.add(text.get<std::string>());
  for (const Json& expected : golden.at("tokenizers")) {
    const TrainedTokenizer found =
        trainer.train({.vocab_size = expected.at("vocab_size").get<int64_t>(),
                       .min_frequency = expected.at("min_frequency").get<int64_t>(),
                       .special_tokens = expected.at("special_tokens").get<std::vector<std::string>>()});
    EXPECT_EQ(found.tokens, expected.at("tokens").get<std::vector<std::string>>());
    std::vector<std::string> merges;
    for (const auto& [left, right] : found.merges) merges.push_back(left + " " + right);
    EXPECT_EQ(merges, expected.at("merges").get<std::vector<std::string>>());
  }
}

TEST(BpeTrainer, WritesATokenizerThatReadsBack) {
  BpeTrainer trainer;
  for (int i = 0; i < 5; ++i) trainer.add("the mug and the other mug: there are 2 mugs\n");
  const TrainedTokenizer learnt = trainer.train({.vocab_size = 270});
  EXPECT_EQ(learnt.tokens.size(), 270u);
  test::TemporaryFolder folder;
  write_tokenizer(learnt, folder.path());
  const Tokenizer tokenizer = Tokenizer::load(folder.path());
  EXPECT_EQ(tokenizer.size(), 270);
  EXPECT_EQ(tokenizer.eos_id(), 0);
  EXPECT_EQ(tokenizer.bos_id(), 0);
  const std::string text = "the mug there: caf\xC3\xA9 \xE2\x98\x95 17";
  EXPECT_EQ(tokenizer.decode(tokenizer.encode(text)), text);
  EXPECT_THAT(tokenizer.encode(" mug"), ElementsAre(*tokenizer.id_of("\xC4\xA0mug")));
}

TEST(BpeTrainer, EndsWhenThereAreNoMorePairs) {
  BpeTrainer trainer;
  trainer.add("aaaa");
  const TrainedTokenizer learnt = trainer.train({.vocab_size = 1000});
  ASSERT_EQ(learnt.merges.size(), 2u);
  EXPECT_EQ(learnt.tokens.back(), "aaaa");
  EXPECT_EQ(BpeTrainer().train({.vocab_size = 300}).tokens.size(), 257u);
}

TEST(BpeTrainer, RefusesVocabulariesThatHoldNoBytes) {
  EXPECT_THROW(BpeTrainer().train({.vocab_size = 256}), Error);
  EXPECT_THROW(BpeTrainer().train({.vocab_size = int64_t{1} << 40}), Error);
  EXPECT_THROW(BpeTrainer().train({.vocab_size = 300, .special_tokens = {}}), Error);
}

}  // namespace
}  // namespace molmo::text
