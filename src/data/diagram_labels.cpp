#include "data/diagram_labels.h"

#include <cairo.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <vector>

#include "base/error.h"

namespace molmo::data {
namespace {

using Color = std::array<uint8_t, 3>;
constexpr Color kBoxColor = {25, 249, 255}, kWhite = {255, 255, 255};
constexpr uint8_t kHalf = 127, kOpaque = 255;
constexpr int kMinFontPx = 16, kMaxFontPx = 32;  // of letters beside their box
constexpr int kBoxFontPx = 22;                   // of letters in their box, less where they do not fit
constexpr int64_t kMarginX = 12, kMarginY = 10;  // from the corner of the box to the letter

struct SurfaceDeleter {
  void operator()(cairo_surface_t* surface) const { cairo_surface_destroy(surface); }
};
struct ContextDeleter {
  void operator()(cairo_t* context) const { cairo_destroy(context); }
};
using Surface = std::unique_ptr<cairo_surface_t, SurfaceDeleter>;
using Context = std::unique_ptr<cairo_t, ContextDeleter>;

// The ink of a text: how much of each pixel it covers, and where that lies from the upper left corner of the line.
struct Ink {
  int64_t left = 0, top = 0, width = 0, height = 0;
  std::vector<uint8_t> cover;
};

Context make_context(int width, int height, Surface& surface) {
  surface.reset(cairo_image_surface_create(CAIRO_FORMAT_A8, width, height));
  Context context(cairo_create(surface.get()));
  if (const auto status = cairo_status(context.get()); status != CAIRO_STATUS_SUCCESS) {
    const auto category = status == CAIRO_STATUS_NO_MEMORY ? ErrorCategory::OutOfMemory : ErrorCategory::Internal;
    fail(category, "a label cannot be drawn: {}", cairo_status_to_string(status));
  }
  cairo_select_font_face(context.get(), "Arial", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
  return context;
}

Ink draw_text(const std::string& text, int font_px) {
  Surface surface;
  Context measure = make_context(1, 1, surface);
  cairo_set_font_size(measure.get(), font_px);
  cairo_text_extents_t extents;
  cairo_font_extents_t font;
  cairo_text_extents(measure.get(), text.c_str(), &extents);
  cairo_font_extents(measure.get(), &font);

  Ink ink;
  ink.left = static_cast<int64_t>(std::floor(extents.x_bearing));
  ink.top = static_cast<int64_t>(std::floor(font.ascent + extents.y_bearing));
  ink.width = static_cast<int64_t>(std::ceil(extents.x_bearing + extents.width)) - ink.left;
  ink.height = static_cast<int64_t>(std::ceil(font.ascent + extents.y_bearing + extents.height)) - ink.top;
  if (ink.width <= 0 || ink.height <= 0) return {};

  Context context = make_context(static_cast<int>(ink.width), static_cast<int>(ink.height), surface);
  cairo_set_font_size(context.get(), font_px);
  cairo_move_to(context.get(), static_cast<double>(-ink.left), font.ascent - static_cast<double>(ink.top));
  cairo_show_text(context.get(), text.c_str());
  cairo_surface_flush(surface.get());
  const uint8_t* rows = cairo_image_surface_get_data(surface.get());
  const int stride = cairo_image_surface_get_stride(surface.get());
  for (int64_t y = 0; y < ink.height; ++y)
    ink.cover.insert(ink.cover.end(), rows + y * stride, rows + y * stride + ink.width);
  return ink;
}

class Canvas {
 public:
  explicit Canvas(image::Image& image) : image_(image) {}

  // Both corners are inside, as the reference's library counts.
  void fill(int64_t left, int64_t top, int64_t right, int64_t bottom, const Color& color, uint8_t opacity) {
    right = std::min(right, image_.size.width - 1);
    bottom = std::min(bottom, image_.size.height - 1);
    for (int64_t y = std::max<int64_t>(top, 0); y <= bottom; ++y) {
      for (int64_t x = std::max<int64_t>(left, 0); x <= right; ++x) blend(x, y, color, opacity);
    }
  }

  void write(const Ink& ink, int64_t left, int64_t top) {
    for (int64_t y = 0; y < ink.height; ++y) {
      for (int64_t x = 0; x < ink.width; ++x) {
        const bool is_inside =
            left + x >= 0 && left + x < image_.size.width && top + y >= 0 && top + y < image_.size.height;
        if (is_inside) blend(left + x, top + y, Color{}, ink.cover[static_cast<size_t>(y * ink.width + x)]);
      }
    }
  }

 private:
  // Rounded division by 255, as the reference's library blends.
  void blend(int64_t x, int64_t y, const Color& color, uint8_t opacity) {
    uint8_t* pixel = image_.pixels.data() + static_cast<size_t>((y * image_.size.width + x) * 3);
    for (size_t c = 0; c < 3; ++c) {
      const int sum = pixel[c] * (255 - opacity) + color[c] * opacity + 128;
      pixel[c] = static_cast<uint8_t>(((sum >> 8) + sum) >> 8);
    }
  }

  image::Image& image_;
};

void draw_opaque(Canvas& canvas, const DiagramLabel& label) {
  canvas.fill(label.left, label.top, label.right, label.bottom, kBoxColor, kOpaque);
  const int64_t height = label.bottom - label.top;
  int font_px = kBoxFontPx;
  Ink ink = draw_text(label.letter, font_px);
  while (height > 4 && ink.height > height && font_px > 1) ink = draw_text(label.letter, --font_px);
  const double left = static_cast<double>(label.left + label.right) / 2 - static_cast<double>(ink.width) / 2;
  const double top = static_cast<double>(label.top) + static_cast<double>(height - ink.height) / 2;
  canvas.write(ink, static_cast<int64_t>(std::lround(left)) + ink.left, static_cast<int64_t>(std::lround(top)));
}

void draw_transparent(Canvas& canvas, const DiagramLabel& label, int font_px) {
  canvas.fill(label.left, label.top, label.right, label.bottom, kBoxColor, kHalf);
  const Ink ink = draw_text(label.letter, font_px);
  const int64_t left = std::max<int64_t>(label.left - kMarginX, 0) + ink.left;
  const int64_t top = std::max<int64_t>(label.top - kMarginY, 0) + ink.top;
  canvas.fill(left, top, left + ink.width, top + ink.height, kWhite, kOpaque);
  canvas.write(ink, left, top);
}

}  // namespace

image::Image draw_labels(const image::Image& image, std::span<const DiagramLabel> labels, LabelRendering rendering) {
  image::Image drawn = image;
  Canvas canvas(drawn);
  const int64_t shorter_side = std::min(image.size.width, image.size.height);
  const int font_px = static_cast<int>(std::clamp<int64_t>(shorter_side / 50, kMinFontPx, kMaxFontPx));
  for (const DiagramLabel& label : labels) {
    if (label.top == label.bottom) continue;
    if (rendering == LabelRendering::Opaque) {
      draw_opaque(canvas, label);
    } else {
      draw_transparent(canvas, label, font_px);
    }
  }
  return drawn;
}

}  // namespace molmo::data
