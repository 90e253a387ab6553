#include "api/guard.h"

#include <c10/util/Exception.h>

#include <filesystem>
#include <new>

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
    fail(ErrorCategory::Internal, "internal error: {}", error.what_without_backtrace());
  } catch (const std::bad_alloc&) {
    fail(ErrorCategory::OutOfMemory, "out of memory");
  } catch (const std::filesystem::filesystem_error& error) {
    fail(ErrorCategory::Io, "{}", error.what());
  } catch (const std::exception& error) {
    fail(ErrorCategory::Internal, "internal error: {}", error.what());
  }
}

}  // namespace molmo::api
