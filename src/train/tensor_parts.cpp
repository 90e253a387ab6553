#include "train/tensor_parts.h"

#include <string_view>
#include <utility>

#include "base/error.h"

namespace molmo::train {

model::TensorGroup make_tensor_group(const Ranks& ranks) {
  const Ranks::Group group = ranks.tensor;
  if (group->num_ranks() == 1) return {};
  return model::TensorGroup(group->rank(), group->num_ranks(),
                            [group](const at::Tensor& values) { group->sum(values); });
}

model::TensorGroup rank_with_largest_parts(int64_t num_ranks) {
  return num_ranks == 1 ? model::TensorGroup() : model::TensorGroup(num_ranks - 1, num_ranks);
}

void check_tensor_parallel(const config::DecoderConfig& decoder, int64_t tensor_parallel) {
  const std::pair<std::string_view, int64_t> counts[] = {{"key/value heads", decoder.num_kv_heads},
                                                         {"neurons of an MLP", decoder.mlp_width},
                                                         {"rows of the vocabulary", decoder.embedding_size}};
  for (const auto& [what, count] : counts) {
    if (count >= tensor_parallel) continue;
    fail(ErrorCategory::InvalidArgument,
         "parallel.tensor_parallel is {}, expected at most {}: the model has {} {}, and each of the ranks that share a "
         "layer needs one. parallel.sharding=full spreads weights further",
         tensor_parallel, count, count, what);
  }
}

at::Tensor join_parts(const at::Tensor& part, const model::TensorSlice& slice, const Ranks& ranks) {
  if (slice.is_whole()) return part;
  // In 32 bits at least, which every backend adds up; zeros change nothing.
  const at::ScalarType type = c10::promoteTypes(part.scalar_type(), at::kFloat);
  const at::Tensor whole = slice.place(part.detach().cpu().to(type));
  ranks.tensor->sum(whole);
  return whole.to(part.scalar_type());
}

}  // namespace molmo::train
