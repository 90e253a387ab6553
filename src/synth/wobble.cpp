#include "synth/wobble.h"

#include <cairo.h>

#include <cmath>
#include <memory>

#include "synth/draws.h"

namespace molmo::synth {

Wobble::Wobble(double amount, RandomStream& draws, double tremor) : amount_(amount) {
  for (auto& wave : waves_) {
    wave[0] = between(draws, 0, 2 * kPi);
    wave[1] = between(draws, 0, 2 * kPi);
  }
  if (tremor <= 0) return;
  constexpr size_t kPieces = 97;
  constexpr double kStays = 0.85;  // of how far the piece before strayed
  std::array<double, 2> strayed{};
  tremor_.reserve(kPieces);
  for (size_t i = 0; i < kPieces; ++i) {
    for (double& value : strayed) value = kStays * value + between(draws, -tremor, tremor);
    tremor_.push_back(strayed);
  }
}

void Wobble::apply(cairo_t* cairo) const {
  if (amount_ <= 0) return;
  const std::unique_ptr<cairo_path_t, decltype(&cairo_path_destroy)> path(cairo_copy_path_flat(cairo),
                                                                          cairo_path_destroy);
  cairo_new_path(cairo);
  std::array<double, 2> last{}, first{};
  size_t piece = 0;
  for (int i = 0; i < path->num_data; i += path->data[i].header.length) {
    const auto type = path->data[i].header.type;
    if (type == CAIRO_PATH_CLOSE_PATH) {
      line(cairo, last, first, piece);
      if (tremor_.empty()) cairo_close_path(cairo);
      last = first;
      continue;
    }
    const std::array<double, 2> point{path->data[i + 1].point.x, path->data[i + 1].point.y};
    if (type == CAIRO_PATH_MOVE_TO) {
      const auto moved = move(point, ++piece);
      cairo_move_to(cairo, moved[0], moved[1]);
      first = point;
    } else {
      line(cairo, last, point, piece);
    }
    last = point;
  }
}

std::array<double, 2> Wobble::move(std::array<double, 2> point, size_t piece) const {
  const double angle = std::atan2(point[1], point[0]);
  double dx = 0, dy = 0;
  for (size_t i = 0; i < waves_.size(); ++i) {
    const double turns = static_cast<double>(i) + 2;
    dx += std::sin(turns * angle + waves_[i][0]) / turns;
    dy += std::sin(turns * angle + waves_[i][1]) / turns;
  }
  std::array<double, 2> moved{point[0] + amount_ * dx, point[1] + amount_ * dy};
  if (!tremor_.empty()) {
    const auto& strayed = tremor_[piece % tremor_.size()];
    moved = {moved[0] + strayed[0], moved[1] + strayed[1]};
  }
  return moved;
}

void Wobble::line(cairo_t* cairo, std::array<double, 2> from, std::array<double, 2> to, size_t& piece) const {
  const int pieces = 1 + static_cast<int>(std::hypot(to[0] - from[0], to[1] - from[1]) / 0.15);
  for (int i = 1; i <= pieces; ++i) {
    const double share = static_cast<double>(i) / pieces;
    const auto moved = move({from[0] + (to[0] - from[0]) * share, from[1] + (to[1] - from[1]) * share}, ++piece);
    cairo_line_to(cairo, moved[0], moved[1]);
  }
}

}  // namespace molmo::synth
