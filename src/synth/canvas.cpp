#include "synth/canvas.h"

#include <cairo.h>

#include <algorithm>
#include <numbers>

#include "base/error.h"

namespace molmo::synth {
namespace {

void check(cairo_status_t status) {
  if (status == CAIRO_STATUS_SUCCESS) return;
  const auto category = status == CAIRO_STATUS_NO_MEMORY ? ErrorCategory::OutOfMemory : ErrorCategory::Internal;
  fail(category, "a picture cannot be drawn: {}", cairo_status_to_string(status));
}

}  // namespace

void Canvas::SurfaceDeleter::operator()(cairo_surface_t* surface) const {
  cairo_surface_destroy(surface);
}

void Canvas::ContextDeleter::operator()(cairo_t* context) const {
  cairo_destroy(context);
}

Canvas::Canvas(ImageSize size)
    : size_(size),
      surface_(cairo_image_surface_create(CAIRO_FORMAT_ARGB32, static_cast<int>(size.width),
                                          static_cast<int>(size.height))) {
  check(cairo_surface_status(surface_.get()));
  context_.reset(cairo_create(surface_.get()));
  check(cairo_status(context_.get()));
}

std::span<uint32_t> Canvas::pixels() {
  cairo_surface_flush(surface_.get());
  // With four bytes per pixel Cairo's rows have no gaps.
  return {reinterpret_cast<uint32_t*>(cairo_image_surface_get_data(surface_.get())),
          static_cast<size_t>(size_.width * size_.height)};
}

void Canvas::pixels_changed() {
  cairo_surface_mark_dirty(surface_.get());
}

image::Image Canvas::image() {
  check(cairo_status(context_.get()));
  image::Image image{size_, std::vector<uint8_t>(static_cast<size_t>(size_.width * size_.height * 3))};
  uint8_t* to = image.pixels.data();
  for (const uint32_t pixel : pixels()) {
    *to++ = static_cast<uint8_t>(pixel >> 16);
    *to++ = static_cast<uint8_t>(pixel >> 8);
    *to++ = static_cast<uint8_t>(pixel);
  }
  return image;
}

void set_color(cairo_t* cairo, Color color, double alpha) {
  cairo_set_source_rgba(cairo, color.red, color.green, color.blue, alpha);
}

void rounded_rectangle(cairo_t* cairo, double x, double y, double width, double height, double radius) {
  constexpr double kQuarter = std::numbers::pi / 2;
  radius = std::min({radius, width / 2, height / 2});
  cairo_new_sub_path(cairo);
  cairo_arc(cairo, x + width - radius, y + radius, radius, -kQuarter, 0);
  cairo_arc(cairo, x + width - radius, y + height - radius, radius, 0, kQuarter);
  cairo_arc(cairo, x + radius, y + height - radius, radius, kQuarter, 2 * kQuarter);
  cairo_arc(cairo, x + radius, y + radius, radius, 2 * kQuarter, 3 * kQuarter);
  cairo_close_path(cairo);
}

}  // namespace molmo::synth
