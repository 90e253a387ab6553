#include "generate/text_stream.h"

#include <algorithm>
#include <utility>

#include "text/utf8.h"

namespace molmo::generate {
namespace {

// Whether further bytes could complete the last character.
bool ends_inside_character(std::string_view bytes) {
  for (size_t size = 1; size <= std::min<size_t>(3, bytes.size()); ++size) {
    if (text::decode_utf8(bytes.substr(bytes.size() - size)).is_cut_off) return true;
  }
  return false;
}

// How many bytes at the end of `text` begin, but do not complete, one of the stop strings.
size_t stop_prefix_size(std::string_view text, const std::vector<std::string>& stop) {
  size_t longest = 0;
  for (const auto& word : stop) {
    for (size_t size = std::min(text.size(), word.size() - 1); size > longest; --size) {
      if (text.ends_with(std::string_view(word).substr(0, size))) longest = size;
    }
  }
  return longest;
}

}  // namespace

TextStream::TextStream(const text::Tokenizer& tokenizer, std::vector<std::string> stop)
    : tokenizer_(tokenizer), stop_(std::move(stop)) {
  std::erase(stop_, "");
}

// Clean-up of spaces removes a space before up to three characters of punctuation or of an English contraction, so text
// is settled when none of its last three bytes is a space. What was settled before ends like that already.
bool TextStream::is_text_settled() const {
  if (ends_inside_character(pending_bytes_)) return false;
  const size_t tail = pending_bytes_.size() - std::min<size_t>(3, pending_bytes_.size());
  return !tokenizer_.cleans_up_spaces() || pending_bytes_.find(' ', tail) == std::string::npos;
}

void TextStream::settle() {
  held_ += tokenizer_.decode(pending_, {.skips_special = true});
  pending_.clear();
  pending_bytes_.clear();
}

std::string TextStream::release(bool is_last) {
  // The stop string that was complete first ends the text, whatever pieces the text came in.
  size_t begin = std::string::npos, end = std::string::npos;
  for (const auto& word : stop_) {
    const size_t found = held_.find(word);
    if (found == std::string::npos) continue;
    if (std::pair(found + word.size(), found) < std::pair(end, begin)) {
      begin = found;
      end = found + word.size();
    }
  }
  has_stopped_ = begin != std::string::npos;
  const size_t size = has_stopped_ ? begin : held_.size() - (is_last ? 0 : stop_prefix_size(held_, stop_));
  std::string text = held_.substr(0, size);
  held_.erase(0, size);
  text_ += text;
  return text;
}

std::string TextStream::push(int64_t token) {
  if (has_stopped_ || tokenizer_.is_special(token)) return "";
  pending_.push_back(token);
  pending_bytes_ += tokenizer_.decode_bytes(token);
  if (!is_text_settled()) return "";
  settle();
  return release(/*is_last=*/false);
}

std::string TextStream::finish() {
  if (has_stopped_) return "";
  settle();
  return release(/*is_last=*/true);
}

}  // namespace molmo::generate
