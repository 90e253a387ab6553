// Every intermediate tensor of one forward pass, by name: the tool for comparing this model with another
// implementation.
//   auto trace = record_trace(molmo, input);   trace.at("hidden.0")
// input_ids, position_ids [T]; images [C, P, patch_dim], image_masks [C, P], image_input_idx [C, Q]; vit.features, the
// concatenated layers that feed the connector [C, P, features]; connector.output [C, Q, D]; embeddings, after the image
// features were added; hidden.N after block N; router_logits.N [T, E] of mixtures of experts; hidden.final after the
// last norm; logits [T, V]. Letters: T tokens, C crops, P patches, Q image tokens of a crop, D decoder width, E
// experts, V vocabulary rows.
#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <string>

#include "model/molmo.h"
#include "preprocess/model_input.h"

namespace molmo::generate {

// `input` is one example, without batch axis. All tensors are float32 or int64, without batch axis, in memory of their
// own or of the input. Image tensors are left out where there is no picture.
std::map<std::string, at::Tensor> record_trace(const model::Molmo& molmo, const preprocess::ModelInput& input);

}  // namespace molmo::generate
