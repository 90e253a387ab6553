#include "eval/python_text.h"

#include <fmt/format.h>
#include <utf8proc.h>

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "text/unicode_classes.h"
#include "text/utf8.h"

namespace molmo::eval {
namespace {

bool is_digit_category(char32_t code_point) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(code_point)) == UTF8PROC_CATEGORY_ND;
}

// Digits of every script as ASCII, and without the underscores that stand between digits; empty where one stands
// elsewhere, or something is not ASCII.
std::optional<std::string> ascii_number(std::string_view text) {
  std::string out;
  bool after_digit = false, after_underscore = false;
  for (text = strip(text); !text.empty();) {
    const text::Utf8Char next = text::decode_utf8(text);
    text.remove_prefix(next.num_bytes);
    if (!next.is_valid) return std::nullopt;
    const std::optional<int> digit = digit_value(next.code_point);
    if (next.code_point == '_') {
      if (!after_digit) return std::nullopt;
    } else if (digit) {
      out += static_cast<char>('0' + *digit);
    } else {
      if (next.code_point >= 0x80 || after_underscore) return std::nullopt;
      out += static_cast<char>(next.code_point);
    }
    after_digit = digit.has_value();
    after_underscore = next.code_point == '_';
  }
  if (after_underscore || out.empty()) return std::nullopt;
  return out;
}

bool equals_ignoring_case(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size()) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i] >= 'A' && text[i] <= 'Z' ? static_cast<char>(text[i] - 'A' + 'a') : text[i];
    if (c != lower[i]) return false;
  }
  return true;
}

}  // namespace

bool is_space(char32_t code_point) {
  return (code_point >= 0x1C && code_point <= 0x1F) || (text::unicode_classes(code_point) & text::kSpace);
}

std::optional<int> digit_value(char32_t code_point) {
  if (code_point < 0x80)
    return code_point >= '0' && code_point <= '9' ? std::optional(static_cast<int>(code_point - '0')) : std::nullopt;
  if (!is_digit_category(code_point)) return std::nullopt;
  // Digits lie in runs of ten from zero to nine; the mathematical ones in five such runs.
  char32_t first = code_point;
  while (is_digit_category(first - 1)) --first;
  return static_cast<int>((code_point - first) % 10);
}

std::string_view strip(std::string_view text) {
  size_t begin = 0, end = 0;
  bool is_leading = true;
  for (size_t at = 0; at < text.size();) {
    const text::Utf8Char next = text::decode_utf8(text.substr(at));
    const bool is_blank = next.is_valid && is_space(next.code_point);
    at += next.num_bytes;
    if (is_blank && is_leading) begin = end = at;
    if (!is_blank) is_leading = false, end = at;
  }
  return text.substr(begin, end - begin);
}

std::vector<std::string_view> split_words(std::string_view text) {
  std::vector<std::string_view> words;
  size_t begin = 0;
  for (size_t at = 0; at < text.size();) {
    const text::Utf8Char next = text::decode_utf8(text.substr(at));
    const bool is_blank = next.is_valid && is_space(next.code_point);
    if (is_blank && at > begin) words.push_back(text.substr(begin, at - begin));
    at += next.num_bytes;
    if (is_blank) begin = at;
  }
  if (begin < text.size()) words.push_back(text.substr(begin));
  return words;
}

std::vector<std::string_view> split_at(std::string_view text, std::string_view separator) {
  std::vector<std::string_view> parts;
  for (size_t begin = 0;;) {
    const size_t end = text.find(separator, begin);
    parts.push_back(text.substr(begin, end - begin));
    if (end == std::string_view::npos) return parts;
    begin = end + separator.size();
  }
}

std::string join_words(std::string_view text) {
  std::string joined;
  for (const std::string_view word : split_words(text)) (joined.empty() ? joined : joined += ' ') += word;
  return joined;
}

std::optional<int64_t> parse_int(std::string_view text) {
  const auto ascii = ascii_number(text);
  if (!ascii) return std::nullopt;
  std::string_view digits = *ascii;
  const bool is_negative = digits.front() == '-';
  if (is_negative || digits.front() == '+') digits.remove_prefix(1);
  if (digits.empty() || digits.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
  int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error == std::errc::result_out_of_range) value = std::numeric_limits<int64_t>::max();
  return is_negative ? -value : value;
}

std::optional<double> parse_float(std::string_view text) {
  const auto ascii = ascii_number(text);
  if (!ascii) return std::nullopt;
  std::string_view digits = *ascii;
  const bool is_negative = digits.front() == '-';
  if (is_negative || digits.front() == '+') digits.remove_prefix(1);
  double value = 0;
  if (equals_ignoring_case(digits, "inf") || equals_ignoring_case(digits, "infinity")) {
    value = std::numeric_limits<double>::infinity();
  } else if (equals_ignoring_case(digits, "nan")) {
    value = std::numeric_limits<double>::quiet_NaN();
  } else {
    if (digits.empty() || (digits.front() != '.' && !digit_value(static_cast<unsigned char>(digits.front()))))
      return std::nullopt;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (end != digits.data() + digits.size() || error == std::errc::invalid_argument) return std::nullopt;
    // Too large or too small for a double: strtod says which.
    if (error == std::errc::result_out_of_range) value = std::strtod(std::string(digits).c_str(), nullptr);
  }
  return is_negative ? -value : value;
}

std::string float_repr(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  char buffer[64] = {};
  const auto shortest = std::to_chars(buffer, buffer + sizeof(buffer), value, std::chars_format::scientific);
  const std::string_view text(buffer, static_cast<size_t>(shortest.ptr - buffer));
  const size_t exponent_at = text.find('e');
  const int exponent = std::atoi(text.data() + exponent_at + 1);
  if (exponent < -4 || exponent >= 16) return std::string(text);
  const auto fixed = std::to_chars(buffer, buffer + sizeof(buffer), value, std::chars_format::fixed);
  std::string plain(buffer, fixed.ptr);
  return plain.find('.') == std::string::npos ? plain + ".0" : plain;
}

double round_decimals(double value, int decimals) {
  if (!std::isfinite(value)) return value;
  return std::strtod(fmt::format("{:.{}f}", value, decimals).c_str(), nullptr);
}

}  // namespace molmo::eval
