// Many pictures on one sheet, each with its points and a few lines of text, to be looked at.
//   write_jpeg(contact_sheet(tiles, {.columns = 4}), "sheet.jpg");
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/geometry.h"
#include "image/image.h"

namespace molmo::report {

struct ContactTile {
  image::Image picture;
  std::vector<PointPx> marks;      // in the picture
  std::vector<std::string> lines;  // below it; a long line is broken between words
};

struct ContactSheetOptions {
  int columns = 4;
  int tile_px = 224;  // longer side of a picture on the sheet
  double font_px = 11;
  int lines_per_tile = 4;  // what does not fit is cut with an ellipsis
};

// Throws InvalidArgument for no tiles, Unsupported when the sheet would be over 32,767 pixels high.
image::Image contact_sheet(std::span<const ContactTile> tiles, const ContactSheetOptions& options = {});

}  // namespace molmo::report
