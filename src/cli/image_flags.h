// Flags about pictures.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "cli/verb.h"
#include "config/quirks.h"
#include "generate/session.h"
#include "image/image.h"

namespace molmo::cli {

struct ReadImages {
  std::vector<image::Image> images;
  std::chrono::duration<double, std::milli> time{};  // from the files to pixels
};

class ImageFlags {
 public:
  void define(Flags& flags);
  ReadImages read(const std::vector<std::filesystem::path>& paths) const;
  // Sets what the flags say about the way of the pictures into the model.
  void apply(generate::Request& request) const;

 private:
  std::optional<int64_t> max_crops_;
  config::Quirks quirks_ = config::Quirks::Reference;
  uint64_t max_mebibytes_ = 20, max_megapixels_ = 64;
};

}  // namespace molmo::cli
