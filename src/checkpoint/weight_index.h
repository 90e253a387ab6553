// Which stored tensor, or which part of one, is which parameter. The names of every layout are known here and nowhere
// else:
//   released 7B-D, 7B-O, 72B   "model." + native name
//   released MolmoE            blocks split into attn and mlp, one matrix per expert, lm_head
//   native                     native name; experts stacked in w1, v1 and (transposed) w2
#pragma once

#include <map>
#include <string>
#include <vector>

#include "checkpoint/stored_tensor.h"
#include "checkpoint/stored_type.h"
#include "model/parameter_table.h"

namespace molmo::checkpoint {

using StoredTensors = std::map<std::string, StoredTensor>;

struct WeightSource {
  std::string stored_name;
  StoredTensor stored;  // of one expert, where experts are stacked
  StoredType type;
  bool is_transposed = false;  // the parameter is the transpose of what is stored; never of a packed one
};

// Native name -> source, for every parameter. Tensors that no parameter uses are logged as a warning. `origin` names
// the checkpoint in errors. Throws BadData for missing tensors and wrong shapes, Unsupported for types that are neither
// floating point nor packed.
std::map<std::string, WeightSource> index_weights(const std::vector<model::ParameterSpec>& parameters,
                                                  const StoredTensors& tensors, const std::string& origin);

// Name of a parameter in the released layout: MolmoE's if `is_moe`, else that of the others.
std::string hf_name(const std::string& native, bool is_moe);

}  // namespace molmo::checkpoint
