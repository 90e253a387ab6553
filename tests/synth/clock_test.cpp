// The time again from the pixels: which direction the hands have, measured on a picture with them less one without.
#include "synth/clock.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <optional>

#include "synth/generator.h"

namespace molmo::synth {
namespace {

constexpr double kTurn = 2 * std::numbers::pi;

ClockLook draw(Difficulty difficulty, uint64_t index) {
  SynthOptions options;
  options.size = 256;
  options.difficulty = difficulty;
  RandomStream draws(21, "clock_test", index);
  ClockLook look = draw_clock_look(options, draws);
  look.has_hand_shadows = false;  // their pixels change with the hands, but show no time
  return look;
}

// Clockwise from 12 on the dial, and how far from its middle: the way back from pixels.
struct Polar {
  double angle, radius;
};
Polar on_dial(const ClockLook& look, double x, double y) {
  const double dx = x - look.center.x, dy = y - look.center.y;
  const auto turn = [](double u, double v, double angle) {
    return std::pair(u * std::cos(angle) - v * std::sin(angle), u * std::sin(angle) + v * std::cos(angle));
  };
  auto [u, v] = turn(dx, dy, -look.squeeze_angle);
  std::tie(u, v) = turn(u / look.squeeze, v, look.squeeze_angle - look.tilt);
  return {std::atan2(u, -v), std::hypot(u, v) / look.radius};
}

double apart(double a, double b) {
  return std::abs(std::remainder(a - b, kTurn));
}

// Mean direction of the changed pixels between two radii, leaving out those near `except`.
std::optional<double> direction(const ClockLook& look, double low, double high, std::optional<double> except = {}) {
  const image::Image with = render(look), without = render(look, /*with_hands=*/false);
  double sum_x = 0, sum_y = 0;
  int64_t count = 0;
  for (int64_t y = 0; y < look.size.height; ++y) {
    for (int64_t x = 0; x < look.size.width; ++x) {
      const size_t at = static_cast<size_t>(3 * (y * look.size.width + x));
      int change = 0;
      for (size_t c = 0; c < 3; ++c) change += std::abs(with.pixels[at + c] - without.pixels[at + c]);
      if (change < 40) continue;
      const Polar place = on_dial(look, static_cast<double>(x) + 0.5, static_cast<double>(y) + 0.5);
      if (place.radius < low || place.radius > high || (except && apart(place.angle, *except) < 0.35)) continue;
      sum_x += change * std::cos(place.angle);
      sum_y += change * std::sin(place.angle);
      ++count;
    }
  }
  if (count < 5) return std::nullopt;
  return std::atan2(sum_y, sum_x);
}

TEST(Clock, HandsShowTheTime) {
  int num_read = 0;
  for (const Difficulty difficulty : {Difficulty::Easy, Difficulty::Medium, Difficulty::Hard}) {
    for (uint64_t index = 0; index < 25; ++index) {
      ClockLook look = draw(difficulty, index);
      look.shows_seconds = false;
      const auto minute_hand = direction(look, look.hour.length + 0.06, look.minute.length - 0.02);
      ASSERT_TRUE(minute_hand) << index;
      EXPECT_LT(apart(*minute_hand, kTurn * look.time.minute / 60), kTurn / 60 * 0.35) << index;
      const auto hour_hand = direction(look, 0.6 * look.hour.length, look.hour.length - 0.02, *minute_hand);
      if (!hour_hand || apart(*hour_hand, *minute_hand) < 0.7) continue;  // the minute hand lies over it
      // The hour whose hand would be nearest, given the minutes.
      const double past = *hour_hand / kTurn * 12 - look.time.minute / 60.0;
      EXPECT_EQ((static_cast<int>(std::lround(past)) + 24) % 12, look.time.hour) << index;
      EXPECT_LT(std::abs(past - std::round(past)), 0.2) << index;
      ++num_read;
    }
  }
  EXPECT_GT(num_read, 50);
}

TEST(Clock, SecondHandShowsTheSeconds) {
  int num_read = 0;
  for (uint64_t index = 0; index < 40; ++index) {
    ClockLook look = draw(Difficulty::Medium, index);
    if (!look.shows_seconds || distance(look.accent, look.dial) < 0.2) continue;
    look.hour.length = look.minute.length = 0.05;
    look.hour.tail = look.minute.tail = 0;
    const auto hand = direction(look, 0.4, look.second.length);
    ASSERT_TRUE(hand) << index;
    EXPECT_LT(apart(*hand, kTurn * look.time.second / 60), kTurn / 60 * 0.4) << index;
    ++num_read;
  }
  EXPECT_GT(num_read, 8);
}

TEST(Clock, AnswersTheTimeThatItsTruthNames) {
  SynthOptions options;
  options.size = 96;
  const SynthSample sample = make_sample(find_generator("clocks"), options, 5);
  ASSERT_EQ(sample.text.annotations.size(), 1u);
  EXPECT_EQ(sample.text.annotations[0].style, "clocks");
  EXPECT_TRUE(sample.text.annotations[0].answer->starts_with("The time is "));
}

TEST(Clock, LabelsSayTheTimeOnTheDialOnly) {
  const ClockLook look = draw(Difficulty::Hard, 2);
  const std::vector<uint8_t> labels = label_map(look, LabelMap::Time);
  const auto expected = static_cast<uint8_t>(1 + 12 * look.time.hour + look.time.minute / 5);
  for (int64_t y = 0; y < look.size.height; ++y) {
    for (int64_t x = 0; x < look.size.width; ++x) {
      const double radius = on_dial(look, static_cast<double>(x) + 0.5, static_cast<double>(y) + 0.5).radius;
      const uint8_t label = labels[static_cast<size_t>(y * look.size.width + x)];
      if (radius < 0.97) {
        EXPECT_EQ(label, expected);
      }
      if (radius > 1.5) {
        EXPECT_EQ(label, 0);
      }
    }
  }
}

// Halfway along each hand, in the direction of the time.
TEST(Clock, LabelsOfHandsSayWhatTheyShow) {
  for (uint64_t index = 0; index < 10; ++index) {
    const ClockLook look = draw(Difficulty::Hard, index);
    const std::vector<uint8_t> labels = label_map(look, LabelMap::Hands);
    const auto label_at = [&](double angle, double radius) {
      for (int64_t i = 0; i < std::ssize(labels); ++i) {
        const Polar place = on_dial(look, static_cast<double>(i % look.size.width) + 0.5,
                                    static_cast<double>(i / look.size.width) + 0.5);
        if (apart(place.angle, angle) < 0.03 && std::abs(place.radius - radius) < 0.03)
          return static_cast<int>(labels[static_cast<size_t>(i)]);
      }
      return -1;
    };
    const double minute = kTurn * look.time.minute / 60, hour = kTurn * (look.time.hour + look.time.minute / 60.0) / 12;
    EXPECT_EQ(label_at(hour, 0.5 * look.hour.length), 63 + look.time.hour) << index;
    if (apart(hour, minute) > 0.7) {
      EXPECT_EQ(label_at(minute, 0.5 * look.minute.length), 3 + look.time.minute) << index;
    }
    if (apart(hour + 1.9, minute) > 0.3) {
      EXPECT_EQ(label_at(hour + 1.9, 0.8), 2) << index << ": on the dial";
    }
  }
}

}  // namespace
}  // namespace molmo::synth
