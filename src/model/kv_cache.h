// Keys and values of the tokens seen so far, per layer. Memory grows in steps, so that most tokens are appended without
// moving the rest. In 16 bits they take half the memory and half the time to read; what is read behind a long prompt is
// then rounded. One thread at a time. Throws InvalidArgument for another batch size than the one that is held, and
// for keys that carry gradients.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace molmo::model {

class KvCache {
 public:
  // Kept as `type`, of 32 or 16 bits; empty: as each layer wants them.
  explicit KvCache(int64_t num_layers, std::optional<at::ScalarType> type = {});

  int64_t length() const { return length_; }  // tokens held
  int64_t num_bytes() const;

  // Appends keys and values, [B, K, T, A] after rotation, and returns all that the layer holds, [B, K, S + T, A], as
  // views. Every layer appends the same T; the length moves with the last layer. wanted: the type to keep them as where
  // the cache has none; empty: as they come.
  std::pair<at::Tensor, at::Tensor> append(int64_t layer, const at::Tensor& keys, const at::Tensor& values,
                                           std::optional<at::ScalarType> wanted = {});

  // Forgets all but the first `length` tokens: an answer is dropped, its prompt kept.
  void truncate(int64_t length);
  // Reorders or repeats the batch axis: beam search, several answers from one prefill. rows: [B'] int64.
  void select(const at::Tensor& rows);
  KvCache clone() const;

 private:
  struct Layer {
    at::Tensor keys, values;  // [B, K, capacity, A]
  };
  std::vector<Layer> layers_;
  std::optional<at::ScalarType> type_;
  int64_t length_ = 0;
};

}  // namespace molmo::model
