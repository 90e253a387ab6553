#include "checkpoint/training_state.h"

#include <ATen/core/grad_mode.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <exception>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/system_calls.h"
#include "checkpoint/element_range.h"
#include "checkpoint/hash.h"
#include "checkpoint/safetensors.h"
#include "checkpoint/state_manifest.h"
#include "checkpoint/tensor_dtype.h"

namespace molmo::checkpoint {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kStepPrefix = "step-";
constexpr const char* kUnfinished = ".tmp";   // being written
constexpr const char* kRemoved = ".removed";  // being removed
constexpr const char* kLatestName = "latest";

[[noreturn]] void fail_errno(const fs::path& path, std::string_view action) {
  const int code = errno;
  fail(ErrorCategory::Io, "{}: cannot {}: {}", path.string(), action, std::strerror(code));
}

void make_folder(const fs::path& path) {
  if (system_make_folder(path.c_str(), 0755) != 0 && errno != EEXIST) fail_errno(path, "create folder");
}

void sync_folder(const fs::path& folder) {
  const int descriptor = system_open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) fail_errno(folder, "open folder");
  const bool is_synced = system_sync(descriptor) == 0;
  const int code = errno;
  ::close(descriptor);
  errno = code;
  if (!is_synced) fail_errno(folder, "sync folder");
}

void rename_folder(const fs::path& from, const fs::path& to) {
  if (system_rename(from.c_str(), to.c_str()) != 0) fail_errno(to, "rename into place");
}

// Renamed first: a folder that is half gone must not look like a state.
void remove_state(const fs::path& folder) {
  const fs::path removed = folder.string() + kRemoved;
  std::error_code error;
  fs::remove_all(removed, error);
  fs::rename(folder, removed, error);
  if (!error) fs::remove_all(removed, error);
  if (error) log_warn("{}: cannot remove: {}", folder.string(), error.message());
}

// The step that a folder's name says, or -1.
int64_t step_of(const fs::path& folder) {
  const std::string name = folder.filename().string();
  if (!name.starts_with(kStepPrefix)) return -1;
  const char* begin = name.data() + kStepPrefix.size();
  const char* end = name.data() + name.size();
  int64_t step = 0;
  const auto [rest, error] = std::from_chars(begin, end, step);
  return error == std::errc() && rest == end && step >= 0 ? step : -1;
}

StatePart describe(const StateTensor& tensor) {
  check_internal(
      tensor.begin >= 0 && tensor.begin + tensor.values.numel() <= count_elements(tensor.shape, tensor.slice),
      "a range of a state lies inside of its tensor");
  return {.name = tensor.name,
          .shape = tensor.shape,
          .slice = tensor.slice,
          .begin = tensor.begin,
          .count = tensor.values.numel(),
          .dtype = to_dtype(tensor.values.scalar_type()),
          .sha256 = ""};
}

}  // namespace

struct SavedState::Contents {
  fs::path folder;
  StateManifest manifest;
};

int64_t SavedState::step() const {
  return contents_->manifest.step;
}
const Json& SavedState::progress() const {
  return *contents_->manifest.progress;
}
const fs::path& SavedState::folder() const {
  return contents_->folder;
}

std::map<std::string, std::vector<int64_t>> SavedState::tensors() const {
  std::map<std::string, std::vector<int64_t>> shapes;
  for (const StateShard& shard : contents_->manifest.shards) {
    for (const StatePart& part : shard.parts) shapes[part.name] = part.shape;
  }
  return shapes;
}

void SavedState::read(std::span<const StateTensor> into) const {
  const at::NoGradGuard no_gradients;
  const std::string folder = contents_->folder.string();
  std::map<std::string, std::vector<const StateTensor*>> wanted;
  std::map<const StateTensor*, int64_t> num_filled;
  for (const StateTensor& tensor : into) {
    wanted[tensor.name].push_back(&tensor);
    num_filled[&tensor] = 0;
  }
  for (const StateShard& shard : contents_->manifest.shards) {
    std::optional<SafetensorsFile> file;  // opened when something in it is wanted
    for (const StatePart& part : shard.parts) {
      const auto found = wanted.find(part.name);
      if (found == wanted.end()) continue;
      for (const StateTensor* tensor : found->second) {
        const DType dtype = to_dtype(tensor->values.scalar_type());
        if (part.shape != tensor->shape || part.dtype != dtype) {
          fail(ErrorCategory::BadData,
               "{}: '{}' is {} {}, this run wants {} {}. Was the configuration changed? Give another output folder to "
               "begin anew.",
               folder, part.name, enum_name(part.dtype), shape_text(part.shape), enum_name(dtype),
               shape_text(tensor->shape));
        }
        at::Tensor stored;  // opened where there is something to copy
        const auto copy = [&](int64_t in_stored, int64_t in_values, int64_t count) {
          if (!file) file = SafetensorsFile::open(contents_->folder / shard.file);
          if (!stored.defined()) stored = file->tensor(part.stored_name()).reshape({-1});
          tensor->values.view({-1}).narrow(0, in_values, count).copy_(stored.narrow(0, in_stored, count));
          num_filled[tensor] += count;
        };
        visit_common({part.shape, part.slice, part.begin, part.count},
                     {tensor->shape, tensor->slice, tensor->begin, tensor->values.numel()}, copy);
      }
    }
  }
  for (const StateTensor& tensor : into) {
    if (num_filled.at(&tensor) != tensor.values.numel()) {
      fail(
          ErrorCategory::BadData,
          "{}: has {} of the {} values of '{}' that this run wants. Was the configuration changed? Give another output "
          "folder to begin anew.",
          folder, num_filled.at(&tensor), tensor.values.numel(), tensor.name);
    }
  }
}

TrainingStates::TrainingStates(fs::path folder, StateRanks ranks)
    : folder_(std::move(folder)), ranks_(std::move(ranks)) {
  std::error_code error;
  fs::create_directories(folder_, error);
  if (error) fail(ErrorCategory::Io, "{}: cannot create folder: {}", folder_.string(), error.message());
  if (ranks_.rank == 0) remove_unfinished();
  ranks_.all_agree(true);
}

fs::path TrainingStates::folder_of(int64_t step) const {
  return folder_ / fmt::format("{}{:08}", kStepPrefix, step);
}

std::vector<int64_t> TrainingStates::steps() const {
  std::vector<int64_t> steps;
  for (const auto& entry : fs::directory_iterator(folder_)) {
    if (const int64_t step = step_of(entry.path()); step >= 0 && entry.is_directory()) steps.push_back(step);
  }
  std::sort(steps.rbegin(), steps.rend());
  return steps;
}

void TrainingStates::remove_unfinished() const {
  std::vector<fs::path> leftovers;
  for (const auto& entry : fs::directory_iterator(folder_)) {
    const std::string name = entry.path().filename().string();
    const bool is_state = name.starts_with(kStepPrefix) && (name.ends_with(kUnfinished) || name.ends_with(kRemoved));
    const bool is_pointer = name.starts_with(fmt::format("{}.tmp.", kLatestName));
    if (is_state || is_pointer) leftovers.push_back(entry.path());
  }
  for (const fs::path& path : leftovers) {
    std::error_code error;
    fs::remove_all(path, error);
    if (error) log_warn("{}: cannot remove: {}", path.string(), error.message());
  }
}

void TrainingStates::write_share(const fs::path& folder, std::span<const StateTensor> tensors) const {
  StateShard shard;
  shard.file = shard_name(ranks_.rank, ranks_.num_ranks);
  std::vector<std::pair<std::string, TensorEntry>> entries;
  std::map<std::string, size_t> index;
  for (const StateTensor& tensor : tensors) {
    StatePart part = describe(tensor);
    const std::vector<int64_t> shape = part.is_whole() ? part.shape : std::vector<int64_t>{part.count};
    const std::string name = part.stored_name();
    check_internal(index.emplace(name, shard.parts.size()).second, "a rank saves each range once");
    entries.emplace_back(name, TensorEntry{part.dtype, shape});
    shard.parts.push_back(std::move(part));
  }
  write_safetensors(folder / shard.file, entries, {{"format", "pt"}}, [&](const std::string& name) {
    const size_t i = index.at(name);
    const at::Tensor values = tensors[i].values.detach().cpu().contiguous().view(
        shard.parts[i].is_whole() ? at::IntArrayRef(shard.parts[i].shape) : at::IntArrayRef({shard.parts[i].count}));
    shard.parts[i].sha256 = sha256(tensor_bytes(values));
    return values;
  });
  uint64_t data_bytes = 0;
  for (const StatePart& part : shard.parts)
    data_bytes += static_cast<uint64_t>(part.count) * static_cast<uint64_t>(dtype_bytes(part.dtype));
  {
    const auto mapped = MappedFile::open(folder / shard.file);
    shard.num_bytes = mapped->bytes().size();
    shard.header_sha256 = sha256(mapped->bytes().first(shard.num_bytes - data_bytes));
  }
  verify_shard(folder, shard);  // what the disk gives back is what the memory held
  write_shard_table(folder / shard_table_name(ranks_.rank, ranks_.num_ranks), shard);
}

void TrainingStates::finish(const fs::path& temporary, int64_t step, const Json& progress) const {
  write_manifest(temporary, step, progress, ranks_.num_ranks);
  const fs::path place = folder_of(step);
  // Only a damaged state can be there: a whole one would have been read, and its step not done again.
  if (fs::exists(place)) remove_state(place);
  rename_folder(temporary, place);
  sync_folder(folder_);
  write_file_atomic(folder_ / kLatestName, place.filename().string() + "\n");
}

void TrainingStates::prune(int64_t step, int64_t keep) const {
  int64_t num_kept = 0;
  for (const int64_t other : steps()) {
    // Later steps are damaged states that were passed over when the run began again.
    if (other > step || num_kept >= keep) {
      remove_state(folder_of(other));
    } else {
      ++num_kept;
    }
  }
}

void TrainingStates::save(int64_t step, const Json& progress, std::span<const StateTensor> tensors, int64_t keep) {
  const fs::path temporary = folder_of(step).string() + kUnfinished;
  std::exception_ptr error;
  // Every rank goes through the same waits, whatever fails.
  const auto phase = [&](bool is_mine, const auto& work) {
    if (is_mine && !error) {
      try {
        work();
      } catch (...) {
        error = std::current_exception();
      }
    }
    return ranks_.all_agree(!error);
  };
  bool is_fine = phase(ranks_.rank == 0, [&] {
    std::error_code ignored;
    fs::remove_all(temporary, ignored);
    make_folder(temporary);
  });
  if (is_fine) is_fine = phase(true, [&] { write_share(temporary, tensors); });
  if (is_fine) is_fine = phase(ranks_.rank == 0, [&] { finish(temporary, step, progress); });
  if (!is_fine) {
    std::error_code ignored;
    if (ranks_.rank == 0) fs::remove_all(temporary, ignored);
    ranks_.all_agree(false);
    if (error) std::rethrow_exception(error);
    fail(ErrorCategory::Io, "{}: another rank could not save step {}", folder_.string(), step);
  }
  if (ranks_.rank == 0) prune(step, keep);
  ranks_.all_agree(true);
}

std::optional<SavedState> TrainingStates::newest() const {
  const std::vector<int64_t> candidates = steps();
  std::string damage;
  for (const int64_t step : candidates) {
    auto contents = std::make_shared<SavedState::Contents>();
    contents->folder = folder_of(step);
    bool is_whole = false;
    try {
      verify_state(contents->folder, ranks_);
      contents->manifest = read_manifest(contents->folder);
      if (contents->manifest.step != step) {
        fail(ErrorCategory::BadData, "{}: its manifest is of step {}", contents->folder.string(),
             contents->manifest.step);
      }
      is_whole = true;
    } catch (const Error& error) {
      damage = error.what();
      log_warn("{}. The state before it is taken.", damage);
    }
    if (!ranks_.all_agree(is_whole)) continue;
    SavedState state;
    state.contents_ = std::move(contents);
    return state;
  }
  if (!candidates.empty()) {
    fail(ErrorCategory::BadData, "{}: none of {} saved states is whole{}{}. Remove the folder to begin anew.",
         folder_.string(), candidates.size(), damage.empty() ? "" : "; the oldest: ", damage);
  }
  return std::nullopt;
}

void verify_state(const fs::path& folder, const StateRanks& ranks) {
  const StateManifest manifest = read_manifest(folder);
  const auto num_ranks = static_cast<size_t>(ranks.num_ranks);
  for (size_t i = static_cast<size_t>(ranks.rank); i < manifest.shards.size(); i += num_ranks)
    verify_shard(folder, manifest.shards[i]);
}

}  // namespace molmo::checkpoint
