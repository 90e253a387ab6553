// Defects of the reference that released weights or published numbers depend on. docs/quirks.md lists all of them.
#pragma once

#include "base/enum_names.h"

namespace molmo::config {

enum class Quirks { Reference, Fixed };

}  // namespace molmo::config

template <>
struct molmo::EnumNames<molmo::config::Quirks> {
  using enum config::Quirks;
  static constexpr EnumName<config::Quirks> kValues[] = {{Reference, "reference"}, {Fixed, "fixed"}};
};
