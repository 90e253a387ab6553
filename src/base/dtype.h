// Element types of stored tensors.
#pragma once

#include <cstdint>

#include "base/enum_names.h"

namespace molmo {

enum class DType { F32, F16, BF16, F64, I64, I32, I16, I8, U8, Bool };

template <>
struct EnumNames<DType> {
  static constexpr EnumName<DType> kValues[] = {
      {DType::F32, "f32"}, {DType::F16, "f16"}, {DType::BF16, "bf16"}, {DType::F64, "f64"}, {DType::I64, "i64"},
      {DType::I32, "i32"}, {DType::I16, "i16"}, {DType::I8, "i8"},     {DType::U8, "u8"},   {DType::Bool, "bool"}};
};

constexpr int64_t dtype_bytes(DType type) {
  switch (type) {
    case DType::F64:
    case DType::I64:
      return 8;
    case DType::F32:
    case DType::I32:
      return 4;
    case DType::F16:
    case DType::BF16:
    case DType::I16:
      return 2;
    default:
      return 1;
  }
}

}  // namespace molmo
