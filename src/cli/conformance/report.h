// Compares what a fixture expects with what was computed: counts, and prints one line per mismatch.
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"

namespace molmo::conformance {

// How far a computed number may lie from the expected one; equality by default.
struct Tolerance {
  double absolute = 0;
  double relative = 0;          // of the expected number's size
  double outlier_share = 0;     // this share of the values of a tensor ...
  double outlier_absolute = 0;  // ... may lie this far off instead
};

class Report {
 public:
  explicit Report(std::ostream& out) : out_(out) {}

  void pass() { ++num_passed_; }
  // One line, whatever `what` holds.
  void fail(std::string_view where, std::string_view what);
  // Runs `answer`; what it throws is a failure of `where`, and the rest of the fixture is still answered.
  void attempt(std::string_view where, const std::function<void()>& answer);
  // Known and not answered by this program: neither passed nor failed.
  void skip(std::string_view where, std::string_view why);
  // Computed where the fixture expects nothing: there was nothing to compare with.
  void answer_unchecked() { ++num_unchecked_; }

  int64_t num_passed() const { return num_passed_; }
  int64_t num_failed() const { return num_failed_; }
  void print_totals() const;

 private:
  std::ostream& out_;
  int64_t num_passed_ = 0, num_failed_ = 0, num_skipped_ = 0, num_unchecked_ = 0;
};

// What is wrong with `found`, one line, or nothing. Null in `expected` accepts everything; whole numbers and reals are
// different types.
std::optional<std::string> find_mismatch(const Json& expected, const Json& found, const Tolerance& tolerance = {});

// A place in a JSON fixture that takes an answer.
//   Place root(report, "tiling.json", document);
//   root["rows"][3]["tiling"].answer({2, 1});
class Place {
 public:
  Place(Report& report, std::string file, Json& document)
      : report_(&report), file_(std::move(file)), document_(&document) {}

  Place operator[](std::string_view key) const;
  Place operator[](size_t index) const;

  // What the fixture holds here; null where it holds nothing.
  const Json& value() const;
  // True where the fixture has this field, or was emptied here.
  bool expects(std::string_view key) const;
  std::string name() const { return file_ + ":" + path_; }

  // Compares with what is expected here and puts the computed value in its place.
  void answer(const Json& computed, const Tolerance& tolerance = {}) const;
  // The same with a rule of its own, which says what is wrong. It is not asked where null is expected.
  using Rule = std::function<std::optional<std::string>(const Json& expected)>;
  void answer(const Json& computed, const Rule& rule) const;
  // What `answer` throws is a failure of this place.
  void attempt(const std::function<void()>& answer) const { report_->attempt(name(), answer); }
  // Only where the fixture has this field, or was emptied here.
  void answer_field(std::string_view key, const Json& computed, const Tolerance& tolerance = {}) const;

 private:
  Report* report_;
  std::string file_;
  Json* document_;
  std::string path_;  // JSON pointer
};

}  // namespace molmo::conformance
