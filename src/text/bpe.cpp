#include "text/bpe.h"

#include <algorithm>
#include <bit>
#include <functional>
#include <limits>
#include <optional>

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

namespace {

// Merges that wait for their turn: lowest rank first, then leftmost. A heap holds the lowest ranks only; the others lie
// in buckets, unordered, until it is their turn, so that the heap stays in the cache however long the word is.
class MergeQueue {
 public:
  explicit MergeQueue(size_t num_symbols) : heap_end_(num_symbols < kMinSymbolsOfBuckets ? kNoRank : 0) {
    if (heap_end_ == 0) buckets_.resize(bucket_of(kNoRank) + 1);
  }

  void push(int32_t rank, int32_t position) {
    const uint64_t key = (static_cast<uint64_t>(rank) << 32) | static_cast<uint32_t>(position);
    if (rank >= heap_end_) return buckets_[bucket_of(rank)].push_back(key);
    heap_.push_back(key);
    std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
  }

  struct Waiting {
    int32_t rank, position;
  };
  std::optional<Waiting> pop() {
    if (heap_.empty() && !fill_heap()) return std::nullopt;
    std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
    const uint64_t key = heap_.back();
    heap_.pop_back();
    return Waiting{static_cast<int32_t>(key >> 32), static_cast<int32_t>(key & 0xFFFFFFFFu)};
  }

  // The next one, and those of which one comes after it.
  template <class Visit>
  void visit_upcoming(const Visit& visit) const {
    constexpr size_t kMost = 7;
    for (size_t i = 0; i < std::min(heap_.size(), kMost); ++i) visit(static_cast<int32_t>(heap_[i] & 0xFFFFFFFFu));
  }

 private:
  static constexpr size_t kMinSymbolsOfBuckets = 4096;
  static constexpr int kBucketBits = 6;  // 64 buckets for each doubling of the rank: low ranks are the frequent ones

  static size_t bucket_of(int32_t rank) {
    const int doublings = std::max(0, static_cast<int>(std::bit_width(static_cast<uint32_t>(rank))) - kBucketBits - 1);
    return (static_cast<size_t>(doublings) << kBucketBits) + static_cast<size_t>(rank >> doublings);
  }
  static int32_t first_rank(size_t bucket) {
    const size_t doublings = bucket < (2u << kBucketBits) ? 0 : (bucket >> kBucketBits) - 1;
    return static_cast<int32_t>((bucket - (doublings << kBucketBits)) << doublings);
  }

  bool fill_heap() {
    while (next_bucket_ < buckets_.size() && heap_.empty()) std::swap(heap_, buckets_[next_bucket_++]);
    if (heap_.empty()) return false;
    heap_end_ = next_bucket_ < buckets_.size() ? first_rank(next_bucket_) : kNoRank;
    std::make_heap(heap_.begin(), heap_.end(), std::greater<>());
    return true;
  }

  std::vector<uint64_t> heap_;  // rank and position in one number
  int32_t heap_end_;            // lower ranks belong into the heap
  std::vector<std::vector<uint64_t>> buckets_;
  size_t next_bucket_ = 0;
};

}  // namespace

void Bpe::encode_long(std::vector<int64_t>& ids, size_t begin) const {
  std::vector<Symbol> symbols(ids.size() - begin);
  const auto size = static_cast<int32_t>(symbols.size());
  for (int32_t i = 0; i < size; ++i) {
    symbols[i] = {static_cast<int32_t>(ids[begin + i]), i - 1, i + 1 < size ? i + 1 : -1, kNoRank, -1};
  }
  MergeQueue queue(symbols.size());
  const auto update = [&](int32_t position) {
    Symbol& symbol = symbols[position];
    const Merge* merge = symbol.next < 0 ? nullptr : find(symbol.id, symbols[symbol.next].id);
    symbol.rank = merge ? merge->rank : kNoRank;
    symbol.merged = merge ? merge->merged : -1;
    if (merge) queue.push(symbol.rank, position);
  };
  for (int32_t i = 0; i < size; ++i) update(i);
  while (const auto waiting = queue.pop()) {
    // Merges of one rank lie all over a long word: half of the time went into waiting for memory.
    queue.visit_upcoming([&](int32_t position) { __builtin_prefetch(&symbols[position]); });
    Symbol& left = symbols[waiting->position];
    if (waiting->rank != left.rank) continue;  // the pair has changed since
    Symbol& right = symbols[left.next];
    left.id = left.merged;
    left.next = right.next;
    right.rank = kNoRank;
    if (left.next >= 0) symbols[left.next].previous = waiting->position;
    update(waiting->position);
    if (left.previous >= 0) update(left.previous);
  }
  ids.resize(begin);
  for (int32_t i = 0; i >= 0; i = symbols[i].next) ids.push_back(symbols[i].id);
}

}  // namespace molmo::text
