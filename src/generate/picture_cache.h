// Pictures that a session has seen: cut into crops once, encoded once, however often they are asked about.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "image/image.h"
#include "model/molmo.h"
#include "preprocess/pictures.h"

namespace molmo::generate {

// What decides the features of a picture: its pixels, and how it is cut. Pixels are told apart by 128 bits of a hash.
struct PictureKey {
  uint64_t hash[2] = {0, 0};
  ImageSize size;
  std::optional<int64_t> max_crops;
  config::Quirks quirks = config::Quirks::Reference;
  bool operator==(const PictureKey&) const = default;
};

PictureKey picture_key(const image::Image& image, const preprocess::InputOptions& options);

// A crop of the released towers takes a second or two on two cores. This bounds the wait for a cancellation.
constexpr int64_t kCropsPerPiece = 2;

// One picture on its way into the decoder. Letters: C crops, Q image tokens of a crop, D decoder width.
class Picture {
 public:
  Picture(uint64_t id, const image::Image& image, const config::ModelConfig& config,
          const preprocess::InputOptions& options);

  uint64_t id() const { return id_; }  // from 1, one per picture content
  const preprocess::ImageTokens& tokens() const { return prepared_.tokens.front(); }
  ImageSize size() const { return prepared_.sizes.front(); }

  // Computes the features, a few crops at a time, unless they are there already. Between pieces it asks `keep_going`;
  // when that says no, nothing is kept and the result is false.
  bool encode(const model::Molmo& molmo, const std::function<bool()>& keep_going);
  // The same for many at once, in one batch.
  static void encode_together(const model::Molmo& molmo, std::span<const std::shared_ptr<Picture>> pictures);
  // [C, Q, D], after encode().
  const at::Tensor& features() const { return features_; }

 private:
  uint64_t id_;
  preprocess::Pictures prepared_;
  at::Tensor features_;
};

// Keeps the pictures that were used last.
class PictureCache {
 public:
  std::shared_ptr<Picture> find_or_prepare(const image::Image& image, const config::ModelConfig& config,
                                           const preprocess::InputOptions& options);
  // The same for many at once, cut by all threads. Equal pictures are one.
  std::vector<std::shared_ptr<Picture>> find_or_prepare_all(std::span<const image::Image* const> images,
                                                            const config::ModelConfig& config,
                                                            const preprocess::InputOptions& options);
  void clear() { entries_.clear(); }
  uint64_t num_prepared() const { return next_id_ - 1; }  // pictures that were not there

 private:
  struct Entry {
    PictureKey key;
    std::shared_ptr<Picture> picture;
  };
  std::shared_ptr<Picture> find(const PictureKey& key);  // null where it is not there
  void insert(const PictureKey& key, std::shared_ptr<Picture> picture);

  std::list<Entry> entries_;  // the last used first
  uint64_t next_id_ = 1;
};

}  // namespace molmo::generate
