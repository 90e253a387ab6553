#include "text/bpe.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <limits>

namespace molmo::text {
namespace {

// Up to this many symbols a scan over all pairs is faster than a heap.
constexpr size_t kMaxScannedSymbols = 48;
constexpr int32_t kNoRank = std::numeric_limits<int32_t>::max();

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

// One token of a word, linked to its neighbours. A right half that was joined stays behind without being linked.
struct Bpe::Symbol {
  int32_t id;
  int32_t previous, next;  // -1 at the ends
  int32_t rank;            // of the merge with the next one, or kNoRank
  int32_t merged;          // what that merge gives
};

void Bpe::encode_long(std::vector<int64_t>& ids, size_t begin) const {
  std::vector<Symbol> symbols(ids.size() - begin);
  const auto size = static_cast<int32_t>(symbols.size());
  const auto look_up = [&](Symbol& symbol) {
    const Merge* merge = symbol.next < 0 ? nullptr : find(symbol.id, symbols[symbol.next].id);
    symbol.rank = merge ? merge->rank : kNoRank;
    symbol.merged = merge ? merge->merged : -1;
  };
  for (int32_t i = 0; i < size; ++i) {
    symbols[i] = {static_cast<int32_t>(ids[begin + i]), i - 1, i + 1 < size ? i + 1 : -1, kNoRank, -1};
  }
  // Rank and position in one number, lowest rank first, then leftmost. Entries whose pair has changed are left to be
  // skipped.
  const auto key_of = [&](int32_t position) {
    return (static_cast<uint64_t>(symbols[position].rank) << 32) | static_cast<uint32_t>(position);
  };
  std::vector<uint64_t> queue;
  queue.reserve(symbols.size());
  for (int32_t i = 0; i < size; ++i) {
    look_up(symbols[i]);
    if (symbols[i].rank != kNoRank) queue.push_back(key_of(i));
  }
  std::make_heap(queue.begin(), queue.end(), std::greater<>());
  const auto update = [&](int32_t position) {
    look_up(symbols[position]);
    if (symbols[position].rank == kNoRank) return;
    queue.push_back(key_of(position));
    std::push_heap(queue.begin(), queue.end(), std::greater<>());
  };
  while (!queue.empty()) {
    std::pop_heap(queue.begin(), queue.end(), std::greater<>());
    const uint64_t key = queue.back();
    queue.pop_back();
    const auto position = static_cast<int32_t>(key & 0xFFFFFFFFu);
    Symbol& left = symbols[position];
    if (static_cast<int32_t>(key >> 32) != left.rank) continue;
    Symbol& right = symbols[left.next];
    left.id = left.merged;
    left.next = right.next;
    right.rank = kNoRank;
    if (left.next >= 0) symbols[left.next].previous = position;
    update(position);
    if (left.previous >= 0) update(left.previous);
  }
  ids.resize(begin);
  for (int32_t i = 0; i >= 0; i = symbols[i].next) ids.push_back(symbols[i].id);
}

}  // namespace molmo::text
