#include "report/contact_sheet.h"

#include <cairo.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <numbers>
#include <sstream>

#include "base/error.h"

namespace molmo::report {
namespace {

using Surface = std::unique_ptr<cairo_surface_t, decltype(&cairo_surface_destroy)>;
using Context = std::unique_ptr<cairo_t, decltype(&cairo_destroy)>;

void check(cairo_status_t status) {
  if (status == CAIRO_STATUS_SUCCESS) return;
  fail(ErrorCategory::Internal, "the contact sheet cannot be drawn: {}", cairo_status_to_string(status));
}

Surface make_surface(int64_t width, int64_t height) {
  Surface surface(cairo_image_surface_create(CAIRO_FORMAT_RGB24, static_cast<int>(width), static_cast<int>(height)),
                  cairo_surface_destroy);
  check(cairo_surface_status(surface.get()));
  return surface;
}

Surface to_surface(const image::Image& picture) {
  Surface surface = make_surface(picture.size.width, picture.size.height);
  unsigned char* rows = cairo_image_surface_get_data(surface.get());
  const int64_t stride = cairo_image_surface_get_stride(surface.get());
  const uint8_t* from = picture.pixels.data();
  for (int64_t y = 0; y < picture.size.height; ++y) {
    for (int64_t x = 0; x < picture.size.width; ++x, from += 3) {
      const uint32_t pixel = uint32_t{from[0]} << 16 | uint32_t{from[1]} << 8 | from[2];
      std::memcpy(rows + y * stride + x * 4, &pixel, sizeof pixel);
    }
  }
  cairo_surface_mark_dirty(surface.get());
  return surface;
}

double text_width(cairo_t* cairo, const std::string& text) {
  cairo_text_extents_t extents;
  cairo_text_extents(cairo, text.c_str(), &extents);
  return extents.x_advance;
}

// Greedy filling; the last line that is allowed ends with an ellipsis when text is left over.
std::vector<std::string> wrap(cairo_t* cairo, const std::vector<std::string>& texts, double width, size_t max_lines) {
  std::vector<std::string> lines;
  for (const std::string& text : texts) {
    std::istringstream words(text);
    std::string line;
    for (std::string word; words >> word;) {
      const std::string longer = line.empty() ? word : line + " " + word;
      if (!line.empty() && text_width(cairo, longer) > width) {
        lines.push_back(line);
        line = word;
      } else {
        line = longer;
      }
    }
    lines.push_back(line);
  }
  if (lines.size() > max_lines) {
    lines.resize(max_lines);
    std::string& last = lines.back();
    while (!last.empty() && text_width(cairo, last + "…") > width) {
      do last.pop_back();
      while (!last.empty() && (static_cast<unsigned char>(last.back()) & 0xC0) == 0x80);
    }
    last += "…";
  }
  return lines;
}

void draw_tile(cairo_t* cairo, const ContactTile& tile, double x, double y, const ContactSheetOptions& options) {
  const double width = static_cast<double>(tile.picture.size.width),
               height = static_cast<double>(tile.picture.size.height);
  const double side = options.tile_px;
  if (width > 0 && height > 0) {
    const double scale = side / std::max(width, height);
    cairo_save(cairo);
    cairo_translate(cairo, x + (side - width * scale) / 2, y + (side - height * scale) / 2);
    cairo_scale(cairo, scale, scale);
    const Surface picture = to_surface(tile.picture);
    cairo_set_source_surface(cairo, picture.get(), 0, 0);
    cairo_pattern_set_filter(cairo_get_source(cairo), CAIRO_FILTER_GOOD);
    cairo_paint(cairo);
    for (const PointPx& mark : tile.marks) {
      for (const bool is_edge : {true, false}) {
        cairo_arc(cairo, mark.x, mark.y, (is_edge ? 4.5 : 3) / scale, 0, 2 * std::numbers::pi);
        if (is_edge) {
          cairo_set_source_rgb(cairo, 1, 1, 1);
        } else {
          cairo_set_source_rgb(cairo, 0.91, 0.12, 0.45);
        }
        cairo_fill(cairo);
      }
    }
    cairo_restore(cairo);
  }
  cairo_set_source_rgb(cairo, 0.1, 0.1, 0.12);
  double baseline = y + side + options.font_px * 1.3;
  for (const std::string& line : wrap(cairo, tile.lines, side, static_cast<size_t>(options.lines_per_tile))) {
    cairo_move_to(cairo, x, baseline);
    cairo_show_text(cairo, line.c_str());
    baseline += options.font_px * 1.25;
  }
}

}  // namespace

image::Image contact_sheet(std::span<const ContactTile> tiles, const ContactSheetOptions& options) {
  if (tiles.empty()) fail(ErrorCategory::InvalidArgument, "a contact sheet needs at least one picture");
  const int64_t gap = 10, columns = std::min<int64_t>(options.columns, static_cast<int64_t>(tiles.size()));
  const int64_t rows = (static_cast<int64_t>(tiles.size()) + columns - 1) / columns;
  const auto text_height = static_cast<int64_t>(options.font_px * (1.25 * options.lines_per_tile + 0.6));
  const int64_t step_y = options.tile_px + text_height + gap;
  const ImageSize size{rows * step_y + gap, columns * (options.tile_px + gap) + gap};
  if (size.height > 32767) {
    fail(ErrorCategory::Unsupported, "a contact sheet of {} pictures is too high; use more columns or fewer pictures",
         tiles.size());
  }
  const Surface surface = make_surface(size.width, size.height);
  const Context context(cairo_create(surface.get()), cairo_destroy);
  cairo_t* cairo = context.get();
  cairo_set_source_rgb(cairo, 0.97, 0.97, 0.97);
  cairo_paint(cairo);
  cairo_select_font_face(cairo, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
  cairo_set_font_size(cairo, options.font_px);
  for (size_t i = 0; i < tiles.size(); ++i) {
    const int64_t column = static_cast<int64_t>(i) % columns, row = static_cast<int64_t>(i) / columns;
    draw_tile(cairo, tiles[i], static_cast<double>(gap + column * (options.tile_px + gap)),
              static_cast<double>(gap + row * step_y), options);
  }
  check(cairo_status(cairo));
  cairo_surface_flush(surface.get());
  image::Image image{size, std::vector<uint8_t>(static_cast<size_t>(size.height * size.width * 3))};
  const unsigned char* data = cairo_image_surface_get_data(surface.get());
  const int64_t stride = cairo_image_surface_get_stride(surface.get());
  uint8_t* to = image.pixels.data();
  for (int64_t y = 0; y < size.height; ++y) {
    for (int64_t x = 0; x < size.width; ++x) {
      uint32_t pixel;
      std::memcpy(&pixel, data + y * stride + x * 4, sizeof pixel);
      *to++ = static_cast<uint8_t>(pixel >> 16);
      *to++ = static_cast<uint8_t>(pixel >> 8);
      *to++ = static_cast<uint8_t>(pixel);
    }
  }
  return image;
}

}  // namespace molmo::report
