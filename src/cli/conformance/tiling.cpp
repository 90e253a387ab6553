// tiling.json: picture size, window and crop limit -> rows and columns of crops.
#include <nlohmann/json.hpp>

#include "cli/conformance/kind.h"
#include "image/crops.h"

namespace molmo::conformance {
namespace {

// Pixels that the overlap margins of the rows take from a side: 4 + 4 patches of 14 pixels.
constexpr int64_t kMarginPx = 112;

int64_t side_without_margins(const Json& row, const char* side, const char* argument) {
  const auto found = row.find(argument);
  return found != row.end() && found->is_number() ? found->get<int64_t>() : row.at(side).get<int64_t>() - kMarginPx;
}

}  // namespace

void answer_tiling(Run& run, const std::filesystem::path& file) {
  run.answer_json(file, [](const Place& root, const Json& document) {
    const Json& rows = document.at("rows");
    for (size_t i = 0; i < rows.size(); ++i) {
      const Place row = root["rows"][i];
      const int64_t height = side_without_margins(rows[i], "h", "arg_h"),
                    width = side_without_margins(rows[i], "w", "arg_w");
      const auto tiling = image::select_tiling(height, width, rows[i].at("window").get<int64_t>(),
                                               rows[i].at("max_crops").get<int64_t>());
      row["tiling"].answer({tiling.rows, tiling.columns});
    }
  });
}

}  // namespace molmo::conformance
