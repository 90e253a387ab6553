// Names of enum values, written once and used by files, flags, errors and printing.
//   template <> struct EnumNames<Color> { static constexpr EnumName<Color> kValues[] = {{Color::Red, "red"}, ...}; };
// The first name of a value is the one that is written; further rows for the same value are accepted aliases.
#pragma once

#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/error.h"
#include "base/nearest.h"

namespace molmo {

template <class E>
struct EnumName {
  E value;
  std::string_view name;
};

template <class E>
struct EnumNames;

template <class E>
requires std::is_enum_v<E> std::string_view enum_name(E value) {
  for (const auto& row : EnumNames<E>::kValues) {
    if (row.value == value) return row.name;
  }
  throw Error(ErrorCategory::Internal, "internal error: enum value without a name");
}

template <class E>
std::vector<std::string> enum_choices() {
  std::vector<std::string> names;
  for (const auto& row : EnumNames<E>::kValues) names.emplace_back(row.name);
  return names;
}

// `what` names the setting in the error, for example "image_projector".
template <class E>
E parse_enum(std::string_view text, std::string_view what) {
  for (const auto& row : EnumNames<E>::kValues) {
    if (row.name == text) return row.value;
  }
  std::string choices;
  for (const auto& name : enum_choices<E>()) choices += (choices.empty() ? "" : ", ") + name;
  fail(ErrorCategory::InvalidArgument, "{} is '{}', expected one of: {}.{}", what, text, choices,
       did_you_mean(text, enum_choices<E>()));
}

}  // namespace molmo
