// Plain loops in double precision, written from the definitions and not from the product: what modules without golden
// numbers are compared with.
#pragma once

#include <ATen/core/Tensor.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "model/molmo.h"

namespace molmo::test {

using Row = std::vector<double>;
using Rows = std::vector<Row>;

inline Row to_row(const at::Tensor& x) {
  const at::Tensor flat = x.to(at::kDouble).contiguous().flatten();
  const double* values = flat.const_data_ptr<double>();
  return Row(values, values + flat.numel());
}

inline Rows to_rows(const at::Tensor& x) {
  Rows rows;
  for (int64_t i = 0; i < x.size(0); ++i) rows.push_back(to_row(x[i]));
  return rows;
}

// W x + b; the bias is optional.
inline Row slow_linear(const Row& x, const model::Weights& weights, const std::string& name) {
  const Rows weight = to_rows(weights.at(name + ".weight"));
  const Row bias = weights.contains(name + ".bias") ? to_row(weights.at(name + ".bias")) : Row(weight.size(), 0.0);
  Row y;
  for (size_t i = 0; i < weight.size(); ++i) {
    double sum = bias[i];
    for (size_t j = 0; j < x.size(); ++j) sum += weight[i].at(j) * x[j];
    y.push_back(sum);
  }
  return y;
}

inline double slow_silu(double x) {
  return x / (1 + std::exp(-x));
}

// down(silu(gate x) * up x)
inline Row slow_gated_mlp(const Row& x, const model::Weights& weights, const std::string& gate, const std::string& up,
                          const std::string& down) {
  const Row gates = slow_linear(x, weights, gate);
  Row hidden = slow_linear(x, weights, up);
  for (size_t i = 0; i < hidden.size(); ++i) hidden[i] *= slow_silu(gates[i]);
  return slow_linear(hidden, weights, down);
}

inline Row slow_softmax(const Row& scores) {
  double most = -INFINITY, sum = 0;
  for (double score : scores) most = std::max(most, score);
  Row weights;
  for (double score : scores) weights.push_back(std::exp(score - most));
  for (double weight : weights) sum += weight;
  for (double& weight : weights) weight /= sum;
  return weights;
}

// One query against all keys, head by head; rows are [heads * width].
inline Row slow_attention(const Row& query, const Rows& keys, const Rows& values, int64_t num_heads) {
  const int64_t width = static_cast<int64_t>(query.size()) / num_heads;
  Row out(query.size(), 0.0);
  for (int64_t head = 0; head < num_heads; ++head) {
    Row scores;
    for (const Row& key : keys) {
      double dot = 0;
      for (int64_t i = head * width; i < (head + 1) * width; ++i) dot += query[i] * key[i];
      scores.push_back(dot / std::sqrt(static_cast<double>(width)));
    }
    const Row weights = slow_softmax(scores);
    for (size_t key = 0; key < keys.size(); ++key) {
      for (int64_t i = head * width; i < (head + 1) * width; ++i) out[i] += weights[key] * values[key][i];
    }
  }
  return out;
}

inline Row operator+(Row a, const Row& b) {
  for (size_t i = 0; i < a.size(); ++i) a[i] += b.at(i);
  return a;
}

}  // namespace molmo::test
