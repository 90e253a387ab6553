// Small draws from a random stream. Never two in one argument list: their order would be the compiler's choice.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "base/random.h"

namespace molmo::synth {

inline double between(RandomStream& draws, double low, double high) {
  return low + (high - low) * draws.uniform();
}

// Both ends included.
inline int64_t whole(RandomStream& draws, int64_t low, int64_t high) {
  return low + static_cast<int64_t>(draws.below(static_cast<uint64_t>(high - low + 1)));
}

inline bool chance(RandomStream& draws, double probability) {
  return draws.uniform() < probability;
}

// `items` is anything with size() and operator[], or an array; not empty.
template <class Items>
decltype(auto) pick(RandomStream& draws, Items&& items) {
  return items[draws.below(std::size(items))];
}

template <class T>
void shuffle(RandomStream& draws, std::vector<T>& items) {
  for (size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[draws.below(i)]);
}

// Index of one of `weights`, in proportion to them.
inline size_t pick_weighted(RandomStream& draws, std::span<const double> weights) {
  double total = 0;
  for (double weight : weights) total += weight;
  double left = draws.uniform() * total;
  for (size_t i = 0; i + 1 < weights.size(); ++i) {
    left -= weights[i];
    if (left < 0) return i;
  }
  return weights.size() - 1;
}

}  // namespace molmo::synth
