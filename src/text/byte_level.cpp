#include "text/byte_level.h"

#include <array>

#include "text/utf8.h"

namespace molmo::text {
namespace {

constexpr char32_t kAlphabetEnd = 0x144;

struct Alphabet {
  std::array<char32_t, 256> chars{};
  std::array<int, kAlphabetEnd> bytes{};
};

constexpr bool prints(int byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || (byte >= 0xAE && byte <= 0xFF);
}

constexpr Alphabet make_alphabet() {
  Alphabet alphabet;
  alphabet.bytes.fill(-1);
  char32_t next = 0x100;
  for (int byte = 0; byte < 256; ++byte) {
    const char32_t code_point = prints(byte) ? static_cast<char32_t>(byte) : next++;
    alphabet.chars[byte] = code_point;
    alphabet.bytes[code_point] = byte;
  }
  return alphabet;
}

constexpr Alphabet kAlphabet = make_alphabet();

}  // namespace

char32_t byte_to_char(unsigned char byte) {
  return kAlphabet.chars[byte];
}

std::optional<std::string> bytes_of_token(std::string_view token) {
  std::string bytes;
  while (!token.empty()) {
    const Utf8Char next = decode_utf8(token);
    if (next.code_point >= kAlphabetEnd || kAlphabet.bytes[next.code_point] < 0) return std::nullopt;
    bytes.push_back(static_cast<char>(kAlphabet.bytes[next.code_point]));
    token.remove_prefix(next.num_bytes);
  }
  return bytes;
}

}  // namespace molmo::text
