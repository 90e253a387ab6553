#include "text/tokenizer.h"

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "fuzz/target.h"
#include "text/byte_level.h"
#include "text/utf8.h"

namespace molmo::fuzz {
namespace {

// A tokenizer.json, and what it makes of a fixed text and of the file itself.
void run(std::string_view bytes) {
  const auto tokenizer = text::Tokenizer::load(file_with(bytes, "tokenizer.json").parent_path());
  for (std::string_view sample :
       {std::string_view(" Point to the mug 12\n\n<|endoftext|>\xff\xc3\xa9"), bytes.substr(0, 200)}) {
    (void)tokenizer.decode(tokenizer.encode(sample));
  }
  (void)tokenizer.token_of(tokenizer.size() - 1);
}

// The 256 bytes, three merges and an end of text.
Json tiny_tokenizer(const Json& pre_tokenizer, const Json& merges) {
  Json vocabulary = Json::object();
  for (int byte = 0; byte < 256; ++byte) {
    std::string name;
    text::append_utf8(name, text::byte_to_char(static_cast<unsigned char>(byte)));
    vocabulary[name] = byte;
  }
  vocabulary["ab"] = 256;
  vocabulary["abc"] = 257;
  vocabulary["\u0120a"] = 258;
  const Json end_of_text = {{"id", 259},       {"content", "<|endoftext|>"}, {"single_word", false}, {"lstrip", false},
                            {"rstrip", false}, {"normalized", false},        {"special", true}};
  return {{"version", "1.0"},
          {"added_tokens", Json::array({end_of_text})},
          {"normalizer", {{"type", "NFC"}}},
          {"pre_tokenizer", pre_tokenizer},
          {"post_processor", nullptr},
          {"decoder", {{"type", "ByteLevel"}}},
          {"model", {{"type", "BPE"}, {"unk_token", nullptr}, {"vocab", vocabulary}, {"merges", merges}}}};
}

std::vector<std::string> seeds() {
  const Json gpt2 = {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", true}};
  const Json qwen2_pattern = {
      {"type", "Split"},
      {"pattern",
       {{"Regex",
         R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"}}},
      {"behavior", "Isolated"},
      {"invert", false}};
  const Json bytes_only = {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", false}};
  const Json qwen2 = {{"type", "Sequence"}, {"pretokenizers", {qwen2_pattern, bytes_only}}};
  return {dump_json(tiny_tokenizer(gpt2, {"a b", "ab c", "\u0120 a"})),
          dump_json(tiny_tokenizer(qwen2, Json::array({{"a", "b"}, {"ab", "c"}, {"\u0120", "a"}})))};
}

}  // namespace

Target tokenizer_target() {
  return {"tokenizer", run, seeds};
}

}  // namespace molmo::fuzz
