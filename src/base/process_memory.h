// Memory figures of this process and machine.
#pragma once

#include <cstdint>

namespace molmo {

// Largest resident size so far, mapped weight pages included.
uint64_t peak_memory_bytes();
// What the machine could still give without swapping (MemAvailable), or 0 when unknown.
uint64_t available_memory_bytes();

}  // namespace molmo
