// The one exception type of the library, and the helper that throws it with a formatted message.
//   fail(ErrorCategory::BadData, "{}: tensor '{}' is [{}], expected [{}]", path, name, found, expected);
// A message names the thing, what was expected, what was found, and a likely cure. The library throws; it never
// prints, exits or aborts. Categories map to exit codes in cli and to HTTP status in serve.
#pragma once

#include <fmt/core.h>

#include <stdexcept>
#include <string>
#include <string_view>

namespace molmo {

enum class ErrorCategory {
  InvalidArgument,  // the caller asked for something that makes no sense
  NotFound,         // a file, model or name does not exist
  BadData,          // bytes from outside are not what they claim to be
  Unsupported,      // understood, but not something we do
  Io,               // the operating system refused to read or write
  OutOfMemory,      // it would not fit, or did not
  Internal,         // our own logic is wrong
};

std::string_view to_string(ErrorCategory category);

class Error : public std::runtime_error {
 public:
  Error(ErrorCategory category, const std::string& message) : std::runtime_error(message), category_(category) {}
  ErrorCategory category() const { return category_; }

 private:
  ErrorCategory category_;
};

template <class... Args>
[[noreturn]] void fail(ErrorCategory category, fmt::format_string<Args...> format, Args&&... args) {
  throw Error(category, fmt::format(format, std::forward<Args>(args)...));
}

// Guards our own logic, never user input.
inline void check_internal(bool condition, std::string_view what) {
  if (!condition) throw Error(ErrorCategory::Internal, fmt::format("internal error: {}", what));
}

}  // namespace molmo
