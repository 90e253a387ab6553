#include "quantize/quantize_checkpoint.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <span>

#include "base/atomic_folder.h"
#include "base/error.h"
#include "base/progress.h"
#include "base/threads.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/hf_writer.h"
#include "checkpoint/tensor_dtype.h"
#include "model/parameter_table.h"
#include "quantize/error_feedback.h"
#include "quantize/round_to_nearest.h"

namespace molmo::quantize {
namespace {

namespace fs = std::filesystem;
using checkpoint::Checkpoint;
using checkpoint::StoredType;
using checkpoint::StoredTypes;
using kernels::kPanelRows;
using kernels::PackedShape;
using kernels::PackedType;

// In float32, between two reports of progress: a matrix of 3,584 columns then takes 14 MiB more than its packed bytes.
constexpr int64_t kRowsAtOnce = 1024;

// Empty for parameters that stay as they are.
std::optional<StoredType> type_of_part(const model::ParameterSpec& parameter, const PartTypes& types) {
  const std::string& name = parameter.name;
  if (!parameter.is_packable() || name.ends_with(".ffn.router.layer.weight")) return std::nullopt;
  if (name.starts_with("transformer.wte.")) return types.embeddings;
  if (name == "transformer.ff_out.weight") return types.head;
  switch (parameter.component) {
    case model::Component::Vision:
      return types.vision;
    case model::Component::Connector:
      return types.connector;
    case model::Component::Language:
      break;
  }
  return types.language;
}

PackedType packed_type(StoredType type) {
  return type == StoredType::Q8 ? PackedType::Q8 : PackedType::Q4;
}

// One parameter after the other, as the writer asks for them.
class Producer {
 public:
  Producer(const Checkpoint& checkpoint, const StoredTypes& types, const InputStatistics& statistics)
      : checkpoint_(checkpoint), types_(types), statistics_(statistics), progress_("quantize", count_rows(), "rows") {}

  at::Tensor produce(const std::string& name) {
    if (!previous_.empty()) checkpoint_.drop_pages(previous_);  // written by now
    previous_ = name;
    const StoredType type = types_.at(name), stored = checkpoint_.weights().at(name).type;
    if (type == stored) {
      progress_.advance(num_rows(name));
      return checkpoint_.load_weight(name);
    }
    if (!checkpoint::is_packed(type)) {
      progress_.advance(num_rows(name));
      return checkpoint_.load_weight(name, {checkpoint::element_type(type)});
    }
    return pack_parameter(name, packed_type(type));
  }

 private:
  at::Tensor pack_parameter(const std::string& name, PackedType type) {
    const checkpoint::WeightInfo& weight = checkpoint_.weights().at(name);
    const auto found = statistics_.find(name);
    const ErrorFeedback feedback =
        found == statistics_.end() ? ErrorFeedback() : make_feedback(found->second, weight.shape[1]);
    try {
      return pack(checkpoint_.load_weight(name), type, feedback, [&](int64_t count) {
        checkpoint_.drop_pages(name);
        progress_.advance(static_cast<uint64_t>(count));
      });
    } catch (const Error& error) {
      fail(error.category(), "{}: '{}': {}", weight.file.string(), weight.stored_name, error.what());
    }
  }

  uint64_t num_rows(const std::string& name) const {
    return static_cast<uint64_t>(checkpoint_.weights().at(name).shape[0]);
  }
  uint64_t count_rows() const {
    uint64_t count = 0;
    for (const auto& [name, unused] : types_) count += num_rows(name);
    return count;
  }

  const Checkpoint& checkpoint_;
  const StoredTypes& types_;
  const InputStatistics& statistics_;
  Progress progress_;
  std::string previous_;
};

// Rounding what was rounded before adds both errors.
void check_not_packed(const Checkpoint& checkpoint, const StoredTypes& types) {
  for (const auto& [name, weight] : checkpoint.weights()) {
    const StoredType type = types.at(name);
    if (!checkpoint::is_packed(weight.type) || !checkpoint::is_packed(type) || type == weight.type) continue;
    fail(ErrorCategory::InvalidArgument,
         "{}: '{}' is packed as {} already. Hint: quantise the floating point weights that it was made from",
         weight.file.string(), weight.stored_name, enum_name(weight.type));
  }
}

}  // namespace

PartTypes default_types(PackedType type) {
  return {checkpoint::stored_type(type), StoredType::Q8, StoredType::Q8, StoredType::Q8, StoredType::Q8};
}

StoredTypes choose_types(const config::ModelConfig& config, const StoredTypes& stored, const PartTypes& types) {
  StoredTypes chosen;
  for (const model::ParameterSpec& parameter : model::parameter_table(config)) {
    chosen[parameter.name] = type_of_part(parameter, types).value_or(stored.at(parameter.name));
  }
  return chosen;
}

void quantize_checkpoint(const fs::path& input, const fs::path& output, const QuantizeOptions& options) {
  const Checkpoint checkpoint = Checkpoint::open(input);
  checkpoint::check_output(input, output);
  StoredTypes stored;
  for (const auto& [name, weight] : checkpoint.weights()) stored[name] = weight.type;
  const StoredTypes types = choose_types(checkpoint.config(), stored, options.types);
  check_not_packed(checkpoint, types);

  AtomicFolder folder(output, options.overwrite);
  folder.check_space(checkpoint::weight_bytes(checkpoint.config(), types));
  checkpoint::write_companions(checkpoint, checkpoint.tokenizer_folder(), types, folder.path());
  const InputStatistics statistics = options.statistics ? options.statistics() : InputStatistics();
  Producer producer(checkpoint, types, statistics);
  checkpoint::write_hf_weights(folder.path(), checkpoint.config(), types, options.max_shard_bytes,
                               [&](const std::string& name) { return producer.produce(name); });
  folder.commit();
}

at::Tensor pack(const at::Tensor& matrix, PackedType type, const ErrorFeedback& feedback,
                const std::function<void(int64_t num_rows)>& on_rows) {
  const PackedShape shape{type, matrix.size(0), matrix.size(1)};
  at::Tensor packed = at::empty({shape.num_panels(), shape.panel_bytes()}, at::kByte);
  uint8_t* bytes = packed.mutable_data_ptr<uint8_t>();
  kernels::zero_packed(shape, bytes);
  for (int64_t first = 0; first < shape.out_features; first += kRowsAtOnce) {
    const int64_t count = std::min(kRowsAtOnce, shape.out_features - first);
    const at::Tensor rows = matrix.narrow(0, first, count).to(at::kFloat).contiguous();
    const float* values = rows.const_data_ptr<float>();
    // A panel's rows share bytes, so they belong to one thread.
    parallel_for(count, kPanelRows, [&](int64_t begin, int64_t end) {
      const auto round_rows = [&](auto quantizer) {
        for (int64_t row = begin; row < end; ++row) {
          try {
            const std::span<const float> row_values(values + row * shape.in_features,
                                                    static_cast<size_t>(shape.in_features));
            kernels::write_packed_row(shape, bytes, first + row, quantizer.quantize(row_values));
          } catch (const Error& error) {
            fail(error.category(), "row {}, {}", first + row, error.what());
          }
        }
      };
      if (feedback.shares.empty()) {
        round_rows(RowQuantizer(type, shape.in_features, feedback.importance));
      } else {
        round_rows(FeedbackQuantizer(type, shape.in_features, feedback));
      }
    });
    if (on_rows) on_rows(count);
  }
  return packed;
}

}  // namespace molmo::quantize
