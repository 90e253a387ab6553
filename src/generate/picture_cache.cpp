#include "generate/picture_cache.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/stack.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <cstring>

#include "base/threads.h"

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

void Picture::encode_together(const model::Molmo& molmo, std::span<const std::shared_ptr<Picture>> pictures) {
  std::vector<Picture*> fresh;
  int64_t most_crops = 0;
  for (const auto& picture : pictures) {
    if (picture->features_.defined() || std::ranges::find(fresh, picture.get()) != fresh.end()) continue;
    fresh.push_back(picture.get());
    most_crops = std::max(most_crops, picture->prepared_.patches.size(0));
  }
  if (fresh.empty()) return;
  std::vector<at::Tensor> patches, masks;  // crops that pad are all -1
  for (const Picture* picture : fresh) {
    const int64_t missing = most_crops - picture->prepared_.patches.size(0);
    patches.push_back(at::constant_pad_nd(picture->prepared_.patches, {0, 0, 0, 0, 0, missing}, -1));
    masks.push_back(at::constant_pad_nd(picture->prepared_.masks, {0, 0, 0, missing}, -1));
  }
  const at::Tensor features =
      molmo.encode_images(at::stack(patches).to(molmo.device()), at::stack(masks).to(molmo.device()));
  for (size_t i = 0; i < fresh.size(); ++i) {
    Picture& picture = *fresh[i];
    // A copy, so that one picture does not keep the features of all.
    picture.features_ = features[static_cast<int64_t>(i)].narrow(0, 0, picture.prepared_.patches.size(0)).clone();
    picture.prepared_.patches.reset();
    picture.prepared_.masks.reset();
  }
}

std::shared_ptr<Picture> PictureCache::find(const PictureKey& key) {
  const auto found = std::ranges::find(entries_, key, &Entry::key);
  if (found == entries_.end()) return nullptr;
  entries_.splice(entries_.begin(), entries_, found);
  return entries_.front().picture;
}

void PictureCache::insert(const PictureKey& key, std::shared_ptr<Picture> picture) {
  entries_.push_front({.key = key, .picture = std::move(picture)});
  if (entries_.size() > kMaxPictures) entries_.pop_back();
}

std::shared_ptr<Picture> PictureCache::find_or_prepare(const image::Image& image, const config::ModelConfig& config,
                                                       const preprocess::InputOptions& options) {
  const image::Image* const images[] = {&image};
  return find_or_prepare_all(images, config, options).front();
}

std::vector<std::shared_ptr<Picture>> PictureCache::find_or_prepare_all(std::span<const image::Image* const> images,
                                                                        const config::ModelConfig& config,
                                                                        const preprocess::InputOptions& options) {
  std::vector<PictureKey> keys(images.size());
  std::vector<std::shared_ptr<Picture>> pictures(images.size());
  std::vector<size_t> missing, first(images.size());  // first image that equals each
  for (size_t i = 0; i < images.size(); ++i) {
    keys[i] = picture_key(*images[i], options);
    first[i] =
        static_cast<size_t>(std::find(keys.begin(), keys.begin() + static_cast<ptrdiff_t>(i), keys[i]) - keys.begin());
    if (first[i] < i) continue;
    pictures[i] = find(keys[i]);
    if (!pictures[i]) missing.push_back(i);
  }
  const uint64_t first_id = next_id_;
  parallel_for(static_cast<int64_t>(missing.size()), 1, [&](int64_t begin, int64_t end) {
    const c10::InferenceMode no_gradients;  // of this thread
    for (auto m = static_cast<size_t>(begin); m < static_cast<size_t>(end); ++m)
      pictures[missing[m]] = std::make_shared<Picture>(first_id + m, *images[missing[m]], config, options);
  });
  next_id_ += missing.size();
  for (const size_t i : missing) insert(keys[i], pictures[i]);
  for (size_t i = 0; i < images.size(); ++i) pictures[i] = pictures[first[i]];
  return pictures;
}

}  // namespace molmo::generate
