#include "cli/image_flags.h"

#include "cli/flags.h"

namespace molmo::cli {

void ImageFlags::define(Flags& flags) {
  flags
      .add_option(
          "--max-crops", max_crops_,
          "most crops of a picture: fewer are faster, more see finer detail; without it, as the model was trained")
      .type_name("C")
      .range(1, 1024)
      .group("Pictures");
  flags.add_option("--max-image-mib", max_mebibytes_, "refuse larger picture files")
      .type_name("MIB")
      .range(1, 1 << 20)
      .shows_default()
      .group("Pictures");
  flags.add_option("--max-image-mpx", max_megapixels_, "refuse pictures with more megapixels, before decoding them")
      .type_name("MPX")
      .range(1, 1 << 16)
      .shows_default()
      .group("Pictures");
  flags.add_enum("--quirks", quirks_, "keep or repair known defects of the reference in prompts and pictures")
      .group("Pictures");
}

ReadImages ImageFlags::read(const std::vector<std::filesystem::path>& paths) const {
  const auto start = std::chrono::steady_clock::now();
  const image::ImageLimits limits{.max_file_bytes = max_mebibytes_ << 20, .max_pixels = max_megapixels_ << 20};
  ReadImages result;
  for (const auto& path : paths) result.images.push_back(image::read_image(path, limits));
  result.time = std::chrono::steady_clock::now() - start;
  return result;
}

void ImageFlags::apply(generate::Request& request) const {
  request.max_crops = max_crops_;
  request.quirks = quirks_;
}

}  // namespace molmo::cli
