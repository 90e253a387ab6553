#include "api/guard.h"

#include <c10/util/Exception.h>

#include <filesystem>
#include <new>
#include <string_view>

#include "base/error.h"

namespace molmo::api {

void rethrow_as_error() {
  try {
    throw;
  } catch (const Error&) {
    throw;
  } catch (const c10::OutOfMemoryError& error) {
    fail(ErrorCategory::OutOfMemory, "out of memory: {}", error.what_without_backtrace());
  } catch (const c10::Error& error) {
    // The engine's allocator for CPUs has no type of its own for this.
    if (std::string_view(error.what_without_backtrace()).find("can't allocate memory") != std::string_view::npos) {
      fail(ErrorCategory::OutOfMemory, "out of memory: {}", error.what_without_backtrace());
    }
    fail(ErrorCategory::Internal, "internal error: {}", error.what_without_backtrace());
  } catch (const std::bad_alloc&) {
    fail(ErrorCategory::OutOfMemory,
         "out of memory. Hint: weights of a smaller type, fewer crops or a shorter context need less");
  } catch (const std::filesystem::filesystem_error& error) {
    fail(ErrorCategory::Io, "{}", error.what());
  } catch (const std::exception& error) {
    fail(ErrorCategory::Internal, "internal error: {}", error.what());
  }
}

}  // namespace molmo::api
