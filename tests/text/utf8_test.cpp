#include "text/utf8.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace molmo::text {
namespace {

// The expected strings follow the Unicode Standard, section 3.9, tables 3-8 to 3-11; R stands for U+FFFD.
std::string shown(std::string_view bytes) {
  std::string text = replace_invalid_utf8(bytes), out;
  for (size_t at = 0; (at = text.find("\xEF\xBF\xBD")) != std::string::npos;) text.replace(at, 3, "R");
  return text;
}

TEST(Utf8, ReplacesEachMaximalSubpart) {
  EXPECT_EQ(shown("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82"
                  "A"),
            "RRRRRRRRA");  // overlong forms
  EXPECT_EQ(shown("\xED\xA0\x80\xED\xBF\xBF\xED\xAF"
                  "A"),
            "RRRRRRRRA");  // surrogates
  EXPECT_EQ(shown("\xF4\x91\x92\x93\xFF"
                  "A\x80\xBF"
                  "B"),
            "RRRRRARRB");  // too large, no lead byte
  EXPECT_EQ(shown("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF"
                  "A"),
            "RRRRA");  // cut off
  EXPECT_EQ(shown("a\xE2\x82"), "aR");
  EXPECT_EQ(shown("\xE2\x82\xAC \xF0\x9F\x98\x80"), "\xE2\x82\xAC \xF0\x9F\x98\x80");
  EXPECT_EQ(shown(std::string_view("\0", 1)), std::string_view("\0", 1));
}

TEST(Utf8, ReadsBackEveryCodePoint) {
  for (char32_t c = 0; c < 0x110000; ++c) {
    if (c >= 0xD800 && c < 0xE000) continue;
    std::string bytes;
    append_utf8(bytes, c);
    const Utf8Char read = decode_utf8(bytes);
    ASSERT_TRUE(read.is_valid);
    ASSERT_EQ(read.code_point, c);
    ASSERT_EQ(read.num_bytes, bytes.size());
    if (bytes.size() > 1) {
      const Utf8Char cut = decode_utf8(std::string_view(bytes).substr(0, bytes.size() - 1));
      ASSERT_TRUE(!cut.is_valid && cut.is_cut_off);
    }
  }
}

TEST(Utf8, CountsCharacters) {
  EXPECT_EQ(count_utf8(""), 0u);
  EXPECT_EQ(count_utf8("a\xC3\xA9\xF0\x9F\x98\x80"), 3u);
  EXPECT_EQ(count_utf8("a\xF0\x9F\xC3"), 3u);
}

std::string random_bytes(RandomStream& stream) {
  const std::string pieces[] = {"a",    "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\xF0\x9F",
                                "\xE2", "\x80",     "\xFF",         "\xED\xA0"};
  std::string bytes;
  for (uint64_t i = stream.below(12); i > 0; --i) bytes += pieces[stream.below(std::size(pieces))];
  return bytes;
}

TEST(Utf8, IsValidWhereNothingIsReplaced) {
  RandomStream stream(1, "utf8");
  for (int i = 0; i < 5000; ++i) {
    const std::string bytes = random_bytes(stream);
    EXPECT_EQ(is_valid_utf8(bytes), replace_invalid_utf8(bytes) == bytes);
  }
}

TEST(Utf8Stream, GivesTheSameTextHoweverItIsCut) {
  RandomStream stream(2, "utf8");
  for (int i = 0; i < 5000; ++i) {
    const std::string bytes = random_bytes(stream);
    Utf8Stream whole;
    std::string text;
    for (size_t position = 0; position < bytes.size();) {
      const size_t size = 1 + stream.below(3);
      const std::string part = whole.push(std::string_view(bytes).substr(position, size));
      EXPECT_TRUE(is_valid_utf8(part));
      text += part;
      position += size;
    }
    text += whole.finish();
    ASSERT_EQ(text, replace_invalid_utf8(bytes));
    EXPECT_EQ(whole.finish(), "");
  }
}

TEST(Utf8Stream, WaitsForTheRestOfACharacter) {
  Utf8Stream stream;
  EXPECT_EQ(stream.push("a\xF0\x9F"), "a");
  EXPECT_EQ(stream.push("\x98"), "");
  EXPECT_EQ(stream.push("\x80"
                        "b"),
            "\xF0\x9F\x98\x80"
            "b");
  EXPECT_EQ(stream.push("\xE2\x82"), "");
  EXPECT_EQ(stream.finish(), "\xEF\xBF\xBD");
}

}  // namespace
}  // namespace molmo::text
