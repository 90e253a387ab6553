// Classes of the labels `all` and `words`, which one vision tower learns from every kind of picture. First map: things
// of scenes, then the hands of clocks, then characters. Second: colours, then the second characters of words. Third:
// places in scenes, then the third characters of words. All below 255, which is "without a class".
#pragma once

#include <cstddef>
#include <cstdint>

namespace molmo::synth {

constexpr int kNumHandClasses = 74;       // body, dial, 60 minutes, 12 hours
constexpr int kNumCharacterClasses = 37;  // digits, letters whatever their case, everything else
constexpr int kNumPlacesAcross = 14;      // and down; leaves room for characters in the same map

constexpr uint8_t kWordEndClass = kNumCharacterClasses + 1;

// Of the second map: colours, and things of many colours.
int num_color_classes();

// What is added to a class of the labels `hands`, or to one of characters in the map 0, 1 or 2; both begin with 1.
uint8_t first_hand_class();
uint8_t first_character_class(size_t map);

// 1 to kNumCharacterClasses; 0 for a space.
uint8_t character_class(char character);

}  // namespace molmo::synth
