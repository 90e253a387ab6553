// Weights by name below a prefix, checked for presence and shape: how every module takes its parameters.
//   WeightScope block = root.child("transformer.blocks.0");
//   at::Tensor weight = block.get("att_proj.weight", {128, 64});   // throws InvalidArgument naming the tensor
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <string_view>

#include "model/adapter.h"
#include "model/matrix.h"
#include "model/molmo.h"
#include "model/tensor_group.h"

namespace molmo::model {

// Type of the activations that meet this weight: on the CPU float32 for every 16-bit and 32-bit type (64-bit weights,
// which the gradient checks use, stay 64-bit); elsewhere the type of the weight.
at::ScalarType activation_type(const at::Tensor& weight);

class WeightScope {
 public:
  // All must outlive the scope. Throws InvalidArgument when the adapter updates a weight that does not exist.
  // group: ranks that have parts of the weights; null: they are whole.
  WeightScope(const Weights& weights, const Adapter& adapter, const TensorGroup* group = nullptr);

  WeightScope child(std::string_view name) const;  // "blocks.0"
  std::string full_name(std::string_view name) const;
  TensorGroup group() const { return group_ == nullptr ? TensorGroup() : *group_; }

  at::Tensor get(std::string_view name, at::IntArrayRef shape) const;
  // A matrix that may be packed.
  Matrix get_matrix(std::string_view name, int64_t out, int64_t in, MatrixUse use = MatrixUse::Products) const;
  // For vectors and small tables: already in the type of the activations, unless training changes the stored tensor.
  at::Tensor get_small(std::string_view name, at::IntArrayRef shape) const;
  // The low-rank update of a weight [out, in], or null.
  const LowRankUpdate* update(std::string_view name, int64_t out, int64_t in) const;

 private:
  const at::Tensor& find(const std::string& full_name, at::IntArrayRef shape) const;
  WeightScope(const Weights& weights, const Adapter& adapter, const TensorGroup* group, std::string prefix);

  const Weights* weights_;
  const Adapter* adapter_;
  const TensorGroup* group_;
  std::string prefix_;  // empty, or ends with a dot
};

}  // namespace molmo::model
