#include "cli/conformance/report.h"

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <nlohmann/json.hpp>
#include <ostream>

namespace molmo::conformance {
namespace {

std::string shortened(const Json& json) {
  constexpr size_t kMost = 160;
  std::string text = dump_json(json);
  if (text.size() <= kMost) return text;
  size_t end = kMost;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;  // whole UTF-8 characters
  return text.substr(0, end) + fmt::format("... ({} bytes)", text.size());
}

std::optional<std::string> find_number_mismatch(const Json& expected, const Json& found, const Tolerance& tolerance) {
  const auto want = expected.get<double>(), got = found.get<double>();
  const double difference = std::abs(got - want);
  if (difference <= tolerance.absolute + tolerance.relative * std::abs(want)) return std::nullopt;
  return fmt::format("expected {}, found {}, difference {:.3g}", dump_json(expected), dump_json(found), difference);
}

// The first mismatch inside a list or an object, led by its place.
template <class Key>
std::optional<std::string> inside(const Key& key, const std::optional<std::string>& mismatch) {
  if (!mismatch) return std::nullopt;
  return fmt::format("/{}{}{}", key, mismatch->starts_with('/') ? "" : " ", *mismatch);
}

std::optional<std::string> find_list_mismatch(const Json& expected, const Json& found, const Tolerance& tolerance) {
  if (expected.size() != found.size()) {
    return fmt::format("expected {} values {}, found {} values {}", expected.size(), shortened(expected), found.size(),
                       shortened(found));
  }
  for (size_t i = 0; i < expected.size(); ++i) {
    if (auto mismatch = inside(i, find_mismatch(expected[i], found[i], tolerance))) return mismatch;
  }
  return std::nullopt;
}

std::optional<std::string> find_object_mismatch(const Json& expected, const Json& found, const Tolerance& tolerance) {
  for (const auto& [key, value] : expected.items()) {
    if (!found.contains(key)) return fmt::format("expected a field '{}', found none", key);
    if (auto mismatch = inside(key, find_mismatch(value, found[key], tolerance))) return mismatch;
  }
  for (const auto& [key, value] : found.items()) {
    if (!expected.contains(key)) return fmt::format("expected no field '{}', found {}", key, shortened(value));
  }
  return std::nullopt;
}

bool is_empty_answer(const Json& expected) {
  if (expected.is_null()) return true;
  if (!expected.is_structured() || expected.empty()) return false;
  for (const auto& item : expected) {
    if (!is_empty_answer(item)) return false;
  }
  return true;
}

}  // namespace

void Report::fail(std::string_view where, std::string_view what) {
  ++num_failed_;
  // libtorch's errors end in a stack trace.
  std::string line(what.substr(0, what.find("\nException raised from")));
  std::ranges::replace(line, '\n', ' ');
  out_ << "failed " << where << (line.starts_with('/') ? "" : " ") << line << "\n";
}

void Report::attempt(std::string_view where, const std::function<void()>& answer) {
  try {
    answer();
  } catch (const std::exception& error) {
    fail(where, error.what());
  }
}

void Report::skip(std::string_view where, std::string_view why) {
  ++num_skipped_;
  out_ << "skipped " << where << ": " << why << "\n";
}

void Report::print_totals() const {
  if (num_unchecked_ > 0) out_ << num_unchecked_ << " answered without an expected value\n";
  if (num_skipped_ > 0) out_ << num_skipped_ << " skipped\n";
  out_ << num_passed_ << " passed, " << num_failed_ << " failed\n";
}

std::optional<std::string> find_mismatch(const Json& expected, const Json& found, const Tolerance& tolerance) {
  if (expected.is_null()) return std::nullopt;
  const bool is_same_type = expected.is_number()
                                ? found.is_number() && expected.is_number_float() == found.is_number_float()
                                : expected.type() == found.type();
  if (!is_same_type) return fmt::format("expected {}, found {}", shortened(expected), shortened(found));
  if (expected.is_number_float()) return find_number_mismatch(expected, found, tolerance);
  if (expected.is_array()) return find_list_mismatch(expected, found, tolerance);
  if (expected.is_object()) return find_object_mismatch(expected, found, tolerance);
  if (expected == found) return std::nullopt;
  return fmt::format("expected {}, found {}", shortened(expected), shortened(found));
}

Place Place::operator[](std::string_view key) const {
  Place place = *this;
  place.path_ += '/';
  for (char c : key) {  // RFC 6901
    if (c == '~') {
      place.path_ += "~0";
    } else if (c == '/') {
      place.path_ += "~1";
    } else {
      place.path_ += c;
    }
  }
  return place;
}

Place Place::operator[](size_t index) const {
  Place place = *this;
  place.path_ += '/' + std::to_string(index);
  return place;
}

const Json& Place::value() const {
  static const Json kNull;
  const Json::json_pointer pointer(path_);
  return document_->contains(pointer) ? document_->at(pointer) : kNull;
}

bool Place::expects(std::string_view key) const {
  const Json& here = value();
  return here.is_null() || (here.is_object() && here.contains(std::string(key)));
}

void Place::answer(const Json& computed, const Tolerance& tolerance) const {
  answer(computed, [&](const Json& expected) { return find_mismatch(expected, computed, tolerance); });
}

void Place::answer(const Json& computed, const Rule& rule) const {
  const Json& expected = value();
  if (is_empty_answer(expected)) {
    report_->answer_unchecked();
  } else if (auto mismatch = rule(expected)) {
    report_->fail(name(), *mismatch);
  } else {
    report_->pass();
  }
  (*document_)[Json::json_pointer(path_)] = computed;
}

void Place::answer_field(std::string_view key, const Json& computed, const Tolerance& tolerance) const {
  if (expects(key)) (*this)[key].answer(computed, tolerance);
}

}  // namespace molmo::conformance
