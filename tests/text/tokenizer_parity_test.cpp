// Every text and id sequence of the reference's tokenizer files, through the tokenizers of the six miniature models.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "fixtures.h"
#include "text/tokenizer.h"
#include "text/tokenizer_folder.h"

namespace molmo::text {
namespace {

using Ids = std::vector<int64_t>;

class TokenizerParity : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    golden_ = read_json_file(test::fixture_path("model/" + GetParam() + "/tokenizer_golden.json"));
    tokenizer_ = Tokenizer::load(test::tokenizer_folder(GetParam()));
  }

  void expect_decodings(const Json& item, const Ids& ids) const {
    EXPECT_EQ(tokenizer_->decode(ids), item["decoded"].get<std::string>());
    EXPECT_EQ(tokenizer_->decode(ids, {.cleans_up_spaces = false}), item["decoded_no_cleanup"].get<std::string>());
    EXPECT_EQ(tokenizer_->decode(ids, {.skips_special = true}), item["decoded_skip_special"].get<std::string>());
  }

  Json golden_;
  std::optional<Tokenizer> tokenizer_;
};

TEST_P(TokenizerParity, KnowsItsSpecialTokens) {
  EXPECT_EQ(tokenizer_->size(), golden_["vocab_len"].get<int64_t>());
  EXPECT_EQ(tokenizer_->bos_id(), golden_["bos"].get<int64_t>());
  EXPECT_EQ(tokenizer_->eos_id(), golden_["eos"].get<int64_t>());
  for (const auto& [content, id] : golden_["special"].items()) {
    EXPECT_EQ(tokenizer_->id_of(content), id.get<int64_t>());
    EXPECT_TRUE(tokenizer_->is_special(id.get<int64_t>())) << content;
    EXPECT_EQ(tokenizer_->token_of(id.get<int64_t>()), content);
  }
}

TEST_P(TokenizerParity, EncodesLikeTheReference) {
  EXPECT_GT(golden_["encode"].size(), 200u);
  for (const Json& item : golden_["encode"]) {
    const auto text = item["text"].get<std::string>();
    SCOPED_TRACE(text);
    const Ids ids = tokenizer_->encode(text);
    EXPECT_EQ(ids, item["ids"].get<Ids>());
    std::vector<std::string> tokens;
    for (const int64_t id : ids) tokens.push_back(tokenizer_->token_of(id));
    EXPECT_EQ(tokens, item["tokens"].get<std::vector<std::string>>());
    expect_decodings(item, ids);
    EXPECT_EQ(decode_generated(*tokenizer_, ids, AtEos::Stop), item["wrapper_decode_truncate"].get<std::string>());
    EXPECT_EQ(decode_generated(*tokenizer_, ids, AtEos::Skip), item["wrapper_decode_keep"].get<std::string>());
  }
}

TEST_P(TokenizerParity, DecodesAnySequence) {
  EXPECT_GE(golden_["decode_only"].size(), 40u);
  for (const Json& item : golden_["decode_only"]) {
    SCOPED_TRACE(item["ids"].dump());
    expect_decodings(item, item["ids"].get<Ids>());
  }
}

std::string case_name(const testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Models, TokenizerParity, testing::ValuesIn(test::model_cases()), case_name);

}  // namespace
}  // namespace molmo::text
