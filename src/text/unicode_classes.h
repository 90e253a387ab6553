// Classes of code points as the reference's tokenizer library sees them: Unicode 16, from a generated table.
#pragma once

#include <cstdint>

namespace molmo::text {

enum UnicodeClass : uint8_t {
  kLetter = 1,         // \p{L}
  kNumber = 2,         // \p{N}
  kSpace = 4,          // \s: White_Space
  kWord = 8,           // \w
  kComposing = 16,     // normalisation to NFC may change, move or swallow it
  kUnknownToNfc = 32,  // would be kComposing, but is newer than the Unicode 9 of the reference's normaliser
};

// OR of the classes above; `code_point` is at most U+10FFFF.
uint8_t unicode_classes(char32_t code_point);

}  // namespace molmo::text
