// A conversation in tokens: texts, pictures and answers so far, and how much of it a model has read already.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "generate/decode_batch.h"
#include "generate/picture_cache.h"

namespace molmo::generate {

// Two prompts have a prefix in common where ids and pictures agree.
struct PromptToken {
  int64_t id = 0;
  uint64_t picture = 0;  // Picture::id(), 0 for text
  bool operator==(const PromptToken&) const = default;
};

size_t common_prefix(std::span<const PromptToken> a, std::span<const PromptToken> b);

class PromptTokens {
 public:
  struct PlacedPicture {
    std::shared_ptr<Picture> picture;
    std::vector<int64_t> feature_positions;  // [C * Q], token of the prompt, or negative where dropped
  };

  void append(std::span<const int64_t> ids);
  // Text with pictures at its placeholders, or in front of it. Throws InvalidArgument when their numbers do not fit.
  void append(std::span<const int64_t> ids, std::span<const std::shared_ptr<Picture>> pictures, int64_t placeholder_id);

  const std::vector<PromptToken>& tokens() const { return tokens_; }
  int64_t size() const { return static_cast<int64_t>(tokens_.size()); }
  int64_t num_image_tokens() const;
  const std::vector<PlacedPicture>& pictures() const { return pictures_; }

  // What a model must still read that has read the first `begin` tokens: the pictures, which have to be encoded first,
  // and the input.
  std::vector<PlacedPicture> pictures_from(int64_t begin) const;
  PrefillInput input_from(int64_t begin) const;

 private:
  std::vector<PromptToken> tokens_;
  std::vector<PlacedPicture> pictures_;
};

}  // namespace molmo::generate
