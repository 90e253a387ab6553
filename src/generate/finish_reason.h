// Why an answer ended.
#pragma once

#include "base/enum_names.h"

namespace molmo::generate {

enum class FinishReason { Stop, Length, StopString, Cancelled };

}  // namespace molmo::generate

template <>
struct molmo::EnumNames<molmo::generate::FinishReason> {
  using enum generate::FinishReason;
  static constexpr EnumName<generate::FinishReason> kValues[] = {
      {Stop, "stop"}, {Length, "length"}, {StopString, "stop_string"}, {Cancelled, "cancelled"}};
};
