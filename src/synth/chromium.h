// Pages of HTML as a headless browser shows them: Chromium, or Chrome.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/geometry.h"
#include "image/image.h"

namespace molmo::synth {

// A text within an element or a quoted attribute, shown as it is.
std::string html_text(std::string_view text);
// The same as a text whose place the browser tells.
std::string html_span(std::string_view text);

struct HtmlPage {
  ImageSize size = {};
  std::string style;      // rules of CSS
  std::string main;       // HTML within the element `main`
  double font_size = 16;  // of `body` in pixels, reduced until `main` keeps the margin free; what is within is in em
  double margin = 0;      // pixels
};

// In pixels; `size` is that of the font.
struct HtmlText {
  std::string text;
  double left = 0, baseline = 0, width = 0, size = 0;
  bool is_bold = false;
};

struct HtmlPicture {
  image::Image picture;
  std::vector<HtmlText> texts;  // of all spans, in the order of the document
};

// One start of the browser, without network. Throws NotFound where none is installed, Io where it fails.
HtmlPicture render_html(const HtmlPage& page);

}  // namespace molmo::synth
