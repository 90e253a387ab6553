// The one exception type that molmo throws.
//   try {
//     auto model = molmo::Model::load("Molmo-7B-D-0924");
//   } catch (const molmo::Error& error) {
//     std::cerr << error.what() << "\n";  // names the thing, what was wrong with it, and a cure
//     if (error.category() == molmo::ErrorCategory::NotFound) download();
//   }
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

#include "molmo/export.h"

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

// "invalid argument", "not found", ...
MOLMO_API std::string_view to_string(ErrorCategory category);

class MOLMO_API Error : public std::runtime_error {
 public:
  Error(ErrorCategory category, const std::string& message) : std::runtime_error(message), category_(category) {}
  ErrorCategory category() const noexcept { return category_; }

 private:
  ErrorCategory category_;
};

}  // namespace molmo
