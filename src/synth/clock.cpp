#include "synth/clock.h"

#include <cairo.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>

#include "base/enum_names.h"
#include "base/error.h"
#include "synth/canvas.h"
#include "synth/font.h"
#include "synth/label_classes.h"

namespace molmo::synth {
namespace {

class ClockPainter {
 public:
  ClockPainter(const ClockLook& look, Canvas& canvas) : look_(look), cairo_(canvas.cairo()) {
    cairo_identity_matrix(cairo_);
    cairo_translate(cairo_, look.center.x, look.center.y);
    cairo_rotate(cairo_, look.squeeze_angle);
    cairo_scale(cairo_, look.squeeze, 1);
    cairo_rotate(cairo_, look.tilt - look.squeeze_angle);
    cairo_scale(cairo_, look.radius, look.radius);
    cairo_set_line_join(cairo_, CAIRO_LINE_JOIN_ROUND);
  }

  void body() {
    const double outer = 1 + look_.rim_width;
    if (look_.body == ClockBody::Wristwatch) {
      for (const double direction : {-1.0, 1.0}) {
        set_color(cairo_, look_.strap);
        cairo_move_to(cairo_, -0.62, direction * 0.7);
        cairo_line_to(cairo_, 0.62, direction * 0.7);
        cairo_line_to(cairo_, 0.46, direction * 2.6);
        cairo_line_to(cairo_, -0.46, direction * 2.6);
        cairo_close_path(cairo_);
        cairo_fill(cairo_);
        cairo_set_line_width(cairo_, 0.03);
        set_color(cairo_, mix(look_.strap, {1, 1, 1}, 0.3));
        for (const double x : {-0.42, 0.42}) {
          cairo_move_to(cairo_, x * 1.2, direction * 0.9);
          cairo_line_to(cairo_, x, direction * 2.6);
        }
        const double dashes[] = {0.08, 0.05};
        cairo_set_dash(cairo_, dashes, 2, 0);
        cairo_stroke(cairo_);
        cairo_set_dash(cairo_, nullptr, 0, 0);
      }
      set_color(cairo_, mix(look_.rim, {0, 0, 0}, 0.25));
      rounded_rectangle(cairo_, outer - 0.02, -0.1, 0.13, 0.2, 0.04);
      cairo_fill(cairo_);
    } else if (look_.body == ClockBody::Alarm) {
      set_color(cairo_, mix(look_.rim, {0, 0, 0}, 0.2));
      for (const double side : {-1.0, 1.0}) {
        cairo_move_to(cairo_, side * 0.62, 0.8);
        cairo_line_to(cairo_, side * 0.85, 1.25);
        cairo_set_line_width(cairo_, 0.13);
        cairo_stroke(cairo_);
        cairo_save(cairo_);
        cairo_rotate(cairo_, side * 0.6);
        cairo_arc(cairo_, 0, -outer - 0.03, 0.3, kPi, 2 * kPi);
        cairo_close_path(cairo_);
        cairo_fill(cairo_);
        cairo_restore(cairo_);
      }
    } else if (look_.body == ClockBody::Pocket) {
      set_color(cairo_, look_.rim);
      cairo_set_line_width(cairo_, 0.06);
      cairo_arc(cairo_, 0, -outer - 0.22, 0.14, 0, 2 * kPi);
      cairo_stroke(cairo_);
      cairo_rectangle(cairo_, -0.09, -outer - 0.12, 0.18, 0.16);
      cairo_fill(cairo_);
    }
    outline(outer, 1);
    fill_metal();
  }

  void dial() {
    outline(1, 0.8);
    set_color(cairo_, look_.dial);
    cairo_fill_preserve(cairo_);
    set_color(cairo_, {0, 0, 0}, 0.25);
    cairo_set_line_width(cairo_, 0.015);
    cairo_stroke(cairo_);
    if (look_.has_subdials) subdials();
    marks();
    numerals();
    set_color(cairo_, look_.ink, 0.75);
    if (!look_.brand.empty()) text(look_.brand, 0, -0.34, 0.11, FontStyle::Regular);
    if (look_.has_date) date();
  }

  void hands() {
    if (look_.has_hand_shadows) {
      for (const HandLook* hand : {&look_.hour, &look_.minute}) {
        cairo_save(cairo_);
        cairo_translate(cairo_, 0.03, 0.04);
        HandLook shadow = *hand;
        shadow.color = mix(look_.dial, {0, 0, 0}, 0.3);
        hour_or_minute_hand(shadow, hand == &look_.hour ? hour_angle(look_) : minute_angle(look_));
        cairo_restore(cairo_);
      }
    }
    hour_hand();
    minute_hand();
    if (look_.shows_seconds) second_hand();
    set_color(cairo_, look_.shows_seconds ? look_.second.color : look_.hour.color);
    disc(0, 0, std::max(0.035, look_.hour.width * 0.6));
  }

  void hour_hand() { hour_or_minute_hand(look_.hour, hour_angle(look_)); }
  void minute_hand() { hour_or_minute_hand(look_.minute, minute_angle(look_)); }

  void second_hand() {
    cairo_save(cairo_);
    cairo_rotate(cairo_, second_angle(look_));
    set_color(cairo_, look_.second.color);
    cairo_set_line_width(cairo_, std::max(look_.second.width, 1.2 / look_.radius));
    cairo_move_to(cairo_, 0, look_.second.tail);
    cairo_line_to(cairo_, 0, -look_.second.length);
    cairo_stroke(cairo_);
    cairo_restore(cairo_);
  }

  void glare() {
    if (look_.glare <= 0) return;
    cairo_save(cairo_);
    outline(1, 0.8);
    cairo_clip(cairo_);
    cairo_rotate(cairo_, look_.glare_angle);
    const std::unique_ptr<cairo_pattern_t, decltype(&cairo_pattern_destroy)> light(
        cairo_pattern_create_linear(-1, 0, 0.6, 0), cairo_pattern_destroy);
    cairo_pattern_add_color_stop_rgba(light.get(), 0, 1, 1, 1, look_.glare * 1.5);
    cairo_pattern_add_color_stop_rgba(light.get(), 0.75, 1, 1, 1, look_.glare * 0.3);
    cairo_pattern_add_color_stop_rgba(light.get(), 0.76, 1, 1, 1, 0);
    cairo_set_source(cairo_, light.get());
    cairo_paint(cairo_);
    cairo_restore(cairo_);
  }

  // The edge of the dial or, with `reach` above 1, of the case.
  void outline(double reach, double corner) {
    if (look_.body == ClockBody::Square) {
      rounded_rectangle(cairo_, -reach, -reach, 2 * reach, 2 * reach, 0.15 * corner);
    } else {
      cairo_new_sub_path(cairo_);
      cairo_arc(cairo_, 0, 0, reach, 0, 2 * kPi);
    }
  }

 private:
  void disc(double x, double y, double radius) {
    cairo_new_sub_path(cairo_);
    cairo_arc(cairo_, x, y, radius, 0, 2 * kPi);
    cairo_fill(cairo_);
  }

  void fill_metal() {
    const std::unique_ptr<cairo_pattern_t, decltype(&cairo_pattern_destroy)> shine(
        cairo_pattern_create_linear(-1, -1, 1, 1), cairo_pattern_destroy);
    const Color light = mix(look_.rim, {1, 1, 1}, 0.45), dark = mix(look_.rim, {0, 0, 0}, 0.3);
    cairo_pattern_add_color_stop_rgb(shine.get(), 0, light.red, light.green, light.blue);
    cairo_pattern_add_color_stop_rgb(shine.get(), 1, dark.red, dark.green, dark.blue);
    cairo_set_source(cairo_, shine.get());
    cairo_fill(cairo_);
  }

  // How far the edge of the dial is from the middle in a direction.
  double reach(double angle) const {
    if (look_.body != ClockBody::Square) return 1;
    return 1 / std::max(std::abs(std::sin(angle)), std::abs(std::cos(angle)));
  }

  void marks() {
    set_color(cairo_, look_.ink);
    for (int i = 0; i < 60; ++i) {
      const bool is_hour = i % 5 == 0;
      if (!(is_hour ? look_.has_hour_marks : look_.has_minute_marks)) continue;
      const double angle = kPi * i / 30;
      cairo_save(cairo_);
      cairo_rotate(cairo_, angle);
      const double edge = reach(angle) * 0.965;
      if (look_.has_dot_marks) {
        disc(0, -edge + 0.02, is_hour ? 0.03 : 0.012);
      } else {
        cairo_set_line_width(cairo_, is_hour ? 0.035 : 0.013);
        cairo_move_to(cairo_, 0, -edge);
        cairo_line_to(cairo_, 0, -edge + (is_hour ? (i % 15 == 0 ? 0.12 : 0.09) : 0.045));
        cairo_stroke(cairo_);
      }
      cairo_restore(cairo_);
    }
  }

  // In the middle of (x, y).
  void text(const std::string& words, double x, double y, double size, FontStyle style) {
    const Font& font = find_font(look_.font, style);
    font.draw(cairo_, words, x, y + font.cap_height() * size / 2, size, Align::Center);
  }

  void numerals() {
    if (look_.numerals == Numerals::None) return;
    static constexpr std::array<const char*, 12> kRoman = {"XII", "I",   "II",   "III", "IIII", "V",
                                                           "VI",  "VII", "VIII", "IX",  "X",    "XI"};
    const bool is_roman = look_.numerals == Numerals::Roman || look_.numerals == Numerals::RomanQuarters;
    const bool is_quarters = look_.numerals == Numerals::ArabicQuarters || look_.numerals == Numerals::RomanQuarters;
    const double size = is_roman ? 0.17 : is_quarters ? 0.28 : 0.22;
    set_color(cairo_, look_.ink);
    for (int hour = 0; hour < 12; hour += is_quarters ? 3 : 1) {
      const double angle = kPi * hour / 6;
      const double at = (look_.has_hour_marks ? 0.73 : 0.82) * std::min(reach(angle), 1.15);
      text(is_roman ? kRoman[static_cast<size_t>(hour)] : std::to_string(hour == 0 ? 12 : hour), at * std::sin(angle),
           -at * std::cos(angle), size, FontStyle::Bold);
    }
  }

  void subdials() {
    for (const double x : {-0.42, 0.42}) {
      set_color(cairo_, mix(look_.dial, look_.ink, 0.12));
      disc(x, 0, 0.22);
      cairo_set_line_width(cairo_, 0.015);
      set_color(cairo_, look_.ink, 0.5);
      cairo_arc(cairo_, x, 0, 0.22, 0, 2 * kPi);
      cairo_stroke(cairo_);
      cairo_move_to(cairo_, x, 0);
      cairo_rel_line_to(cairo_, 0.12 * (x > 0 ? 1 : -0.6), -0.12);
      cairo_stroke(cairo_);
    }
  }

  void date() {
    set_color(cairo_, {1, 1, 1});
    cairo_rectangle(cairo_, 0.46, -0.09, 0.2, 0.18);
    cairo_fill_preserve(cairo_);
    set_color(cairo_, {0.2, 0.2, 0.2});
    cairo_set_line_width(cairo_, 0.012);
    cairo_stroke(cairo_);
    text(std::to_string(look_.day_of_month), 0.56, 0, 0.13, FontStyle::Regular);
  }

  void hour_or_minute_hand(const HandLook& hand, double angle) {
    cairo_save(cairo_);
    cairo_rotate(cairo_, angle);
    const double half = std::max(hand.width, 2 / look_.radius) / 2, tip = -hand.length;
    set_color(cairo_, hand.color);
    switch (look_.hands) {
      case HandStyle::Baton:
        cairo_rectangle(cairo_, -half, tip, 2 * half, hand.length + hand.tail);
        break;
      case HandStyle::Rounded:
        rounded_rectangle(cairo_, -half, tip, 2 * half, hand.length + std::max(hand.tail, half), half);
        break;
      case HandStyle::Tapered:
        cairo_move_to(cairo_, -half * 1.3, hand.tail);
        cairo_line_to(cairo_, half * 1.3, hand.tail);
        cairo_line_to(cairo_, half * 0.35, tip);
        cairo_line_to(cairo_, -half * 0.35, tip);
        break;
      case HandStyle::Dauphine:
        cairo_move_to(cairo_, 0, std::max(hand.tail, 0.05));
        cairo_line_to(cairo_, half * 1.6, -hand.length * 0.2);
        cairo_line_to(cairo_, 0, tip);
        cairo_line_to(cairo_, -half * 1.6, -hand.length * 0.2);
        break;
      case HandStyle::Arrow: {
        const double head = 3.2 * half;
        const double corners[][2] = {{-half * 0.7, hand.tail},
                                     {half * 0.7, hand.tail},
                                     {half * 0.7, tip + 2 * head},
                                     {head, tip + 2 * head},
                                     {0, tip},
                                     {-head, tip + 2 * head},
                                     {-half * 0.7, tip + 2 * head}};
        for (const auto& corner : corners) cairo_line_to(cairo_, corner[0], corner[1]);
        break;
      }
      case HandStyle::Skeleton: {
        rounded_rectangle(cairo_, -half, tip, 2 * half, hand.length * 0.75, half);
        cairo_set_line_width(cairo_, std::max(0.022, 1.5 / look_.radius));
        cairo_stroke(cairo_);
        cairo_rectangle(cairo_, -half * 0.45, -hand.length * 0.25, half * 0.9, hand.length * 0.25 + hand.tail);
        break;
      }
    }
    cairo_close_path(cairo_);
    cairo_fill(cairo_);
    cairo_restore(cairo_);
  }

  const ClockLook& look_;
  cairo_t* cairo_;
};

// Adds the class where a part was drawn on an empty canvas.
void mark_part(const ClockLook& look, std::vector<uint8_t>& classes, uint8_t value,
               void (*draw)(ClockPainter&, cairo_t*)) {
  Canvas canvas(look.size);
  ClockPainter painter(look, canvas);
  draw(painter, canvas.cairo());
  const auto pixels = canvas.pixels();
  for (size_t i = 0; i < classes.size(); ++i) {
    if (pixels[i] >> 24 >= 128) classes[i] = value;
  }
}

}  // namespace

double second_angle(const ClockLook& look) {
  return 2 * kPi * look.time.second / 60;
}

double minute_angle(const ClockLook& look) {
  const double second = look.shows_seconds && look.second_is_moving ? look.time.second : 0;
  return 2 * kPi * (look.time.minute + second / 60) / 60;
}

double hour_angle(const ClockLook& look) {
  return 2 * kPi * (look.time.hour + look.time.minute / 60.0) / 12;
}

image::Image render(const ClockLook& look, bool with_hands) {
  Canvas canvas(look.size);
  std::copy(look.backdrop.begin(), look.backdrop.end(), canvas.pixels().begin());
  canvas.pixels_changed();
  ClockPainter painter(look, canvas);
  painter.body();
  painter.dial();
  if (with_hands) painter.hands();
  painter.glare();
  if (look.photo > 0) {
    RandomStream draws = look.photo_draws;
    photograph(canvas, look.photo, draws);
  }
  return canvas.image();
}

std::vector<uint8_t> label_map(const ClockLook& look, LabelMap labels) {
  if (labels == LabelMap::All) {
    std::vector<uint8_t> all = label_map(look, LabelMap::Hands);
    for (uint8_t& value : all) value = value == 0 ? 0 : static_cast<uint8_t>(value + first_hand_class());
    all.resize(3 * all.size(), 255);
    return all;
  }
  std::vector<uint8_t> classes(static_cast<size_t>(look.size.height * look.size.width), 0);
  const auto dial = [](ClockPainter& painter, cairo_t* cairo) {
    painter.outline(1, 0.8);
    set_color(cairo, {0, 0, 0});
    cairo_fill(cairo);
  };
  const auto body = [](ClockPainter& painter, cairo_t*) { painter.body(); };
  const auto hour_hand = [](ClockPainter& painter, cairo_t*) { painter.hour_hand(); };
  const auto minute_hand = [](ClockPainter& painter, cairo_t*) { painter.minute_hand(); };
  switch (labels) {
    case LabelMap::Time:
      mark_part(look, classes, static_cast<uint8_t>(1 + 12 * look.time.hour + look.time.minute / 5), dial);
      break;
    case LabelMap::Hands: {
      // Thick enough to be what most of a patch shows.
      ClockLook thick = look;
      thick.hands = HandStyle::Baton;
      thick.hour.width = thick.minute.width = 0.16;
      mark_part(look, classes, 1, body);
      mark_part(look, classes, 2, dial);
      mark_part(thick, classes, static_cast<uint8_t>(3 + look.time.minute), minute_hand);
      mark_part(thick, classes, static_cast<uint8_t>(63 + look.time.hour), hour_hand);
      break;
    }
    case LabelMap::Kinds:
      mark_part(look, classes, 1, body);
      mark_part(look, classes, 2, dial);
      mark_part(look, classes, 3, hour_hand);
      mark_part(look, classes, 4, minute_hand);
      if (look.shows_seconds)
        mark_part(look, classes, 5, [](ClockPainter& painter, cairo_t*) { painter.second_hand(); });
      break;
    default:
      fail(ErrorCategory::InvalidArgument,
           "labels: '{}' are not those of clocks, of which there are kinds, time, hands and all", enum_name(labels));
  }
  return classes;
}

}  // namespace molmo::synth
