#include "text/lower_case.h"

#include <utf8proc.h>

#include <vector>

#include "text/utf8.h"

namespace molmo::text {
namespace {

constexpr char32_t kCapitalSigma = 0x3A3, kFinalSigma = 0x3C2, kDottedCapitalI = 0x130, kDotAbove = 0x307;

bool is_cased(char32_t code_point) {
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(code_point))) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
      return true;
    default:
      return false;
  }
}

// Marks and signs that may stand inside a word.
bool is_case_ignorable(char32_t code_point) {
  if (code_point == '\'' || code_point == '.' || code_point == ':' || code_point == 0xB7 || code_point == 0x2019) {
    return true;
  }
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(code_point))) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_SK:
      return true;
    default:
      return false;
  }
}

bool ends_word(const std::vector<char32_t>& chars, size_t index) {
  size_t before = index;
  while (before > 0 && is_case_ignorable(chars[before - 1])) --before;
  if (before == 0 || !is_cased(chars[before - 1])) return false;
  size_t after = index + 1;
  while (after < chars.size() && is_case_ignorable(chars[after])) ++after;
  return after == chars.size() || !is_cased(chars[after]);
}

}  // namespace

std::string to_lower(std::string_view text) {
  std::vector<char32_t> chars;
  for (std::string_view rest = text; !rest.empty();) {
    const Utf8Char next = decode_utf8(rest);
    chars.push_back(next.code_point);
    rest.remove_prefix(next.num_bytes);
  }
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < chars.size(); ++i) {
    if (chars[i] == kCapitalSigma && ends_word(chars, i)) {
      append_utf8(out, kFinalSigma);
    } else {
      append_utf8(out, static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(chars[i]))));
      if (chars[i] == kDottedCapitalI) append_utf8(out, kDotAbove);
    }
  }
  return out;
}

}  // namespace molmo::text
