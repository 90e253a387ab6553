#include "checkpoint/convert.h"

#include <ATen/TensorOperators.h>

#include <string>
#include <vector>

#include "base/atomic_folder.h"
#include "base/error.h"
#include "base/file.h"
#include "base/progress.h"
#include "checkpoint/adapter.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/hf_writer.h"
#include "checkpoint/tensor_dtype.h"
#include "checkpoint/tokenizer_files.h"

namespace molmo::checkpoint {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMaxCodeBytes = 16u << 20;

// The release's Python files are for other tools; they go along unread. Returns whether there are any.
bool copy_code(const fs::path& from, const fs::path& to) {
  bool has_code = false;
  for (const fs::directory_entry& entry : fs::directory_iterator(from)) {
    if (entry.path().extension() != ".py" || !entry.is_regular_file()) continue;
    write_file_atomic(to / entry.path().filename(), read_file(entry.path(), kMaxCodeBytes));
    has_code |= entry.path().filename().string().starts_with("modeling_molmo");
  }
  return has_code;
}

// Adding to a packed weight would round all of it once more.
void check_updates(const model::Adapter& adapter, const StoredTypes& types, const fs::path& folder) {
  for (const auto& [name, unused] : adapter.updates) {
    const auto type = types.find(name);
    if (type == types.end() || !is_packed(type->second)) continue;
    fail(ErrorCategory::InvalidArgument,
         "{}: '{}' is packed as {}, an adapter cannot be merged into it. Hint: merge it into the weights that were "
         "quantised, or ask for a type (--dtype bf16)",
         folder.string(), name, enum_name(type->second));
  }
}

std::vector<Checkpoint> open_others(const Checkpoint& checkpoint, const std::vector<fs::path>& folders) {
  std::vector<Checkpoint> others;
  for (const fs::path& folder : folders) {
    others.push_back(Checkpoint::open(folder));
    for (const auto& [name, weight] : checkpoint.weights()) {
      const auto other = others.back().weights().find(name);
      if (other == others.back().weights().end() || other->second.shape != weight.shape) {
        fail(ErrorCategory::BadData, "{}: '{}' is not there or has another shape than in {}: means are of models alike",
             folder.string(), name, checkpoint.folder().string());
      }
      if (is_packed(weight.type) || is_packed(other->second.type)) {
        fail(ErrorCategory::InvalidArgument,
             "'{}' is packed, a mean would be rounded once more. Hint: average the weights before they are quantised",
             name);
      }
    }
  }
  return others;
}

at::Tensor mean_of(at::Tensor weight, const std::vector<Checkpoint>& others, const std::string& name) {
  if (others.empty()) return weight;
  weight = weight.to(at::kFloat);
  for (const Checkpoint& other : others) weight = weight + other.load_weight(name).to(at::kFloat);
  return weight / static_cast<double>(others.size() + 1);
}

void convert_weights(const Checkpoint& checkpoint, const std::vector<Checkpoint>& others, const StoredTypes& types,
                     const model::Adapter& adapter, const fs::path& folder, uint64_t max_shard_bytes) {
  Progress progress("convert", checkpoint.weights().size(), "tensors");
  std::string previous;
  write_hf_weights(folder, checkpoint.config(), types, max_shard_bytes, [&](const std::string& name) {
    if (!previous.empty()) {  // written by now
      checkpoint.drop_pages(previous);
      for (const Checkpoint& other : others) other.drop_pages(previous);
    }
    previous = name;
    progress.advance();
    const StoredType type = types.at(name);
    if (is_packed(type)) return checkpoint.load_weight(name);
    LoadOptions load;
    if (is_packed(checkpoint.weights().at(name).type)) load.dtype = element_type(type);
    at::Tensor weight = mean_of(checkpoint.load_weight(name, load), others, name);
    const auto update = adapter.updates.find(name);
    if (update != adapter.updates.end()) weight = merge_update(weight, update->second);
    return weight.to(to_scalar_type(element_type(type)));
  });
}

}  // namespace

void check_output(const fs::path& input, const fs::path& output) {
  if (fs::exists(output) && fs::equivalent(input, output)) {
    fail(ErrorCategory::InvalidArgument, "{}: is the checkpoint that is read. Choose another folder to write to.",
         output.string());
  }
}

void write_companions(const Checkpoint& checkpoint, const fs::path& tokenizer, const StoredTypes& types,
                      const fs::path& folder) {
  copy_tokenizer(tokenizer, folder);
  check_image_tokens(folder, checkpoint.config());
  write_generation_config(folder);
  const bool has_code = copy_code(checkpoint.folder(), folder);
  write_hf_documents(folder, checkpoint.config(), types, has_code);
}

void convert_checkpoint(const fs::path& input, const fs::path& output, const ConvertOptions& options) {
  const Checkpoint checkpoint = Checkpoint::open(input);
  check_output(input, output);
  StoredTypes types;
  for (const auto& [name, weight] : checkpoint.weights())
    types[name] = options.dtype ? stored_type(*options.dtype) : weight.type;
  const model::Adapter adapter =
      options.adapter ? read_adapter(*options.adapter, checkpoint.config()) : model::Adapter{};
  check_updates(adapter, types, input);
  const std::vector<Checkpoint> others = open_others(checkpoint, options.averaged_with);
  const fs::path tokenizer = options.tokenizer ? *options.tokenizer : checkpoint.tokenizer_folder();

  AtomicFolder folder(output, options.overwrite);
  folder.check_space(weight_bytes(checkpoint.config(), types));
  write_companions(checkpoint, tokenizer, types, folder.path());
  convert_weights(checkpoint, others, types, adapter, folder.path(), options.max_shard_bytes);
  folder.commit();
}

}  // namespace molmo::checkpoint
