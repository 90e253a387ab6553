#include "generate/picture_cache.h"

#include <ATen/ops/cat.h>

#include <algorithm>
#include <cstring>

namespace molmo::generate {
namespace {

// A picture of 13 crops keeps 27 MB of features in a 7B model, so a handful is cheap beside the weights.
constexpr size_t kMaxPictures = 8;

// Two multiply-and-fold hashes of the same words: enough to tell apart the pictures of one user, no defence in itself.
void mix(uint64_t word, PictureKey& key) {
  constexpr uint64_t kMultipliers[2] = {0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F};
  for (int lane = 0; lane < 2; ++lane) {
    uint64_t& hash = key.hash[lane];
    hash = (hash ^ word) * kMultipliers[lane];
    hash ^= hash >> (lane == 0 ? 29 : 32);
  }
}

}  // namespace

PictureKey picture_key(const image::Image& image, const preprocess::InputOptions& options) {
  PictureKey key{.size = image.size, .max_crops = options.max_crops, .quirks = options.quirks};
  const uint8_t* pixels = image.pixels.data();
  size_t rest = image.pixels.size();
  for (; rest >= sizeof(uint64_t); rest -= sizeof(uint64_t), pixels += sizeof(uint64_t)) {
    uint64_t word = 0;
    std::memcpy(&word, pixels, sizeof(word));
    mix(word, key);
  }
  uint64_t last = 0;
  std::memcpy(&last, pixels, rest);
  mix(last, key);
  return key;
}

Picture::Picture(uint64_t id, const image::Image& image, const config::ModelConfig& config,
                 const preprocess::InputOptions& options)
    : id_(id), prepared_(preprocess::prepare_pictures({&image, 1}, config, options)) {}

bool Picture::encode(const model::Molmo& molmo, const std::function<bool()>& keep_going) {
  if (features_.defined()) return true;
  const at::Tensor patches = prepared_.patches.unsqueeze(0), masks = prepared_.masks.unsqueeze(0);
  std::vector<at::Tensor> pieces;
  for (int64_t begin = 0; begin < patches.size(1); begin += kCropsPerPiece) {
    if (begin > 0 && keep_going && !keep_going()) return false;
    const int64_t size = std::min(kCropsPerPiece, patches.size(1) - begin);
    const at::Tensor crops = patches.narrow(1, begin, size).to(molmo.device());
    pieces.push_back(molmo.encode_images(crops, masks.narrow(1, begin, size).to(molmo.device())).squeeze(0));
  }
  features_ = at::cat(pieces);
  prepared_.patches.reset();
  prepared_.masks.reset();
  return true;
}

std::shared_ptr<Picture> PictureCache::find_or_prepare(const image::Image& image, const config::ModelConfig& config,
                                                       const preprocess::InputOptions& options) {
  const PictureKey key = picture_key(image, options);
  const auto found = std::ranges::find(entries_, key, &Entry::key);
  if (found != entries_.end()) {
    entries_.splice(entries_.begin(), entries_, found);
  } else {
    entries_.push_front({.key = key, .picture = std::make_shared<Picture>(next_id_, image, config, options)});
    ++next_id_;
    if (entries_.size() > kMaxPictures) entries_.pop_back();
  }
  return entries_.front().picture;
}

}  // namespace molmo::generate
