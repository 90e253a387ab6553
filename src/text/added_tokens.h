// Tokens that are found in the text before anything else: "<|endoftext|>", "<im_patch>", runs of spaces.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace molmo::text {

struct AddedToken {
  std::string content;
  int64_t id = 0;
  bool is_special = false;      // left out by decoding without special tokens
  bool is_normalized = false;   // looked for after normalisation, itself normalised
  bool strips_left = false;     // takes the white space before it
  bool strips_right = false;    // takes the white space behind it
  bool is_single_word = false;  // only where no letter or digit touches it
};

// Finds the longest added token at every position, from left to right.
class AddedTokenMatcher {
 public:
  // Adds a token that is spelt `spelling` in the text.
  void add(const AddedToken& token, std::string_view spelling);

  bool is_empty() const { return tokens_.empty(); }

  // Calls `on_text` for the parts between tokens and `on_token` for the tokens, in order. `text` is valid UTF-8.
  void split(std::string_view text, const std::function<void(std::string_view)>& on_text,
             const std::function<void(int64_t id)>& on_token) const;

 private:
  struct Node {
    int32_t first_child = -1, next_sibling = -1;
    int32_t token_index = -1;
    char byte = 0;
  };
  struct Match {
    int32_t token_index = -1;
    size_t num_bytes = 0;
  };
  Match longest_match(std::string_view text) const;

  std::vector<AddedToken> tokens_;
  std::vector<Node> nodes_;  // a trie over bytes; its root is the table of first bytes
  std::array<int32_t, 256> roots_ = make_roots();

  static std::array<int32_t, 256> make_roots() {
    std::array<int32_t, 256> roots;
    roots.fill(-1);
    return roots;
  }
};

}  // namespace molmo::text
