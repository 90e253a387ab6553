// Checkpoints of any layout: the released Hugging Face folders (one file or shards), the reference's native layout
// (config.yaml + model.pt), both read in place where the type allows.
//   Checkpoint checkpoint = Checkpoint::open("Molmo-7B-D-0924");
//   model::Molmo molmo(checkpoint.config(), checkpoint.load_weights({.dtype = DType::BF16}));
// Foreign names and configuration keys exist only in this folder. Files are hostile: everything is checked, nothing is
// executed. Layouts, names and refusals are described in docs/checkpoints.md.
#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "base/enum_names.h"
#include "checkpoint/stored_type.h"
#include "config/model.h"

namespace molmo::checkpoint {

enum class Layout { HuggingFace, Native };

struct LoadOptions {
  // Empty: as stored, without copy; packed weights as bytes [num_panels, panel_bytes]. Else tensor by tensor, never
  // both versions of all; packed weights are unpacked.
  std::optional<DType> dtype = std::nullopt;
};

struct WeightInfo {
  StoredType type;
  std::vector<int64_t> shape;  // of the parameter
  uint64_t num_bytes = 0;
  std::filesystem::path file;
  std::string stored_name;
};

class Checkpoint {
 public:
  // A folder. Reads headers only: the cost does not grow with the weights. Throws NotFound, BadData (missing tensors,
  // wrong shapes, damaged files) or Unsupported; the message says what was expected where.
  static Checkpoint open(const std::filesystem::path& folder);

  const config::ModelConfig& config() const;
  const std::filesystem::path& folder() const;
  Layout layout() const;
  // Folder of tokenizer.json. Throws NotFound.
  std::filesystem::path tokenizer_folder() const;

  // Native parameter name -> what is stored, for all of parameter_table(config()).
  const std::map<std::string, WeightInfo>& weights() const;
  // Native parameter name -> tensor for all of parameter_table(config()). Tensors of the stored type are read-only
  // views of the files: pages come when they are touched. The down projections of native experts are transposed views.
  // Throws BadData for a packed weight whose scales are not finite.
  std::map<std::string, at::Tensor> load_weights(const LoadOptions& options = {}) const;
  // One of them, for callers that go through the weights one at a time. Throws NotFound.
  at::Tensor load_weight(const std::string& name, const LoadOptions& options = {}) const;
  // Lets go of the pages of a weight that was read and is not needed again.
  void drop_pages(const std::string& name) const;

 private:
  struct State;
  std::shared_ptr<const State> state_;
};

}  // namespace molmo::checkpoint

template <>
struct molmo::EnumNames<molmo::checkpoint::Layout> {
  using enum checkpoint::Layout;
  static constexpr EnumName<checkpoint::Layout> kValues[] = {{HuggingFace, "huggingface"}, {Native, "native"}};
};
