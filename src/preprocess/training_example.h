// From pictures and conversations to one packed example of training.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "preprocess/build_input.h"
#include "preprocess/packing.h"

namespace molmo::preprocess {

// Messages with role words and leading spaces: user, assistant, user, ...
using Conversation = std::vector<std::string>;

TrainingExample build_training_example(const config::ModelConfig& config, const text::Tokenizer& tokenizer,
                                       std::span<const image::Image> images,
                                       std::span<const Conversation> conversations, const PackOptions& options = {},
                                       const InputOptions& input_options = {});

}  // namespace molmo::preprocess
