#include "base/nearest.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace molmo {

namespace {

template <class Text>
size_t count_edits(Text a, Text b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t substituted = diagonal + (a[i - 1] != b[j - 1]);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
    }
  }
  return row[b.size()];
}

}  // namespace

size_t edit_distance(std::string_view a, std::string_view b) {
  return count_edits(a, b);
}

size_t edit_distance(std::u32string_view a, std::u32string_view b) {
  return count_edits(a, b);
}

std::string nearest_name(std::string_view name, std::span<const std::string> candidates) {
  std::string best;
  size_t best_distance = std::max<size_t>(2, name.size() / 2) + 1;
  for (const std::string& candidate : candidates) {
    size_t distance = edit_distance(name, candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

std::string did_you_mean(std::string_view name, std::span<const std::string> candidates) {
  std::string nearest = nearest_name(name, candidates);
  return nearest.empty() ? "" : " Did you mean '" + nearest + "'?";
}

}  // namespace molmo
