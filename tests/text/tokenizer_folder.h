// Where the tokenizer of a miniature model lies.
#pragma once

#include "fixtures.h"

namespace molmo::test {

// A case carries its tokenizer in the Hugging Face layout or in the native one.
inline std::filesystem::path tokenizer_folder(const std::string& model_case) {
  const auto folder = fixture_path("model/" + model_case);
  return std::filesystem::exists(folder / "hf") ? folder / "hf" : folder / "native" / "tokenizer";
}

}  // namespace molmo::test
