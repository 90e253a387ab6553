#include "text/vocabulary.h"

#include <functional>
#include <limits>
#include <utility>

#include "base/error.h"

namespace molmo::text {
namespace {

// A token as it may stand in an error message.
std::string_view shortened(std::string_view token) {
  return token.substr(0, 80);
}

uint32_t hash_of(std::string_view token) {
  return static_cast<uint32_t>(std::hash<std::string_view>()(token));
}

}  // namespace

void Vocabulary::add(std::string_view token, int64_t id, std::string_view source) {
  if (id < 0 || id >= kMaxIds) {
    fail(ErrorCategory::BadData, "{}: token '{}' has id {}, expected 0 to {}", source, shortened(token), id,
         kMaxIds - 1);
  }
  if (token.size() > kMaxTokenBytes) {
    fail(ErrorCategory::BadData, "{}: token '{}...' has {} bytes, expected at most {}", source, shortened(token),
         token.size(), kMaxTokenBytes);
  }
  if (has(id)) {
    fail(ErrorCategory::BadData, "{}: tokens '{}' and '{}' share id {}", source, shortened(this->token(id)),
         shortened(token), id);
  }
  if (characters_.size() > std::numeric_limits<uint32_t>::max() - token.size()) {
    fail(ErrorCategory::BadData, "{}: the tokens of the vocabulary exceed 4 GiB", source);
  }
  if (static_cast<size_t>(num_tokens_ + 1) * 2 > slots_.size()) grow();
  const uint32_t hash = hash_of(token);
  const size_t slot = slot_of(token, hash);
  if (slots_[slot].id >= 0) fail(ErrorCategory::BadData, "{}: token '{}' appears twice", source, shortened(token));
  if (id >= size()) tokens_.resize(static_cast<size_t>(id) + 1);
  tokens_[id] = {static_cast<uint32_t>(characters_.size()), static_cast<uint32_t>(token.size())};
  characters_.append(token);
  slots_[slot] = {hash, static_cast<int32_t>(id)};
  ++num_tokens_;
}

std::optional<int32_t> Vocabulary::find(std::string_view token) const {
  if (slots_.empty()) return std::nullopt;
  const int32_t id = slots_[slot_of(token, hash_of(token))].id;
  return id < 0 ? std::nullopt : std::optional(id);
}

bool Vocabulary::has(int64_t id) const {
  return id >= 0 && id < size() && tokens_[id].num_bytes != kAbsent;
}

std::string_view Vocabulary::token(int64_t id) const {
  if (!has(id)) return "";
  return std::string_view(characters_).substr(tokens_[id].offset, tokens_[id].num_bytes);
}

// Where `token` is, or where it would go.
size_t Vocabulary::slot_of(std::string_view token, uint32_t hash) const {
  const size_t mask = slots_.size() - 1;
  size_t slot = hash & mask;
  while (slots_[slot].id >= 0 && (slots_[slot].hash != hash || this->token(slots_[slot].id) != token)) {
    slot = (slot + 1) & mask;
  }
  return slot;
}

void Vocabulary::grow() {
  const std::vector<Slot> old = std::exchange(slots_, std::vector<Slot>(slots_.empty() ? 1024 : slots_.size() * 2));
  const size_t mask = slots_.size() - 1;
  for (const Slot& entry : old) {
    if (entry.id < 0) continue;
    size_t slot = entry.hash & mask;
    while (slots_[slot].id >= 0) slot = (slot + 1) & mask;
    slots_[slot] = entry;
  }
}

}  // namespace molmo::text
