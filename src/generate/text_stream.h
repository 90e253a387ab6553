// From tokens to text that can be shown at once: whole UTF-8 characters, and never a part of a stop string.
//   TextStream stream(tokenizer, {"\n\n"});
//   for (int64_t token : tokens) show(stream.push(token));
//   show(stream.finish());
// All that was returned together is the decoding of the tokens without special ones, cut before the first stop string.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace molmo::generate {

class TextStream {
 public:
  // Empty stop strings are ignored.
  TextStream(const text::Tokenizer& tokenizer, std::vector<std::string> stop);

  // The text that became certain. Empty once the stream has stopped.
  std::string push(int64_t token);
  // The text that was held back; broken characters become U+FFFD.
  std::string finish();

  bool has_stopped() const { return has_stopped_; }  // a stop string appeared
  const std::string& text() const { return text_; }  // everything returned so far

 private:
  bool is_text_settled() const;
  void settle();
  std::string release(bool is_last);

  text::Tokenizer tokenizer_;
  std::vector<std::string> stop_;
  std::vector<int64_t> pending_;  // tokens whose text may still change
  std::string pending_bytes_;     // their bytes
  std::string held_;              // decoded, but may begin a stop string
  std::string text_;
  bool has_stopped_ = false;
};

}  // namespace molmo::generate
