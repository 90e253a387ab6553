// Copies of fixtures without their answers: expected JSON values become null, expected tensors zero. What a port is
// tried on when nobody shows it the numbers.
#pragma once

#include <filesystem>

namespace molmo::conformance::test {

// Copies the fixture files below `source` to `target`. Checkpoint folders are linked instead, and so is `images` beside
// `source`.
void copy_emptied(const std::filesystem::path& source, const std::filesystem::path& target);

}  // namespace molmo::conformance::test
