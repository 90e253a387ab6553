#include "checkpoint/tensor_dtype.h"

#include <fmt/format.h>

#include "base/error.h"

namespace molmo::checkpoint {

at::ScalarType to_scalar_type(DType type) {
  switch (type) {
    case DType::F32:
      return at::kFloat;
    case DType::F16:
      return at::kHalf;
    case DType::BF16:
      return at::kBFloat16;
    case DType::F64:
      return at::kDouble;
    case DType::I64:
      return at::kLong;
    case DType::I32:
      return at::kInt;
    case DType::I16:
      return at::kShort;
    case DType::I8:
      return at::kChar;
    case DType::U8:
      return at::kByte;
    case DType::Bool:
      return at::kBool;
  }
  throw Error(ErrorCategory::Internal, "internal error: element type without a libtorch type");
}

DType to_dtype(at::ScalarType type) {
  for (const auto& row : EnumNames<DType>::kValues) {
    if (to_scalar_type(row.value) == type) return row.value;
  }
  fail(ErrorCategory::Unsupported,
       "tensors of type {} cannot be stored. Convert to float32, bfloat16 or float16 first.", c10::toString(type));
}

std::span<const std::byte> tensor_bytes(const at::Tensor& tensor) {
  check_internal(tensor.is_contiguous() && tensor.device().is_cpu(),
                 "bytes of a tensor that is not contiguous on the CPU");
  return {static_cast<const std::byte*>(tensor.const_data_ptr()), tensor.nbytes()};
}

std::string shape_text(at::IntArrayRef shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

}  // namespace molmo::checkpoint
