#include "text/split_pattern.h"

#include "base/error.h"
#include "text/unicode_classes.h"
#include "text/utf8.h"

namespace molmo::text {
namespace {

struct KnownPattern {
  SplitPattern pattern;
  std::string_view regex;
};

// A pattern may be written in several ways that match the same words.
constexpr KnownPattern kKnownPatterns[] = {
    {SplitPattern::Gpt2, R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)"},
    {SplitPattern::Gpt2, R"('(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)"},
    {SplitPattern::Qwen2,
     R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"},
    {SplitPattern::Cl100k,
     R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"},
};

enum class Kind { Letter, Number, Space, Sign, End };

struct Char {
  Kind kind = Kind::End;
  char32_t code_point = 0;
  size_t num_bytes = 0;
};

Char char_at(std::string_view text, size_t position) {
  if (position >= text.size()) return {};
  const Utf8Char next = decode_utf8(text.substr(position));
  const uint8_t classes = unicode_classes(next.code_point);
  const Kind kind = classes & kLetter   ? Kind::Letter
                    : classes & kNumber ? Kind::Number
                    : classes & kSpace  ? Kind::Space
                                        : Kind::Sign;
  return {kind, next.code_point, next.num_bytes};
}

// End of the run of `kind` that begins at `position`.
size_t skip(std::string_view text, size_t position, Kind kind) {
  for (Char next = char_at(text, position); next.kind == kind; next = char_at(text, position))
    position += next.num_bytes;
  return position;
}

bool is_line_break(char32_t code_point) {
  return code_point == '\r' || code_point == '\n';
}

// Lower case of the letters that contractions are made of; the long s counts as an s when case is ignored.
char32_t fold(char32_t code_point, bool ignores_case) {
  if (!ignores_case) return code_point;
  if (code_point >= 'A' && code_point <= 'Z') return code_point + ('a' - 'A');
  return code_point == 0x17F ? U's' : code_point;
}

// 's, 't, 're, 've, 'm, 'll, 'd; 0 when `text` does not begin so.
size_t contraction_bytes(std::string_view text, bool ignores_case) {
  if (text[0] != '\'') return 0;
  const Char first = char_at(text, 1);
  if (first.kind != Kind::Letter) return 0;
  const char32_t a = fold(first.code_point, ignores_case);
  const size_t end = 1 + first.num_bytes;
  if (a == 's' || a == 't' || a == 'm' || a == 'd') return end;
  const Char second = char_at(text, end);
  const char32_t b = fold(second.code_point, ignores_case);
  const bool matches = (a == 'r' && b == 'e') || (a == 'v' && b == 'e') || (a == 'l' && b == 'l');
  return matches ? end + second.num_bytes : 0;
}

// \s+(?!\S)|\s+ : white space up to the end, or all but the character in front of the next word.
size_t space_bytes(std::string_view text) {
  size_t end = 0, last = 0;
  for (Char next = char_at(text, 0); next.kind == Kind::Space; next = char_at(text, end)) {
    last = end;
    end += next.num_bytes;
  }
  return end == text.size() || last == 0 ? end : last;
}

size_t gpt2_word_bytes(std::string_view text) {
  if (const size_t size = contraction_bytes(text, /*ignores_case=*/false)) return size;
  const size_t begin = text[0] == ' ' ? 1 : 0;
  const Char first = char_at(text, begin);
  if (first.kind == Kind::Space || first.kind == Kind::End) return space_bytes(text);
  return skip(text, begin, first.kind);
}

// \s*[\r\n]+ : white space up to the last line break in it; 0 without one.
size_t line_break_bytes(std::string_view text) {
  size_t end = 0, position = 0;
  for (Char next = char_at(text, 0); next.kind == Kind::Space; next = char_at(text, position)) {
    position += next.num_bytes;
    if (is_line_break(next.code_point)) end = position;
  }
  return end;
}

size_t cl100k_word_bytes(std::string_view text, int max_digits) {
  if (const size_t size = contraction_bytes(text, /*ignores_case=*/true)) return size;
  const Char first = char_at(text, 0);
  if (first.kind == Kind::Letter) return skip(text, 0, Kind::Letter);
  if (first.kind == Kind::Number) {
    size_t end = 0;
    Char next = first;
    for (int i = 0; i < max_digits && next.kind == Kind::Number; ++i, next = char_at(text, end)) end += next.num_bytes;
    return end;
  }
  const Char second = char_at(text, first.num_bytes);
  if (second.kind == Kind::Letter && !is_line_break(first.code_point)) return skip(text, first.num_bytes, Kind::Letter);
  if (first.kind == Kind::Sign || (first.code_point == ' ' && second.kind == Kind::Sign)) {
    size_t end = skip(text, first.num_bytes, Kind::Sign);
    while (end < text.size() && is_line_break(static_cast<unsigned char>(text[end]))) ++end;
    return end;
  }
  if (const size_t size = line_break_bytes(text)) return size;
  return space_bytes(text);
}

}  // namespace

SplitPattern find_split_pattern(std::string_view regex, std::string_view source) {
  for (const KnownPattern& known : kKnownPatterns) {
    if (known.regex == regex) return known.pattern;
  }
  fail(ErrorCategory::Unsupported,
       "{}: the pre-tokenizer pattern \"{}\" is not one of those that are known (GPT-2, Qwen2, cl100k)", source, regex);
}

size_t first_word_bytes(SplitPattern pattern, std::string_view text) {
  switch (pattern) {
    case SplitPattern::Gpt2:
      return gpt2_word_bytes(text);
    case SplitPattern::Qwen2:
      return cl100k_word_bytes(text, /*max_digits=*/1);
    case SplitPattern::Cl100k:
      return cl100k_word_bytes(text, /*max_digits=*/3);
  }
  fail(ErrorCategory::Internal, "internal error: unknown split pattern");
}

}  // namespace molmo::text
