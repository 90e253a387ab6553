#include "preprocess/build_input.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "checkpoint/checkpoint.h"
#include "fixtures.h"

namespace molmo::preprocess {
namespace {

using ::testing::HasSubstr;

std::string error_of(const config::ModelConfig& config, const text::Tokenizer& tokenizer) {
  try {
    check_tokenizer(config, tokenizer);
  } catch (const Error& error) {
    EXPECT_EQ(error.category(), ErrorCategory::BadData);
    return error.what();
  }
  return "";
}

TEST(CheckTokenizer, AcceptsItsOwnModelAndRefusesOthers) {
  for (const auto& name : test::model_cases()) {
    const auto checkpoint = checkpoint::Checkpoint::open(test::checkpoint_path(name));
    const auto tokenizer = text::Tokenizer::load(checkpoint.tokenizer_folder());
    EXPECT_EQ(error_of(checkpoint.config(), tokenizer), "") << name;

    config::ModelConfig other = checkpoint.config();
    other.decoder.vocab_size -= 1;  // image tokens follow the vocabulary
    EXPECT_THAT(error_of(other, tokenizer), HasSubstr("the tokenizer gives <im_start> the id"));

    config::ModelConfig smaller = checkpoint.config();
    smaller.decoder.embedding_size = 300;
    smaller.decoder.additional_vocab_size = 128;
    EXPECT_THAT(error_of(smaller, tokenizer), HasSubstr("but the model has embeddings for 428"));
    smaller.decoder.additional_vocab_size = 1000;
    EXPECT_THAT(error_of(smaller, tokenizer), HasSubstr("but the model scores ids below 300 only"));
  }
}

}  // namespace
}  // namespace molmo::preprocess
