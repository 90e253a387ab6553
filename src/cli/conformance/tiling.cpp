// tiling.json: picture size, window and crop limit -> rows and columns of crops.
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "cli/conformance/kind.h"
#include "image/crops.h"

namespace molmo::conformance {
namespace {

// Pixels that the overlap margins of the rows take from a side: 4 + 4 patches of 14 pixels.
constexpr int64_t kMarginPx = 112;
constexpr int64_t kMostGridCrops = 4096;  // the search takes the square of it
constexpr int64_t kLongestSide = 1 << 20;

int64_t length_px(const Json& row, const char* name) {
  const auto length = row.at(name).get<int64_t>();
  if (length < -kLongestSide || length > kLongestSide)
    fail(ErrorCategory::BadData, "{} is {}, expected at most {} pixels", name, length, kLongestSide);
  return length;
}

int64_t side_without_margins(const Json& row, const char* side, const char* argument) {
  const auto found = row.find(argument);
  return found != row.end() && found->is_number() ? length_px(row, argument) : length_px(row, side) - kMarginPx;
}

Json tiling_of(const Json& row) {
  const auto max_crops = row.at("max_crops").get<int64_t>();
  if (max_crops < 1 || max_crops > kMostGridCrops)
    fail(ErrorCategory::BadData, "max_crops is {}, expected 1 to {}", max_crops, kMostGridCrops);
  const auto tiling =
      image::select_tiling(side_without_margins(row, "h", "arg_h"), side_without_margins(row, "w", "arg_w"),
                           length_px(row, "window"), max_crops);
  return {tiling.rows, tiling.columns};
}

}  // namespace

void answer_tiling(Run& run, const std::filesystem::path& file) {
  run.answer_json(file, [](const Place& root, const Json& document) {
    const Json& rows = document.at("rows");
    for (size_t i = 0; i < rows.size(); ++i) {
      const Place row = root["rows"][i];
      row.attempt([&] { row["tiling"].answer(tiling_of(rows[i])); });
    }
  });
}

}  // namespace molmo::conformance
