// Every intermediate tensor of one forward pass, by name: for comparing this model with another implementation.
//   auto trace = record_trace(molmo, input);   trace.at("hidden.0")
// - input_ids, position_ids [T]; images [C, P, patch_dim], image_masks [C, P], image_input_idx [C, Q]
// - vit.features [C, P, W * layers]: the concatenated layers that feed the connector; connector.output [C, Q, D]
// - embeddings [T, D]: after the image features were added; hidden.N [T, D]: after block N; hidden.final: the last norm
// - router_logits.N [T, E]: of mixtures of experts; logits [T, V]
// Letters: T tokens, C crops, P patches, Q image tokens of a crop, W vision width, D decoder width, E experts,
// V vocabulary rows.
#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <string>

#include "model/molmo.h"
#include "preprocess/model_input.h"

namespace molmo::generate {

// `input` is one example, without batch axis. All tensors are float32 or int64, without batch axis.
// Image tensors are left out where there is no picture.
std::map<std::string, at::Tensor> record_trace(const model::Molmo& molmo, const preprocess::ModelInput& input);

}  // namespace molmo::generate
