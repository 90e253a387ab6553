// Masks in references: rows of text as the fixtures have them, or runs, which are small enough to keep.
#pragma once

#include <vector>

#include "base/json.h"
#include "eval/pointing.h"

namespace molmo::eval {

// [begin, length, begin, length, ...] of what is inside, row by row.
Json mask_runs(const Mask& mask);

// Of a reference with "width", "height" and "mask_rows" (per mask a list of texts of 0 and 1) or "mask_runs" (per mask
// its runs). Throws BadData for masks that do not fit the picture.
std::vector<Mask> read_masks(const Json& reference);

}  // namespace molmo::eval
