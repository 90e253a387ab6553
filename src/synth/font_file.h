// Where the font of a family lies, through fontconfig.
#pragma once

#include <string>
#include <string_view>

namespace molmo::synth {

struct FontFile {
  std::string path;
  int index = 0;  // of the face in its file
};

// `style` in fontconfig's notation: "", ":bold", ":italic". Empty path when the family is not installed. Thread-safe.
FontFile find_font_file(std::string_view family, std::string_view style);

}  // namespace molmo::synth
