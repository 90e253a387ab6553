#include "text/bpe_trainer.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <queue>
#include <unordered_map>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "text/byte_level.h"
#include "text/normalize.h"
#include "text/split_pattern.h"
#include "text/utf8.h"
#include "text/vocabulary.h"

namespace molmo::text {
namespace {

using Pair = std::pair<int32_t, int32_t>;

constexpr const char* kQwen2Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

struct PairHash {
  size_t operator()(const Pair& pair) const {
    const uint64_t key =
        static_cast<uint64_t>(static_cast<uint32_t>(pair.first)) << 32 | static_cast<uint32_t>(pair.second);
    return (key ^ key >> 29) * 0x9E3779B97F4A7C15ull >> 16;
  }
};

// A pair that may become a token, and the words where it was when this was written down.
struct Candidate {
  Pair pair;
  int64_t count;
  std::vector<uint32_t> words;

  bool operator<(const Candidate& other) const {  // the greatest is merged first
    return count != other.count ? count < other.count : pair > other.pair;
  }
};

class Training {
 public:
  Training(const std::map<std::string, int64_t, std::less<>>& words, const BpeTrainingOptions& options)
      : options_(options) {
    for (const std::string& token : options.special_tokens) add_token(token);
    result_.num_special = result_.tokens.size();
    add_bytes();
    for (const auto& [word, count] : words) {
      std::vector<int32_t>& ids = words_.emplace_back();
      for (const char byte : word) ids.push_back(byte_ids_[static_cast<uint8_t>(byte)]);
      word_counts_.push_back(count);
    }
    count_pairs();
  }

  TrainedTokenizer run() {
    while (static_cast<int64_t>(ids_.size()) < options_.vocab_size && !queue_.empty()) {
      Candidate top = queue_.top();
      queue_.pop();
      const int64_t count = pair_counts_[top.pair];
      if (top.count != count) {  // it was counted before other merges took from it
        top.count = count;
        queue_.push(std::move(top));
        continue;
      }
      if (count < std::max<int64_t>(1, options_.min_frequency)) break;
      merge(top);
    }
    return std::move(result_);
  }

 private:
  int32_t add_token(const std::string& token) {
    const auto [place, is_new] = ids_.emplace(token, static_cast<int32_t>(result_.tokens.size()));
    if (is_new) result_.tokens.push_back(token);
    return place->second;
  }

  // In the order of the characters that stand for them.
  void add_bytes() {
    std::vector<std::pair<char32_t, int>> alphabet;
    for (int byte = 0; byte < 256; ++byte) alphabet.emplace_back(byte_to_char(static_cast<unsigned char>(byte)), byte);
    std::sort(alphabet.begin(), alphabet.end());
    for (const auto& [character, byte] : alphabet) {
      std::string token;
      append_utf8(token, character);
      byte_ids_[static_cast<size_t>(byte)] = add_token(token);
    }
  }

  void count_pairs() {
    std::unordered_map<Pair, std::vector<uint32_t>, PairHash> places;
    for (uint32_t word = 0; word < words_.size(); ++word) {
      const std::vector<int32_t>& ids = words_[word];
      for (size_t i = 0; i + 1 < ids.size(); ++i) {
        const Pair pair{ids[i], ids[i + 1]};
        pair_counts_[pair] += word_counts_[word];
        std::vector<uint32_t>& at = places[pair];
        if (at.empty() || at.back() != word) at.push_back(word);
      }
    }
    for (auto& [pair, at] : places) queue_.push({pair, pair_counts_[pair], std::move(at)});
  }

  void merge(const Candidate& top) {
    const auto& [left, right] = top.pair;
    result_.merges.emplace_back(result_.tokens[static_cast<size_t>(left)], result_.tokens[static_cast<size_t>(right)]);
    const int32_t merged = add_token(result_.merges.back().first + result_.merges.back().second);
    std::unordered_map<Pair, std::vector<uint32_t>, PairHash> grown;
    for (const uint32_t word : top.words) merge_in_word(word, top.pair, merged, grown);
    for (auto& [pair, words] : grown) {
      if (const int64_t count = pair_counts_[pair]; count > 0) queue_.push({pair, count, std::move(words)});
    }
  }

  void merge_in_word(uint32_t word, const Pair& pair, int32_t merged,
                     std::unordered_map<Pair, std::vector<uint32_t>, PairHash>& grown) {
    std::vector<int32_t>& ids = words_[word];
    const auto change = [&](const Pair& changed, int64_t times) {
      pair_counts_[changed] += times * word_counts_[word];
      if (times < 0) return;
      std::vector<uint32_t>& words = grown[changed];
      if (words.empty() || words.back() != word) words.push_back(word);
    };
    size_t kept = 0;
    for (size_t i = 0; i < ids.size();) {
      const bool is_pair = ids[i] == pair.first && i + 1 < ids.size() && ids[i + 1] == pair.second;
      if (!is_pair) {
        ids[kept++] = ids[i++];
        continue;
      }
      if (kept > 0) {
        change({ids[kept - 1], pair.first}, -1);
        change({ids[kept - 1], merged}, 1);
      }
      if (i + 2 < ids.size()) {
        change({pair.second, ids[i + 2]}, -1);
        change({merged, ids[i + 2]}, 1);
      }
      ids[kept++] = merged;
      i += 2;
    }
    ids.resize(kept);
  }

  const BpeTrainingOptions& options_;
  TrainedTokenizer result_;
  std::unordered_map<std::string, int32_t> ids_;
  std::array<int32_t, 256> byte_ids_{};
  std::vector<std::vector<int32_t>> words_;
  std::vector<int64_t> word_counts_;
  std::unordered_map<Pair, int64_t, PairHash> pair_counts_;
  std::priority_queue<Candidate> queue_;
};

}  // namespace

void BpeTrainer::add(std::string_view text) {
  const std::string normal = normalize_nfc(is_valid_utf8(text) ? std::string(text) : replace_invalid_utf8(text));
  for (std::string_view rest = normal; !rest.empty();) {
    const std::string_view word = rest.substr(0, first_word_bytes(SplitPattern::Qwen2, rest));
    rest.remove_prefix(word.size());
    const auto found = words_.find(word);
    if (found != words_.end()) {
      ++found->second;
    } else {
      words_.emplace(word, 1);
    }
  }
}

TrainedTokenizer BpeTrainer::train(const BpeTrainingOptions& options) const {
  const auto least = static_cast<int64_t>(options.special_tokens.size()) + 256;
  if (options.vocab_size < least || options.vocab_size > Vocabulary::kMaxIds) {
    fail(ErrorCategory::InvalidArgument, "vocab_size is {}, expected {} (special tokens and bytes) to {}",
         options.vocab_size, least, Vocabulary::kMaxIds);
  }
  if (options.special_tokens.empty()) {
    fail(ErrorCategory::InvalidArgument, "special_tokens is empty, expected at least the one that ends a text");
  }
  return Training(words_, options).run();
}

void write_tokenizer(const TrainedTokenizer& tokenizer, const std::filesystem::path& folder) {
  Json added = Json::array(), merges = Json::array();
  for (size_t id = 0; id < tokenizer.num_special; ++id) {
    added.push_back({{"id", id},
                     {"content", tokenizer.tokens[id]},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false},
                     {"special", true}});
  }
  for (const auto& [left, right] : tokenizer.merges) merges.push_back(left + " " + right);
  const auto byte_level = [](bool adds_space, bool uses_regex) {
    return Json{
        {"type", "ByteLevel"}, {"add_prefix_space", adds_space}, {"trim_offsets", false}, {"use_regex", uses_regex}};
  };
  const Json split = {
      {"type", "Split"}, {"pattern", {{"Regex", kQwen2Pattern}}}, {"behavior", "Isolated"}, {"invert", false}};
  Json document = {{"version", "1.0"},
                   {"truncation", nullptr},
                   {"padding", nullptr},
                   {"added_tokens", added},
                   {"normalizer", {{"type", "NFC"}}},
                   {"pre_tokenizer", {{"type", "Sequence"}, {"pretokenizers", {split, byte_level(false, false)}}}},
                   {"post_processor", nullptr},
                   {"decoder", byte_level(true, true)},
                   {"model",
                    {{"type", "BPE"},
                     {"dropout", nullptr},
                     {"unk_token", nullptr},
                     {"continuing_subword_prefix", ""},
                     {"end_of_word_suffix", ""},
                     {"fuse_unk", false},
                     {"byte_fallback", false},
                     {"vocab", "@vocab"},
                     {"merges", merges}}}};
  // A document that keeps the order of keys searches through all of them for each new one, so the vocabulary goes in as
  // text.
  std::string vocabulary = "{";
  for (size_t id = 0; id < tokenizer.tokens.size(); ++id)
    vocabulary += fmt::format("{}{}:{}", id == 0 ? "" : ",", dump_json(Json(tokenizer.tokens[id])), id);
  vocabulary += "}";
  std::string text = dump_json(document);
  constexpr std::string_view kPlaceholder = "\"@vocab\"";
  text.replace(text.find(kPlaceholder), kPlaceholder.size(), vocabulary);
  std::filesystem::create_directories(folder);
  write_file_atomic(folder / "tokenizer.json", text);
  const std::string& end = tokenizer.tokens.front();
  write_json_file(folder / "tokenizer_config.json", {{"add_prefix_space", false},
                                                     {"bos_token", nullptr},
                                                     {"clean_up_tokenization_spaces", false},
                                                     {"eos_token", end},
                                                     {"pad_token", end},
                                                     {"unk_token", nullptr},
                                                     {"tokenizer_class", "PreTrainedTokenizerFast"}});
}

}  // namespace molmo::text
