// Tokens and their ids, both ways, in flat tables.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace molmo::text {

// Tokens are kept as tokenizer files write them, in the byte-level alphabet.
class Vocabulary {
 public:
  // Beyond these a file is wrong or hostile: released vocabularies have some 150,000 tokens of at most a few hundred
  // bytes.
  static constexpr int64_t kMaxIds = 1 << 22;
  static constexpr size_t kMaxTokenBytes = 1 << 16;

  // Throws BadData, naming `source`, for an id that is out of range or taken, and for a token that is there or too
  // long.
  void add(std::string_view token, int64_t id, std::string_view source);

  std::optional<int32_t> find(std::string_view token) const;
  bool has(int64_t id) const;
  std::string_view token(int64_t id) const;  // "" for unknown ids

  int64_t size() const { return static_cast<int64_t>(tokens_.size()); }  // one more than the largest id
  int64_t num_tokens() const { return num_tokens_; }

 private:
  struct Entry {
    uint32_t offset = 0;
    uint32_t num_bytes = kAbsent;
  };
  static constexpr uint32_t kAbsent = ~0u;

  struct Slot {
    uint32_t hash = 0;  // compared before the token, which lies elsewhere
    int32_t id = -1;    // -1 is empty
  };

  size_t slot_of(std::string_view token, uint32_t hash) const;
  void grow();

  std::string characters_;     // of all tokens, end to end
  std::vector<Entry> tokens_;  // by id
  std::vector<Slot> slots_;    // hash table with linear probing
  int64_t num_tokens_ = 0;
};

}  // namespace molmo::text
