// synth-count and synth-clocks.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "eval/readings.h"
#include "eval/synth_sets.h"

namespace molmo::eval {

std::vector<Question> ask_count(const data::Example& example) {
  const text::Annotation& annotation = example.text.annotations.at(0);
  const Json reference = {{"label", *annotation.label}, {"count", annotation.points.value().size()}};
  return {{.id = example.id, .annotation = annotation, .reference = std::make_shared<const Json>(reference)}};
}

ItemScores score_count(const Json& reference, std::string_view answer, config::Quirks quirks) {
  const auto count = reference.at("count").get<int64_t>();
  const auto found = parse_count(answer, quirks);
  const bool is_close = found && *found >= count - 1 && *found <= count + 1;
  return {.scores = {{"correct", found == count}, {"close", is_close}, {"valid", found.has_value()}},
          .categories = {{"count", std::to_string(count)}},
          .parsed = found ? std::to_string(*found) : ""};
}

std::vector<Question> ask_clock(const data::Example& example) {
  const text::Annotation& annotation = example.text.annotations.at(0);
  const Json& truth = *example.metadata;
  const Json reference = {{"hour", truth.at("hour")},
                          {"minute", truth.at("minute")},
                          {"second", truth.at("second")},
                          {"body", truth.at("body")},
                          {"numerals", truth.at("numerals")}};
  return {{.id = example.id, .annotation = annotation, .reference = std::make_shared<const Json>(reference)}};
}

ItemScores score_clock_reading(const Json& reference, std::string_view answer, config::Quirks) {
  const int hour = reference.at("hour").get<int>(), minute = reference.at("minute").get<int>();
  const auto reading = read_time(answer);
  const bool is_near = reading && dial_distance_minutes(reading->hour, reading->minute, hour, minute) <= 5;
  const int minutes_apart = reading ? std::abs(reading->minute - minute) : 30;
  return {.scores = {{"within_5_minutes", is_near},
                     {"hour", reading && reading->hour % 12 == hour % 12},
                     {"minute_within_5", reading && std::min(minutes_apart, 60 - minutes_apart) <= 5},
                     {"exact", reading && reading->hour % 12 == hour % 12 && reading->minute == minute},
                     {"valid", reading.has_value()}},
          .categories = {{"body", reference.value("body", "")}, {"numerals", reference.value("numerals", "")}},
          .parsed = reading ? fmt::format("{}:{:02}", reading->hour, reading->minute) : ""};
}

}  // namespace molmo::eval
