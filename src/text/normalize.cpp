#include "text/normalize.h"

#include <utf8proc.h>

#include <cstdlib>
#include <memory>

#include "base/error.h"
#include "text/unicode_classes.h"
#include "text/utf8.h"

namespace molmo::text {
namespace {

void append_nfc(std::string& out, std::string_view segment) {
  utf8proc_uint8_t* result = nullptr;
  const auto options = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE);
  const utf8proc_ssize_t size = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(segment.data()),
                                             static_cast<utf8proc_ssize_t>(segment.size()), &result, options);
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(result, &std::free);
  if (size < 0) fail(ErrorCategory::OutOfMemory, "cannot normalise text: {}", utf8proc_errmsg(size));
  out.append(reinterpret_cast<const char*>(result), static_cast<size_t>(size));
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
