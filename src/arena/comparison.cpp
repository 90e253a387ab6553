#include "arena/comparison.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <numeric>
#include <optional>

#include "base/error.h"
#include "base/nearest.h"

namespace molmo::arena {
namespace {

constexpr size_t kMaxNameBytes = 1024;
constexpr size_t kMaxModels = 1000;  // tables of all pairs are kept
constexpr double kNotKnown = std::numeric_limits<double>::quiet_NaN();

template <class Word>
uint64_t load(const char* bytes) {
  Word word;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

// Of whole numbers, as lengths and counts mostly are; empty for anything else.
std::optional<double> parse_digits(std::string_view text) {
  constexpr size_t kMostDigits = 15;  // exact as a double
  if (text.empty() || text.size() > kMostDigits) return std::nullopt;
  int64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = 10 * value + (c - '0');
  }
  return static_cast<double>(value);
}

bool has_control_characters(std::string_view text) {
  return std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

}  // namespace

NameTable::Key NameTable::key_of(std::string_view name) {
  const char* bytes = name.data();
  const size_t size = name.size();
  Key key{.size = static_cast<uint32_t>(size)};
  if (size >= 8) {
    key.first = load<uint64_t>(bytes);
    key.last = load<uint64_t>(bytes + size - 8);
  } else if (size >= 4) {
    key.first = load<uint32_t>(bytes);
    key.last = load<uint32_t>(bytes + size - 4);
  } else {
    for (const char c : name) key.first = key.first << 8 | static_cast<unsigned char>(c);
  }
  return key;
}

uint64_t NameTable::Key::hash() const {
  constexpr uint64_t kMultiplier = 0x9E3779B97F4A7C15;
  uint64_t hash = (first ^ size) * kMultiplier;
  hash = (hash ^ hash >> 32 ^ last) * kMultiplier;
  return hash ^ hash >> 32;
}

// Looked up four times a row: mostly the slot tells all, and the name itself is not touched.
int32_t NameTable::number(std::string_view name) {
  constexpr size_t kWholeKeyBytes = 16;
  if (2 * (names_.size() + 1) > slots_.size()) grow();
  const Key key = key_of(name);
  const size_t mask = slots_.size() - 1;
  for (size_t at = key.hash() & mask;; at = (at + 1) & mask) {
    Slot& slot = slots_[at];
    if (slot.number == kUnknown) {
      slot = {key, static_cast<int32_t>(names_.size())};
      names_.emplace_back(name);
      return slot.number;
    }
    if (slot.key == key && (name.size() <= kWholeKeyBytes || names_[static_cast<size_t>(slot.number)] == name))
      return slot.number;
  }
}

void NameTable::grow() {
  std::vector<Slot> slots(std::max<size_t>(64, 2 * slots_.size()));
  const size_t mask = slots.size() - 1;
  for (const Slot& slot : slots_) {
    if (slot.number == kUnknown) continue;
    size_t at = slot.key.hash() & mask;
    while (slots[at].number != kUnknown) at = (at + 1) & mask;
    slots[at] = slot;
  }
  slots_ = std::move(slots);
}

ComparisonBuilder::ComparisonBuilder(std::string source, std::string unit)
    : source_(std::move(source)), unit_(std::move(unit)) {}

ComparisonBuilder::ComparisonBuilder(std::string source, std::string unit, const std::vector<std::string>& columns)
    : ComparisonBuilder(std::move(source), std::move(unit)) {
  for (size_t i = 0; i < columns.size(); ++i) {
    if (std::find(columns.begin(), columns.begin() + static_cast<std::ptrdiff_t>(i), columns[i]) !=
        columns.begin() + static_cast<std::ptrdiff_t>(i))
      fail(ErrorCategory::BadData, "{}: there are two columns '{}'; rename or remove one", source_, columns[i]);
  }
  for (size_t i = 0; i < kNumRequiredColumns; ++i) {
    if (std::ranges::find(columns, kColumns[i]) != columns.end()) continue;
    std::string found;
    for (size_t k = 0; k < std::min<size_t>(columns.size(), 20); ++k)
      found += (k ? ", " : "") + columns[k].substr(0, kMaxNameBytes);
    fail(ErrorCategory::BadData,
         "{}, {} 1: there is no column '{}'; found: {}.{} A file of comparisons has at least left_model, right_model "
         "and outcome, named in its first line",
         source_, unit_, kColumns[i], found.empty() ? "nothing" : found, did_you_mean(kColumns[i], columns));
  }
}

void ComparisonBuilder::refuse(uint64_t number, std::string_view what) const {
  fail(ErrorCategory::BadData, "{}, {} {}: {}", source_, unit_, number, what);
}

std::string_view ComparisonBuilder::checked(std::string_view value, std::string_view column, uint64_t number) const {
  if (value.size() > kMaxNameBytes) {
    refuse(number, fmt::format("{} has {} bytes, at most {} are allowed; use a short name for it", column, value.size(),
                               kMaxNameBytes));
  }
  if (has_control_characters(value))
    refuse(number, fmt::format("{} has control characters or line breaks in it; remove them", column));
  return value;
}

// Names that were seen before have been checked before.
int32_t ComparisonBuilder::number_of(NameTable& names, std::string_view value, std::string_view column,
                                     uint64_t number) const {
  const size_t num_known = names.names().size();
  const int32_t of_name = names.number(value);
  if (names.names().size() > num_known) checked(value, column, number);
  return of_name;
}

double ComparisonBuilder::style_value(size_t index, std::string_view value, uint64_t number) const {
  if (value.empty()) return kNotKnown;
  if (const auto whole = parse_digits(value)) return *whole;
  double parsed = kNotKnown;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), parsed);
  if (error != std::errc() || end != value.data() + value.size() || !std::isfinite(parsed) || parsed < 0) {
    refuse(number, fmt::format("{} is '{}', expected a number of at least 0, or nothing where it is not known",
                               kColumns[kColumns.size() - 4 + index], value.substr(0, kMaxNameBytes)));
  }
  return parsed;
}

void ComparisonBuilder::expect_rows(size_t count) {
  comparisons_.rows.reserve(count);
  comparisons_.ids.reserve(count);
  numbers_.reserve(count);
  expected_rows_ = count;
}

void ComparisonBuilder::add(const ComparisonFields& fields, uint64_t number) {
  Comparison row;
  for (const auto& [value, column] : {std::pair(fields.left, kColumns[0]), std::pair(fields.right, kColumns[1])}) {
    if (value.empty()) refuse(number, fmt::format("{} is empty; write the name of the model", column));
  }
  row.left = number_of(models_, fields.left, kColumns[0], number);
  row.right = number_of(models_, fields.right, kColumns[1], number);
  if (row.left == row.right)
    refuse(number, fmt::format("'{}' is compared with itself; remove this {}", fields.left, unit_));
  if (models_.names().size() > kMaxModels) {
    refuse(number,
           fmt::format("more than {} different models; is {} really the column of names?", kMaxModels, kColumns[0]));
  }
  bool is_known = false;
  for (const auto& [value, name] : EnumNames<Outcome>::kValues) {
    if (name != fields.outcome) continue;
    row.outcome = value;
    is_known = true;
    break;
  }
  if (!is_known) {
    const std::string_view outcome = checked(fields.outcome, "outcome", number);
    refuse(number, fmt::format("outcome is '{}', expected left, right, both_good, both_bad or unsure.{}", outcome,
                               did_you_mean(outcome, enum_choices<Outcome>())));
  }
  if (!fields.prompt.empty()) row.prompt = number_of(prompts_, fields.prompt, "prompt_id", number);
  if (!fields.annotator.empty()) row.annotator = number_of(annotators_, fields.annotator, "annotator_id", number);
  if (!comparisons_.rows.empty() && fields.id.empty() != comparisons_.ids.empty()) {
    refuse(number, "some comparisons have a comparison_id and others have none; give one to all or to none");
  }
  if (!fields.id.empty()) comparisons_.ids.emplace_back(checked(fields.id, "comparison_id", number));
  AnswerStyle style{};
  double* const values[] = {&style.left_length, &style.right_length, &style.left_points, &style.right_points};
  for (size_t i = 0; i < std::size(values); ++i) {
    *values[i] = style_value(i, fields.style[i], number);
    if (std::isnan(*values[i]) || has_style_) continue;
    has_style_ = true;  // the rows before know nothing of it
    comparisons_.styles.reserve(expected_rows_);
    comparisons_.styles.assign(comparisons_.rows.size(), {kNotKnown, kNotKnown, kNotKnown, kNotKnown});
  }
  if (has_style_) comparisons_.styles.push_back(style);
  comparisons_.rows.push_back(row);
  numbers_.push_back(number);
}

// Checked at the end, because most files are sorted by their ids, and then neighbours tell.
void ComparisonBuilder::check_ids() const {
  const auto& ids = comparisons_.ids;
  if (std::ranges::adjacent_find(ids, std::greater_equal<>()) == ids.end()) return;
  NameTable known;
  for (size_t i = 0; i < ids.size(); ++i) {
    const auto first = static_cast<size_t>(known.number(ids[i]));
    if (first != i) {
      refuse(numbers_[i], fmt::format("comparison_id '{}' occurs a second time (first in {} {}); remove one", ids[i],
                                      unit_, numbers_[first]));
    }
  }
}

Comparisons ComparisonBuilder::finish() {
  if (comparisons_.rows.empty())
    fail(ErrorCategory::BadData, "{}: there are no comparisons in it; was the right file given?", source_);
  check_ids();
  comparisons_.models = models_.take();
  comparisons_.prompts = prompts_.take();
  comparisons_.annotators = annotators_.take();
  std::vector<int32_t> order(comparisons_.models.size()), place(order.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, {}, [&](int32_t i) { return comparisons_.models[static_cast<size_t>(i)]; });
  std::vector<std::string> sorted;
  for (size_t i = 0; i < order.size(); ++i) {
    place[static_cast<size_t>(order[i])] = static_cast<int32_t>(i);
    sorted.push_back(std::move(comparisons_.models[static_cast<size_t>(order[i])]));
  }
  comparisons_.models = std::move(sorted);
  for (Comparison& row : comparisons_.rows) {
    row.left = place[static_cast<size_t>(row.left)];
    row.right = place[static_cast<size_t>(row.right)];
  }
  return std::move(comparisons_);
}

}  // namespace molmo::arena
