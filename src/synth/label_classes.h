// Classes of the first map of the labels `all`, which one vision tower learns from every kind of picture: things of
// scenes, then the hands of clocks, then characters of charts and documents. Below 255, which is "without a class".
#pragma once

#include <cstdint>

namespace molmo::synth {

constexpr int kNumHandClasses = 74;       // body, dial, 60 minutes, 12 hours
constexpr int kNumCharacterClasses = 37;  // digits, letters whatever their case, everything else

// What is added to a class of the labels `hands` or `characters`, which begin with 1.
uint8_t first_hand_class();
uint8_t first_character_class();

// 1 to kNumCharacterClasses; 0 for a space.
uint8_t character_class(char character);

}  // namespace molmo::synth
