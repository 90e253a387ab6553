// Byte-level BPE tokenizer, read from a `tokenizer.json` of the Qwen2, OLMo/GPT-NeoX or dolma2 kind.
//   Tokenizer tokenizer = Tokenizer::load(model_folder);
//   std::vector<int64_t> ids = tokenizer.encode(" User: hi Assistant:");
// Immutable after loading; const calls are thread-safe. Throws NotFound, BadData or Unsupported when loading.
// Does not add BOS or EOS: see preprocess/.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace molmo::text {

struct DecodeOptions {
  bool skips_special = false;
  std::optional<bool> cleans_up_spaces = {};  // empty: as the tokenizer's own configuration says
};

class Tokenizer {
 public:
  // Reads tokenizer.json, and tokenizer_config.json, added_tokens.json, special_tokens_map.json beside it where they
  // exist.
  static Tokenizer load(const std::filesystem::path& folder);

  // Invalid UTF-8 is read as U+FFFD, one per maximal subpart.
  std::vector<int64_t> encode(std::string_view text) const;
  // Unknown ids are skipped. The result may end in an incomplete UTF-8 sequence only inside `decode_bytes`.
  std::string decode(std::span<const int64_t> ids, const DecodeOptions& options = {}) const;
  // The raw bytes of one token, for streaming.
  std::string decode_bytes(int64_t id) const;

  std::optional<int64_t> id_of(std::string_view token) const;
  std::string token_of(int64_t id) const;  // as written in the vocabulary, "" for unknown ids
  int64_t size() const;                    // one more than the largest id
  bool is_special(int64_t id) const;
  bool cleans_up_spaces() const;  // when decoding, unless the options say otherwise
  std::optional<int64_t> eos_id() const;
  std::optional<int64_t> bos_id() const;  // the EOS id where the tokenizer has no BOS, as the reference does

 private:
  struct State;
  explicit Tokenizer(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  std::shared_ptr<const State> state_;
};

// The text of generated tokens, as the reference's wrapper gives it: a leading EOS that serves as BOS is dropped, then
// either everything from the first EOS on, or every EOS and BOS. Other special tokens stay.
enum class AtEos { Stop, Skip };
std::string decode_generated(const Tokenizer& tokenizer, std::span<const int64_t> ids, AtEos at_eos = AtEos::Stop);

}  // namespace molmo::text
