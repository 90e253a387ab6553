// A page of a chart, table, document, diagram or screen that is being drawn, and the truth about it as it grows.
//   Page page({224, 224}, draw_page_style(options, draws));
//   page.text("Total", {.x = 12, .baseline = 40, .size = 16});
// Every text is recorded with its box, so that the truth says what can be read where.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/random.h"
#include "synth/canvas.h"
#include "synth/font.h"
#include "synth/options.h"

namespace molmo::synth {

// Colours and font of one picture.
struct PageStyle {
  bool is_easy = true;
  Color paper, ink, accent, faint;  // faint: grids and borders
  std::string font;
  std::vector<std::string> colors;  // words of the colours of bars, lines and slices, all different
  double photo = 0;                 // strength of light and grain
};
PageStyle draw_page_style(const SynthOptions& options, RandomStream& draws);

struct TextPlace {
  double x = 0, baseline = 0, size = 12;
  Align align = Align::Left;
  FontStyle style = FontStyle::Regular;
  double max_width = 0;          // the size is reduced until it fits; 0: as it is
  std::string_view font = {};    // another font than the page's
  const Color* color = nullptr;  // another colour than ink
};

class Page {
 public:
  Page(ImageSize size, PageStyle style);
  ~Page();

  const PageStyle& style() const { return style_; }
  double width() const { return static_cast<double>(canvas_.size().width); }
  double height() const { return static_cast<double>(canvas_.size().height); }
  double side() const { return std::min(width(), height()); }
  cairo_t* cairo() { return canvas_.cairo(); }

  // Size of a text of `share` of the side, at least what can be read.
  double size(double share) const;
  double text_width(std::string_view words, double size, FontStyle style = FontStyle::Regular) const;
  double cap_height(double size) const;
  void text(std::string_view words, const TextPlace& place);
  // The middle of the capitals is at `middle_y`.
  void text_at_middle(std::string_view words, TextPlace place, double middle_y);
  // Words of the page's font that a picture pasted here shows: only for the truth.
  void note_text(std::string_view words, double left, double baseline, double width, double size,
                 FontStyle style = FontStyle::Regular);
  // Its upper left corner at (left, top); what lies outside the page is cut off.
  void paste(const image::Image& picture, int64_t left, int64_t top);
  void rectangle(double x, double y, double width, double height, Color color);
  void frame(double x, double y, double width, double height, Color color, double line_width);
  void line(double x0, double y0, double x1, double y1, Color color, double line_width);

  struct Word {
    std::string text;
    double left = 0, top = 0, right = 0, bottom = 0;
  };
  const std::vector<Word>& words() const { return words_; }

  Json& truth() { return *truth_; }
  // [height, width] or, for All and Words, three of these: the character in whose cell a pixel lies, 1 to 37
  // (label_classes.h); the colour word of a pixel that has exactly that colour, 1 to 11. Words: in the cells of a word
  // its first, second and third character. Throws InvalidArgument for other labels.
  std::vector<uint8_t> label_map(LabelMap labels);
  // The picture; what is asked for before it is without light and grain.
  image::Image finish(RandomStream& draws);

 private:
  struct Cell {
    uint8_t character = 0;  // class
    size_t word = 0;        // in words_
    double left = 0, top = 0, right = 0, bottom = 0;
  };
  void note(std::string_view words, const Font& font, double left, double baseline, double width, double size);
  // Sets what lies in the cells of characters to a class of the cell.
  void fill_cells(std::span<uint8_t> map, const std::function<uint8_t(const Cell&)>& cell_class) const;
  uint8_t class_in_word(const Cell& cell, size_t position) const;
  std::vector<uint8_t> color_map();

  Canvas canvas_;
  PageStyle style_;
  std::vector<Cell> cells_;
  std::vector<Word> words_;
  std::unique_ptr<Json> truth_;
};

Json box_json(double x, double y, double width, double height);

}  // namespace molmo::synth
