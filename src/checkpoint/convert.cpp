#include "checkpoint/convert.h"

#include <string>

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

void convert_weights(const Checkpoint& checkpoint, const DTypes& dtypes, const model::Adapter& adapter,
                     const fs::path& folder, uint64_t max_shard_bytes) {
  Progress progress("convert", checkpoint.weights().size(), "tensors");
  std::string previous;
  write_hf_weights(folder, checkpoint.config(), dtypes, max_shard_bytes, [&](const std::string& name) {
    if (!previous.empty()) checkpoint.drop_pages(previous);  // written by now
    previous = name;
    progress.advance();
    at::Tensor weight = checkpoint.load_weight(name);
    const auto update = adapter.updates.find(name);
    if (update != adapter.updates.end()) weight = merge_update(weight, update->second);
    return weight.to(to_scalar_type(dtypes.at(name)));
  });
}

}  // namespace

void convert_checkpoint(const fs::path& input, const fs::path& output, const ConvertOptions& options) {
  const Checkpoint checkpoint = Checkpoint::open(input);
  if (fs::exists(output) && fs::equivalent(input, output)) {
    fail(ErrorCategory::InvalidArgument, "{}: is the checkpoint that is read. Choose another folder to write to.",
         output.string());
  }
  DTypes dtypes;
  for (const auto& [name, weight] : checkpoint.weights()) dtypes[name] = options.dtype.value_or(weight.dtype);
  const model::Adapter adapter =
      options.adapter ? read_adapter(*options.adapter, checkpoint.config()) : model::Adapter{};
  const fs::path tokenizer = options.tokenizer ? *options.tokenizer : checkpoint.tokenizer_folder();

  AtomicFolder folder(output, options.overwrite);
  folder.check_space(weight_bytes(checkpoint.config(), dtypes));
  copy_tokenizer(tokenizer, folder.path());
  check_image_tokens(folder.path(), checkpoint.config());
  write_generation_config(folder.path());
  const bool has_code = copy_code(input, folder.path());
  write_hf_documents(folder.path(), checkpoint.config(), main_dtype(checkpoint.config(), dtypes), has_code);
  convert_weights(checkpoint, dtypes, adapter, folder.path(), options.max_shard_bytes);
  folder.commit();
}

}  // namespace molmo::checkpoint
