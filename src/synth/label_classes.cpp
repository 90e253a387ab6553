#include "synth/label_classes.h"

#include <cctype>

#include "base/error.h"
#include "synth/color.h"
#include "synth/vocabulary.h"

namespace molmo::synth {

uint8_t first_hand_class() {
  return static_cast<uint8_t>(vocabulary().kinds.size());
}

int num_color_classes() {
  return static_cast<int>(color_names().size()) + 1;
}

uint8_t first_character_class(size_t map) {
  const size_t num_others[] = {vocabulary().kinds.size() + kNumHandClasses, static_cast<size_t>(num_color_classes()),
                               kNumPlacesAcross * kNumPlacesAcross};
  const size_t most = map == 0 ? kNumCharacterClasses : kWordEndClass;  // every word has a first character
  check_internal(num_others[map] + most < 255, "more classes than a label map can tell from characters");
  return static_cast<uint8_t>(num_others[map]);
}

uint8_t character_class(char character) {
  const auto byte = static_cast<unsigned char>(character);
  if (byte == ' ') return 0;
  if (std::isdigit(byte)) return static_cast<uint8_t>(1 + byte - '0');
  if (std::isalpha(byte)) return static_cast<uint8_t>(11 + std::tolower(byte) - 'a');
  return kNumCharacterClasses;
}

}  // namespace molmo::synth
