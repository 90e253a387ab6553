#include "preprocess/build_input.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/tensor.h>

#include "base/error.h"

namespace molmo::preprocess {

int64_t bos_id(const text::Tokenizer& tokenizer) {
  const auto id = tokenizer.bos_id();
  if (!id)
    fail(ErrorCategory::BadData, "the tokenizer has neither a BOS nor an EOS token, and every prompt begins with one");
  return *id;
}

int64_t eos_id(const text::Tokenizer& tokenizer) {
  const auto id = tokenizer.eos_id();
  if (!id) fail(ErrorCategory::BadData, "the tokenizer has no EOS token, and every answer ends with one");
  return *id;
}

void check_tokenizer(const config::ModelConfig& config, const text::Tokenizer& tokenizer) {
  const int64_t num_ids = config.decoder.embedding_size + config.decoder.additional_vocab_size;
  if (tokenizer.size() > num_ids) {
    fail(ErrorCategory::BadData,
         "the tokenizer has {} ids, but the model has embeddings for {}. Hint: is it another model's tokenizer?",
         tokenizer.size(), num_ids);
  }
  if (eos_id(tokenizer) >= config.decoder.embedding_size) {
    fail(ErrorCategory::BadData, "the tokenizer ends answers with id {}, but the model scores ids below {} only",
         eos_id(tokenizer), config.decoder.embedding_size);
  }
  const auto texts = config::image_token_texts();
  for (size_t i = 0; i < texts.size(); ++i) {
    const int64_t expected = config.image_start_id() + static_cast<int64_t>(i);
    const auto found = tokenizer.id_of(texts[i]);
    if (found && *found != expected) {
      fail(ErrorCategory::BadData,
           "the tokenizer gives {} the id {}, but the model expects {}. Hint: is it another model's tokenizer?",
           texts[i], *found, expected);
    }
  }
}

ModelInput build_input(const config::ModelConfig& config, const text::Tokenizer& tokenizer,
                       std::span<const image::Image> images, std::string_view prompt, const InputOptions& options) {
  Pictures pictures = prepare_pictures(images, config, options);
  TokenLayout layout = lay_out_tokens(tokenizer.encode(prompt), pictures.tokens, config.image_placeholder_id());
  layout.prepend(bos_id(tokenizer));
  ModelInput input;
  input.input_ids = at::tensor(layout.ids, at::kLong);
  input.position_ids = at::arange(input.input_ids.size(0), at::kLong);
  input.num_image_tokens = layout.num_image_tokens;
  if (!images.empty()) {
    input.images = pictures.patches;
    input.image_masks = pictures.masks;
    input.image_input_idx = at::tensor(layout.image_input_idx, at::kLong).view({-1, config.tokens_per_crop()});
    input.image_sizes = std::move(pictures.sizes);
  }
  return input;
}

}  // namespace molmo::preprocess
