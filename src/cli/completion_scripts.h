// Completion scripts for the shells, from the same definitions as the help.
#pragma once

#include <string>

#include "base/enum_names.h"

namespace molmo::cli {

enum class Shell { Bash, Zsh, Fish };

std::string completion_script(Shell shell);

}  // namespace molmo::cli

template <>
struct molmo::EnumNames<molmo::cli::Shell> {
  using enum cli::Shell;
  static constexpr EnumName<cli::Shell> kValues[] = {{Bash, "bash"}, {Zsh, "zsh"}, {Fish, "fish"}};
};
