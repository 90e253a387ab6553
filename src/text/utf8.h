// UTF-8: strict reading, replacement of what is invalid, and a filter for streams that emits whole characters only.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace molmo::text {

struct Utf8Char {
  char32_t code_point = 0xFFFD;
  size_t num_bytes = 0;  // bytes to step over: the character, or the maximal subpart that an invalid sequence counts as
  bool is_valid = false;
  bool is_cut_off = false;  // invalid only because the text ends here
};

// The character that begins at `text[0]`; `text` is not empty. Overlong forms, surrogates and code points above
// U+10FFFF are invalid (Unicode Standard, table 3-7).
Utf8Char decode_utf8(std::string_view text);

void append_utf8(std::string& out, char32_t code_point);

bool is_valid_utf8(std::string_view text);

// Every maximal subpart of an invalid sequence becomes one U+FFFD (Unicode Standard, section 3.9).
std::string replace_invalid_utf8(std::string_view text);

// Number of characters; an invalid subpart counts as one.
size_t count_utf8(std::string_view text);

// What is invalid becomes U+FFFD.
std::u32string code_points(std::string_view text);

// Cuts a stream of bytes at character borders: what all calls return together is replace_invalid_utf8 of all the bytes.
class Utf8Stream {
 public:
  // The characters that `bytes` completes.
  std::string push(std::string_view bytes);
  // What an unfinished sequence at the end amounts to: "" or U+FFFD.
  std::string finish();

 private:
  std::string pending_;  // at most 3 bytes of a character that is not complete
};

}  // namespace molmo::text
