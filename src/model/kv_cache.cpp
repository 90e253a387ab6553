#include "model/kv_cache.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/error.h"

namespace molmo::model {
namespace {

// Room for this many tokens beyond those that are there, so that a short answer never moves the cache.
constexpr int64_t kSpareTokens = 256;

void copy_tokens(const at::Tensor& from, const at::Tensor& to, int64_t num_tokens) {
  to.narrow(2, 0, num_tokens).copy_(from.narrow(2, 0, num_tokens));
}

// The first tokens in a tensor with another capacity.
at::Tensor reallocate(const at::Tensor& old, int64_t num_tokens, int64_t capacity) {
  at::Tensor grown = at::empty({old.size(0), old.size(1), capacity, old.size(3)}, old.options());
  copy_tokens(old, grown, num_tokens);
  return grown;
}

at::Tensor select_rows(const at::Tensor& old, const at::Tensor& rows, int64_t num_tokens) {
  at::Tensor selected = at::empty({rows.size(0), old.size(1), old.size(2), old.size(3)}, old.options());
  const int64_t* row = rows.const_data_ptr<int64_t>();
  for (int64_t i = 0; i < rows.size(0); ++i)
    copy_tokens(old.narrow(0, row[i], 1), selected.narrow(0, i, 1), num_tokens);
  return selected;
}

}  // namespace

KvCache::KvCache(int64_t num_layers, std::optional<at::ScalarType> type) : layers_(num_layers), type_(type) {
  if (!type || *type == at::kFloat || *type == at::kHalf || *type == at::kBFloat16) return;
  fail(ErrorCategory::InvalidArgument, "a key/value cache of type {}: expected float32, float16 or bfloat16",
       toString(*type));
}

int64_t KvCache::num_bytes() const {
  int64_t bytes = 0;
  for (const Layer& layer : layers_) {
    if (layer.keys.defined()) bytes += static_cast<int64_t>(layer.keys.nbytes() + layer.values.nbytes());
  }
  return bytes;
}

std::pair<at::Tensor, at::Tensor> KvCache::append(int64_t layer_index, const at::Tensor& keys, const at::Tensor& values,
                                                  std::optional<at::ScalarType> wanted) {
  check_internal(layer_index >= 0 && layer_index < static_cast<int64_t>(layers_.size()),
                 "layer of the key/value cache");
  if (keys.requires_grad() || values.requires_grad()) {
    fail(ErrorCategory::InvalidArgument,
         "a key/value cache keeps no gradients. Hint: turn gradients off while generating");
  }
  const at::NoGradGuard no_grad;
  Layer& layer = layers_[layer_index];
  const int64_t needed = length_ + keys.size(2);
  const bool is_fresh = !layer.keys.defined() || (length_ == 0 && layer.keys.size(0) != keys.size(0));
  if (is_fresh) {
    const at::DimVector shape = {keys.size(0), keys.size(1), needed + kSpareTokens, keys.size(3)};
    const auto options = keys.options().dtype(type_ ? *type_ : wanted.value_or(keys.scalar_type()));
    layer = {at::empty(shape, options), at::empty(shape, options)};
  } else if (layer.keys.size(0) != keys.size(0)) {
    fail(ErrorCategory::InvalidArgument, "the key/value cache holds {} rows, found {} rows of new tokens",
         layer.keys.size(0), keys.size(0));
  } else if (needed > layer.keys.size(2)) {
    const int64_t capacity = std::max(needed + kSpareTokens, layer.keys.size(2) * 3 / 2);
    layer = {reallocate(layer.keys, length_, capacity), reallocate(layer.values, length_, capacity)};
  }
  layer.keys.narrow(2, length_, keys.size(2)).copy_(keys);
  layer.values.narrow(2, length_, keys.size(2)).copy_(values);
  if (layer_index + 1 == static_cast<int64_t>(layers_.size())) length_ = needed;
  return {layer.keys.narrow(2, 0, needed), layer.values.narrow(2, 0, needed)};
}

void KvCache::truncate(int64_t length) {
  if (length < 0 || length > length_) {
    fail(ErrorCategory::InvalidArgument, "cannot truncate a key/value cache of {} tokens to {}", length_, length);
  }
  length_ = length;
}

void KvCache::select(const at::Tensor& rows) {
  const at::NoGradGuard no_grad;
  const at::Tensor indices = rows.to(at::kCPU, at::kLong).contiguous();
  const int64_t num_rows = layers_.empty() || !layers_[0].keys.defined() ? 0 : layers_[0].keys.size(0);
  bool is_identity = indices.size(0) == num_rows;
  for (int64_t i = 0; i < indices.size(0); ++i) {
    const int64_t row = indices.const_data_ptr<int64_t>()[i];
    if (row < 0 || row >= num_rows) {
      fail(ErrorCategory::InvalidArgument, "row {} of a key/value cache with {} rows was selected", row, num_rows);
    }
    is_identity = is_identity && row == i;
  }
  if (is_identity) return;
  for (Layer& layer : layers_)
    layer = {select_rows(layer.keys, indices, length_), select_rows(layer.values, indices, length_)};
}

KvCache KvCache::clone() const {
  const at::NoGradGuard no_grad;
  KvCache copy(static_cast<int64_t>(layers_.size()));
  copy.type_ = type_;
  copy.length_ = length_;
  for (size_t i = 0; i < layers_.size(); ++i) {
    if (!layers_[i].keys.defined()) continue;
    const int64_t capacity = length_ + kSpareTokens;
    copy.layers_[i] = {reallocate(layers_[i].keys, length_, capacity),
                       reallocate(layers_[i].values, length_, capacity)};
  }
  return copy;
}

}  // namespace molmo::model
