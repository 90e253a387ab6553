#include "text/tokenizer.h"

#include "fuzz/target.h"

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

std::vector<std::string> seeds() {
  return {
      R"({"version":"1.0","added_tokens":[{"id":4,"content":"<|endoftext|>","single_word":false,"lstrip":false,"rstrip":false,"normalized":false,"special":true}],)"
      R"("normalizer":{"type":"NFC"},"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":true},)"
      R"("post_processor":null,"decoder":{"type":"ByteLevel"},"model":{"type":"BPE","unk_token":null,)"
      R"("vocab":{"a":0,"b":1,"ab":2,"\u0120":3},"merges":["a b"]}})",
      R"({"added_tokens":[],"normalizer":null,"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":)"
      R"("(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"},)"
      R"("behavior":"Isolated","invert":false},{"type":"ByteLevel","add_prefix_space":false,"use_regex":false}]},)"
      R"("decoder":{"type":"ByteLevel"},"model":{"type":"BPE","vocab":{"a":0,"b":1,"ab":2},"merges":[["a","b"]],"ignore_merges":false}})"};
}

}  // namespace

Target tokenizer_target() {
  return {"tokenizer", run, seeds};
}

}  // namespace molmo::fuzz
