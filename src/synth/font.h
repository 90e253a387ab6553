// Text as outlines, filled by Cairo.
//   const Font& font = find_font("Lato", FontStyle::Bold);
//   font.draw(cairo, "Total", x, baseline, /*size=*/12);   double width = font.width("Total", 12);
// Cairo's own text fails now and then when several threads draw (Cairo 1.16 shares FreeType's faces and opens and
// closes them while others use them), and its hinting depends on settings of the machine. Outlines of our own do
// neither: every thread has its faces, and letters look the same at every size. No kerning and no scripts that need
// shaping.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/enum_names.h"

typedef struct _cairo cairo_t;

namespace molmo::synth {

enum class FontStyle { Regular, Bold, Italic };
enum class Align { Left, Center, Right };

class Font {
 public:
  virtual ~Font() = default;
  virtual double width(std::string_view utf8, double size) const = 0;
  // Fills with Cairo's current source; `x` is the left end, middle or right end. The current path is lost.
  virtual void draw(cairo_t* cairo, std::string_view utf8, double x, double baseline, double size,
                    Align align = Align::Left) const = 0;
  // Height of capital letters, as a share of the size.
  virtual double cap_height() const = 0;
};

// For use on the calling thread. Throws NotFound when the family is not installed (scripts/setup.sh has the list).
const Font& find_font(std::string_view family, FontStyle style = FontStyle::Regular);

// Families that are drawn with, by what they look like.
std::vector<std::string_view> text_families();  // for anything
std::vector<std::string_view> handwriting_families();

// Lines of at most `width`, broken between words.
std::vector<std::string> wrap_text(const Font& font, std::string_view text, double size, double width);

}  // namespace molmo::synth
