#include "base/nearest.h"

#include <algorithm>
#include <numeric>
#include <utility>
#include <vector>

namespace molmo {

namespace {

// Insertions, deletions and substitutions; two neighbours in the wrong order are `swap_edits` more than none.
template <class Text>
size_t count_edits(Text a, Text b, size_t swap_edits) {
  std::vector<size_t> before_last, last, row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    before_last = std::exchange(last, row);
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before_last[j - 2] + swap_edits);
    }
  }
  return row[b.size()];
}

}  // namespace

size_t edit_distance(std::string_view a, std::string_view b) {
  return count_edits(a, b, /*swap_edits=*/2);
}

size_t edit_distance(std::u32string_view a, std::u32string_view b) {
  return count_edits(a, b, /*swap_edits=*/2);
}

std::string nearest_name(std::string_view name, std::span<const std::string> candidates) {
  std::string best;
  size_t best_distance = std::max<size_t>(2, name.size() / 2) + 1;
  for (const std::string& candidate : candidates) {
    const size_t distance = count_edits(name, std::string_view(candidate), /*swap_edits=*/1);
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
