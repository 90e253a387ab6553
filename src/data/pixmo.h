// What the PixMo sets share: the columns that are published, rows grouped by picture, and where pictures lie
// (reference: olmo/data/pixmo_datasets.py, olmo/data/download_urls.py).
// A folder of a set holds its parquet files, as the hub has them, and the folder `images`:
//   pixmo-cap/data/train-00000-of-00002.parquet
//   pixmo-cap/images/<SHA-256 of the text of image_url, lower-case hex>     as `molmo data fetch` leaves them
// An image_url without "://" is the path of a file below the folder of the set; that is what generated data have.
// Clocks have no image_url: their pictures are images/<example_id>.png or .jpg. Docs carry their pictures inside.
// The option "images=DIR" names another folder of pictures, so that sets can share one.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/json.h"
#include "data/parquet.h"

namespace molmo::data {

// Columns of a published table: "pixmo-cap", "pixmo-cap-qa", "pixmo-ask-model-anything", "pixmo-points",
// "pixmo-point-explanations", "pixmo-docs", "pixmo-clocks", "pixmo-count", "pixmo-points-eval".
// Throws InvalidArgument for another name.
const std::vector<TableColumn>& pixmo_columns(std::string_view table);

// Lower-case hex SHA-256 of the text of a URL: the name of its file.
std::string url_file_name(std::string_view url);

// Which pictures are there; the folder is listed once.
class PictureFolder {
 public:
  // `set_folder`: for URLs that are paths. A folder that does not exist is empty.
  PictureFolder(std::filesystem::path images, std::filesystem::path set_folder);
  // Nothing where the picture is not there, and for a path that leads out of the folder.
  std::optional<std::filesystem::path> find(std::string_view url) const;
  // The file of this name, where it is there.
  std::optional<std::filesystem::path> named(const std::string& name) const;

 private:
  std::filesystem::path images_, set_folder_;
  std::unordered_set<std::string> names_;
};

// One record for the rows of one picture: its URL, `image`, and every other column as a list. The hash of the picture
// is dropped, or kept once as `original_sha256` where downloads were not checked against it. Throws BadData where the
// rows disagree on it.
Json group_rows(std::span<const Json> rows, std::string_view image, bool hashes_were_checked);

}  // namespace molmo::data
