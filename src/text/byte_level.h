// The byte-level alphabet: tokenizer files write each byte of a token as one printable character.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace molmo::text {

// The character that stands for a byte: itself where it prints, else one from U+0100 on.
char32_t byte_to_char(unsigned char byte);

// The bytes that `token` stands for; nothing when a character is not of the alphabet. `token` is valid UTF-8.
std::optional<std::string> bytes_of_token(std::string_view token);

}  // namespace molmo::text
