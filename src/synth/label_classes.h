// Classes of the labels `all` and `words`, which one vision tower learns from every kind of picture. First map: things
// of scenes, then the hands of clocks, then characters. Second: colours, then the second characters of words. Third:
// places in scenes, then the third characters of words. All below 255, which is "without a class".
#pragma once

#include <cstdint>

namespace molmo::synth {

constexpr int kNumHandClasses = 74;       // body, dial, 60 minutes, 12 hours
constexpr int kNumCharacterClasses = 37;  // digits, letters whatever their case, everything else
constexpr int kNumPlacesAcross = 14;      // and down; leaves room for characters in the same map

// What is added to a class of the labels `hands` or `characters`, which begin with 1.
uint8_t first_hand_class();
uint8_t first_character_class();
// The same for the second and third characters of words in their maps; kNumCharacterClasses + 1 is the end of a word.
uint8_t first_second_character_class();
uint8_t first_third_character_class();

// 1 to kNumCharacterClasses; 0 for a space.
uint8_t character_class(char character);

}  // namespace molmo::synth
