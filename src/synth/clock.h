// Analogue clocks and watches: how one looks, and drawing it.
//   const ClockLook look = draw_clock_look(options, draws);   image::Image picture = render(look);
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/enum_names.h"
#include "base/geometry.h"
#include "image/image.h"
#include "synth/background.h"
#include "synth/options.h"

namespace molmo::synth {

enum class ClockBody { Wall, Square, Wristwatch, Alarm, Pocket };
enum class Numerals { Arabic, ArabicQuarters, Roman, RomanQuarters, None };
enum class HandStyle { Baton, Tapered, Dauphine, Arrow, Skeleton, Rounded };

struct TimeOfDay {
  int hour = 0;  // 0 to 11
  int minute = 0, second = 0;
};

// Lengths and widths are shares of the dial's radius.
struct HandLook {
  double length = 0.5, width = 0.08, tail = 0.1;
  Color color;
};

struct ClockLook {
  ImageSize size;
  ClockBody body = ClockBody::Wall;
  Numerals numerals = Numerals::Arabic;
  HandStyle hands = HandStyle::Baton;
  HandLook hour, minute, second;
  TimeOfDay time;
  bool shows_seconds = false;
  bool second_is_moving = false;  // the minute hand moves with the seconds, not in whole minutes

  // From the dial (middle 0, radius 1, 12 o'clock at (0, -1)) to pixels.
  PointPx center;
  double radius = 100;
  double tilt = 0;                        // clockwise, in radians
  double squeeze = 1, squeeze_angle = 0;  // seen from the side: narrower in one direction of the picture

  Color dial, rim, ink, strap, accent;
  double rim_width = 0.06;
  bool has_hour_marks = true, has_minute_marks = false, has_dot_marks = false;
  bool has_date = false, has_subdials = false, has_hand_shadows = false;
  double glare = 0, glare_angle = 0;  // opacity
  std::string font, brand;
  int day_of_month = 1;

  Background background;
  std::vector<uint32_t> backdrop;
  double photo = 0;
  RandomStream photo_draws{0, "photo"};
};

ClockLook draw_clock_look(const SynthOptions& options, RandomStream& draws);

// Angle of a hand, clockwise from 12 o'clock on the dial, in radians.
double hour_angle(const ClockLook& look);
double minute_angle(const ClockLook& look);
double second_angle(const ClockLook& look);

// Without hands for checks of the truth.
image::Image render(const ClockLook& look, bool with_hands = true);

// [height, width]: of `time` 1 + 12 * hour + minute / 5 on the dial; of `kinds` 1 body, 2 dial, 3, 4 and 5 the hands of
// hours, minutes and seconds; of `hands` 1 body, 2 dial, 3 + minute and 63 + hour on the hands, which are wider than
// they are drawn; 0 elsewhere. Of `all`, beside scenes: a map of the hands whose classes lie behind those of all kinds,
// and two that are unlabelled (255). Throws InvalidArgument for other labels.
std::vector<uint8_t> label_map(const ClockLook& look, LabelMap labels);

}  // namespace molmo::synth

template <>
struct molmo::EnumNames<molmo::synth::ClockBody> {
  using enum synth::ClockBody;
  static constexpr EnumName<synth::ClockBody> kValues[] = {{Wall, "wall clock"},
                                                           {Square, "square clock"},
                                                           {Wristwatch, "wristwatch"},
                                                           {Alarm, "alarm clock"},
                                                           {Pocket, "pocket watch"}};
};
