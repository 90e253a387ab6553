// What is read out of answers about quantities: how many, and what time (reference: PointCountEval and ClockEval of
// olmo/eval/evaluators.py).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "config/quirks.h"

namespace molmo::eval {

// The count in an answer: its last word as a number or number word (zero to twenty), else the last "a total of N" of
// its first line. With Quirks::Fixed also 0 for "none", which the reference means to accept and never does.
std::optional<int64_t> parse_count(std::string_view answer, config::Quirks quirks);

// The first H:MM or H:MM:SS of a text.
struct ClockReading {
  int hour = 0;  // 0 to 23
  int minute = 0;
  std::optional<int> second;
};
std::optional<ClockReading> read_time(std::string_view text);

// Minutes between two times on a dial of twelve hours, the short way round: 0 to 360.
int dial_distance_minutes(int hour, int minute, int other_hour, int other_minute);

// How the paper scores clocks: while training (within three minutes or seconds, a PM adds 12 hours), and on photographs
// of clocks (Bench: within one minute, over the hour as well, hours from 0 to 11).
enum class ClockMode { Train, Bench };

struct ClockTruth {
  int hour = -1, minute = -1, second = -1;  // -1: the hand is not there
};

// Names and values of all scores that apply. Without any hand it is right to name no time. Where hour or minute cannot
// be read the time is wrong; there the reference, in Bench, goes on with the numbers of the example before.
std::vector<std::pair<std::string_view, bool>> score_clock(std::string_view answer, ClockTruth truth, ClockMode mode);

}  // namespace molmo::eval
