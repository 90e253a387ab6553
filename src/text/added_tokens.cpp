#include "text/added_tokens.h"

#include <algorithm>

#include "text/unicode_classes.h"
#include "text/utf8.h"

namespace molmo::text {
namespace {

// Where the last character of `text` begins; `text` is valid UTF-8 and not empty.
size_t last_char(std::string_view text) {
  size_t begin = text.size() - 1;
  while ((static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80) --begin;
  return begin;
}

bool has_class(std::string_view character, UnicodeClass wanted) {
  return unicode_classes(decode_utf8(character).code_point) & wanted;
}

bool ends_with_word(std::string_view text) {
  return !text.empty() && has_class(text.substr(last_char(text)), kWord);
}
bool starts_with_word(std::string_view text) {
  return !text.empty() && has_class(text, kWord);
}

size_t without_spaces_at_end(std::string_view text) {
  while (!text.empty() && has_class(text.substr(last_char(text)), kSpace)) text = text.substr(0, last_char(text));
  return text.size();
}

size_t spaces_at_start(std::string_view text) {
  size_t end = 0;
  while (end < text.size() && has_class(text.substr(end), kSpace)) end += decode_utf8(text.substr(end)).num_bytes;
  return end;
}

}  // namespace

void AddedTokenMatcher::add(const AddedToken& token, std::string_view spelling) {
  if (spelling.empty()) return;
  int32_t* link = &roots_[static_cast<unsigned char>(spelling[0])];
  int32_t node = -1;
  for (const char byte : spelling) {
    while (*link >= 0 && nodes_[*link].byte != byte) link = &nodes_[*link].next_sibling;
    if (*link < 0) {
      *link = static_cast<int32_t>(nodes_.size());
      node = *link;
      nodes_.push_back({.byte = byte});
    } else {
      node = *link;
    }
    link = &nodes_[node].first_child;
  }
  if (nodes_[node].token_index >= 0) return;  // two tokens may be spelt alike once normalised: the first one wins
  nodes_[node].token_index = static_cast<int32_t>(tokens_.size());
  tokens_.push_back(token);
}

AddedTokenMatcher::Match AddedTokenMatcher::longest_match(std::string_view text) const {
  Match longest;
  int32_t node = roots_[static_cast<unsigned char>(text[0])];
  for (size_t depth = 0; node >= 0;) {
    if (nodes_[node].byte != text[depth]) {
      node = nodes_[node].next_sibling;
      continue;
    }
    ++depth;
    if (nodes_[node].token_index >= 0) longest = {nodes_[node].token_index, depth};
    if (depth == text.size()) break;
    node = nodes_[node].first_child;
  }
  return longest;
}

void AddedTokenMatcher::split(std::string_view text, const std::function<void(std::string_view)>& on_text,
                              const std::function<void(int64_t id)>& on_token) const {
  size_t done = 0;
  for (size_t position = 0; position < text.size();) {
    const Match match = longest_match(text.substr(position));
    if (match.token_index < 0) {
      ++position;
      continue;
    }
    size_t begin = position, end = position + match.num_bytes;
    position = end;
    const AddedToken& token = tokens_[match.token_index];
    if (token.is_single_word && (ends_with_word(text.substr(0, begin)) || starts_with_word(text.substr(end)))) continue;
    if (token.strips_left) begin = std::max(without_spaces_at_end(text.substr(0, begin)), done);
    if (token.strips_right) end += spaces_at_start(text.substr(end));
    if (begin >= end) continue;  // the token before took it as white space
    if (done < begin) on_text(text.substr(done, begin - done));
    on_token(token.id);
    done = end;
  }
  if (done < text.size()) on_text(text.substr(done));
}

}  // namespace molmo::text
