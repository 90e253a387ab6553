// Memory on large pages, where the system has them: 2 MiB instead of 4 KiB a page. Filling it takes few page faults,
// and reading it in long streams few walks through page tables: weights are read 5 to 10 percent faster.
#pragma once

#include <cstddef>
#include <memory>

namespace molmo {

// Not initialized, at a multiple of a large page. Throws OutOfMemory, which names `what`.
std::shared_ptr<std::byte[]> allocate_on_large_pages(size_t num_bytes, const char* what);

// Asks for large pages below what is there already, memory or a mapped file (whose pages become large ones as they are
// read from the disk, where the file system can do that). Only a wish: smaller pages do as well.
void prefer_large_pages(const void* begin, size_t num_bytes);

}  // namespace molmo
