#include "checkpoint/weight_index.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <set>
#include <string_view>

#include "base/error.h"
#include "base/log.h"
#include "checkpoint/tensor_dtype.h"

namespace molmo::checkpoint {
namespace {

constexpr std::string_view kHfPrefix = "model.";
constexpr std::string_view kBlocks = "transformer.blocks.";
constexpr size_t kMaxListed = 5;  // names in a message

// "transformer.blocks.3." and the rest, or nothing for parameters outside of blocks.
std::optional<std::pair<std::string_view, std::string_view>> split_block(std::string_view native) {
  if (!native.starts_with(kBlocks)) return std::nullopt;
  const size_t dot = native.find('.', kBlocks.size());
  if (dot == std::string_view::npos) return std::nullopt;
  return std::pair(native.substr(0, dot + 1), native.substr(dot + 1));
}

// Block parameters of MolmoE by its own names.
std::string mixture_name(std::string_view native) {
  if (native == "transformer.ff_out.weight") return "lm_head.weight";
  const auto block = split_block(native);
  if (!block) return fmt::format("{}{}", kHfPrefix, native);
  std::string_view rest = block->second;
  constexpr std::string_view kRouter = "ffn.router.layer.", kExperts = "ffn.experts.";
  if (rest.starts_with(kRouter))
    return fmt::format("{}{}mlp.gate.{}", kHfPrefix, block->first, rest.substr(kRouter.size()));
  if (rest.starts_with(kExperts))
    return fmt::format("{}{}mlp.experts.{}", kHfPrefix, block->first, rest.substr(kExperts.size()));
  const std::string_view part = rest.starts_with("ff_norm.") ? "mlp." : "attn.";
  return fmt::format("{}{}{}{}", kHfPrefix, block->first, part, rest);
}

// Where an expert's matrix lies in the reference's stacked layout.
struct StackedExpert {
  std::string name;
  int64_t expert;
  bool is_transposed;
};

std::optional<StackedExpert> stacked_name(std::string_view native) {
  constexpr std::string_view kExperts = "ffn.experts.";
  const auto block = split_block(native);
  if (!block || !block->second.starts_with(kExperts)) return std::nullopt;
  const std::string_view rest = block->second.substr(kExperts.size());
  int64_t expert = 0;
  const auto parsed = std::from_chars(rest.data(), rest.data() + rest.size(), expert);
  const std::string_view matrix = rest.substr(static_cast<size_t>(parsed.ptr - rest.data()));
  const char* stacked = matrix == ".gate_proj.weight" ? "w1" : matrix == ".up_proj.weight" ? "v1" : "w2";
  return StackedExpert{fmt::format("{}ffn.experts.mlp.{}", block->first, stacked), expert,
                       matrix == ".down_proj.weight"};
}

class Indexer {
 public:
  Indexer(const StoredTensors& tensors, int64_t num_experts, const std::string& origin)
      : tensors_(tensors), num_experts_(num_experts), origin_(origin) {}

  // Nothing when no name of the parameter is there.
  std::optional<WeightSource> find(const model::ParameterSpec& parameter) {
    for (const std::string& name : names(parameter.name)) {
      const auto found = tensors_.find(name);
      if (found == tensors_.end()) continue;
      if (found->second.entry.dtype == DType::U8 && parameter.is_packable()) {
        return check_packed(name, found->second, parameter);
      }
      return check(name, found->second, parameter, parameter.shape);
    }
    const auto stacked = stacked_name(parameter.name);
    if (!stacked) return std::nullopt;
    for (const std::string& name : {fmt::format("{}{}", kHfPrefix, stacked->name), stacked->name}) {
      const auto found = tensors_.find(name);
      if (found != tensors_.end()) return find_in_stack(name, found->second, *stacked, parameter);
    }
    return std::nullopt;
  }

  void warn_of_unused() const {
    std::vector<std::string> unused;
    size_t count = 0;
    for (const auto& [name, tensor] : tensors_) {
      if (used_.contains(name)) continue;
      if (++count <= kMaxListed) unused.push_back(name);
    }
    if (count > 0)
      log_warn("{}: {} tensors are not used by this model: {}{}", origin_, count, fmt::join(unused, ", "),
               count > kMaxListed ? ", ..." : "");
  }

 private:
  static std::vector<std::string> names(const std::string& native) {
    std::vector<std::string> names = {fmt::format("{}{}", kHfPrefix, native), native, mixture_name(native)};
    if (native == "transformer.wte.embedding") {  // what the reference calls it when there are no extra rows
      names.insert(names.end(), {"model.transformer.wte.weight", "transformer.wte.weight"});
    }
    return names;
  }

  WeightSource find_in_stack(const std::string& name, const StoredTensor& stack, const StackedExpert& place,
                             const model::ParameterSpec& parameter) {
    std::vector<int64_t> shape = parameter.shape;
    if (place.is_transposed) std::swap(shape[0], shape[1]);
    const std::vector<int64_t> stacked_shape = {num_experts_ * shape[0], shape[1]};
    WeightSource source = check(name, stack, parameter, stacked_shape);
    source.stored = stack.block(place.expert, num_experts_);
    source.is_transposed = place.is_transposed;
    return source;
  }

  WeightSource check_packed(const std::string& name, const StoredTensor& stored,
                            const model::ParameterSpec& parameter) {
    const auto type = find_packed_type(stored.entry.shape, parameter.shape);
    if (!type) {
      fail(ErrorCategory::BadData,
           "{}: '{}' is u8 {}, which the matrix {} of {} would be as q8 {} or as q4 {}. Hint: do configuration and "
           "weights belong to the same model?",
           stored.file->path().string(), name, shape_text(stored.entry.shape), shape_text(parameter.shape),
           parameter.name, shape_text(stored_shape(StoredType::Q8, parameter.shape)),
           shape_text(stored_shape(StoredType::Q4, parameter.shape)));
    }
    used_.insert(name);
    return {name, stored, *type};
  }

  WeightSource check(const std::string& name, const StoredTensor& stored, const model::ParameterSpec& parameter,
                     const std::vector<int64_t>& shape) {
    const TensorEntry& entry = stored.entry;
    const std::string file = stored.file->path().string();
    if (entry.shape != shape) {
      fail(ErrorCategory::BadData,
           "{}: '{}' is {}, the configuration wants {} for {}. Hint: do configuration and weights belong to the same "
           "model?",
           file, name, shape_text(entry.shape), shape_text(shape), parameter.name);
    }
    if (entry.dtype != DType::F32 && entry.dtype != DType::BF16 && entry.dtype != DType::F16) {
      fail(ErrorCategory::Unsupported, "{}: '{}' is stored as {}, expected f32, bf16 or f16", file, name,
           enum_name(entry.dtype));
    }
    used_.insert(name);
    return {name, stored, stored_type(entry.dtype)};
  }

  const StoredTensors& tensors_;
  int64_t num_experts_;
  const std::string& origin_;
  std::set<std::string> used_;
};

int64_t count_experts(const std::vector<model::ParameterSpec>& parameters) {
  for (const model::ParameterSpec& parameter : parameters) {
    if (parameter.name.ends_with(".ffn.router.layer.weight")) return parameter.shape[0];
  }
  return 0;
}

}  // namespace

std::string hf_name(const std::string& native, bool is_moe) {
  return is_moe ? mixture_name(native) : fmt::format("{}{}", kHfPrefix, native);
}

std::map<std::string, WeightSource> index_weights(const std::vector<model::ParameterSpec>& parameters,
                                                  const StoredTensors& tensors, const std::string& origin) {
  Indexer indexer(tensors, count_experts(parameters), origin);
  std::map<std::string, WeightSource> sources;
  std::vector<std::string> missing;
  size_t num_missing = 0;
  for (const model::ParameterSpec& parameter : parameters) {
    if (auto source = indexer.find(parameter)) {
      sources.emplace(parameter.name, std::move(*source));
    } else if (++num_missing <= kMaxListed) {
      missing.push_back(parameter.name);
    }
  }
  if (num_missing > 0) {
    fail(ErrorCategory::BadData,
         "{}: {} of {} tensors are missing: {}{}. Hint: do configuration and weights belong to the same model?", origin,
         num_missing, parameters.size(), fmt::join(missing, ", "), num_missing > kMaxListed ? ", ..." : "");
  }
  indexer.warn_of_unused();
  return sources;
}

}  // namespace molmo::checkpoint
