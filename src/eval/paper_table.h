// Table 1 of the paper: the eleven benchmarks in its order, and what the models reached, in percent.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string_view>

namespace molmo::eval {

constexpr size_t kNumEleven = 11;

struct PaperColumn {
  std::string_view benchmark;  // name in eval/benchmark.h
  std::string_view title;
};
std::span<const PaperColumn, kNumEleven> paper_columns();
bool is_of_eleven(std::string_view benchmark);

struct PaperRow {
  std::string_view model;
  std::array<double, kNumEleven> scores;
  double printed_average;  // with one decimal
};
std::span<const PaperRow> paper_rows();

// Empty unless every score is there.
std::optional<double> average_of_eleven(std::span<const std::optional<double>, kNumEleven> scores);

}  // namespace molmo::eval
