// The tokenizer's files of a checkpoint: copied, or made up for a checkpoint that has none. What they mean is
// text/tokenizer.h's business.
#pragma once

#include <cstdint>
#include <filesystem>

#include "config/model.h"

namespace molmo::checkpoint {

// Copies tokenizer.json and those of its companions that are there. Throws NotFound without tokenizer.json.
void copy_tokenizer(const std::filesystem::path& from, const std::filesystem::path& to);

// Throws InvalidArgument unless the folder's tokenizer gives the image tokens the ids that `config` expects.
void check_image_tokens(const std::filesystem::path& folder, const config::ModelConfig& config);

// A byte-level tokenizer without merges: the 256 bytes, <|endoftext|>, <|im_start|>, <|im_end|>, padding tokens up to
// `vocab_size`, the image tokens.
void write_byte_tokenizer(const std::filesystem::path& folder, int64_t vocab_size);

// Copies a tokenizer, with padding tokens up to `config`'s vocabulary and the image tokens behind it where it has none
// yet: what a text model's tokenizer needs to become a Molmo's (reference: build_tokenizer in olmo/tokenizer.py).
// Throws InvalidArgument when it has more tokens than the vocabulary, or image tokens with other ids.
void copy_tokenizer_with_image_tokens(const std::filesystem::path& from, const std::filesystem::path& to,
                                      const config::ModelConfig& config);

// generation_config.json with the end and padding ids that tokenizer_config.json names; nothing when it names none.
void write_generation_config(const std::filesystem::path& folder);

}  // namespace molmo::checkpoint
