#include "synth/font.h"

#include <cairo.h>
#include <ft2build.h>

#include <map>
#include <memory>
#include <sstream>
#include <utility>
#include FT_FREETYPE_H
#include FT_OUTLINE_H

#include "base/error.h"
#include "synth/font_file.h"
#include "text/utf8.h"

namespace molmo::synth {
namespace {

// One step of an outline, in units of the font's size, y upwards as FreeType has it.
struct Step {
  enum Kind { Move, Line, Curve } kind;
  double points[3][2];
};

struct Glyph {
  double advance = 0;
  std::vector<Step> steps;
};

struct Library {
  FT_Library handle = nullptr;
  Library() {
    if (FT_Init_FreeType(&handle) != 0) fail(ErrorCategory::Internal, "FreeType cannot be started");
  }
  ~Library() { FT_Done_FreeType(handle); }
};

class OutlineFont final : public Font {
 public:
  OutlineFont(const Library& library, const FontFile& file) {
    if (FT_New_Face(library.handle, file.path.c_str(), file.index, &face_) != 0 || !FT_IS_SCALABLE(face_)) {
      fail(ErrorCategory::BadData, "{}: not a font with outlines", file.path);
    }
    scale_ = 1.0 / face_->units_per_EM;
    double top = 0;
    for (const Step& step : glyph(U'H').steps) top = std::max(top, step.points[0][1]);
    cap_height_ = top;
  }
  ~OutlineFont() override { FT_Done_Face(face_); }
  OutlineFont(const OutlineFont&) = delete;
  OutlineFont& operator=(const OutlineFont&) = delete;

  double width(std::string_view utf8, double size) const override {
    double sum = 0;
    for (char32_t character : text::code_points(utf8)) sum += glyph(character).advance;
    return sum * size;
  }

  void draw(cairo_t* cairo, std::string_view utf8, double x, double baseline, double size, Align align) const override {
    if (align != Align::Left) x -= width(utf8, size) * (align == Align::Center ? 0.5 : 1);
    cairo_new_path(cairo);
    for (char32_t character : text::code_points(utf8)) {
      const Glyph& shape = glyph(character);
      for (const Step& step : shape.steps) {
        double px[3], py[3];
        for (int i = 0; i < 3; ++i) {
          px[i] = x + size * step.points[i][0];
          py[i] = baseline - size * step.points[i][1];
        }
        switch (step.kind) {
          case Step::Move:
            cairo_move_to(cairo, px[0], py[0]);
            break;
          case Step::Line:
            cairo_line_to(cairo, px[0], py[0]);
            break;
          case Step::Curve:
            cairo_curve_to(cairo, px[0], py[0], px[1], py[1], px[2], py[2]);
            break;
        }
      }
      x += size * shape.advance;
    }
    cairo_fill(cairo);
  }

  double cap_height() const override { return cap_height_; }

 private:
  // Collects the callbacks of FreeType's walk along an outline.
  struct Walk {
    Glyph* glyph;
    double scale, x = 0, y = 0;

    void add(Step::Kind kind, std::initializer_list<std::pair<double, double>> points) {
      Step step{kind, {}};
      int i = 0;
      for (const auto& [px, py] : points) {
        step.points[i][0] = px;
        step.points[i++][1] = py;
        x = px, y = py;
      }
      glyph->steps.push_back(step);
    }
    std::pair<double, double> at(const FT_Vector* v) const {
      return {static_cast<double>(v->x) * scale, static_cast<double>(v->y) * scale};
    }
  };

  const Glyph& glyph(char32_t character) const {
    const auto found = glyphs_.find(character);
    if (found != glyphs_.end()) return found->second;
    Glyph& glyph = glyphs_[character];
    if (FT_Load_Char(face_, character, FT_LOAD_NO_SCALE | FT_LOAD_NO_BITMAP) != 0) return glyph;
    glyph.advance = static_cast<double>(face_->glyph->metrics.horiAdvance) * scale_;
    FT_Outline_Funcs callbacks{};
    callbacks.move_to = [](const FT_Vector* to, void* user) {
      auto* walk = static_cast<Walk*>(user);
      walk->add(Step::Move, {walk->at(to)});
      return 0;
    };
    callbacks.line_to = [](const FT_Vector* to, void* user) {
      auto* walk = static_cast<Walk*>(user);
      walk->add(Step::Line, {walk->at(to)});
      return 0;
    };
    callbacks.conic_to = [](const FT_Vector* control, const FT_Vector* to, void* user) {
      auto* walk = static_cast<Walk*>(user);
      const auto [cx, cy] = walk->at(control);
      const auto [tx, ty] = walk->at(to);
      walk->add(Step::Curve, {{walk->x + (cx - walk->x) * 2 / 3, walk->y + (cy - walk->y) * 2 / 3},
                              {tx + (cx - tx) * 2 / 3, ty + (cy - ty) * 2 / 3},
                              {tx, ty}});
      return 0;
    };
    callbacks.cubic_to = [](const FT_Vector* first, const FT_Vector* second, const FT_Vector* to, void* user) {
      auto* walk = static_cast<Walk*>(user);
      walk->add(Step::Curve, {walk->at(first), walk->at(second), walk->at(to)});
      return 0;
    };
    Walk walk{&glyph, scale_};
    FT_Outline_Decompose(&face_->glyph->outline, &callbacks, &walk);
    return glyph;
  }

  FT_Face face_ = nullptr;
  double scale_ = 1, cap_height_ = 0.7;
  mutable std::map<char32_t, Glyph> glyphs_;  // of this thread alone
};

}  // namespace

const Font& find_font(std::string_view family, FontStyle style) {
  static thread_local const Library library;
  static thread_local std::map<std::pair<std::string, FontStyle>, std::unique_ptr<const Font>> fonts;
  auto& font = fonts[{std::string(family), style}];
  if (!font) {
    static constexpr const char* kStyles[] = {"", ":bold", ":italic"};
    const FontFile file = find_font_file(family, kStyles[static_cast<size_t>(style)]);
    if (file.path.empty()) {
      fail(ErrorCategory::NotFound, "the font '{}' is not installed; scripts/setup.sh installs all that are drawn with",
           family);
    }
    font = std::make_unique<OutlineFont>(library, file);
  }
  return *font;
}

std::vector<std::string_view> text_families() {
  return {"DejaVu Sans", "DejaVu Serif", "Liberation Sans", "Liberation Serif",
          "Lato",        "Open Sans",    "Roboto Slab",     "Comic Neue"};
}

std::vector<std::string_view> handwriting_families() {
  return {"DkgHandwriting", "Comic Neue"};
}

std::vector<std::string> wrap_text(const Font& font, std::string_view text, double size, double width) {
  std::vector<std::string> lines;
  std::istringstream words{std::string(text)};
  std::string line;
  for (std::string word; words >> word;) {
    const std::string longer = line.empty() ? word : line + " " + word;
    if (!line.empty() && font.width(longer, size) > width) {
      lines.push_back(std::exchange(line, word));
    } else {
      line = longer;
    }
  }
  if (!line.empty()) lines.push_back(line);
  return lines;
}

}  // namespace molmo::synth
