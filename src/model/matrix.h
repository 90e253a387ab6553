// A weight matrix [O, I], dense or packed (kernels/packed_weight.h). A packed one is a uint8 tensor [num_panels,
// panel_bytes] under the name where a dense one would be [O, I]; whether 8 or 4 bits follows from the bytes of a panel.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>
#include <string_view>

#include "kernels/packed_weight.h"
#include "model/device_matrix.h"

namespace molmo::model {

// What a matrix is for: products with activations, or rows by number as well.
enum class MatrixUse { Products, Rows };

class Matrix {
 public:
  Matrix() = default;                 // none: undefined
  explicit Matrix(at::Tensor dense);  // [O, I]
  // Throws InvalidArgument, with `what` for the weight's name, unless the tensor is a matrix [out, in] packed. On other
  // devices than the CPU it is laid out for their kernels, once: as int4() where it is for products alone and there is
  // such a kernel, else dense in bfloat16.
  static Matrix packed(at::Tensor tensor, int64_t out, int64_t in, std::string_view what,
                       MatrixUse use = MatrixUse::Products);

  bool is_defined() const { return tensor_.defined(); }
  bool is_packed() const { return packed_.has_value(); }  // in the order of our own kernels
  const std::optional<Int4Weight>& int4() const { return int4_; }
  int64_t out() const { return out_; }
  int64_t in() const { return in_; }
  const at::Tensor& tensor() const { return tensor_; }  // as it is stored
  // Of the activations that meet it, see activation_type().
  at::ScalarType activation_type() const;

  // Rows by number: ids [...] int64 in [0, O), else it throws -> [..., I] in the type of the activations.
  at::Tensor rows(const at::Tensor& ids) const;
  // All of it: float32 if it is packed, else as stored. Not of int4().
  at::Tensor unpacked() const;

 private:
  at::Tensor tensor_;
  std::optional<kernels::PackedShape> packed_;
  std::optional<Int4Weight> int4_;
  int64_t out_ = 0, in_ = 0;
};

}  // namespace molmo::model
