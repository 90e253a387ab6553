// Remembers, during one call of encode, which tokens a word became, so that a word that comes again costs a lookup.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

namespace molmo::text {

// Direct mapped: a word takes the place of another with the same slot. Refers to the caller's text and to its output
// instead of copying them, so both must outlive it and the output must only grow.
class WordCache {
 public:
  explicit WordCache(size_t text_bytes)
      : entries_(std::bit_ceil(std::clamp<size_t>(text_bytes / 8, 64, 1 << 14))), mask_(entries_.size() - 1) {}

  // Appends the tokens of `word` to `ids`, by `encode(word, ids)` where they are not known.
  template <class Encode>
  void append(std::string_view word, std::vector<int64_t>& ids, const Encode& encode) {
    if (word.size() > kMaxWordBytes) return encode(word, ids);
    Entry& entry = entries_[std::hash<std::string_view>()(word) & mask_];
    const size_t begin = ids.size();
    if (entry.word == word) {
      ids.resize(begin + entry.num_ids);
      std::copy_n(ids.begin() + static_cast<std::ptrdiff_t>(entry.first_id), entry.num_ids,
                  ids.begin() + static_cast<std::ptrdiff_t>(begin));
      return;
    }
    encode(word, ids);
    entry = {word, begin, ids.size() - begin};
  }

 private:
  static constexpr size_t kMaxWordBytes = 64;
  struct Entry {
    std::string_view word;
    size_t first_id = 0, num_ids = 0;
  };
  std::vector<Entry> entries_;
  size_t mask_;
};

}  // namespace molmo::text
