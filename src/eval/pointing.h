// Pointing against masks (paper, table 11; reference: PointingEval of olmo/eval/evaluators.py).
//   const PointingScore score = score_pointing(answer, size, points, masks);
// Predicted points are matched with the true ones so that the sum of their distances is least; a match is a hit when
// the predicted point, rounded to whole pixels, lies in the mask of the true one. precision = hits / predictions,
// recall = hits / masks.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/geometry.h"

namespace molmo::eval {

struct Mask {
  ImageSize size;
  std::vector<bool> is_inside;  // [height, width]

  // Rounded half to even; outside of the picture is outside.
  bool contains(PointPx point) const;
};

// The whole text is one tag of points, or pairs in parentheses, and nothing else (white space around it aside): only
// such answers count where there is something to point at. Points beyond the picture do not matter here.
bool is_point_answer(std::string_view text);

// The predicted points of an answer, in pixels (text::parse_points).
std::vector<PointPx> predicted_points(std::string_view text, ImageSize size);

// Pairs (row, column) of least total cost, each row and column at most once, as many pairs as the smaller side has.
// costs: [num_rows, num_columns].
std::vector<std::pair<size_t, size_t>> match_least_cost(std::span<const double> costs, size_t num_rows,
                                                        size_t num_columns);

struct PointingScore {
  double precision = 0, recall = 0, f1 = 0;
};

// `truth` in pixels, one mask each. Without any: 1 where no point can be read from the answer, else 0. An answer of
// another form scores 0, and so does one whose points all lie beyond the picture (the reference fails there).
// Throws InvalidArgument when the number of masks differs from the number of points.
PointingScore score_pointing(std::string_view answer, ImageSize size, std::span<const PointPx> truth,
                             std::span<const Mask> masks);

}  // namespace molmo::eval
