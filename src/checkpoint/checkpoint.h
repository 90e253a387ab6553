// Checkpoints of any layout: the released Hugging Face folders (one file or shards), the reference's native layout
// (config.yaml + model.pt), both read in place where the type allows.
//   Checkpoint checkpoint = Checkpoint::open("Molmo-7B-D-0924");
//   model::Molmo molmo(checkpoint.config(), checkpoint.load_weights({.dtype = DType::BF16}));
// Foreign names and configuration keys exist only in this folder. Files are hostile: everything is checked, nothing is executed.
#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/dtype.h"
#include "config/model.h"

namespace molmo::checkpoint {

struct LoadOptions {
  std::optional<DType> dtype;  // empty: as stored, without copy. Else tensor by tensor, never both versions of all
};

class Checkpoint {
 public:
  // A folder. Throws NotFound, BadData or Unsupported; the message says what was expected where.
  static Checkpoint open(const std::filesystem::path& folder);

  const config::ModelConfig& config() const;
  const std::filesystem::path& folder() const;
  // Folder of tokenizer.json.
  std::filesystem::path tokenizer_folder() const;
  // Native parameter name -> tensor for all of parameter_table(config()). Throws BadData for missing tensors and wrong shapes.
  std::map<std::string, at::Tensor> load_weights(const LoadOptions& options = {}) const;

 private:
  struct State;
  std::shared_ptr<const State> state_;
};

}  // namespace molmo::checkpoint
