#include "checkpoint/stored_type.h"

#include <fmt/format.h>

#include "base/error.h"

namespace molmo::checkpoint {

StoredType stored_type(DType dtype) {
  switch (dtype) {
    case DType::F32:
      return StoredType::F32;
    case DType::BF16:
      return StoredType::BF16;
    case DType::F16:
      return StoredType::F16;
    default:
      throw Error(ErrorCategory::Internal, "internal error: weights are stored in floating point types");
  }
}

StoredType stored_type(kernels::PackedType type) {
  return type == kernels::PackedType::Q8 ? StoredType::Q8 : StoredType::Q4;
}

bool is_packed(StoredType type) {
  return type == StoredType::Q8 || type == StoredType::Q4;
}

DType element_type(StoredType type) {
  switch (type) {
    case StoredType::F32:
      return DType::F32;
    case StoredType::BF16:
      return DType::BF16;
    case StoredType::F16:
      return DType::F16;
    default:
      return DType::U8;
  }
}

kernels::PackedShape packed_shape(StoredType type, const std::vector<int64_t>& shape) {
  check_internal(is_packed(type) && shape.size() == 2, "only matrices are packed");
  return {type == StoredType::Q8 ? kernels::PackedType::Q8 : kernels::PackedType::Q4, shape[0], shape[1]};
}

std::vector<int64_t> stored_shape(StoredType type, const std::vector<int64_t>& shape) {
  if (!is_packed(type)) return shape;
  const kernels::PackedShape packed = packed_shape(type, shape);
  return {packed.num_panels(), packed.panel_bytes()};
}

uint64_t stored_bytes(StoredType type, const std::vector<int64_t>& shape) {
  int64_t bytes = dtype_bytes(element_type(type));
  for (const int64_t size : stored_shape(type, shape)) {
    if (__builtin_mul_overflow(bytes, size, &bytes))
      fail(ErrorCategory::InvalidArgument, "a weight [{}] is larger than any memory", fmt::join(shape, ", "));
  }
  return static_cast<uint64_t>(bytes);
}

std::optional<StoredType> find_packed_type(const std::vector<int64_t>& stored, const std::vector<int64_t>& shape) {
  for (const StoredType type : {StoredType::Q8, StoredType::Q4}) {
    if (shape.size() == 2 && stored == stored_shape(type, shape)) return type;
  }
  return std::nullopt;
}

}  // namespace molmo::checkpoint
