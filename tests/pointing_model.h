// A model that answers every question with one known text. Its layers add nothing, so that the next token follows from
// the last one alone: anything but the answer's token is followed by it, and that one by the end. For tests of what
// happens to points.
#pragma once

#include <filesystem>
#include <string>

namespace molmo::test {

// Writes a checkpoint in Hugging Face layout.
void write_pointing_model(const std::filesystem::path& folder, const std::string& answer);

}  // namespace molmo::test
