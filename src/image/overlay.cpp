#include "image/overlay.h"

#include <cairo-svg.h>
#include <cairo.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstring>
#include <memory>
#include <numbers>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "image/encode.h"

namespace molmo::image {
namespace {

struct SurfaceDeleter {
  void operator()(cairo_surface_t* surface) const { cairo_surface_destroy(surface); }
};
struct ContextDeleter {
  void operator()(cairo_t* context) const { cairo_destroy(context); }
};
using Surface = std::unique_ptr<cairo_surface_t, SurfaceDeleter>;
using Context = std::unique_ptr<cairo_t, ContextDeleter>;

void check(cairo_status_t status) {
  if (status == CAIRO_STATUS_SUCCESS) return;
  const auto category = status == CAIRO_STATUS_NO_MEMORY ? ErrorCategory::OutOfMemory : ErrorCategory::Internal;
  fail(category, "the overlay cannot be drawn: {}", cairo_status_to_string(status));
}

struct Color {
  double red, green, blue;
};

// Far apart in hue, and dark enough for white numbers. The first is the usual one.
constexpr Color kColors[] = {{0.91, 0.12, 0.45}, {0.10, 0.45, 0.91}, {0.09, 0.58, 0.30}, {0.85, 0.38, 0.05},
                             {0.48, 0.25, 0.80}, {0.03, 0.55, 0.62}, {0.60, 0.40, 0.13}, {0.35, 0.40, 0.48}};

// ---- Text: labels are written by a model, so nothing about them is certain.

constexpr size_t kMaxLabelCharacters = 60;

// Bytes of the valid UTF-8 character at the beginning of `text`, or 0.
size_t character_bytes(std::string_view text) {
  const auto byte = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0; };
  if (byte(0) < 0x80) return 1;
  // Lead bytes, and what the second byte may be: neither overlong, nor a surrogate, nor beyond U+10FFFF.
  struct Lead {
    int first, last, second_first, second_last;
    size_t size;
  };
  constexpr Lead kLeads[] = {{0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3}, {0xE1, 0xEC, 0x80, 0xBF, 3},
                             {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3}, {0xF0, 0xF0, 0x90, 0xBF, 4},
                             {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4}};
  for (const Lead& lead : kLeads) {
    if (byte(0) < lead.first || byte(0) > lead.last) continue;
    if (byte(1) < lead.second_first || byte(1) > lead.second_last) return 0;
    for (size_t i = 2; i < lead.size; ++i) {
      if ((byte(i) & 0xC0) != 0x80) return 0;
    }
    return lead.size;
  }
  return 0;
}

// Valid UTF-8 of one line and bounded length.
std::string printable(std::string_view text) {
  std::string line;
  for (size_t count = 0; !text.empty(); ++count) {
    if (count == kMaxLabelCharacters) return line + "…";
    const size_t size = character_bytes(text);
    if (size == 0) {
      line += "\uFFFD";
    } else if (size == 1 && std::iscntrl(static_cast<unsigned char>(text[0]))) {
      line += ' ';
    } else {
      line += text.substr(0, size);
    }
    text.remove_prefix(std::max<size_t>(size, 1));
  }
  return line;
}

// ---- Drawing

struct Marker {
  double x, y;
  size_t group;  // index of the label
};

struct Group {
  std::string label;
  Color color;
  size_t count = 0;
};

struct Drawing {
  std::vector<Marker> markers;
  std::vector<Group> groups;
};

Drawing plan(std::span<const OverlayPoint> points, ImageSize size) {
  Drawing drawing;
  const double height = static_cast<double>(size.height), width = static_cast<double>(size.width);
  for (const OverlayPoint& point : points) {
    const auto [x, y] = point.position;
    if (!std::isfinite(x) || !std::isfinite(y)) continue;
    const std::string label = printable(point.label);
    auto group =
        std::find_if(drawing.groups.begin(), drawing.groups.end(), [&](const Group& g) { return g.label == label; });
    if (group == drawing.groups.end())
      group = drawing.groups.insert(group, {label, kColors[drawing.groups.size() % std::size(kColors)]});
    ++group->count;
    // A point on the border stays half visible; far outside there is nothing to see, and the drawing library has
    // limits.
    const size_t index = static_cast<size_t>(group - drawing.groups.begin());
    drawing.markers.push_back({std::clamp(x, 0.0, width), std::clamp(y, 0.0, height), index});
  }
  return drawing;
}

class Painter {
 public:
  Painter(cairo_t* context, ImageSize size, const Drawing& drawing) : cairo_(context), size_(size), drawing_(drawing) {
    const double side = std::sqrt(static_cast<double>(size.height) * static_cast<double>(size.width));
    const double crowd =
        std::clamp(std::sqrt(12.0 / std::max<double>(1, static_cast<double>(drawing.markers.size()))), 0.6, 1.0);
    radius_ = std::max(0.016 * side * crowd, 4.0);
    text_px_ = std::max(0.026 * side, 9.0);
    cairo_select_font_face(cairo_, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_BOLD);
  }

  void paint() {
    for (size_t i = 0; i < drawing_.markers.size(); ++i) paint_marker(i);
    if (drawing_.markers.size() == 1) {
      if (!drawing_.groups[0].label.empty()) paint_label();
    } else if (std::any_of(drawing_.groups.begin(), drawing_.groups.end(),
                           [](const Group& group) { return !group.label.empty(); })) {
      paint_legend();
    }
    check(cairo_status(cairo_));
  }

 private:
  void set(const Color& color, double alpha = 1) {
    cairo_set_source_rgba(cairo_, color.red, color.green, color.blue, alpha);
  }

  void fill_disc(double x, double y, double radius) {
    cairo_arc(cairo_, x, y, radius, 0, 2 * std::numbers::pi);
    cairo_fill(cairo_);
  }

  // Dark edge, white ring, coloured disc, and a number or a white dot.
  void paint_disc(double x, double y, double radius, const Color& color) {
    set({0, 0, 0}, 0.55);
    fill_disc(x, y, radius * 1.36);
    set({1, 1, 1});
    fill_disc(x, y, radius * 1.2);
    set(color);
    fill_disc(x, y, radius);
    set({1, 1, 1});
  }

  void paint_marker(size_t index) {
    const Marker& marker = drawing_.markers[index];
    paint_disc(marker.x, marker.y, radius_, drawing_.groups[marker.group].color);
    if (drawing_.markers.size() == 1) {
      fill_disc(marker.x, marker.y, radius_ * 0.3);
      return;
    }
    const std::string number = std::to_string(index + 1);
    cairo_set_font_size(cairo_, radius_ * (number.size() < 2 ? 1.35 : number.size() < 3 ? 1.1 : 0.8));
    const cairo_text_extents_t extents = measure(number);
    cairo_move_to(cairo_, marker.x - extents.width / 2 - extents.x_bearing,
                  marker.y - extents.height / 2 - extents.y_bearing);
    cairo_show_text(cairo_, number.c_str());
  }

  cairo_text_extents_t measure(const std::string& text) {
    cairo_text_extents_t extents;
    cairo_text_extents(cairo_, text.c_str(), &extents);
    return extents;
  }

  void fill_box(double x, double y, double width, double height, double corner) {
    constexpr double kQuarter = std::numbers::pi / 2;
    cairo_new_sub_path(cairo_);
    cairo_arc(cairo_, x + width - corner, y + corner, corner, -kQuarter, 0);
    cairo_arc(cairo_, x + width - corner, y + height - corner, corner, 0, kQuarter);
    cairo_arc(cairo_, x + corner, y + height - corner, corner, kQuarter, 2 * kQuarter);
    cairo_arc(cairo_, x + corner, y + corner, corner, 2 * kQuarter, 3 * kQuarter);
    cairo_close_path(cairo_);
    set({0.08, 0.08, 0.1}, 0.78);
    cairo_fill(cairo_);
  }

  // Text is made smaller rather than wider than the picture.
  void fit_font(const std::vector<std::string>& lines, double room) {
    cairo_set_font_size(cairo_, text_px_);
    double widest = 1;
    for (const std::string& line : lines) widest = std::max(widest, measure(line).x_advance);
    if (widest > room) text_px_ *= std::max(room, 1.0) / widest;
    cairo_set_font_size(cairo_, text_px_);
  }

  void paint_text(const std::string& text, double x, double middle) {
    cairo_font_extents_t font;
    cairo_font_extents(cairo_, &font);
    set({1, 1, 1});
    cairo_move_to(cairo_, x, middle + (font.ascent - font.descent) / 2);
    cairo_show_text(cairo_, text.c_str());
  }

  // Beside the only point, on the side that has room.
  void paint_label() {
    const std::string& text = drawing_.groups[0].label;
    const Marker& marker = drawing_.markers[0];
    const double picture_width = static_cast<double>(size_.width), picture_height = static_cast<double>(size_.height);
    fit_font({text}, picture_width * 0.9 - text_px_);
    const double width = measure(text).x_advance + text_px_, height = text_px_ * 1.6, gap = radius_ * 1.8;
    double x = marker.x + gap;
    if (x + width > picture_width) x = marker.x - gap - width;
    double y = marker.y - height / 2;
    if (x < 0) {
      x = std::clamp(marker.x - width / 2, 0.0, std::max(0.0, picture_width - width));
      y = marker.y + gap + height < picture_height ? marker.y + gap : marker.y - gap - height;
    }
    y = std::clamp(y, 0.0, std::max(0.0, picture_height - height));
    fill_box(x, y, width, height, height * 0.3);
    paint_text(text, x + text_px_ / 2, y + height / 2);
  }

  // Upper left corner of a box that lies in a corner of the picture.
  PointPx emptiest_corner(double width, double height, double margin) const {
    const double right = static_cast<double>(size_.width) - width - margin;
    const double bottom = static_cast<double>(size_.height) - height - margin;
    const auto count_hidden = [&](const PointPx& corner) {
      return std::count_if(drawing_.markers.begin(), drawing_.markers.end(), [&](const Marker& marker) {
        return marker.x > corner.x - radius_ && marker.x < corner.x + width + radius_ &&
               marker.y > corner.y - radius_ && marker.y < corner.y + height + radius_;
      });
    };
    const PointPx corners[] = {{margin, bottom}, {right, bottom}, {margin, margin}, {right, margin}};
    return *std::min_element(std::begin(corners), std::end(corners),
                             [&](const PointPx& a, const PointPx& b) { return count_hidden(a) < count_hidden(b); });
  }

  // One line per label with its colour and count, in the corner where it hides the fewest points.
  void paint_legend() {
    constexpr size_t kMaxLines = 8;
    const size_t num_lines = std::min(drawing_.groups.size(), kMaxLines);
    std::vector<std::string> lines;
    for (size_t i = 0; i < num_lines; ++i) {
      const Group& group = drawing_.groups[i];
      const std::string name = group.label.empty() ? "(no label)" : group.label;
      lines.push_back(group.count == 1 ? name : name + " × " + std::to_string(group.count));
    }
    if (drawing_.groups.size() > kMaxLines)
      lines.back() = "and " + std::to_string(drawing_.groups.size() - kMaxLines + 1) + " more labels";
    fit_font(lines, static_cast<double>(size_.width) * 0.9 - 3 * text_px_);
    double width = 0;
    for (const std::string& line : lines) width = std::max(width, measure(line).x_advance);
    width += text_px_ * 2.5;
    const double line_height = text_px_ * 1.5;
    const double height = line_height * static_cast<double>(lines.size()) + text_px_ * 0.5;
    const auto [left, top] = emptiest_corner(width, height, text_px_ * 0.5);
    fill_box(left, top, width, height, text_px_ * 0.5);
    for (size_t i = 0; i < lines.size(); ++i) {
      const double middle = top + text_px_ * 0.25 + line_height * (static_cast<double>(i) + 0.5);
      paint_disc(left + text_px_ * 0.9, middle, text_px_ * 0.33, drawing_.groups[i].color);
      paint_text(lines[i], left + text_px_ * 1.8, middle);
    }
  }

  cairo_t* cairo_;
  ImageSize size_;
  const Drawing& drawing_;
  double radius_, text_px_;
};

// ---- Between our pictures and the drawing library's: 32 bits per pixel in the machine's byte order, 0xXXRRGGBB.

Surface to_surface(const Image& image) {
  constexpr int64_t kMaxSide = 32767;
  if (image.size.height > kMaxSide || image.size.width > kMaxSide) {
    fail(ErrorCategory::Unsupported, "a picture of {}x{} pixels is too large to draw on, at most {} per side",
         image.size.width, image.size.height, kMaxSide);
  }
  Surface surface(cairo_image_surface_create(CAIRO_FORMAT_RGB24, static_cast<int>(image.size.width),
                                             static_cast<int>(image.size.height)));
  check(cairo_surface_status(surface.get()));
  unsigned char* rows = cairo_image_surface_get_data(surface.get());
  const int64_t stride = cairo_image_surface_get_stride(surface.get());
  const uint8_t* from = image.pixels.data();
  for (int64_t y = 0; y < image.size.height; ++y) {
    for (int64_t x = 0; x < image.size.width; ++x, from += 3) {
      const uint32_t pixel = uint32_t{from[0]} << 16 | uint32_t{from[1]} << 8 | from[2];
      std::memcpy(rows + y * stride + x * 4, &pixel, sizeof pixel);
    }
  }
  cairo_surface_mark_dirty(surface.get());
  return surface;
}

Image from_surface(cairo_surface_t* surface, ImageSize size) {
  cairo_surface_flush(surface);
  Image image{size, std::vector<uint8_t>(size.height * size.width * 3)};
  const unsigned char* rows = cairo_image_surface_get_data(surface);
  const int64_t stride = cairo_image_surface_get_stride(surface);
  uint8_t* to = image.pixels.data();
  for (int64_t y = 0; y < size.height; ++y) {
    for (int64_t x = 0; x < size.width; ++x, to += 3) {
      uint32_t pixel;
      std::memcpy(&pixel, rows + y * stride + x * 4, sizeof pixel);
      to[0] = static_cast<uint8_t>(pixel >> 16);
      to[1] = static_cast<uint8_t>(pixel >> 8);
      to[2] = static_cast<uint8_t>(pixel);
    }
  }
  return image;
}

// The SVG writer puts attached data into the document instead of encoding the pixels itself, which it would do as PNG.
void attach_jpeg(cairo_surface_t* surface, const std::string& jpeg) {
  auto* copy = new std::string(jpeg);
  const auto destroy = [](void* data) { delete static_cast<std::string*>(data); };
  const cairo_status_t status = cairo_surface_set_mime_data(
      surface, CAIRO_MIME_TYPE_JPEG, reinterpret_cast<const unsigned char*>(copy->data()), copy->size(), destroy, copy);
  if (status != CAIRO_STATUS_SUCCESS) delete copy;
  check(status);
}

cairo_status_t append(void* text, const unsigned char* data, unsigned int num_bytes) {
  static_cast<std::string*>(text)->append(reinterpret_cast<const char*>(data), num_bytes);
  return CAIRO_STATUS_SUCCESS;
}

}  // namespace

Image draw_overlay(const Image& image, std::span<const OverlayPoint> points) {
  const Drawing drawing = plan(points, image.size);
  const Surface surface = to_surface(image);
  const Context context(cairo_create(surface.get()));
  Painter(context.get(), image.size, drawing).paint();
  return from_surface(surface.get(), image.size);
}

std::string overlay_svg(const Image& image, std::span<const OverlayPoint> points) {
  const Drawing drawing = plan(points, image.size);
  const Surface picture = to_surface(image);
  attach_jpeg(picture.get(), encode_jpeg(image, 92));
  std::string svg;
  const Surface document(cairo_svg_surface_create_for_stream(append, &svg, static_cast<double>(image.size.width),
                                                             static_cast<double>(image.size.height)));
  check(cairo_surface_status(document.get()));
  cairo_svg_surface_set_document_unit(document.get(), CAIRO_SVG_UNIT_PX);
  {
    const Context context(cairo_create(document.get()));
    cairo_set_source_surface(context.get(), picture.get(), 0, 0);
    cairo_paint(context.get());
    Painter(context.get(), image.size, drawing).paint();
  }
  cairo_surface_finish(document.get());
  check(cairo_surface_status(document.get()));
  return svg;
}

void write_overlay(const Image& image, std::span<const OverlayPoint> points, const std::filesystem::path& path) {
  const std::string extension = path.extension().string();
  if (extension == ".png") {
    write_png(draw_overlay(image, points), path);
  } else if (extension == ".jpg" || extension == ".jpeg") {
    write_jpeg(draw_overlay(image, points), path);
  } else if (extension == ".svg") {
    write_file_atomic(path, overlay_svg(image, points));
  } else {
    fail(ErrorCategory::InvalidArgument, "{}: an overlay is written as .png, .jpg or .svg, not '{}'", path.string(),
         extension);
  }
}

}  // namespace molmo::image
