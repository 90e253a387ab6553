// Several conversations about one picture in one sequence, for training (paper, section 3; reference:
// olmo/data/model_preprocessor.py). Every conversation sees the picture and itself only, and continues its positions
// right after the picture. Each answer is followed by EOS, which is learnt too. Letters: B examples, T tokens.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <span>
#include <vector>

#include "preprocess/image_tokens.h"
#include "preprocess/model_input.h"

namespace molmo::preprocess {

// Sub-segment of pictures in front: every conversation sees it. Conversations are 1, 2, ...
constexpr int64_t kImageSubsegment = 10000;

struct TrainingExample {
  ModelInput input;
  at::Tensor labels;          // [T] int64, the next token; -1 where there is none
  at::Tensor loss_weights;    // [T] float32; -1 pads
  at::Tensor subsegment_ids;  // [T] int64; undefined for a single conversation
};

enum class LossWeighting {
  None,             // every target token weighs 1
  RootSubsegments,  // sqrt(1 / number of conversations)
};

struct PackOptions {
  LossWeighting weighting = LossWeighting::None;
  std::optional<double> example_weight;  // multiplies the weights of the example
};

// One message in tokens; EOS is not among them.
struct EncodedMessage {
  std::vector<int64_t> ids;
  bool is_answer = false;
};
using EncodedConversation = std::vector<EncodedMessage>;

struct SpecialIds {
  int64_t bos, eos, image_placeholder;
};

// The packing itself, on tokens: all but the pixels, and `image_input_idx` is one row.
// A sequence that does not end with an answer keeps its last token, without label. Throws InvalidArgument when empty.
TrainingExample pack_tokens(std::span<const EncodedConversation> conversations, std::span<const ImageTokens> pictures,
                            const SpecialIds& ids, const PackOptions& options = {});

// A batch, padded on the right with -1. Longer sequences are cut to `max_tokens`.
TrainingExample collate(std::span<const TrainingExample> examples, const PaddedSize& at_least = {},
                        std::optional<int64_t> max_tokens = {});

// Position of each token: how many tokens before it have its sub-segment or a later visible one. [..., T] -> [..., T].
at::Tensor packed_position_ids(const at::Tensor& subsegment_ids);

}  // namespace molmo::preprocess
