#include "base/large_pages.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>

#include "base/file.h"
#include "base/temporary_folder.h"

namespace molmo {
namespace {

TEST(LargePages, BeginAtOneAndHoldWhatWasWritten) {
  for (const size_t num_bytes : {size_t{1}, size_t{2} << 20, (size_t{5} << 20) + 3}) {
    const auto memory = allocate_on_large_pages(num_bytes, "a test");
    EXPECT_EQ(reinterpret_cast<uintptr_t>(memory.get()) % (2 << 20), 0u) << num_bytes;
    std::fill_n(memory.get(), num_bytes, std::byte{7});
    EXPECT_EQ(std::count(memory.get(), memory.get() + num_bytes, std::byte{7}), static_cast<std::ptrdiff_t>(num_bytes));
  }
}

TEST(LargePages, AFileReadsTheSame) {
  const TemporaryFolder folder;
  std::string bytes(size_t{5} << 20, '\0');
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 31 >> 8);
  write_file_atomic(folder.path() / "weights", bytes);
  const auto file = MappedFile::open(folder.path() / "weights");
  prefer_large_pages(file->bytes().data(), file->bytes().size());
  const std::string_view mapped(reinterpret_cast<const char*>(file->bytes().data()), file->bytes().size());
  EXPECT_TRUE(mapped == bytes);
}

}  // namespace
}  // namespace molmo
