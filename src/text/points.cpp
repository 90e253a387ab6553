#include "text/points.h"

#include <utf8proc.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>

#include "text/unicode_classes.h"
#include "text/utf8.h"

namespace molmo::text {
namespace {

bool is_ascii_digit(char c) {
  return c >= '0' && c <= '9';
}

// \d and \s of Python: decimal digits of every script, and white space with the four separators of ASCII.
bool is_digit(char32_t code_point) {
  if (code_point < 0x80) return is_ascii_digit(static_cast<char>(code_point));
  return utf8proc_category(static_cast<utf8proc_int32_t>(code_point)) == UTF8PROC_CATEGORY_ND;
}

bool is_space(char32_t code_point) {
  return (code_point >= 0x1C && code_point <= 0x1F) || (unicode_classes(code_point) & kSpace);
}

// Reads a text from left to right; every step says whether it matched. None of the spellings needs backtracking.
class Scanner {
 public:
  Scanner(std::string_view text, size_t position) : text_(text), position_(position) {}

  size_t position() const { return position_; }

  bool take(std::string_view expected) {
    if (!text_.substr(position_).starts_with(expected)) return false;
    position_ += expected.size();
    return true;
  }

  void skip_one(char c) {
    if (position_ < text_.size() && text_[position_] == c) ++position_;
  }

  template <class Predicate>
  size_t skip(const Predicate& predicate) {
    size_t count = 0;
    while (position_ < text_.size()) {
      const Utf8Char next = decode_utf8(text_.substr(position_));
      if (!next.is_valid || !predicate(next.code_point)) break;
      position_ += next.num_bytes;
      ++count;
    }
    return count;
  }

  // [0-9]+\.[0-9]
  std::optional<double> take_tenths() {
    const size_t begin = position_;
    skip_ascii_digits();
    if (position_ == begin || !take(".") || position_ == text_.size() || !is_ascii_digit(text_[position_])) return {};
    ++position_;
    return number(begin);
  }

  // [0-9]+(\.[0-9]+)?
  std::optional<double> take_number() {
    const size_t begin = position_;
    skip_ascii_digits();
    if (position_ == begin) return {};
    const size_t whole = position_;
    if (take(".")) {
      const size_t fraction = position_;
      skip_ascii_digits();
      if (position_ == fraction) position_ = whole;
    }
    return number(begin);
  }

  // [0-9]{3}, in tenths
  std::optional<double> take_three_digits() {
    int value = 0;
    for (int i = 0; i < 3; ++i, ++position_) {
      if (position_ == text_.size() || !is_ascii_digit(text_[position_])) return {};
      value = 10 * value + (text_[position_] - '0');
    }
    return value / 10.0;
  }

 private:
  void skip_ascii_digits() {
    while (position_ < text_.size() && is_ascii_digit(text_[position_])) ++position_;
  }

  double number(size_t begin) const {
    const std::string_view digits = text_.substr(begin, position_ - begin);
    double value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc::result_out_of_range) return value;
    const bool is_tiny = digits.substr(0, digits.find('.')).find_first_not_of('0') == std::string_view::npos;
    return is_tiny ? 0 : std::numeric_limits<double>::infinity();
  }

  std::string_view text_;
  size_t position_;
};

struct Match {
  PointPct at;
  size_t end;
};

// x\d*="\s*NUMBER"
std::optional<double> take_attribute(Scanner& scanner, std::string_view name) {
  if (!scanner.take(name)) return {};
  scanner.skip(is_digit);
  if (!scanner.take("=\"")) return {};
  scanner.skip(is_space);
  const auto value = scanner.take_number();
  return value && scanner.take("\"") ? value : std::nullopt;
}

std::optional<Match> match_click(Scanner scanner) {
  if (!scanner.take("Click(")) return {};
  const auto x = scanner.take_tenths();
  if (!x || !scanner.take(",")) return {};
  scanner.skip_one(' ');
  const auto y = scanner.take_tenths();
  if (!y || !scanner.take(")")) return {};
  return Match{{*x, *y}, scanner.position()};
}

std::optional<Match> match_pair(Scanner scanner) {
  if (!scanner.take("(")) return {};
  const auto x = scanner.take_tenths();
  if (!x) return {};
  scanner.skip_one(',');
  scanner.skip_one(' ');
  const auto y = scanner.take_tenths();
  if (!y || !scanner.take(")")) return {};
  return Match{{*x, *y}, scanner.position()};
}

std::optional<Match> match_attributes(Scanner scanner) {
  const auto x = take_attribute(scanner, "x");
  if (!x || scanner.skip(is_space) == 0) return {};
  const auto y = take_attribute(scanner, "y");
  if (!y) return {};
  return Match{{*x, *y}, scanner.position()};
}

std::optional<Match> match_tenths(Scanner scanner) {
  if (!scanner.take("p") && scanner.skip(is_digit) == 0) return {};
  scanner.skip(is_space);
  if (!scanner.take("=")) return {};
  scanner.skip(is_space);
  const auto x = scanner.take_three_digits();
  if (!x) return {};
  scanner.skip(is_space);
  if (!scanner.take(",")) return {};
  scanner.skip(is_space);
  const auto y = scanner.take_three_digits();
  if (!y) return {};
  return Match{{*x, *y}, scanner.position()};
}

// A `<point ...>` or `<points ...>` element, possibly cut off before its closing tag.
struct Tag {
  size_t begin, end;  // of the whole element
  std::string_view label, alt;
};

size_t find_tag_start(std::string_view text, size_t position) {
  for (size_t at = text.find("<point", position); at != std::string_view::npos; at = text.find("<point", at + 1)) {
    const std::string_view rest = text.substr(at);
    if (rest.starts_with("<point ") || rest.starts_with("<points ")) return at;
  }
  return text.size();
}

std::vector<Tag> find_tags(std::string_view text) {
  std::vector<Tag> tags;
  for (size_t begin = find_tag_start(text, 0); begin < text.size();) {
    const size_t next = find_tag_start(text, begin + 1);
    const std::string_view element = text.substr(begin, next - begin);
    // Nothing is escaped, so a quote or an angle bracket inside `alt` does not end it, but a quote before the bracket
    // does.
    constexpr std::string_view kAlt = " alt=\"";
    size_t open_end = element.find('>');
    std::string_view alt;
    const size_t alt_at = element.find(kAlt);
    if (alt_at != std::string_view::npos && alt_at < open_end) {
      const size_t alt_begin = alt_at + kAlt.size();
      const size_t alt_end = element.find("\">", alt_begin);
      if (alt_end != std::string_view::npos) {
        alt = element.substr(alt_begin, alt_end - alt_begin);
        open_end = alt_end + 1;
      }
    }
    if (open_end != std::string_view::npos) {
      const std::string_view inside = element.substr(open_end + 1);
      const size_t close = inside.find("</point");
      size_t end = element.size();
      if (close != std::string_view::npos) {
        const size_t close_end = inside.find('>', close);
        end = close_end == std::string_view::npos ? element.size() : open_end + 1 + close_end + 1;
      }
      tags.push_back({begin, begin + end, inside.substr(0, close), alt});
    }
    begin = next;
  }
  return tags;
}

// Appends the matches of one spelling, none overlapping, from left to right.
template <class MatchAt>
void find_all(std::string_view text, const std::vector<Tag>& tags, const MatchAt& match_at,
              std::vector<LabelledPoint>& points) {
  auto tag = tags.begin();
  size_t position = 0;
  while (position < text.size()) {
    const std::optional<Match> match = match_at(Scanner(text, position));
    if (!match) {
      // A number that starts no match starts none at a later digit either.
      Scanner number(text, position);
      position = number.skip(is_digit) > 0 ? number.position() : position + 1;
      continue;
    }
    while (tag != tags.end() && tag->end <= position) ++tag;
    const bool is_tagged = tag != tags.end() && tag->begin <= position;
    if (std::max(match->at.x, match->at.y) <= 100) {
      points.push_back({match->at, is_tagged ? std::string(tag->label) : "", is_tagged ? std::string(tag->alt) : ""});
    }
    position = match->end;
  }
}

}  // namespace

std::vector<LabelledPoint> parse_points(std::string_view answer) {
  const std::vector<Tag> tags = find_tags(answer);
  std::vector<LabelledPoint> points;
  find_all(answer, tags, match_click, points);
  find_all(answer, tags, match_pair, points);
  find_all(answer, tags, match_attributes, points);
  find_all(answer, tags, match_tenths, points);
  return points;
}

std::string strip_point_tags(std::string_view answer) {
  std::string out;
  size_t copied = 0;
  for (const Tag& tag : find_tags(answer)) {
    out.append(answer.substr(copied, tag.begin - copied)).append(tag.label);
    copied = tag.end;
  }
  return out.append(answer.substr(copied));
}

}  // namespace molmo::text
