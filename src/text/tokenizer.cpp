#include "text/tokenizer.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "base/error.h"
#include "text/added_tokens.h"
#include "text/bpe.h"
#include "text/byte_level.h"
#include "text/normalize.h"
#include "text/tokenizer_file.h"
#include "text/utf8.h"
#include "text/word_cache.h"

namespace molmo::text {
namespace {

constexpr size_t kMaxTextBytes = 1u << 30;

std::array<int32_t, 256> byte_tokens(const Vocabulary& vocabulary) {
  std::array<int32_t, 256> ids;
  for (int byte = 0; byte < 256; ++byte) {
    std::string token;
    append_utf8(token, byte_to_char(static_cast<unsigned char>(byte)));
    ids[byte] = vocabulary.find(token).value_or(-1);
  }
  return ids;
}

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  std::string out;
  size_t copied = 0;
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, copied)) {
    out.append(text, copied, at - copied).append(to);
    copied = at + from.size();
  }
  if (copied > 0) text = out.append(text, copied);
}

// The rules of the reference's library, one after the other: they undo the spaces of a tokenized corpus.
void clean_up_spaces(std::string& text) {
  constexpr std::pair<std::string_view, std::string_view> kRules[] = {
      {" .", "."},     {" ?", "?"},   {" !", "!"},   {" ,", ","},     {" ' ", "'"},
      {" n't", "n't"}, {" 'm", "'m"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};
  for (const auto& [from, to] : kRules) replace_all(text, from, to);
}

}  // namespace

struct Tokenizer::State {
  explicit State(TokenizerFile tokenizer_file)
      : file(std::move(tokenizer_file)), bpe(byte_tokens(file.vocabulary), file.merges.size()) {
    for (const MergeRule& merge : file.merges) bpe.add_merge(merge.left, merge.right, merge.merged);
    file.merges = {};
    is_special.resize(static_cast<size_t>(file.vocabulary.size()));
    for (const AddedToken& token : file.added_tokens) {
      is_special[token.id] = token.is_special;
      if (!token.is_normalized) {
        raw_tokens.add(token, token.content);
      } else {
        normalized_tokens.add(token, file.normalizes ? normalize_nfc(token.content) : token.content);
      }
    }
  }

  TokenizerFile file;
  Bpe bpe;
  AddedTokenMatcher raw_tokens, normalized_tokens;
  std::vector<bool> is_special;  // by id
};

namespace {

// One call of encode: cuts the text into added tokens and words, and appends their ids.
class Encoding {
 public:
  Encoding(const TokenizerFile& file, const Bpe& bpe, const AddedTokenMatcher& raw_tokens,
           const AddedTokenMatcher& normalized_tokens, size_t text_bytes)
      : file_(file), bpe_(bpe), raw_tokens_(raw_tokens), normalized_tokens_(normalized_tokens), cache_(text_bytes) {
    ids_.reserve(text_bytes / 3);
  }

  // `text` is valid UTF-8.
  std::vector<int64_t> run(std::string_view text) {
    const auto on_token = [this](int64_t id) { ids_.push_back(id); };
    const auto on_words = [this](std::string_view part) { split(part, 0); };
    const auto on_text = [&](std::string_view part) {
      if (file_.normalizes) part = keep(normalize_nfc(part));
      normalized_tokens_.split(part, on_words, on_token);
    };
    raw_tokens_.split(text, on_text, on_token);
    return std::move(ids_);
  }

 private:
  // Texts that are made on the way live as long as the cache, which refers to them.
  std::string_view keep(std::string text) { return kept_.emplace_back(std::move(text)); }

  void split(std::string_view text, size_t step_index) {
    if (step_index == file_.splits.size()) {
      cache_.append(text, ids_, [this](std::string_view word, std::vector<int64_t>& ids) { encode_word(word, ids); });
      return;
    }
    const WordSplit& step = file_.splits[step_index];
    if (step.adds_space_in_front && !text.starts_with(' ')) text = keep(" " + std::string(text));
    if (!step.pattern) return split(text, step_index + 1);
    while (!text.empty()) {
      const size_t size = first_word_bytes(*step.pattern, text);
      split(text.substr(0, size), step_index + 1);
      text.remove_prefix(size);
    }
  }

  void encode_word(std::string_view word, std::vector<int64_t>& ids) const {
    if (file_.prefers_whole_words) {
      std::string token;
      for (const char byte : word) append_utf8(token, byte_to_char(static_cast<unsigned char>(byte)));
      if (const auto id = file_.vocabulary.find(token)) return ids.push_back(*id);
    }
    bpe_.encode(word, ids);
  }

  const TokenizerFile& file_;
  const Bpe& bpe_;
  const AddedTokenMatcher& raw_tokens_;
  const AddedTokenMatcher& normalized_tokens_;
  std::deque<std::string> kept_;
  WordCache cache_;
  std::vector<int64_t> ids_;
};

}  // namespace

Tokenizer Tokenizer::load(const std::filesystem::path& folder) {
  return Tokenizer(std::make_shared<const State>(read_tokenizer_files(folder)));
}

std::vector<int64_t> Tokenizer::encode(std::string_view text) const {
  if (text.size() > kMaxTextBytes) {
    fail(ErrorCategory::InvalidArgument, "a text of {} bytes is too long to encode, at most {} are taken", text.size(),
         kMaxTextBytes);
  }
  std::string repaired;
  if (!is_valid_utf8(text)) text = repaired = replace_invalid_utf8(text);
  Encoding encoding(state_->file, state_->bpe, state_->raw_tokens, state_->normalized_tokens, text.size());
  return encoding.run(text);
}

std::string Tokenizer::decode(std::span<const int64_t> ids, const DecodeOptions& options) const {
  std::string bytes;
  for (const int64_t id : ids) {
    if (!options.skips_special || !is_special(id)) bytes += decode_bytes(id);
  }
  std::string text = replace_invalid_utf8(bytes);
  if (options.cleans_up_spaces.value_or(state_->file.cleans_up_spaces)) clean_up_spaces(text);
  return text;
}

std::string Tokenizer::decode_bytes(int64_t id) const {
  const std::string_view token = state_->file.vocabulary.token(id);
  auto bytes = bytes_of_token(token);
  return bytes ? *std::move(bytes) : std::string(token);  // an added token may be written in other characters
}

std::optional<int64_t> Tokenizer::id_of(std::string_view token) const {
  return state_->file.vocabulary.find(token);
}

std::string Tokenizer::token_of(int64_t id) const {
  return std::string(state_->file.vocabulary.token(id));
}

int64_t Tokenizer::size() const {
  return state_->file.vocabulary.size();
}

bool Tokenizer::is_special(int64_t id) const {
  return id >= 0 && id < size() && state_->is_special[id];
}

bool Tokenizer::cleans_up_spaces() const {
  return state_->file.cleans_up_spaces;
}

std::optional<int64_t> Tokenizer::eos_id() const {
  return state_->file.eos_id;
}

std::optional<int64_t> Tokenizer::bos_id() const {
  return state_->file.bos_id ? state_->file.bos_id : state_->file.eos_id;
}

std::string decode_generated(const Tokenizer& tokenizer, std::span<const int64_t> ids, AtEos at_eos) {
  const auto eos = tokenizer.eos_id(), bos = tokenizer.bos_id();
  if (eos && eos == bos && !ids.empty() && ids.front() == *eos) ids = ids.subspan(1);
  std::vector<int64_t> kept;
  for (const int64_t id : ids) {
    const bool is_eos = eos && id == *eos;
    if (is_eos && at_eos == AtEos::Stop) break;
    if (at_eos == AtEos::Skip && (is_eos || (bos && id == *bos))) continue;
    kept.push_back(id);
  }
  return tokenizer.decode(kept);
}

}  // namespace molmo::text
