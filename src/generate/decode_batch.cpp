#include "generate/decode_batch.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "base/error.h"

namespace molmo::generate {
namespace {

// Tokens per piece of a prefill: bounds the memory of attention scores and the wait for a cancellation. Large enough
// that reading the weights once per piece costs little beside the arithmetic.
constexpr int64_t kPrefillTokens = 512;

at::Tensor as_column(std::span<const int64_t> values) {
  return at::tensor(at::IntArrayRef(values.data(), values.size()), at::kLong).unsqueeze(1);
}

at::Tensor on(const at::Device& device, const at::Tensor& tensor) {
  return tensor.defined() ? tensor.to(device) : tensor;
}

// Tokens per row of right-padded ids.
std::vector<int64_t> row_lengths(const at::Tensor& input_ids) {
  const at::Tensor lengths = input_ids.ge(0).sum(-1).contiguous();
  return {lengths.const_data_ptr<int64_t>(), lengths.const_data_ptr<int64_t>() + lengths.numel()};
}

}  // namespace

DecodeBatch::DecodeBatch(const model::Molmo& molmo, std::optional<at::ScalarType> cache_type)
    : molmo_(&molmo), cache_(molmo.config().decoder.num_layers, cache_type) {}

at::Tensor DecodeBatch::prefill(const PrefillInput& input, const std::function<bool()>& keep_going) {
  check_internal(!padding_bias_.defined(), "a prefill cannot follow padding");
  const int64_t num_rows = input.input_ids.size(0), num_tokens = input.input_ids.size(1), num_before = num_cached();
  const std::vector<int64_t> lengths = row_lengths(input.input_ids);
  check_internal(std::ranges::all_of(lengths, [](int64_t length) { return length > 0; }),
                 "a row needs at least one token");
  if (next_positions_.empty()) next_positions_.assign(static_cast<size_t>(num_rows), 0);

  // Causal attention alone is right here: padding comes behind all tokens of its row, so no token sees it.
  const at::Device device = molmo_->device();
  const at::Tensor embeddings =
      molmo_->embed(input.input_ids.to(device), input.image_features, on(device, input.image_input_idx));
  std::vector<at::Tensor> last_hidden(static_cast<size_t>(num_rows));
  for (int64_t begin = 0; begin < num_tokens; begin += kPrefillTokens) {
    const int64_t size = std::min(kPrefillTokens, num_tokens - begin);
    const at::Tensor positions =
        at::arange(num_before + begin, num_before + begin + size, at::TensorOptions(at::kLong).device(device))
            .expand({num_rows, size});
    const at::Tensor hidden = molmo_->decode(embeddings.narrow(1, begin, size),
                                             {.position_ids = positions, .attention_bias = {}, .hooks = {}}, &cache_);
    for (int64_t row = 0; row < num_rows; ++row) {
      const int64_t last = lengths[static_cast<size_t>(row)] - 1 - begin;
      if (last >= 0 && last < size) last_hidden[static_cast<size_t>(row)] = hidden.select(0, row).select(0, last);
    }
    const bool is_complete = begin + size == num_tokens;
    if (!is_complete && keep_going && !keep_going()) {
      for (auto& position : next_positions_) position += begin + size;
      return {};
    }
  }
  for (size_t row = 0; row < lengths.size(); ++row) next_positions_[row] += lengths[row];
  if (std::ranges::any_of(lengths, [&](int64_t length) { return length < num_tokens; })) {
    const at::Tensor is_padding = input.input_ids.lt(0).view({num_rows, 1, 1, num_tokens});
    const at::Tensor bias =
        at::zeros(is_padding.sizes(), at::kFloat).masked_fill(is_padding, -std::numeric_limits<float>::infinity());
    padding_bias_ = at::cat({at::zeros({num_rows, 1, 1, num_before}, at::kFloat), bias}, -1).to(device);
  }
  return molmo_->logits(at::stack(last_hidden));
}

at::Tensor DecodeBatch::step(std::span<const int64_t> tokens) {
  check_internal(tokens.size() == next_positions_.size(), "one token per row");
  if (padding_bias_.defined()) {
    padding_bias_ = at::cat({padding_bias_, at::zeros({padding_bias_.size(0), 1, 1, 1}, padding_bias_.options())}, -1);
  }
  const at::Tensor embeddings = molmo_->embed(as_column(tokens).to(molmo_->device()), {}, {});
  const at::Tensor hidden = molmo_->decode(
      embeddings,
      {.position_ids = as_column(next_positions_).to(molmo_->device()), .attention_bias = padding_bias_, .hooks = {}},
      &cache_);
  for (auto& position : next_positions_) ++position;
  return molmo_->logits(hidden.select(1, 0));
}

void DecodeBatch::select(std::span<const int64_t> rows) {
  std::vector<int64_t> same(next_positions_.size());
  std::iota(same.begin(), same.end(), 0);
  if (std::ranges::equal(rows, same)) return;
  const at::Tensor index = at::tensor(at::IntArrayRef(rows.data(), rows.size()), at::kLong);
  cache_.select(index);
  if (padding_bias_.defined()) padding_bias_ = padding_bias_.index_select(0, index.to(padding_bias_.device()));
  std::vector<int64_t> positions;
  for (const int64_t row : rows) positions.push_back(next_positions_[static_cast<size_t>(row)]);
  next_positions_ = std::move(positions);
}

void DecodeBatch::truncate(int64_t num_columns) {
  check_internal(!padding_bias_.defined(), "rows with padding cannot be cut");
  cache_.truncate(num_columns);
  std::ranges::fill(next_positions_, num_columns);
}

DecodeBatch DecodeBatch::clone() const {
  DecodeBatch copy(*molmo_);
  copy.cache_ = cache_.clone();
  copy.next_positions_ = next_positions_;
  copy.padding_bias_ = padding_bias_;
  return copy;
}

}  // namespace molmo::generate
