#include "text/utf8.h"

namespace molmo::text {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

// What may follow a lead byte: how many continuation bytes, and the narrower range of the first of them.
struct Lead {
  int num_continuations;
  unsigned char first_low, first_high;
};

Lead lead_of(unsigned char byte) {
  if (byte >= 0xC2 && byte <= 0xDF) return {1, 0x80, 0xBF};
  if (byte == 0xE0) return {2, 0xA0, 0xBF};
  if (byte == 0xED) return {2, 0x80, 0x9F};
  if (byte >= 0xE1 && byte <= 0xEF) return {2, 0x80, 0xBF};
  if (byte == 0xF0) return {3, 0x90, 0xBF};
  if (byte >= 0xF1 && byte <= 0xF3) return {3, 0x80, 0xBF};
  if (byte == 0xF4) return {3, 0x80, 0x8F};
  return {0, 0, 0};
}

size_t ascii_prefix(std::string_view text) {
  size_t size = 0;
  while (size < text.size() && static_cast<unsigned char>(text[size]) < 0x80) ++size;
  return size;
}

}  // namespace

Utf8Char decode_utf8(std::string_view text) {
  const auto byte_at = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte_at(0);
  if (first < 0x80) return {first, 1, true, false};
  const Lead lead = lead_of(first);
  if (lead.num_continuations == 0) return {0xFFFD, 1, false, false};
  char32_t code_point = first & (0x3Fu >> lead.num_continuations);
  for (int i = 1; i <= lead.num_continuations; ++i) {
    if (static_cast<size_t>(i) >= text.size()) return {0xFFFD, static_cast<size_t>(i), false, true};
    const unsigned char next = byte_at(i);
    const unsigned char low = i == 1 ? lead.first_low : 0x80, high = i == 1 ? lead.first_high : 0xBF;
    if (next < low || next > high) return {0xFFFD, static_cast<size_t>(i), false, false};
    code_point = (code_point << 6) | (next & 0x3Fu);
  }
  return {code_point, static_cast<size_t>(lead.num_continuations) + 1, true, false};
}

void append_utf8(std::string& out, char32_t code_point) {
  const auto put = [&](char32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (code_point < 0x80) {
    put(code_point);
  } else if (code_point < 0x800) {
    put(0xC0 | (code_point >> 6));
    put(0x80 | (code_point & 0x3F));
  } else if (code_point < 0x10000) {
    put(0xE0 | (code_point >> 12));
    put(0x80 | ((code_point >> 6) & 0x3F));
    put(0x80 | (code_point & 0x3F));
  } else {
    put(0xF0 | (code_point >> 18));
    put(0x80 | ((code_point >> 12) & 0x3F));
    put(0x80 | ((code_point >> 6) & 0x3F));
    put(0x80 | (code_point & 0x3F));
  }
}

bool is_valid_utf8(std::string_view text) {
  while (true) {
    text.remove_prefix(ascii_prefix(text));
    if (text.empty()) return true;
    const Utf8Char next = decode_utf8(text);
    if (!next.is_valid) return false;
    text.remove_prefix(next.num_bytes);
  }
}

std::string replace_invalid_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (true) {
    const size_t num_ascii = ascii_prefix(text);
    out.append(text.substr(0, num_ascii));
    text.remove_prefix(num_ascii);
    if (text.empty()) return out;
    const Utf8Char next = decode_utf8(text);
    out.append(next.is_valid ? text.substr(0, next.num_bytes) : kReplacement);
    text.remove_prefix(next.num_bytes);
  }
}

std::u32string code_points(std::string_view text) {
  std::u32string points;
  while (!text.empty()) {
    const Utf8Char next = decode_utf8(text);
    points.push_back(next.code_point);
    text.remove_prefix(next.num_bytes);
  }
  return points;
}

size_t count_utf8(std::string_view text) {
  size_t count = 0;
  while (!text.empty()) {
    text.remove_prefix(decode_utf8(text).num_bytes);
    ++count;
  }
  return count;
}

std::string Utf8Stream::push(std::string_view bytes) {
  pending_.append(bytes);
  std::string_view rest = pending_;
  std::string out;
  while (!rest.empty()) {
    const Utf8Char next = decode_utf8(rest);
    if (next.is_cut_off) break;
    out.append(next.is_valid ? rest.substr(0, next.num_bytes) : kReplacement);
    rest.remove_prefix(next.num_bytes);
  }
  pending_ = std::string(rest);
  return out;
}

std::string Utf8Stream::finish() {
  std::string out = replace_invalid_utf8(pending_);
  pending_.clear();
  return out;
}

}  // namespace molmo::text
