#include "text/normalize.h"

#include <utf8proc.h>

#include <algorithm>
#include <iterator>
#include <vector>

#include "base/error.h"
#include "text/unicode_classes.h"
#include "text/utf8.h"

namespace molmo::text {
namespace {

// Decomposes, orders and composes one segment. The library does all three at once, but it orders marks in quadratic
// time.
void append_nfc(std::string& out, std::string_view segment) {
  std::vector<utf8proc_int32_t> chars;
  while (!segment.empty()) {
    const Utf8Char next = decode_utf8(segment);
    segment.remove_prefix(next.num_bytes);
    utf8proc_int32_t parts[8];  // the longest canonical decomposition has four
    const utf8proc_ssize_t count =
        utf8proc_decompose_char(static_cast<utf8proc_int32_t>(next.code_point), parts, std::size(parts),
                                static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_DECOMPOSE), nullptr);
    check_internal(count >= 0 && count <= static_cast<utf8proc_ssize_t>(std::size(parts)), "canonical decomposition");
    chars.insert(chars.end(), parts, parts + count);
  }
  const auto combining_class = [](utf8proc_int32_t c) { return utf8proc_get_property(c)->combining_class; };
  for (auto begin = chars.begin(); begin != chars.end();) {
    begin = std::find_if(begin, chars.end(), combining_class);
    const auto end = std::find_if_not(begin, chars.end(), combining_class);
    std::stable_sort(begin, end, [&](auto a, auto b) { return combining_class(a) < combining_class(b); });
    begin = end;
  }
  const utf8proc_ssize_t size =
      utf8proc_normalize_utf32(chars.data(), static_cast<utf8proc_ssize_t>(chars.size()),
                               static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  check_internal(size >= 0, "canonical composition");
  for (utf8proc_ssize_t i = 0; i < size; ++i) append_utf8(out, static_cast<char32_t>(chars[i]));
}

}  // namespace

// A character that is not composing begins a new segment: it never joins what is before it. So the text is copied as it
// is, except for runs of composing characters together with the one character before them.
std::string normalize_nfc(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  size_t copied = 0;    // text before this is in `out`
  size_t previous = 0;  // the character before `position`, where a run of composing characters may begin
  bool previous_composes = false;
  for (size_t position = 0; position < text.size();) {
    if (static_cast<unsigned char>(text[position]) < 0x80) {
      previous = position++;
      previous_composes = true;
      continue;
    }
    const Utf8Char next = decode_utf8(text.substr(position));
    const uint8_t classes = unicode_classes(next.code_point);
    if (!(classes & kComposing)) {
      previous = position;
      previous_composes = !(classes & kUnknownToNfc);
      position += next.num_bytes;
      continue;
    }
    const size_t begin = previous_composes ? previous : position;
    size_t end = position;
    while (end < text.size()) {
      const Utf8Char mark = decode_utf8(text.substr(end));
      if (!(unicode_classes(mark.code_point) & kComposing)) break;
      end += mark.num_bytes;
    }
    out.append(text.substr(copied, begin - copied));
    append_nfc(out, text.substr(begin, end - begin));
    copied = position = end;
    previous_composes = false;
  }
  out.append(text.substr(copied));
  return out;
}

}  // namespace molmo::text
