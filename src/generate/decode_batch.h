// Sequences that the model reads and continues together: the key/value cache, and where each row stands.
// This is the step function of generation. It knows nothing of sampling, text or requests, so that a session, a beam
// search and a scheduler can all drive it.
//   DecodeBatch batch(molmo);
//   Tensor logits = batch.prefill({.input_ids = ids});            // [B, V]
//   while (...) logits = batch.step(next_tokens);                 // [B, V]
// Letters: B rows, T tokens, S columns of the cache, C crops, Q image tokens of a crop, D decoder width,
// V vocabulary rows.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "model/kv_cache.h"
#include "model/molmo.h"

namespace molmo::generate {

// Tokens to read. Rows of different length are padded on the right with -1.
struct PrefillInput {
  at::Tensor input_ids;             // [B, T] int64
  at::Tensor image_features = {};   // [B, C, Q, D], undefined without pictures
  at::Tensor image_input_idx = {};  // [B, C, Q] int64, index among these T tokens, negative where dropped
};

class DecodeBatch {
 public:
  // The model must outlive the batch. Keys and values are kept as `cache_type` (model/kv_cache.h).
  explicit DecodeBatch(const model::Molmo& molmo, std::optional<at::ScalarType> cache_type = {});

  const model::Molmo& molmo() const { return *molmo_; }
  // Columns of the cache: tokens that each row has read, padding included.
  int64_t num_cached() const { return cache_.length(); }

  // Reads the tokens in pieces, after what the cache holds already, and returns the logits behind each row's last
  // token: [B, V]. Between pieces it asks `keep_going`; when that says no, the result is undefined and the cache holds
  // the pieces read so far. Behind padded rows only `step` may follow.
  at::Tensor prefill(const PrefillInput& input, const std::function<bool()>& keep_going = {});

  // Reads one token per row: [B, V].
  at::Tensor step(std::span<const int64_t> tokens);

  // Row r becomes a copy of the former row rows[r].
  void select(std::span<const int64_t> rows);
  // Forgets all but the first columns. Only without padding.
  void truncate(int64_t num_columns);
  DecodeBatch clone() const;

 private:
  const model::Molmo* molmo_;
  model::KvCache cache_;
  std::vector<int64_t> next_positions_;  // per row; empty before the first prefill
  at::Tensor padding_bias_;              // [B, 1, 1, S], -inf at padding; undefined without any
};

}  // namespace molmo::generate
