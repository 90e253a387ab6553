// From pictures and conversations to one packed example of training.
#pragma once

#include <span>

#include "preprocess/build_input.h"
#include "preprocess/packing.h"
#include "text/prompt.h"

namespace molmo::preprocess {

// The messages carry role words and leading spaces already, see text/prompt.h. Throws as build_input does.
TrainingExample build_training_example(const config::ModelConfig& config, const text::Tokenizer& tokenizer,
                                       std::span<const image::Image> images,
                                       std::span<const text::Conversation> conversations,
                                       const PackOptions& options = {}, const InputOptions& input_options = {});

}  // namespace molmo::preprocess
