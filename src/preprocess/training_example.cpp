#include "preprocess/training_example.h"

namespace molmo::preprocess {

TrainingExample build_training_example(const config::ModelConfig& config, const text::Tokenizer& tokenizer,
                                       std::span<const image::Image> images,
                                       std::span<const text::Conversation> conversations, const PackOptions& options,
                                       const InputOptions& input_options) {
  std::vector<EncodedConversation> encoded;
  for (const auto& conversation : conversations) {
    EncodedConversation& messages = encoded.emplace_back();
    for (size_t i = 0; i < conversation.messages.size(); ++i) {
      messages.push_back({.ids = tokenizer.encode(conversation.messages[i]), .is_answer = i % 2 == 1});
    }
  }
  Pictures pictures = prepare_pictures(images, config, input_options);
  const SpecialIds ids{
      .bos = bos_id(tokenizer), .eos = eos_id(tokenizer), .image_placeholder = config.image_placeholder_id()};
  TrainingExample example = pack_tokens(encoded, pictures.tokens, ids, options);
  if (!images.empty()) {
    example.input.images = pictures.patches;
    example.input.image_masks = pictures.masks;
    example.input.image_input_idx = example.input.image_input_idx.view({-1, config.tokens_per_crop()});
    example.input.image_sizes = std::move(pictures.sizes);
  }
  return example;
}

}  // namespace molmo::preprocess
