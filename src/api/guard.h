// The border of the library: whatever goes wrong below leaves as molmo::Error.
#pragma once

#include "base/error.h"

namespace molmo::api {

// Call inside a catch block; rethrows the current exception as Error.
[[noreturn]] void rethrow_as_error();

// guarded([&] { return work(); })
template <class Work>
decltype(auto) guarded(Work&& work) {
  try {
    return work();
  } catch (...) {
    rethrow_as_error();
  }
}

}  // namespace molmo::api
