// The helper that throws the library's one exception type (include/molmo/error.h) with a formatted message.
//   fail(ErrorCategory::BadData, "{}: tensor '{}' is [{}], expected [{}]", path, name, found, expected);
// A message names the thing, what was expected, what was found, and a likely cure. The library throws; it never
// prints, exits or aborts. Categories map to exit codes in cli and to HTTP status in serve.
#pragma once

#include <fmt/core.h>

#include <string>
#include <string_view>

#include "molmo/error.h"

namespace molmo {

template <class... Args>
[[noreturn]] void fail(ErrorCategory category, fmt::format_string<Args...> format, Args&&... args) {
  throw Error(category, fmt::format(format, std::forward<Args>(args)...));
}

// Guards our own logic, never user input.
inline void check_internal(bool condition, std::string_view what) {
  if (!condition) throw Error(ErrorCategory::Internal, fmt::format("internal error: {}", what));
}

}  // namespace molmo
