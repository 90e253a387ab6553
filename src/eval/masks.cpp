#include "eval/masks.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.h"

namespace molmo::eval {
namespace {

constexpr int64_t kMaxPixels = 64 << 20;

Mask read_rows(const Json& rows, ImageSize size) {
  if (static_cast<int64_t>(rows.size()) != size.height)
    fail(ErrorCategory::BadData, "a mask has {} rows, expected {}", rows.size(), size.height);
  Mask mask{size, {}};
  for (const Json& row : rows) {
    const auto& text = row.get_ref<const std::string&>();
    if (static_cast<int64_t>(text.size()) != size.width)
      fail(ErrorCategory::BadData, "a row of a mask has {} signs, expected {}", text.size(), size.width);
    for (const char c : text) mask.is_inside.push_back(c == '1');
  }
  return mask;
}

Mask read_runs(const Json& runs, ImageSize size) {
  Mask mask{size, std::vector<bool>(static_cast<size_t>(size.height * size.width), false)};
  const auto num_pixels = static_cast<int64_t>(mask.is_inside.size());
  for (size_t i = 0; i + 1 < runs.size(); i += 2) {
    const auto begin = runs[i].get<int64_t>(), length = runs[i + 1].get<int64_t>();
    if (begin < 0 || length < 0 || begin > num_pixels || length > num_pixels - begin)
      fail(ErrorCategory::BadData, "a run of a mask is {} pixels from {}, but the picture has {}", length, begin,
           num_pixels);
    for (int64_t p = begin; p < begin + length; ++p) mask.is_inside[static_cast<size_t>(p)] = true;
  }
  return mask;
}

}  // namespace

Json mask_runs(const Mask& mask) {
  Json runs = Json::array();
  const auto& inside = mask.is_inside;
  for (size_t begin = 0; begin < inside.size();) {
    size_t end = begin;
    while (end < inside.size() && inside[end]) ++end;
    if (end > begin) runs.push_back(begin), runs.push_back(end - begin);
    begin = end + 1;
  }
  return runs;
}

Json mask_rows(const Mask& mask) {
  Json rows = Json::array();
  std::string row;
  for (const bool is_inside : mask.is_inside) {
    row += is_inside ? '1' : '0';
    if (static_cast<int64_t>(row.size()) == mask.size.width) rows.push_back(std::exchange(row, {}));
  }
  return rows;
}

std::vector<Mask> read_masks(const Json& reference) {
  const ImageSize size{reference.at("height").get<int64_t>(), reference.at("width").get<int64_t>()};
  if (size.height < 1 || size.width < 1 || size.height > kMaxPixels / size.width)
    fail(ErrorCategory::BadData, "a picture is {} x {}, expected at least one pixel and at most {}", size.width,
         size.height, kMaxPixels);
  std::vector<Mask> masks;
  if (reference.contains("mask_rows")) {
    for (const Json& rows : reference["mask_rows"]) masks.push_back(read_rows(rows, size));
  } else {
    for (const Json& runs : reference.at("mask_runs")) masks.push_back(read_runs(runs, size));
  }
  return masks;
}

Mask object_mask(const image::Image& objects, PointPx point) {
  const auto class_at = [&](size_t pixel) { return objects.pixels[3 * pixel]; };
  constexpr double kRounding = 1e-6;  // of percent and back
  const auto x = static_cast<int64_t>(point.x + kRounding), y = static_cast<int64_t>(point.y + kRounding);
  const uint8_t object = class_at(static_cast<size_t>(y * objects.size.width + x));
  check_internal(object != 0, "points of scenes lie on their objects");
  Mask mask{objects.size, std::vector<bool>(objects.pixels.size() / 3)};
  for (size_t i = 0; i < mask.is_inside.size(); ++i) mask.is_inside[i] = class_at(i) == object;
  return mask;
}

}  // namespace molmo::eval
