// What MODEL means on the command line: an existing folder, else a preset's name where weights are not needed.
#pragma once

#include <filesystem>
#include <string>

namespace molmo::cli {

// Exactly one of both is set.
struct ModelName {
  std::filesystem::path folder;
  std::string preset;
};

// `text` may be empty: then it is the small model that ships with molmo. ($MOLMO_MODEL is the environment twin of
// --model and has been read by then.) Throws NotFound naming the nearest, or Unsupported for a quantised type.
ModelName resolve_model(const std::string& text);
// The same where weights are needed: a preset is refused with the way to make weights for it.
std::filesystem::path resolve_model_folder(const std::string& text);

}  // namespace molmo::cli
