// The regular expressions by which tokenizers cut text into words, as hand-written matchers: no regex library has the
// reference's character classes, and these run at the speed of memory.
#pragma once

#include <string_view>

namespace molmo::text {

enum class SplitPattern {
  Gpt2,    // GPT-2, GPT-NeoX: " ?" before letters, numbers or signs; numbers of any length
  Qwen2,   // any sign before letters; single digits; line breaks apart
  Cl100k,  // as Qwen2 with numbers of up to three digits (dolma2)
};

// The matcher for a pattern of a tokenizer.json. Throws Unsupported, naming `source` and the pattern, for all others.
SplitPattern find_split_pattern(std::string_view regex, std::string_view source);

// Length in bytes of the first word of `text`, which is valid UTF-8 and not empty. The words cover the whole text.
size_t first_word_bytes(SplitPattern pattern, std::string_view text);

}  // namespace molmo::text
