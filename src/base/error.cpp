#include "base/error.h"

namespace molmo {

std::string_view to_string(ErrorCategory category) {
  switch (category) {
    case ErrorCategory::InvalidArgument:
      return "invalid argument";
    case ErrorCategory::NotFound:
      return "not found";
    case ErrorCategory::BadData:
      return "bad data";
    case ErrorCategory::Unsupported:
      return "unsupported";
    case ErrorCategory::Io:
      return "input/output";
    case ErrorCategory::OutOfMemory:
      return "out of memory";
    case ErrorCategory::Internal:
      return "internal";
  }
  return "unknown";
}

}  // namespace molmo
