// Pictures that tables name or carry.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/geometry.h"
#include "data/dataset.h"
#include "data/row.h"

namespace molmo::data {

// The picture `name` in `folder`. Throws BadData, beginning with `where`, where the file is missing, or the name would
// lead out of the folder.
Picture find_picture(const std::filesystem::path& folder, std::string_view name, std::string_view where);

// The picture that a column of a table carries, {"bytes": ..., "path": ...}; nothing where it is null. Throws BadData.
std::optional<Picture> carried_picture(const Row& row, std::string_view column);
Picture required_picture(const Row& row, std::string_view column);  // null is BadData, too

// From the header of a PNG. Throws BadData, naming `source`, for anything else.
ImageSize png_size(std::string_view bytes, std::string_view source);

// Whether a PNG or JPEG is gray without alpha, or has a palette: what the reference's library opens as one channel.
bool has_one_channel(std::string_view bytes);

}  // namespace molmo::data
