#include "synth/label_classes.h"

#include <cctype>

#include "base/error.h"
#include "synth/color.h"
#include "synth/vocabulary.h"

namespace molmo::synth {

uint8_t first_hand_class() {
  return static_cast<uint8_t>(vocabulary().kinds.size());
}

uint8_t first_character_class() {
  const size_t first = vocabulary().kinds.size() + kNumHandClasses;
  check_internal(first + kNumCharacterClasses < 255, "more kinds than a label map can tell from hands and characters");
  return static_cast<uint8_t>(first);
}

uint8_t first_second_character_class() {
  return static_cast<uint8_t>(color_names().size() + 1);  // one more for things of many colours
}

uint8_t first_third_character_class() {
  constexpr int kFirst = kNumPlacesAcross * kNumPlacesAcross;
  static_assert(kFirst + kNumCharacterClasses + 1 < 255);
  return kFirst;
}

uint8_t character_class(char character) {
  const auto byte = static_cast<unsigned char>(character);
  if (byte == ' ') return 0;
  if (std::isdigit(byte)) return static_cast<uint8_t>(1 + byte - '0');
  if (std::isalpha(byte)) return static_cast<uint8_t>(11 + std::tolower(byte) - 'a');
  return kNumCharacterClasses;
}

}  // namespace molmo::synth
