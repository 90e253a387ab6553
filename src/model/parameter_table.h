// Every parameter of a configuration by name, shape and component, without allocating any. Loader, planner and
// `inspect` share it. Names are the reference's native ones ("transformer.blocks.0.att_proj.weight", see
// docs/checkpoints.md), except that each expert has matrices of its own:
// "transformer.blocks.N.ffn.experts.E.{gate_proj,up_proj,down_proj}.weight", [F, D], [F, D], [D, F].
//   for (const ParameterSpec& parameter : parameter_table(config::preset("molmo-7b-d"))) ...
// Components are the reference's training components: the connector has pooling, projector, padding embedding and the
// extra embedding rows.
//
// Shapes of the connector, where the reference leaves a choice (L: feature_layers, W: vision width, A: heads x
// head_dim, D: decoder width, F: mlp_width):
//   pooling in   attention kinds: wq, wk, wv [A, L W], wo [W, A]; 2-wide: [2A, L W] and [2W, 2A]; stack, none: no
//   weights projector    in = W after attention, 2W after 2-wide, L W after none, L W x window after stack mlp
//   image_projector.{w1,w3}.weight [F, in], w2.weight [D, F] 2mlp         image_projector.0.{w1,w2,w3} as mlp, then
//   image_projector.1.submodule.{w1,w2,w3} with in = D, added to its input linear       image_projector.weight [D, in]
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/model.h"
#include "model/tensor_group.h"

namespace molmo::model {

enum class Component { Vision, Connector, Language };

// How the ranks of a TensorGroup divide a parameter. Along the axis it consists of sections, each of as many units
// (heads, neurons, rows of the vocabulary); a rank has its part of the units of every section.
struct Split {
  int64_t axis = 0;
  int64_t num_units = 0;                 // of a section; 0: every rank has the whole parameter
  std::vector<int64_t> unit_sizes = {};  // along the axis, of each section

  bool operator==(const Split&) const = default;
};

struct ParameterSpec {
  std::string name;
  std::vector<int64_t> shape;
  Component component;
  bool is_expert = false;  // belongs to one expert: only a share is used per token
  Split split = {};

  int64_t count() const;
  // Whether the layer that takes it knows packed weights (kernels/packed_weight.h): the matrices of linear layers and
  // the tables of token embeddings do, tables that are added to activations do not.
  bool is_packable() const;
};

// In the order in which the model uses them: embeddings, blocks, final norm, head; padding embedding, pooling,
// projector, vision tower. Throws InvalidArgument for a configuration so large that even listing it is absurd.
std::vector<ParameterSpec> parameter_table(const config::ModelConfig& config);

// What a rank of the group has of a parameter.
TensorSlice slice_of(const Split& split, const TensorGroup& group);

struct ParameterCounts {
  int64_t total = 0;
  int64_t active = 0;  // used for one token: all but the experts that are not chosen
  int64_t vision = 0, connector = 0, language = 0;
};

ParameterCounts count_parameters(const config::ModelConfig& config);

}  // namespace molmo::model
