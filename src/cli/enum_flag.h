// Flags whose value is one of a few names. Include only from sources: it needs the CLI11 header.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>

#include "base/enum_names.h"

namespace molmo::cli {

// The value name of the flag becomes "f32|bf16|...", which help, completion and man pages show. Aliases are accepted
// silently.
template <class E>
std::string choice_text() {
  std::string text;
  for (const auto& row : EnumNames<E>::kValues) {
    if (enum_name(row.value) == row.name) text += (text.empty() ? "" : "|") + std::string(row.name);
  }
  return text;
}

template <class E>
CLI::Option* add_enum(CLI::App& app, const std::string& names, E& value, const std::string& description) {
  const std::string flag = names.substr(names.find_last_of(',') + 1);
  return app
      .add_option_function<std::string>(
          names, [&value, flag](const std::string& text) { value = parse_enum<E>(text, flag); }, description)
      ->type_name(choice_text<E>())
      ->default_str(std::string(enum_name(value)));
}

template <class E>
CLI::Option* add_enum(CLI::App& app, const std::string& names, std::optional<E>& value,
                      const std::string& description) {
  const std::string flag = names.substr(names.find_last_of(',') + 1);
  return app
      .add_option_function<std::string>(
          names, [&value, flag](const std::string& text) { value = parse_enum<E>(text, flag); }, description)
      ->type_name(choice_text<E>());
}

}  // namespace molmo::cli
