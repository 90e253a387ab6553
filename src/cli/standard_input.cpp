#include "cli/standard_input.h"

#include <cstdio>
#include <vector>

#include "base/error.h"

namespace molmo::cli {

std::string read_standard_input() {
  constexpr size_t kMaxBytes = 16 << 20;
  std::string text;
  std::vector<char> buffer(1 << 16);
  while (const size_t count = std::fread(buffer.data(), 1, buffer.size(), stdin)) {
    text.append(buffer.data(), count);
    if (text.size() > kMaxBytes) fail(ErrorCategory::BadData, "standard input: more than {} bytes of text", kMaxBytes);
  }
  return text;
}

}  // namespace molmo::cli
