// Learns a byte-level BPE tokenizer from text: again and again the most frequent pair of neighbouring tokens becomes a
// token, pairs of equal frequency in the order of their ids (Sennrich et al., arXiv:1508.07909; same result as the
// `BpeTrainer` of Hugging Face's tokenizers library, whose details decide about ties).
//   BpeTrainer trainer;   trainer.add(text);   write_tokenizer(trainer.train({.vocab_size = 1024}), folder);
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace molmo::text {

struct BpeTrainingOptions {
  int64_t vocab_size = 32'000;                                  // special tokens and bytes included
  int64_t min_frequency = 0;                                    // of a pair that becomes a token
  std::vector<std::string> special_tokens = {"<|endoftext|>"};  // the first ids; the first one ends texts
};

struct TrainedTokenizer {
  std::vector<std::string> tokens;                          // by id, in the byte-level alphabet
  std::vector<std::pair<std::string, std::string>> merges;  // in the order in which they were learnt
  size_t num_special = 0;                                   // tokens at the beginning
};

class BpeTrainer {
 public:
  // Texts are brought to NFC and cut into words by Qwen2's pattern; a word never crosses from one text to the next.
  // Invalid UTF-8 is read as U+FFFD.
  void add(std::string_view text);

  // Fewer tokens than asked for when the text has no more pairs. Throws InvalidArgument for a vocabulary that does not
  // hold the special tokens and 256 bytes.
  TrainedTokenizer train(const BpeTrainingOptions& options) const;

 private:
  std::map<std::string, int64_t, std::less<>> words_;  // bytes -> how often
};

// tokenizer.json and tokenizer_config.json, in the kind of Qwen2's. Training adds the image tokens.
void write_tokenizer(const TrainedTokenizer& tokenizer, const std::filesystem::path& folder);

}  // namespace molmo::text
