#include "synth/page.h"

#include <cairo.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/enum_names.h"
#include "base/error.h"
#include "image/patch_labels.h"
#include "synth/background.h"
#include "synth/draws.h"
#include "synth/label_classes.h"

namespace molmo::synth {
namespace {

constexpr double kLeastTextPx = 8;  // smaller letters are not read by anybody

double round_tenth(double value) {
  return std::round(value * 10) / 10;
}

// The colour words as Cairo rounds them.
std::vector<uint32_t> drawn_colors() {
  const auto names = color_names();
  Canvas canvas({1, static_cast<int64_t>(names.size())});
  for (size_t i = 0; i < names.size(); ++i) {
    set_color(canvas.cairo(), typical(names[i]));
    cairo_rectangle(canvas.cairo(), static_cast<double>(i), 0, 1, 1);
    cairo_fill(canvas.cairo());
  }
  const auto pixels = canvas.pixels();
  return {pixels.begin(), pixels.end()};
}

}  // namespace

PageStyle draw_page_style(const SynthOptions& options, RandomStream& draws) {
  PageStyle style;
  style.is_easy = options.difficulty == Difficulty::Easy;
  const bool is_dark = !style.is_easy && chance(draws, 0.15);
  const double tint = between(draws, 0, 360);
  if (is_dark) {
    style.paper = to_rgb({tint, between(draws, 0.1, 0.5), between(draws, 0.1, 0.22)});
    style.ink = to_rgb({tint, between(draws, 0, 0.1), between(draws, 0.9, 1)});
  } else {
    style.paper = to_rgb({tint, between(draws, 0, style.is_easy ? 0.04 : 0.12), between(draws, 0.95, 1)});
    style.ink = to_rgb({tint, between(draws, 0, 0.6), between(draws, 0, 0.22)});
  }
  style.accent = to_rgb({between(draws, 0, 360), between(draws, 0.5, 0.9), is_dark ? 0.85 : between(draws, 0.4, 0.75)});
  style.faint = mix(style.paper, style.ink, between(draws, 0.12, 0.3));
  style.font = std::string(pick(draws, text_families()));
  for (std::string_view name : color_names()) {
    if (name == "white" || name == "black") continue;
    if (distance(typical(name), style.paper) > 0.22) style.colors.emplace_back(name);
  }
  shuffle(draws, style.colors);
  style.photo = options.difficulty == Difficulty::Hard && chance(draws, 0.5) ? between(draws, 0.1, 0.7) : 0;
  return style;
}

Page::Page(ImageSize size, PageStyle style)
    : canvas_(size), style_(std::move(style)), truth_(std::make_unique<Json>(Json::object())) {
  set_color(cairo(), style_.paper);
  cairo_paint(cairo());
  truth()["width"] = size.width;
  truth()["height"] = size.height;
  truth()["texts"] = Json::array();
}

Page::~Page() = default;

double Page::size(double share) const {
  return std::max(kLeastTextPx, share * side());
}

double Page::text_width(std::string_view words, double size, FontStyle style) const {
  return find_font(style_.font, style).width(words, size);
}

double Page::cap_height(double size) const {
  return find_font(style_.font).cap_height() * size;
}

void Page::text(std::string_view words, const TextPlace& place) {
  if (words.empty()) return;
  const Font& font = find_font(place.font.empty() ? std::string_view(style_.font) : place.font, place.style);
  double size = place.size, width = font.width(words, size);
  if (place.max_width > 0 && width > place.max_width) {
    size *= place.max_width / width;
    width = place.max_width;
  }
  set_color(cairo(), place.color ? *place.color : style_.ink);
  font.draw(cairo(), words, place.x, place.baseline, size, place.align);
  const double left = place.x - (place.align == Align::Left ? 0 : place.align == Align::Center ? width / 2 : width);
  note(words, font, left, place.baseline, width, size);
}

// Cells are as wide as the character's advance, from above the capitals to below the baseline.
void Page::note(std::string_view words, const Font& font, double left, double baseline, double width, double size) {
  const double cap = font.cap_height() * size;
  double x = left;
  bool is_inside = false;  // a word
  for (const char character : words) {
    const double advance = font.width(std::string_view(&character, 1), size);
    if (character == ' ') {
      is_inside = false;
    } else {
      if (!is_inside) words_.push_back({{}, x, baseline - cap, x, baseline});
      is_inside = true;
      words_.back().text += character;
      words_.back().right = x + advance;
    }
    if (const uint8_t value = character_class(character))
      cells_.push_back({value, words_.size() - 1, x, baseline - 1.15 * cap, x + advance, baseline + 0.15 * cap});
    x += advance;
  }
  truth()["texts"].push_back({{"text", words}, {"box", box_json(left, baseline - cap, width, cap)}});
}

void Page::note_text(std::string_view words, double left, double baseline, double width, double size, FontStyle style) {
  note(words, find_font(style_.font, style), left, baseline, width, size);
}

void Page::paste(const image::Image& picture, int64_t left, int64_t top) {
  const auto pixels = canvas_.pixels();
  const ImageSize size = canvas_.size();
  for (int64_t y = std::max<int64_t>(0, -top); y < std::min(picture.size.height, size.height - top); ++y) {
    for (int64_t x = std::max<int64_t>(0, -left); x < std::min(picture.size.width, size.width - left); ++x) {
      const uint8_t* from = &picture.pixels[static_cast<size_t>(3 * (y * picture.size.width + x))];
      pixels[static_cast<size_t>((top + y) * size.width + left + x)] =
          0xFF000000u | static_cast<uint32_t>(from[0] << 16 | from[1] << 8 | from[2]);
    }
  }
  canvas_.pixels_changed();
}

void Page::text_at_middle(std::string_view words, TextPlace place, double middle_y) {
  const Font& font = find_font(place.font.empty() ? std::string_view(style_.font) : place.font, place.style);
  double size = place.size;
  if (place.max_width > 0) size *= std::min(1.0, place.max_width / std::max(1e-9, font.width(words, size)));
  place.baseline = middle_y + font.cap_height() * size / 2;
  text(words, place);
}

void Page::rectangle(double x, double y, double width, double height, Color color) {
  set_color(cairo(), color);
  cairo_rectangle(cairo(), x, y, width, height);
  cairo_fill(cairo());
}

void Page::frame(double x, double y, double width, double height, Color color, double line_width) {
  set_color(cairo(), color);
  cairo_set_line_width(cairo(), line_width);
  cairo_rectangle(cairo(), x, y, width, height);
  cairo_stroke(cairo());
}

void Page::line(double x0, double y0, double x1, double y1, Color color, double line_width) {
  set_color(cairo(), color);
  cairo_set_line_width(cairo(), line_width);
  cairo_move_to(cairo(), x0, y0);
  cairo_line_to(cairo(), x1, y1);
  cairo_stroke(cairo());
}

void Page::fill_cells(std::span<uint8_t> map, const std::function<uint8_t(const Cell&)>& cell_class) const {
  const ImageSize size = canvas_.size();
  const auto clamped = [](double value, int64_t side) {
    return std::clamp<int64_t>(static_cast<int64_t>(std::lround(value)), 0, side);
  };
  for (const Cell& cell : cells_) {
    const uint8_t value = cell_class(cell);
    const int64_t left = clamped(cell.left, size.width), right = clamped(cell.right, size.width);
    for (int64_t y = clamped(cell.top, size.height); y < clamped(cell.bottom, size.height); ++y)
      std::ranges::fill(map.subspan(static_cast<size_t>(y * size.width + left), static_cast<size_t>(right - left)),
                        value);
  }
}

// Of the character at a position of the cell's word, or the class of the word's end.
uint8_t Page::class_in_word(const Cell& cell, size_t position) const {
  const std::string& word = words_[cell.word].text;
  return position < word.size() ? character_class(word[position]) : kWordEndClass;
}

std::vector<uint8_t> Page::color_map() {
  static const std::vector<uint32_t> colors = drawn_colors();
  std::vector<uint8_t> map;
  map.reserve(canvas_.pixels().size());
  for (const uint32_t pixel : canvas_.pixels()) {
    const auto found = std::find(colors.begin(), colors.end(), pixel);
    map.push_back(found == colors.end() ? 0 : static_cast<uint8_t>(1 + (found - colors.begin())));
  }
  return map;
}

std::vector<uint8_t> Page::label_map(LabelMap labels) {
  if (labels == LabelMap::Colors) return color_map();
  const size_t num_pixels = canvas_.pixels().size();
  std::vector<uint8_t> maps(num_pixels, 0);
  if (labels == LabelMap::Characters) {
    fill_cells(maps, [](const Cell& cell) { return cell.character; });
    return maps;
  }
  if (labels != LabelMap::All && labels != LabelMap::Words) {
    fail(ErrorCategory::InvalidArgument,
         "labels: of charts and documents there are characters, colors, words and all, not {}", enum_name(labels));
  }
  const std::vector<uint8_t> colors = color_map();
  maps.insert(maps.end(), colors.begin(), colors.end());
  maps.resize(3 * num_pixels, image::kUnlabelledPixel);  // no places
  const bool spells = labels == LabelMap::Words;
  for (size_t map = 0; map < (spells ? 3 : 1); ++map) {
    fill_cells(std::span(maps).subspan(map * num_pixels, num_pixels),
               [&, first = first_character_class(map)](const Cell& cell) {
                 return static_cast<uint8_t>(first + (spells ? class_in_word(cell, map) : cell.character));
               });
  }
  return maps;
}

image::Image Page::finish(RandomStream& draws) {
  if (style_.photo > 0) photograph(canvas_, style_.photo, draws);
  return canvas_.image();
}

Json box_json(double x, double y, double width, double height) {
  return Json::array({round_tenth(x), round_tenth(y), round_tenth(x + width), round_tenth(y + height)});
}

}  // namespace molmo::synth
