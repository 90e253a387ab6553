// What linear layers do, for benchmarks: how long, how many operations, how many bytes of weights.
//   LinearTotals totals;
//   linear_totals = &totals;   ... forward passes ...   linear_totals = nullptr;
// Off, a layer pays one load and one branch. Process-wide, and for one computing thread at a time: only benchmarks,
// which own the process, set it.
#pragma once

#include <ATen/core/Tensor.h>

#include <chrono>
#include <cstdint>

namespace molmo::model {

struct LinearTotals {
  std::chrono::duration<double, std::milli> time{};
  int64_t operations = 0;    // a multiply and an add count as two
  int64_t weight_bytes = 0;  // of each product, as stored
};

inline LinearTotals* linear_totals = nullptr;

// Rows x, [..., in], times weights of so many output features, of which `weight_bytes` are read: from construction to
// destruction.
class MeteredProduct {
 public:
  MeteredProduct(const at::Tensor& x, int64_t out_features, size_t weight_bytes) {
    if (linear_totals == nullptr) return;
    linear_totals->operations += 2 * x.numel() * out_features;
    linear_totals->weight_bytes += static_cast<int64_t>(weight_bytes);
    start_ = std::chrono::steady_clock::now();
  }
  ~MeteredProduct() {
    if (linear_totals != nullptr) linear_totals->time += std::chrono::steady_clock::now() - start_;
  }
  MeteredProduct(const MeteredProduct&) = delete;
  MeteredProduct& operator=(const MeteredProduct&) = delete;

 private:
  std::chrono::steady_clock::time_point start_{};
};

}  // namespace molmo::model
