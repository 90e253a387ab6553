// Texts that are easy to get wrong, with the ids of the reference's tokenizer library: tests/fixtures/text.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "fixtures.h"
#include "text/tokenizer.h"
#include "text/tokenizer_folder.h"
#include "text/unicode_classes.h"

namespace molmo::text {
namespace {

using Ids = std::vector<int64_t>;

Json read_fixture(const std::string& name) {
  return read_json_file(test::fixture_path("text/" + name));
}

TEST(TokenizerHardCases, EncodeLikeTheReference) {
  const Json golden = read_fixture("tokenizer_hard_cases.json");
  EXPECT_GT(golden["cases"].size(), 200u);
  for (const auto& model : {"P1-qwen2-clip", "P2-olmo-clip", "P3-olmoe-clip"}) {
    const Tokenizer tokenizer = Tokenizer::load(test::tokenizer_folder(model));
    for (const Json& item : golden["cases"]) {
      SCOPED_TRACE(std::string(model) + " " + item["text"].dump(-1, ' ', /*ensure_ascii=*/true));
      EXPECT_EQ(tokenizer.encode(item["text"].get<std::string>()), item["ids"][model].get<Ids>());
    }
  }
}

// The tokenizer.json of a miniature model with some keys replaced and some added tokens appended.
Json patched(const Json& variant) {
  Json document = read_json_file(test::tokenizer_folder(variant["model"].get<std::string>()) / "tokenizer.json");
  for (const auto& [key, value] : variant["patch"].items()) {
    if (key == "model") {
      document["model"].update(value);
    } else {
      document[key] = value;
    }
  }
  for (const Json& token : variant["added_tokens"]) document["added_tokens"].push_back(token);
  return document;
}

TEST(TokenizerVariants, EncodeAndDecodeLikeTheReference) {
  const Json golden = read_fixture("tokenizer_variants.json");
  EXPECT_EQ(golden["variants"].size(), 5u);
  for (const Json& variant : golden["variants"]) {
    const test::TemporaryFolder folder;
    std::ofstream(folder.path() / "tokenizer.json") << patched(variant);
    const Tokenizer tokenizer = Tokenizer::load(folder.path());
    EXPECT_GT(variant["cases"].size(), 50u);
    for (const Json& item : variant["cases"]) {
      SCOPED_TRACE(variant["name"].dump() + " " + item["text"].dump(-1, ' ', /*ensure_ascii=*/true));
      const Ids ids = tokenizer.encode(item["text"].get<std::string>());
      EXPECT_EQ(ids, item["ids"].get<Ids>());
      EXPECT_EQ(tokenizer.decode(ids), item["decoded"].get<std::string>());
      EXPECT_EQ(tokenizer.decode(ids, {.skips_special = true}), item["decoded_skip_special"].get<std::string>());
    }
  }
}

TEST(UnicodeClasses, AgreeOnEveryCodePoint) {
  const Json golden = read_fixture("unicode_classes.json");
  const std::pair<const char*, UnicodeClass> kClasses[] = {{"letter", kLetter}, {"number", kNumber}, {"space", kSpace}};
  for (const auto& [name, unicode_class] : kClasses) {
    std::vector<bool> expected(0x110000);
    for (const Json& range : golden[name]) {
      for (auto c = range[0].get<char32_t>(); c <= range[1].get<char32_t>(); ++c) expected[c] = true;
    }
    for (char32_t c = 0; c < 0x110000; ++c) {
      if (c >= 0xD800 && c < 0xE000) continue;  // no text contains surrogates
      ASSERT_EQ((unicode_classes(c) & unicode_class) != 0, expected[c])
          << name << " U+" << std::hex << static_cast<uint32_t>(c);
    }
  }
}

}  // namespace
}  // namespace molmo::text
