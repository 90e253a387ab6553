// The model: vision tower, connector, decoder. One definition for training and inference, for every variant.
//   Molmo molmo(config, weights);
//   Tensor features = molmo.encode_images(images, image_masks);               // [B, C, Q, D]
//   Tensor x = molmo.embed(input_ids, features, image_input_idx);             // [B, T, D]
//   Tensor hidden = molmo.decode(x, {.position_ids = position_ids}, &cache);  // [B, T, D]
//   Tensor logits = molmo.logits(hidden);                                     // [B, T, V]
// Inference runs under at::NoGradGuard; weights that require gradients are trained through the same functions.
// Letters: B examples, T tokens, S cached tokens, D decoder width, V vocabulary rows, C crops, P patches, Q pooled
// patches, W vision width. Holds weights only: const calls are thread-safe. Single device; knows no files or HTTP, and
// of ranks only its group. Activations are float32 on the CPU whatever the type of the weights; elsewhere they have the
// type of the weights. Throws InvalidArgument when a weight is missing or has another shape than parameter_table says.
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "config/model.h"
#include "model/adapter.h"

namespace molmo::model {

class KvCache;
class TensorGroup;

// Native parameter name -> tensor. Tensors may be views of a mapped file.
using Weights = std::map<std::string, at::Tensor>;

enum class Sublayer { Attention, FeedForward };

// Runs `block`, of a layer, on x: as it is, or so that the backward pass computes its activations again.
using RunBlock = std::function<at::Tensor(int64_t layer, const std::function<at::Tensor(const at::Tensor&)>& block,
                                          const at::Tensor& x)>;

// Called around layers; empty functions are not called. For tracing, sharding and recomputation from outside.
struct LayerHooks {
  std::function<void(int64_t layer)> before_block;
  std::function<void(int64_t layer, const at::Tensor& hidden)> after_block;          // hidden: [B, T, D]
  std::function<void(int64_t layer, const at::Tensor& router_logits)> after_router;  // [B, T, E]
  // What a sublayer is about to add to the residual stream, [B, T, D] -> same: dropout.
  std::function<at::Tensor(int64_t layer, Sublayer sublayer, const at::Tensor& output)> on_residual;
  RunBlock run_block;
};

struct DecodeOptions {
  at::Tensor position_ids = {};  // [B, T] int64; undefined: counted on from the cache
  at::Tensor attention_bias =
      {};  // [B, 1, T, S + T] float32, 0 or -inf; undefined: causal over the cache and the tokens
  LayerHooks hooks = {};
};

class Molmo {
 public:
  // Keeps the tensors that it uses. An adapter (LoRA) changes the weights that it names without being merged.
  // group: ranks that compute each layer of the decoder together, of whose weights this one has what slice_of() says
  // (parameter_table.h); null: it has everything.
  Molmo(const config::ModelConfig& config, const Weights& weights, const Adapter& adapter = {},
        const TensorGroup* group = nullptr);
  ~Molmo();
  Molmo(Molmo&&) noexcept;
  Molmo& operator=(Molmo&&) noexcept;

  const config::ModelConfig& config() const;
  at::Device device() const;  // of the weights; all inputs have to be there

  // images: [B, C, P, patch_dim] -> [B, C, P, feature_layers * W], class token removed. Crops that are all -1 give
  // zeros. `run_block` may be empty.
  at::Tensor vision_features(const at::Tensor& images, const RunBlock& run_block = {}) const;
  // Outputs of single blocks of the vision tower, Python indexing, class token first: one [B, C, tokens, W] per layer.
  // For tracing.
  std::vector<at::Tensor> vision_block_outputs(const at::Tensor& images, const std::vector<int64_t>& layers) const;
  // features as above, masks: [B, C, P] -> [B, C, Q, D].
  at::Tensor connect(const at::Tensor& features, const at::Tensor& masks) const;
  at::Tensor encode_images(const at::Tensor& images, const at::Tensor& masks) const;

  // input_ids: [B, T], -1 is padding; image_features: [B, C, Q, D] or undefined, added at image_input_idx: [B, C, Q]
  // where >= 0.
  at::Tensor embed(const at::Tensor& input_ids, const at::Tensor& image_features,
                   const at::Tensor& image_input_idx) const;
  // x: [B, T, D] -> hidden state after the last norm. With a cache, x continues what the cache holds, and the cache
  // grows by T.
  at::Tensor decode(const at::Tensor& x, const DecodeOptions& options, KvCache* cache = nullptr) const;
  // hidden: [..., D] -> [..., V] float32; of a group of ranks, each one's part of the vocabulary.
  at::Tensor logits(const at::Tensor& hidden) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace molmo::model
