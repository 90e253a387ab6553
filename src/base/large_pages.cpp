#include "base/large_pages.h"

#include <sys/mman.h>

#include <cstdlib>

#include "base/error.h"

namespace molmo {
namespace {

constexpr size_t kLargePage = size_t{2} << 20;

}  // namespace

std::shared_ptr<std::byte[]> allocate_on_large_pages(size_t num_bytes, const char* what) {
  const size_t whole_pages = (num_bytes + kLargePage - 1) / kLargePage * kLargePage;
  void* memory = std::aligned_alloc(kLargePage, whole_pages);
  if (memory == nullptr) fail(ErrorCategory::OutOfMemory, "no memory for {} bytes of {}", num_bytes, what);
  prefer_large_pages(memory, whole_pages);
  return {static_cast<std::byte*>(memory), std::free};
}

void prefer_large_pages([[maybe_unused]] const void* begin, [[maybe_unused]] size_t num_bytes) {
#ifdef MADV_HUGEPAGE
  if (num_bytes >= kLargePage) ::madvise(const_cast<void*>(begin), num_bytes, MADV_HUGEPAGE);
#endif
}

}  // namespace molmo
