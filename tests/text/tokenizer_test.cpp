#include "text/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "fixtures.h"
#include "text/mini_tokenizer.h"
#include "text/tokenizer_folder.h"

namespace molmo::text {
namespace {

using testing::ElementsAre;
using Ids = std::vector<int64_t>;

Tokenizer load(const Json& document, const std::map<std::string, std::string>& side_files = {}) {
  const test::TemporaryFolder folder;
  write_text(folder.path() / "tokenizer.json", document.dump());
  for (const auto& [name, content] : side_files) write_text(folder.path() / name, content);
  return Tokenizer::load(folder.path());
}

TEST(Tokenizer, EncodesAndDecodes) {
  const Tokenizer tokenizer = load(mini_tokenizer());
  EXPECT_THAT(tokenizer.encode("the<end>th"), ElementsAre(257, 258, 256));
  EXPECT_EQ(tokenizer.decode(Ids{257, 258, 256}), "the<end>th");
  EXPECT_EQ(tokenizer.decode(Ids{257, 258, 256}, {.skips_special = true}), "theth");
  EXPECT_EQ(tokenizer.decode(Ids{-1, 259, 1'000'000'000'000}), "");  // unknown ids are skipped
  EXPECT_EQ(tokenizer.encode(""), Ids());
  EXPECT_EQ(tokenizer.size(), 259);
}

TEST(Tokenizer, GivesTheRawBytesOfAToken) {
  const Tokenizer tokenizer = load(mini_tokenizer());
  for (int64_t byte = 0; byte < 256; ++byte) {
    EXPECT_EQ(tokenizer.decode_bytes(byte), std::string(1, static_cast<char>(byte)));
  }
  EXPECT_EQ(tokenizer.decode_bytes(257), "the");
  EXPECT_EQ(tokenizer.decode_bytes(258), "<end>");
  EXPECT_EQ(tokenizer.decode_bytes(259), "");
  EXPECT_EQ(tokenizer.token_of(32), "\u0120");  // a space, as vocabularies write it
  EXPECT_EQ(tokenizer.id_of("\u0120"), 32);
  EXPECT_EQ(tokenizer.id_of("nowhere"), std::nullopt);
}

TEST(Tokenizer, ReadsInvalidBytesAsReplacementCharacters) {
  const Tokenizer tokenizer = load(mini_tokenizer());
  EXPECT_EQ(tokenizer.encode("the\xE2\x82\xFF"), tokenizer.encode("the\uFFFD\uFFFD"));
  EXPECT_EQ(tokenizer.decode(Ids{0xE2, 0x82, 0xFF}), "\uFFFD\uFFFD");
}

TEST(Tokenizer, CleansUpSpacesWhereConfigured) {
  const std::string text = "it 's a , b . do n't ' x ?";
  const Tokenizer plain = load(mini_tokenizer());
  const Tokenizer cleaning =
      load(mini_tokenizer(), {{"tokenizer_config.json", R"({"clean_up_tokenization_spaces": true})"}});
  const Ids ids = plain.encode(text);
  EXPECT_EQ(plain.decode(ids), text);
  EXPECT_EQ(cleaning.decode(ids), "it's a, b. don't'x?");
  EXPECT_EQ(cleaning.decode(ids, {.cleans_up_spaces = false}), text);
}

TEST(Tokenizer, TakesSpecialTokensFromTheSideFiles) {
  const Tokenizer none = load(mini_tokenizer());
  EXPECT_EQ(none.eos_id(), std::nullopt);
  EXPECT_EQ(none.bos_id(), std::nullopt);
  const Tokenizer eos = load(mini_tokenizer(), {{"special_tokens_map.json", R"({"eos_token": {"content": "<end>"}})"}});
  EXPECT_EQ(eos.eos_id(), 258);
  EXPECT_EQ(eos.bos_id(), 258);  // BOS is EOS where there is none
  const Tokenizer both =
      load(mini_tokenizer(), {{"tokenizer_config.json", R"({"eos_token": "<end>", "bos_token": "the"})"},
                              {"special_tokens_map.json", R"({"eos_token": "th"})"}});
  EXPECT_EQ(both.eos_id(), 258);  // tokenizer_config.json comes first
  EXPECT_EQ(both.bos_id(), 257);
  EXPECT_TRUE(both.is_special(257));
  EXPECT_FALSE(both.is_special(0));
}

TEST(Tokenizer, TakesAddedTokensFromTheSideFiles) {
  const Tokenizer tokenizer =
      load(mini_tokenizer(), {{"added_tokens.json", R"({"<a>": 300, "<end>": 258})"},
                              {"tokenizer_config.json",
                               R"({"added_tokens_decoder": {"301": {"content": "<b>", "special": true, "lstrip": true}},
                                   "additional_special_tokens": ["<a>"]})"}});
  EXPECT_THAT(tokenizer.encode("<a>  <b>"), ElementsAre(300, 301));
  EXPECT_TRUE(tokenizer.is_special(300));
  EXPECT_TRUE(tokenizer.is_special(301));
  EXPECT_EQ(tokenizer.size(), 302);
  EXPECT_EQ(tokenizer.token_of(299), "");
}

TEST(DecodeGenerated, DropsBosAndStopsAtEos) {
  const Tokenizer tokenizer = load(mini_tokenizer(), {{"special_tokens_map.json", R"({"eos_token": "<end>"})"}});
  const Ids ids = {258, 256, 258, 257};
  EXPECT_EQ(decode_generated(tokenizer, ids, AtEos::Stop), "th");
  EXPECT_EQ(decode_generated(tokenizer, ids, AtEos::Skip), "ththe");
  EXPECT_EQ(decode_generated(load(mini_tokenizer()), ids), "<end>th<end>the");
}

// A quarter of a megabyte each: in quadratic time this would not end before the time limit of a test.
TEST(Tokenizer, EncodesLongRunsInOneWord) {
  for (const char* model : {"P1-qwen2-clip", "P2-olmo-clip", "P3-olmoe-clip"}) {
    const Tokenizer tokenizer = Tokenizer::load(test::tokenizer_folder(model));
    for (const std::string unit :
         {"a", "the", " ", "\n", " \n", "!", "7", "\u0301\u0323", "\u4e2d", "\u1100\u1161", "<im_", "'"}) {
      SCOPED_TRACE(std::string(model) + " " + unit);
      std::string text;
      while (text.size() < (1u << 18)) text += unit;
      const Ids ids = tokenizer.encode(text);
      if (unit != "\u0301\u0323" && unit != "\u1100\u1161") {  // these two change by normalisation
        EXPECT_EQ(tokenizer.decode(ids, {.cleans_up_spaces = false}), text);
      }
      EXPECT_LT(ids.size(), 3 * text.size());
    }
  }
}

TEST(Tokenizer, IsSharedByThreads) {
  const Tokenizer tokenizer = Tokenizer::load(test::tokenizer_folder("P1-qwen2-clip"));
  const std::string text = "The picture shows caf\u00e9 cafe\u0301 <im_patch> 123 \u65e5\u672c\u8a9e";
  const Ids expected = tokenizer.encode(text);
  std::vector<std::thread> threads;
  std::array<bool, 4> agrees{};
  for (bool& result : agrees) {
    threads.emplace_back([&] {
      result = true;
      for (int i = 0; i < 200; ++i) {
        const Tokenizer copy = tokenizer;
        result = result && copy.encode(text) == expected && !copy.decode(expected).empty();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(agrees, testing::Each(true));
}

}  // namespace
}  // namespace molmo::text
