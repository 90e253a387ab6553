#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "text/points.h"

namespace molmo::text {
namespace {

template <class T>
struct Percent {
  T x, y;
};

// Arithmetic is in T except for the division by a pair, which the reference does in double precision.
template <class T>
Percent<T> to_percent(const std::array<double, 2>& point, const PointScale& scale) {
  const T x = static_cast<T>(point[0]), y = static_cast<T>(point[1]);
  if (const auto* unit = std::get_if<std::array<double, 2>>(&scale)) {
    return {static_cast<T>(x / (*unit)[0]), static_cast<T>(y / (*unit)[1])};
  }
  const T factor = static_cast<T>(100 / std::get<double>(scale));
  return {x * factor, y * factor};
}

template <class T>
T round_to_tenth(T value) {
  return std::nearbyint(value * T{10}) / T{10};
}

template <class T>
std::string print(std::span<const std::array<double, 2>> points, const PointScale& scale, std::string_view label,
                  std::string_view alt) {
  std::vector<Percent<T>> rounded;
  for (const auto& point : points) {
    const Percent<T> percent = to_percent<T>(point, scale);
    rounded.push_back({round_to_tenth(percent.x), round_to_tenth(percent.y)});
  }
  const auto sort_key = [](const Percent<T>& point) { return point.x * T{10000} + point.y; };
  std::stable_sort(rounded.begin(), rounded.end(),
                   [&](const auto& a, const auto& b) { return sort_key(a) < sort_key(b); });
  if (rounded.size() == 1) {
    return fmt::format("<point x=\"{:.1f}\" y=\"{:.1f}\" alt=\"{}\">{}</point>", rounded[0].x, rounded[0].y, alt,
                       label);
  }
  std::string attributes;
  for (size_t i = 0; i < rounded.size(); ++i) {
    attributes += fmt::format("x{0}=\"{1:.1f}\" y{0}=\"{2:.1f}\" ", i + 1, rounded[i].x, rounded[i].y);
  }
  return fmt::format("<points {}alt=\"{}\">{}</points>", attributes, alt, label);
}

}  // namespace

std::string point_text(std::span<const std::array<double, 2>> points, const PointScale& scale, std::string_view label,
                       std::string_view alt, PointPrecision precision) {
  return precision == PointPrecision::F32 ? print<float>(points, scale, label, alt)
                                          : print<double>(points, scale, label, alt);
}

}  // namespace molmo::text
