// What a stage trains: parameters by native name with component and decay (reference: get_param_groups in
// olmo/optim.py), in float32.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <string_view>
#include <vector>

#include "config/training.h"
#include "model/molmo.h"
#include "model/parameter_table.h"

namespace molmo::train {

struct Parameter {
  std::string name;
  model::Component component;
  bool is_decayed;
  at::Tensor value;               // contiguous; where it is trained float32, and a leaf that requires gradients
  at::Tensor initial = {};        // where the value is without memory: what the whole begins with, in any type
  model::TensorSlice slice = {};  // of the whole: what the value is, of ranks that share each layer
  // Whether each of those ranks, which have all of this parameter, finds a part of its gradient; else all find the
  // same.
  bool has_gradient_in_parts = false;
};

// Everything but embeddings, position tables, and scales and shifts of norms. Biases, padding embeddings and q and k
// norms are decayed, as the reference does.
bool is_decayed(std::string_view native_name);

// The block of the decoder that a parameter belongs to, or -1.
int64_t block_of(std::string_view native_name);

const config::ComponentTraining& training_of(const config::StageConfig& stage, model::Component component);

// Parameters that the stage's objective reaches and that are not frozen, in the order of the parameter table. Blocks of
// the vision tower behind the last one whose output is used are not among them.
std::vector<model::ParameterSpec> trained_parameters(const config::StageConfig& stage,
                                                     const config::ModelConfig& model);

// Those of them that the stage's low-rank updates change: the weights of its target layers. Throws InvalidArgument for
// a target that no layer has.
std::vector<model::ParameterSpec> adapted_parameters(const config::StageConfig& stage,
                                                     const config::ModelConfig& model);

// A float32 copy on `device` that requires gradients.
at::Tensor trainable_copy(const at::Tensor& weight, at::Device device);
// Of this shape without memory, for Shards to give it some.
at::Tensor placeholder(at::IntArrayRef shape, at::ScalarType type, at::Device device);

// Low-rank updates for the stage's target layers, A drawn at random and B zero, so that the model begins unchanged;
// their matrices are appended to `parameters`. Of a layer whose outputs are divided among the ranks of `group` B is
// too, of one whose inputs are, A. Throws InvalidArgument for a target that no layer has.
model::Adapter make_adapter(const config::StageConfig& stage, const config::ModelConfig& model,
                            const model::TensorGroup& group, at::Device device, std::vector<Parameter>& parameters);

}  // namespace molmo::train
