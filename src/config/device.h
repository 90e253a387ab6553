// Where tensors live and are computed.
#pragma once

#include "base/enum_names.h"

namespace molmo::config {

enum class Device { Cpu, Cuda };

}  // namespace molmo::config

template <>
struct molmo::EnumNames<molmo::config::Device> {
  using enum config::Device;
  static constexpr EnumName<config::Device> kValues[] = {{Cpu, "cpu"}, {Cuda, "cuda"}};
};
