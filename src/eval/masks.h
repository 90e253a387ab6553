// Masks in references: rows of text as the fixtures have them, or runs, which are small enough to keep; and the masks
// of drawn things.
#pragma once

#include <vector>

#include "base/json.h"
#include "eval/pointing.h"
#include "image/image.h"

namespace molmo::eval {

// [begin, length, begin, length, ...] of what is inside, row by row.
Json mask_runs(const Mask& mask);
Json mask_rows(const Mask& mask);  // a text of 0 and 1 for each row

// Of a reference with "width", "height" and "mask_rows" (per mask a list of texts of 0 and 1) or "mask_runs" (per mask
// its runs). Throws BadData for masks that do not fit the picture.
std::vector<Mask> read_masks(const Json& reference);

// The visible pixels of the thing at the point, from a label map of objects (synth/options.h).
Mask object_mask(const image::Image& objects, PointPx point);

}  // namespace molmo::eval
