// Byte-pair encoding of one word: starting from its bytes, the two neighbours whose merge has the lowest rank are
// joined until no merge applies (leftmost first among equals).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace molmo::text {

class Bpe {
 public:
  // `byte_ids`: the token of each byte, or -1; a word with such a byte loses it, as in the reference.
  Bpe(const std::array<int32_t, 256>& byte_ids, size_t num_merges);

  // Merges are added in the order of their rank. A pair that comes twice keeps the later rank, as in the reference.
  void add_merge(int32_t left, int32_t right, int32_t merged);

  // Appends the tokens of `word`. Time grows as n log n with its length.
  void encode(std::string_view word, std::vector<int64_t>& ids) const;

 private:
  struct Merge {
    uint64_t pair = kNoPair;
    int32_t rank = 0;
    int32_t merged = 0;
  };
  static constexpr uint64_t kNoPair = ~0ull;
  struct Symbol;

  size_t slot_of(uint64_t pair) const;
  const Merge* find(int32_t left, int32_t right) const;
  void encode_short(std::vector<int64_t>& ids, size_t begin) const;
  void encode_long(std::vector<int64_t>& ids, size_t begin) const;

  std::array<int32_t, 256> byte_ids_;
  std::vector<Merge> merges_;  // hash table with linear probing
  int32_t num_merges_ = 0;
  int shift_ = 0;  // 64 minus the bits of a slot
};

}  // namespace molmo::text
