// A picture that is being drawn: Cairo's surface, and its pixels.
//   Canvas canvas({448, 448});   cairo_arc(canvas.cairo(), ...);   image::Image picture = canvas.image();
// Pixels are 0xAARRGGBB, premultiplied by alpha, row after row without gaps. A canvas begins transparent.
#pragma once

#include <cstdint>
#include <memory>
#include <numbers>
#include <span>

#include "base/geometry.h"
#include "image/image.h"
#include "synth/color.h"

typedef struct _cairo cairo_t;
typedef struct _cairo_surface cairo_surface_t;

namespace molmo::synth {

inline constexpr double kPi = std::numbers::pi;

class Canvas {
 public:
  explicit Canvas(ImageSize size);

  ImageSize size() const { return size_; }
  cairo_t* cairo() { return context_.get(); }
  std::span<uint32_t> pixels();  // what Cairo drew so far is in them
  void pixels_changed();         // tells Cairo that they were written to
  image::Image image();          // alpha is left out. Throws Internal when Cairo met an error

 private:
  struct SurfaceDeleter {
    void operator()(cairo_surface_t* surface) const;
  };
  struct ContextDeleter {
    void operator()(cairo_t* context) const;
  };
  ImageSize size_;
  std::unique_ptr<cairo_surface_t, SurfaceDeleter> surface_;
  std::unique_ptr<cairo_t, ContextDeleter> context_;
};

void set_color(cairo_t* cairo, Color color, double alpha = 1);
// A rectangle with round corners is added to the path.
void rounded_rectangle(cairo_t* cairo, double x, double y, double width, double height, double radius);

}  // namespace molmo::synth
