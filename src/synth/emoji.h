// Pictures from the colour emoji font (Noto Color Emoji, found through fontconfig).
//   const SpritePyramid& dog = emoji(0x1F415);   const SpritePyramid& car = painted_emoji(0x1F697, "blue");
// Read once per process and kept: some 90 KB each. Thread-safe. Throws NotFound when the font is not installed.
#pragma once

#include <string_view>

#include "synth/sprite.h"

namespace molmo::synth {

const SpritePyramid& emoji(char32_t code_point);

// The emoji with its main colour replaced by the middle shade of a colour word; other colours, such as the green stem
// of a red flower, stay.
const SpritePyramid& painted_emoji(char32_t code_point, std::string_view color);

}  // namespace molmo::synth
