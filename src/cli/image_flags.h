// Flags about pictures.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "cli/verb.h"
#include "config/quirks.h"
#include "generate/session.h"
#include "image/image.h"

namespace molmo::cli {

class ImageFlags {
 public:
  void define(CLI::App& app);
  image::Image read(const std::filesystem::path& path) const;
  // Sets what the flags say about the way of the pictures into the model.
  void apply(generate::Request& request) const;

  const std::optional<int64_t>& max_crops() const { return max_crops_; }
  config::Quirks quirks() const { return quirks_; }

 private:
  std::optional<int64_t> max_crops_;
  config::Quirks quirks_ = config::Quirks::Reference;
  uint64_t max_mebibytes_ = 20, max_megapixels_ = 64;
};

}  // namespace molmo::cli
