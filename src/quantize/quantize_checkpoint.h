// Any checkpoint -> one in the released layout whose matrices are packed (kernels/packed_weight.h,
// docs/quantised-format.md). Matrices go through one by one, a few thousand rows at a time: a model of 32 GB needs
// memory for the largest packed matrix.
//   quantize_checkpoint("Molmo-7B-D-0924", "molmo-7b-d-q4", {.types = default_types(kernels::PackedType::Q4)});
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>

#include "checkpoint/convert.h"
#include "checkpoint/stored_type.h"
#include "config/model.h"
#include "quantize/input_statistics.h"

namespace molmo::quantize {

// What the matrices of each part become; empty: they stay as they are stored. The rest of a part always does: norms,
// biases, routers, and tables that are added to activations (positions, class and padding embeddings).
struct PartTypes {
  std::optional<checkpoint::StoredType> language;    // blocks of the decoder, experts too
  std::optional<checkpoint::StoredType> embeddings;  // both tables; the first is the head as well where it is tied
  std::optional<checkpoint::StoredType> head;
  std::optional<checkpoint::StoredType> vision;
  std::optional<checkpoint::StoredType> connector;
};

// q8: everything. q4: the blocks of the decoder; the rest is q8, since it is small and suffers more.
PartTypes default_types(kernels::PackedType type);

// The type of every parameter of a model that was stored as `stored`.
checkpoint::StoredTypes choose_types(const config::ModelConfig& config, const checkpoint::StoredTypes& stored,
                                     const PartTypes& types);

struct QuantizeOptions {
  PartTypes types;
  // Of some matrices, which are then rounded so that their outputs change least; empty: none. Called once, after
  // everything else was found to be in order.
  std::function<InputStatistics()> statistics = {};
  uint64_t max_shard_bytes = checkpoint::kDefaultShardBytes;
  bool overwrite = false;  // replace a folder that is not empty
};

// The output appears complete or not at all, and is the same for any number of threads. Throws InvalidArgument as
// convert_checkpoint does and when the input is packed already in another type, BadData for weights that are not
// finite.
void quantize_checkpoint(const std::filesystem::path& input, const std::filesystem::path& output,
                         const QuantizeOptions& options);

// A matrix [O, I] as bytes [num_panels, panel_bytes]. `on_rows` hears how many rows were done, time and again. Throws
// BadData for values that are not finite.
at::Tensor pack(const at::Tensor& matrix, kernels::PackedType type, const ErrorFeedback& feedback = {},
                const std::function<void(int64_t num_rows)>& on_rows = {});

}  // namespace molmo::quantize
