#include "data/python_literal.h"

#include <charconv>

#include "base/error.h"
#include "text/utf8.h"

namespace molmo::data {
namespace {

class Reader {
 public:
  Reader(std::string_view text, std::string_view source) : text_(text), source_(source) {}

  template <class ReadItem>
  void list(const ReadItem& read_item) {
    expect('[');
    while (!take(']')) {
      read_item();
      if (!take(',')) {
        expect(']');
        break;
      }
    }
    skip_spaces();
    if (at_ != text_.size()) refuse("it goes on after the list");
  }

  // One text; several that stand beside each other are one, as in Python.
  std::string quoted() {
    std::string value;
    bool is_first = true;
    while (is_first || is_at_quote()) {
      append_quoted(value);
      is_first = false;
    }
    return value;
  }

 private:
  [[noreturn]] void refuse(std::string_view what) const {
    fail(ErrorCategory::BadData, "{}: '{}' is not a Python list that can be read: {}", source_, text_.substr(0, 200),
         what);
  }

  void skip_spaces() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t')) ++at_;
  }

  bool take(char c) {
    skip_spaces();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  void expect(char c) {
    if (!take(c)) refuse(c == '[' ? "it does not begin with a bracket" : "it does not end with a bracket");
  }

  bool is_at_quote() {
    skip_spaces();
    return at_ < text_.size() && (text_[at_] == '\'' || text_[at_] == '"');
  }

  char next() {
    if (at_ == text_.size()) refuse("a text does not end");
    return text_[at_++];
  }

  void append_quoted(std::string& value) {
    if (!is_at_quote()) refuse("a text in quotes is expected");
    const char quote = text_[at_++];
    for (char c = next(); c != quote; c = next()) {
      if (c == '\\') {
        append_escape(value);
      } else {
        value += c;
      }
    }
  }

  void append_escape(std::string& value) {
    const char c = next();
    switch (c) {
      case '\n':
        return;
      case '\\':
      case '\'':
      case '"':
        value += c;
        return;
      case 'n':
        value += '\n';
        return;
      case 'r':
        value += '\r';
        return;
      case 't':
        value += '\t';
        return;
      case 'x':
        return append_code_point(value, 2);
      case 'u':
        return append_code_point(value, 4);
      case 'U':
        return append_code_point(value, 8);
      default:
        value.append({'\\', c});  // Python keeps what it does not know
    }
  }

  void append_code_point(std::string& value, size_t num_digits) {
    uint32_t code_point = 0;
    const std::string_view digits = text_.substr(at_, num_digits);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), code_point, 16);
    const bool is_whole = digits.size() == num_digits && end == digits.data() + digits.size();
    const bool is_character = code_point < 0x110000 && (code_point < 0xD800 || code_point > 0xDFFF);
    if (error != std::errc() || !is_whole || !is_character) refuse("an escape is no character");
    text::append_utf8(value, code_point);
    at_ += num_digits;
  }

  std::string_view text_, source_;
  size_t at_ = 0;
};

}  // namespace

std::vector<std::string> parse_python_texts(std::string_view literal, std::string_view source) {
  std::vector<std::string> texts;
  Reader reader(literal, source);
  reader.list([&] { texts.push_back(reader.quoted()); });
  return texts;
}

}  // namespace molmo::data
