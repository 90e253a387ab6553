// The kind `clocks`: how a clock looks, what it shows, and what is asked about it (PixMo-Clocks).
#include <fmt/core.h>

#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "synth/canvas.h"
#include "synth/clock.h"
#include "synth/draws.h"
#include "synth/font.h"
#include "synth/generator.h"

namespace molmo::synth {
namespace {

struct Palette {
  Color dial, ink;
};

Palette draw_palette(RandomStream& draws) {
  const double kind = draws.uniform();
  if (kind < 0.55) {
    const Color paper = to_rgb({between(draws, 35, 60), between(draws, 0, 0.12), between(draws, 0.93, 1)});
    return {paper, to_rgb({between(draws, 0, 360), between(draws, 0, 0.4), between(draws, 0.03, 0.22)})};
  }
  if (kind < 0.8) {
    const Color dark = to_rgb({between(draws, 190, 260), between(draws, 0, 0.6), between(draws, 0.06, 0.25)});
    return {dark, to_rgb({between(draws, 40, 60), between(draws, 0, 0.25), between(draws, 0.9, 1)})};
  }
  const Color colored = to_rgb({between(draws, 0, 360), between(draws, 0.15, 0.55), between(draws, 0.8, 1)});
  return {colored, to_rgb({between(draws, 0, 360), between(draws, 0, 0.3), between(draws, 0.04, 0.15)})};
}

void draw_hands(ClockLook& look, bool is_easy, RandomStream& draws) {
  look.hands = static_cast<HandStyle>(draws.below(6));
  const double width = is_easy ? between(draws, 0.07, 0.11) : between(draws, 0.045, 0.11);
  look.hour = {between(draws, 0.44, 0.58), width * between(draws, 1, 1.4),
               chance(draws, 0.5) ? between(draws, 0.06, 0.18) : 0, look.ink};
  look.minute = {between(draws, 0.72, 0.88), width * between(draws, 0.65, 0.95), look.hour.tail, look.ink};
  look.second = {between(draws, 0.78, 0.92), between(draws, 0.012, 0.025), between(draws, 0.1, 0.28), look.accent};
  if (chance(draws, 0.15)) look.hour.color = look.minute.color = mix(look.ink, look.accent, 0.5);
  if (distance(look.hour.color, look.dial) < 0.35) look.hour.color = look.minute.color = look.ink;
}

}  // namespace

ClockLook draw_clock_look(const SynthOptions& options, RandomStream& draws) {
  const bool is_easy = options.difficulty == Difficulty::Easy, is_hard = options.difficulty == Difficulty::Hard;
  ClockLook look;
  look.size = {options.size, options.size};
  Canvas canvas(look.size);
  const BackgroundRange range = options.background.value_or(is_easy   ? BackgroundRange::Plain
                                                            : is_hard ? BackgroundRange::All
                                                                      : BackgroundRange::Simple);
  look.background = paint_background(canvas, range, draws);
  look.backdrop.assign(canvas.pixels().begin(), canvas.pixels().end());
  look.photo = !is_easy && chance(draws, is_hard ? 0.8 : 0.4) ? draws.uniform() : 0;

  look.body = is_easy ? ClockBody::Wall : static_cast<ClockBody>(draws.below(5));
  static constexpr double kNumerals[] = {0.45, 0.15, 0.14, 0.06, 0.2};
  look.numerals = is_easy ? Numerals::Arabic : static_cast<Numerals>(pick_weighted(draws, kNumerals));
  const Palette palette = draw_palette(draws);
  look.dial = palette.dial;
  look.ink = palette.ink;
  look.rim = to_rgb({between(draws, 0, 360), between(draws, 0, 0.7), between(draws, 0.15, 0.9)});
  look.strap = to_rgb({between(draws, 0, 360), between(draws, 0, 0.6), between(draws, 0.1, 0.5)});
  look.accent = luminance(look.dial) > 0.5
                    ? typical(pick(draws, std::array<std::string_view, 4>{"red", "blue", "green", "orange"}))
                    : typical(pick(draws, std::array<std::string_view, 3>{"red", "orange", "yellow"}));
  look.rim_width = between(draws, 0.03, 0.12);
  look.has_minute_marks = chance(draws, 0.5);
  look.has_hour_marks = look.has_minute_marks || look.numerals != Numerals::Arabic || chance(draws, 0.5);
  look.has_dot_marks = chance(draws, 0.25);
  look.font = pick(draws, text_families());
  static constexpr std::string_view kBrands[] = {"",       "",      "",     "QUARTZ",    "Aurora",
                                                 "NORDEN", "Tempo", "Alba", "AUTOMATIC", "Meridian"};
  look.brand = is_easy ? "" : pick(draws, kBrands);
  look.has_date = is_hard && chance(draws, 0.25);
  look.day_of_month = static_cast<int>(whole(draws, 1, 31));
  look.has_subdials = is_hard && chance(draws, 0.15);
  look.has_hand_shadows = !is_easy && chance(draws, 0.4);
  look.glare = !is_easy && chance(draws, is_hard ? 0.5 : 0.2) ? between(draws, 0.08, 0.3) : 0;
  look.glare_angle = between(draws, 0, 2 * kPi);
  draw_hands(look, is_easy, draws);

  const double side = static_cast<double>(options.size);
  // What a body adds around the dial must fit as well.
  const double room = look.body == ClockBody::Wall || look.body == ClockBody::Square ? 1 : 0.8;
  look.radius = side * room *
                (is_easy   ? between(draws, 0.38, 0.46)
                 : is_hard ? between(draws, 0.22, 0.45)
                           : between(draws, 0.32, 0.45));
  const double slack = std::max(0.0, side / 2 - look.radius * 1.12 / room);
  const double x = side / 2 + between(draws, -slack, slack), y = side / 2 + between(draws, -slack, slack);
  look.center = {x, y};
  // Without numerals nothing else says where 12 is.
  const double most_tilt = is_hard && look.numerals != Numerals::None ? 0.32 : 0.1;
  look.tilt = is_easy ? 0 : between(draws, -most_tilt, most_tilt);
  look.squeeze = is_hard ? between(draws, 0.78, 1) : 1;
  look.squeeze_angle = between(draws, 0, kPi);
  look.shows_seconds = !is_easy && chance(draws, 0.45);
  look.second_is_moving = chance(draws, 0.7);
  look.time = {static_cast<int>(draws.below(12)), static_cast<int>(draws.below(60)), static_cast<int>(draws.below(60))};
  look.time.minute -= look.time.minute % static_cast<int>(options.minute_step);
  if (!look.shows_seconds) look.time.second = 0;
  look.photo_draws = RandomStream(draws.next(), "photo");
  return look;
}

SynthSample make_clock(const SynthOptions& options, RandomStream& draws) {
  const ClockLook look = draw_clock_look(options, draws);
  SynthSample sample;
  sample.picture = render(look);
  if (options.labels != LabelMap::None) sample.labels = label_map(look, options.labels);
  static constexpr std::string_view kQuestions[] = {"What time is it?",
                                                    "What time is being shown?",
                                                    "What time does the clock show?",
                                                    "Read the clock.",
                                                    "What is the time on this clock?",
                                                    "Tell me the time.",
                                                    "What time is shown on the clock?",
                                                    "What time does this watch show?",
                                                    "Which time is shown?"};
  const int hour = look.time.hour == 0 ? 12 : look.time.hour;
  std::string time = fmt::format("{}:{:02}", hour, look.time.minute);
  if (look.shows_seconds) time += fmt::format(":{:02}", look.time.second);
  text::Annotation annotation;
  annotation.style = "clocks";
  annotation.question = pick(draws, kQuestions);
  annotation.answer = "The time is " + time + ".";
  sample.text.annotations.push_back(std::move(annotation));
  static constexpr std::string_view kNumeralNames[] = {"arabic", "arabic quarters", "roman", "roman quarters", "none"};
  static constexpr std::string_view kHandNames[] = {"baton", "tapered", "dauphine", "arrow", "skeleton", "rounded"};
  sample.truth = std::make_shared<const Json>(Json{{"width", look.size.width},
                                                   {"height", look.size.height},
                                                   {"hour", look.time.hour},
                                                   {"minute", look.time.minute},
                                                   {"second", look.shows_seconds ? look.time.second : -1},
                                                   {"body", std::string(enum_name(look.body))},
                                                   {"numerals", kNumeralNames[static_cast<size_t>(look.numerals)]},
                                                   {"hands", kHandNames[static_cast<size_t>(look.hands)]},
                                                   {"center", {look.center.x, look.center.y}},
                                                   {"radius", look.radius},
                                                   {"tilt_degrees", look.tilt * 180 / kPi},
                                                   {"squeeze", look.squeeze},
                                                   {"background", look.background.name}});
  return sample;
}

}  // namespace molmo::synth
