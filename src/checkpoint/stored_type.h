// How a weight lies in a checkpoint: dense, in a floating point type, or packed (kernels/packed_weight.h). A packed
// matrix [O, I] is stored as bytes, [num_panels, panel_bytes]; which packed type it is follows from I and the bytes.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "base/enum_names.h"
#include "kernels/packed_weight.h"

namespace molmo::checkpoint {

enum class StoredType { F32, BF16, F16, Q8, Q4 };

using StoredTypes = std::map<std::string, StoredType>;  // by native parameter name

// Of weights in a floating point type; other types are an internal error.
StoredType stored_type(DType dtype);
StoredType stored_type(kernels::PackedType type);

bool is_packed(StoredType type);
// Of the tensor in the file: bytes for packed weights.
DType element_type(StoredType type);

// Of a parameter [O, I]; only for packed types.
kernels::PackedShape packed_shape(StoredType type, const std::vector<int64_t>& shape);
// Shape of the tensor in the file, for a parameter of `shape`.
std::vector<int64_t> stored_shape(StoredType type, const std::vector<int64_t>& shape);
uint64_t stored_bytes(StoredType type, const std::vector<int64_t>& shape);

// Which packed type bytes of this shape are for a parameter [O, I]; empty when they are none.
std::optional<StoredType> find_packed_type(const std::vector<int64_t>& stored, const std::vector<int64_t>& shape);

}  // namespace molmo::checkpoint

template <>
struct molmo::EnumNames<molmo::checkpoint::StoredType> {
  using enum checkpoint::StoredType;
  static constexpr EnumName<checkpoint::StoredType> kValues[] = {
      {F32, "f32"}, {BF16, "bf16"}, {F16, "f16"}, {Q8, "q8"}, {Q4, "q4"}};
};
