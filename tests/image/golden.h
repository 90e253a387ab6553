// The reference's golden numbers, read without tensors: JSON, and the arrays of a safetensors file.
#pragma once

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "config/model.h"
#include "fixtures.h"
#include "image/image.h"

namespace molmo::test {

// The full set beside the checkout when it is there: it has every tensor of every case. The copies in tests/fixtures
// hold a part.
inline std::filesystem::path golden_path(const std::string& name) {
  const std::filesystem::path full =
      std::filesystem::path(MOLMO_SOURCE_DIR).parent_path() / "shared" / "fixtures" / name;
  return std::filesystem::exists(full) ? full : fixture_path(name);
}

class GoldenTensors {
 public:
  explicit GoldenTensors(const std::filesystem::path& path) : bytes_(read_file(path)) {
    uint64_t header_bytes = 0;
    std::memcpy(&header_bytes, bytes_.data(), sizeof header_bytes);
    data_ = sizeof header_bytes + header_bytes;
    header_ = parse_json(std::string_view(bytes_).substr(sizeof header_bytes, header_bytes), path.string());
  }

  bool contains(const std::string& name) const { return header_.contains(name); }
  std::vector<int64_t> shape(const std::string& name) const {
    return header_.at(name).at("shape").get<std::vector<int64_t>>();
  }
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto& [name, unused] : header_.items()) names.push_back(name);
    return names;
  }

  template <class T>
  std::vector<T> values(const std::string& name) const {
    const auto offsets = header_.at(name).at("data_offsets").get<std::vector<size_t>>();
    const std::string type = header_.at(name).at("dtype");
    const std::string expected = std::is_same_v<T, float> ? "F32" : std::is_same_v<T, int32_t> ? "I32" : "U8";
    if (type != expected) throw std::runtime_error(name + " is " + type + ", expected " + expected);
    std::vector<T> values((offsets[1] - offsets[0]) / sizeof(T));
    std::memcpy(values.data(), bytes_.data() + data_ + offsets[0], offsets[1] - offsets[0]);
    return values;
  }

 private:
  std::string bytes_;
  size_t data_ = 0;
  Json header_;
};

// Picture part of the configuration of one of the miniature models; the rest does not matter here.
inline config::ModelConfig image_config(const Json& preprocess, int64_t max_crops) {
  config::ModelConfig config = config::preset("molmo-7b-d");
  const std::string normalize = preprocess.at("normalize"), resize_mode = preprocess.at("resize_mode");
  config::ImageInputConfig& input = config.image_input;
  input.max_crops = max_crops;
  input.normalization = normalize == "siglip" ? config::PixelNormalization::SigLip
                        : normalize == "dino" ? config::PixelNormalization::ImageNet
                                              : config::PixelNormalization::Clip;
  input.resize_mode = resize_mode == "default"  ? config::ResizeMode::PadBilinear
                      : resize_mode == "siglip" ? config::ResizeMode::StretchBilinear
                                                : config::ResizeMode::StretchBicubic;
  if (normalize == "siglip") config.vision = config::siglip_so400m_14_378();
  return config;
}

}  // namespace molmo::test
