#include "text/bpe.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <queue>

namespace molmo::text {
namespace {

// Up to this many symbols a scan over all pairs is faster than a heap.
constexpr size_t kMaxScannedSymbols = 48;

uint64_t pack(int32_t left, int32_t right) {
  return (static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32) | static_cast<uint32_t>(right);
}

}  // namespace

Bpe::Bpe(const std::array<int32_t, 256>& byte_ids, size_t num_merges) : byte_ids_(byte_ids) {
  const size_t num_slots = std::bit_ceil(std::max<size_t>(num_merges * 2, 16));
  merges_.resize(num_slots);
  shift_ = 64 - std::countr_zero(num_slots);
}

size_t Bpe::slot_of(uint64_t pair) const {
  const size_t mask = merges_.size() - 1;
  size_t slot = (pair * 0x9E3779B97F4A7C15ull) >> shift_;  // Fibonacci hashing
  while (merges_[slot].pair != pair && merges_[slot].pair != kNoPair) slot = (slot + 1) & mask;
  return slot;
}

void Bpe::add_merge(int32_t left, int32_t right, int32_t merged) {
  const uint64_t pair = pack(left, right);
  merges_[slot_of(pair)] = {pair, num_merges_++, merged};
}

const Bpe::Merge* Bpe::find(int32_t left, int32_t right) const {
  const Merge& merge = merges_[slot_of(pack(left, right))];
  return merge.pair == kNoPair ? nullptr : &merge;
}

void Bpe::encode(std::string_view word, std::vector<int64_t>& ids) const {
  const size_t begin = ids.size();
  for (const char c : word) {
    const int32_t id = byte_ids_[static_cast<unsigned char>(c)];
    if (id >= 0) ids.push_back(id);
  }
  const size_t num_symbols = ids.size() - begin;
  if (num_symbols < 2) return;
  if (num_symbols <= kMaxScannedSymbols) {
    encode_short(ids, begin);
  } else {
    encode_long(ids, begin);
  }
}

void Bpe::encode_short(std::vector<int64_t>& ids, size_t begin) const {
  constexpr int32_t kNoRank = std::numeric_limits<int32_t>::max();
  int32_t symbols[kMaxScannedSymbols];
  int32_t ranks[kMaxScannedSymbols];  // of the merge of a symbol with its right neighbour
  int32_t results[kMaxScannedSymbols];
  size_t size = ids.size() - begin;
  for (size_t i = 0; i < size; ++i) symbols[i] = static_cast<int32_t>(ids[begin + i]);
  const auto look_up = [&](size_t i) {
    const Merge* merge = i + 1 < size ? find(symbols[i], symbols[i + 1]) : nullptr;
    ranks[i] = merge ? merge->rank : kNoRank;
    results[i] = merge ? merge->merged : 0;
  };
  for (size_t i = 0; i < size; ++i) look_up(i);
  while (size > 1) {
    const size_t best = std::min_element(ranks, ranks + size) - ranks;
    if (ranks[best] == kNoRank) break;
    symbols[best] = results[best];
    std::copy(symbols + best + 2, symbols + size, symbols + best + 1);
    std::copy(ranks + best + 2, ranks + size, ranks + best + 1);
    std::copy(results + best + 2, results + size, results + best + 1);
    --size;
    look_up(best);
    if (best > 0) look_up(best - 1);
  }
  ids.resize(begin + size);
  for (size_t i = 0; i < size; ++i) ids[begin + i] = symbols[i];
}

// One token of a word, linked to its neighbours; a joined right half keeps its place with `id` -1.
struct Bpe::Symbol {
  int32_t id;
  int32_t previous, next;  // -1 at the ends
};

struct Bpe::Candidate {
  int32_t rank;
  int32_t position;
  int32_t merged;
  bool operator>(const Candidate& other) const {
    return rank != other.rank ? rank > other.rank : position > other.position;
  }
};

void Bpe::encode_long(std::vector<int64_t>& ids, size_t begin) const {
  std::vector<Symbol> symbols;
  symbols.reserve(ids.size() - begin);
  for (size_t i = begin; i < ids.size(); ++i) {
    const auto position = static_cast<int32_t>(i - begin);
    symbols.push_back({static_cast<int32_t>(ids[i]), position - 1, i + 1 < ids.size() ? position + 1 : -1});
  }
  std::vector<Candidate> storage;
  storage.reserve(symbols.size());
  const auto add_candidate = [&](auto& queue, int32_t position) {
    if (position < 0 || symbols[position].next < 0) return;
    if (const Merge* merge = find(symbols[position].id, symbols[symbols[position].next].id)) {
      queue.push({merge->rank, position, merge->merged});
    }
  };
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> queue({}, std::move(storage));
  for (size_t i = 0; i < symbols.size(); ++i) add_candidate(queue, static_cast<int32_t>(i));
  while (!queue.empty()) {
    const Candidate best = queue.top();
    queue.pop();
    Symbol& left = symbols[best.position];
    if (left.id < 0 || left.next < 0) continue;
    Symbol& right = symbols[left.next];
    const Merge* merge = find(left.id, right.id);
    if (!merge || merge->rank != best.rank) continue;  // a neighbour was joined meanwhile
    left.id = best.merged;
    right.id = -1;
    left.next = right.next;
    if (left.next >= 0) symbols[left.next].previous = best.position;
    add_candidate(queue, best.position);
    add_candidate(queue, left.previous);
  }
  ids.resize(begin);
  for (int32_t i = 0; i >= 0; i = symbols[i].next) ids.push_back(symbols[i].id);
}

}  // namespace molmo::text
