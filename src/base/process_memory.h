// Memory figures of this process and machine.
#pragma once

#include <cstdint>

namespace molmo {

// Largest resident size so far, mapped weight pages included.
uint64_t peak_memory_bytes();
// What the machine could still give without swapping (MemAvailable), or 0 when unknown.
uint64_t available_memory_bytes();

// For programs, at start; a library leaves the policy to its host. The C library gives every freed buffer over 32 MiB
// back to the system and gets it again zeroed, page by page: a tenth of the time of a prefill. This keeps such buffers
// for reuse.
void keep_freed_memory();

// For programs, before the first matrix product. oneDNN, which libtorch calls for products in 16 bits, keeps what it
// made for the last 1,024 shapes, twice, a quarter of a megabyte each: where sequences have any length that is a
// gigabyte, and scattered among the buffers of activations it keeps several more from being used again. A step of
// training has about 60 shapes. Who sets LRU_CACHE_CAPACITY or ONEDNN_PRIMITIVE_CACHE_CAPACITY decides otherwise.
void bound_product_caches();

}  // namespace molmo
