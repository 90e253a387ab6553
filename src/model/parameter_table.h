// Every parameter of a configuration by name, shape and component, without allocating any. Loader, planner and `inspect` share it.
// Names are the reference's native ones ("transformer.blocks.0.att_proj.weight", see docs/checkpoints.md), except that each expert has
// matrices of its own: "transformer.blocks.N.ffn.experts.E.{gate_proj,up_proj,down_proj}.weight", [F, D], [F, D], [D, F].
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/model.h"

namespace molmo::model {

enum class Component { Vision, Connector, Language };

struct ParameterSpec {
  std::string name;
  std::vector<int64_t> shape;
  Component component;
  bool is_expert = false;  // belongs to one expert: only a share is used per token

  int64_t count() const;
};

std::vector<ParameterSpec> parameter_table(const config::ModelConfig& config);

struct ParameterCounts {
  int64_t total = 0;
  int64_t active = 0;  // used for one token: all but the experts that are not chosen
  int64_t vision = 0, connector = 0, language = 0;
};

ParameterCounts count_parameters(const config::ModelConfig& config);

}  // namespace molmo::model
