// Pairwise comparisons: two models answered one prompt, and a person said whose answer is better (paper, section 5 and
// appendix C). Files and the store have the columns
//   comparison_id, prompt_id, left_model, right_model, outcome, annotator_id
// and, where the style of the answers is to be accounted for, left_length, right_length, left_points, right_points.
// Only left_model, right_model and outcome must be there.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/enum_names.h"

namespace molmo::arena {

// Which answer is better. The two "both" are ties; people who cannot say are not counted.
enum class Outcome : uint8_t { Left, Right, BothGood, BothBad, Unsure };

inline bool is_tie(Outcome outcome) {
  return outcome == Outcome::BothGood || outcome == Outcome::BothBad;
}
// Of a rated comparison, what the left model gets: 1, 0, or one half for a tie.
inline double left_score(Outcome outcome) {
  return outcome == Outcome::Left ? 1 : outcome == Outcome::Right ? 0 : 0.5;
}

constexpr int32_t kUnknown = -1;

struct Comparison {
  int32_t left = 0, right = 0;  // models
  int32_t prompt = kUnknown, annotator = kUnknown;
  Outcome outcome = Outcome::Unsure;
  bool is_rated() const { return outcome != Outcome::Unsure; }
};

// Of both answers, in any unit of length that is the same for both. NaN where it is not known.
struct AnswerStyle {
  double left_length, right_length, left_points, right_points;
};

struct Comparisons {
  std::vector<std::string> models;               // sorted by name
  std::vector<std::string> prompts, annotators;  // in the order in which they appear
  std::vector<Comparison> rows;                  // in the order of the file
  std::vector<std::string> ids;                  // one for each row, or none
  std::vector<AnswerStyle> styles;               // one for each row, or none
};

// One comparison as text. Where a file has no such column, the field is empty.
struct ComparisonFields {
  std::string_view id, prompt, left, right, outcome, annotator;
  std::array<std::string_view, 4> style{};  // in the order of AnswerStyle
};

constexpr std::array<std::string_view, 10> kColumns = {"left_model",  "right_model",  "outcome",     "comparison_id",
                                                       "prompt_id",   "annotator_id", "left_length", "right_length",
                                                       "left_points", "right_points"};
constexpr size_t kNumRequiredColumns = 3;

// Numbers for names, in the order in which they first appear.
class NameTable {
 public:
  int32_t number(std::string_view name);
  const std::vector<std::string>& names() const { return names_; }
  std::vector<std::string> take() { return std::move(names_); }

 private:
  // A name as two words that overlap: all of it where it has at most 16 bytes.
  struct Key {
    uint64_t first = 0, last = 0;
    uint32_t size = 0;
    bool operator==(const Key&) const = default;
    uint64_t hash() const;
  };
  struct Slot {
    Key key;
    int32_t number = kUnknown;
  };
  static Key key_of(std::string_view name);
  void grow();
  std::vector<std::string> names_;
  std::vector<Slot> slots_;  // open addressing; as many as a power of two, at most half of them used
};

// Checks comparisons one by one and collects them.
class ComparisonBuilder {
 public:
  // `source` is the file, and `unit` what it counts ("line", "row"), for errors. `columns`: those that the file has, as
  // it writes them. Throws BadData when a required one is missing or one is there twice.
  ComparisonBuilder(std::string source, std::string unit, const std::vector<std::string>& columns);
  // For files whose rows name their columns themselves.
  ComparisonBuilder(std::string source, std::string unit);

  void expect_rows(size_t count);  // a guess: saves moving what grows
  // Throws BadData, naming the place, for what no comparison can be.
  void add(const ComparisonFields& fields, uint64_t number);
  Comparisons finish();

 private:
  [[noreturn]] void refuse(uint64_t number, std::string_view what) const;
  std::string_view checked(std::string_view value, std::string_view column, uint64_t number) const;
  int32_t number_of(NameTable& names, std::string_view value, std::string_view column, uint64_t number) const;
  void check_ids() const;
  double style_value(size_t index, std::string_view value, uint64_t number) const;

  std::string source_, unit_;
  NameTable models_, prompts_, annotators_;
  Comparisons comparisons_;
  std::vector<uint64_t> numbers_;  // places of the rows in the file
  size_t expected_rows_ = 0;
  bool has_style_ = false;
};

}  // namespace molmo::arena

template <>
struct molmo::EnumNames<molmo::arena::Outcome> {
  using enum arena::Outcome;
  static constexpr EnumName<arena::Outcome> kValues[] = {
      {Left, "left"}, {Right, "right"}, {BothGood, "both_good"}, {BothBad, "both_bad"}, {Unsure, "unsure"}};
};
