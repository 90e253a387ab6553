// From pictures and a prompt to what the model reads.
//   ModelInput input = build_input(config, tokenizer, {{image}}, " User: Describe this image. Assistant:");
// BOS, then the pictures' tokens (or each at its <|image|> in the text), then the text. The prompt is complete: role
// words and leading spaces are in it already (see text/prompt.h). Counts, sizes and ids come from the configuration.
#pragma once

#include <span>
#include <string_view>

#include "preprocess/pictures.h"
#include "text/tokenizer.h"

namespace molmo::preprocess {

// The id in front of every sequence. Throws BadData when the tokenizer has neither BOS nor EOS.
int64_t bos_id(const text::Tokenizer& tokenizer);
// The id that ends every answer. Throws BadData when the tokenizer has none.
int64_t eos_id(const text::Tokenizer& tokenizer);

// Throws BadData when tokenizer and model do not belong together: ids beyond the model's embeddings, or other ids for
// image tokens.
void check_tokenizer(const config::ModelConfig& config, const text::Tokenizer& tokenizer);

// One example, without batch axis. Throws InvalidArgument for pictures that cannot be cropped, and when the prompt has
// places for pictures, but not one per picture.
ModelInput build_input(const config::ModelConfig& config, const text::Tokenizer& tokenizer,
                       std::span<const image::Image> images, std::string_view prompt, const InputOptions& options = {});

}  // namespace molmo::preprocess
