// What the files of a tokenizer say, checked and joined: tokenizer.json, tokenizer_config.json, special_tokens_map.json
// and added_tokens.json.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "text/added_tokens.h"
#include "text/split_pattern.h"
#include "text/vocabulary.h"

namespace molmo::text {

// One step of cutting text into words.
struct WordSplit {
  std::optional<SplitPattern> pattern;
  bool adds_space_in_front = false;  // where there is none yet
};

struct MergeRule {
  int32_t left, right, merged;
};

struct TokenizerFile {
  Vocabulary vocabulary;             // added tokens included
  std::vector<MergeRule> merges;     // in the order of their rank
  bool prefers_whole_words = false;  // a word that is a token needs no merges ("ignore_merges")
  bool normalizes = false;           // to NFC
  std::vector<WordSplit> splits;
  std::vector<AddedToken> added_tokens;
  std::optional<int64_t> bos_id, eos_id;
  bool cleans_up_spaces = false;
};

// Throws NotFound, BadData, or Unsupported for kinds of tokenizer that are not byte-level BPE.
TokenizerFile read_tokenizer_files(const std::filesystem::path& folder);

}  // namespace molmo::text
