#include "molmo/image.h"

#include "api/guard.h"
#include "api/impl.h"
#include "base/error.h"

namespace molmo {
namespace {

image::ImageLimits to_internal(const ImageLimits& limits) {
  return {limits.max_file_bytes, limits.max_pixels};
}

}  // namespace

Image Image::read(const std::filesystem::path& path, const ImageLimits& limits) {
  return api::guarded(
      [&] { return Image(std::make_shared<const Impl>(Impl{image::read_image(path, to_internal(limits))})); });
}

Image Image::decode(const void* bytes, size_t size, const ImageLimits& limits) {
  return api::guarded([&] {
    const std::span span(static_cast<const std::byte*>(bytes), size);
    return Image(std::make_shared<const Impl>(Impl{image::decode_image(span, "image in memory", to_internal(limits))}));
  });
}

Image Image::from_rgb(int64_t height, int64_t width, const uint8_t* pixels) {
  return api::guarded([&] {
    const auto max_pixels = static_cast<int64_t>(ImageLimits{}.max_pixels);
    if (height < 1 || width < 1 || height > max_pixels / width) {
      fail(ErrorCategory::InvalidArgument,
           "picture of {} x {} pixels, expected sides of at least 1 and at most {} pixels", width, height, max_pixels);
    }
    if (pixels == nullptr) fail(ErrorCategory::InvalidArgument, "picture without pixels");
    Impl impl;
    impl.image.size = {height, width};
    impl.image.pixels.assign(pixels, pixels + height * width * 3);
    return Image(std::make_shared<const Impl>(std::move(impl)));
  });
}

int64_t Image::height() const {
  return impl_->image.size.height;
}
int64_t Image::width() const {
  return impl_->image.size.width;
}
const uint8_t* Image::pixels() const {
  return impl_->image.pixels.data();
}

}  // namespace molmo
