#include "eval/pointing.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "eval/python_text.h"
#include "text/points.h"
#include "text/utf8.h"

namespace molmo::eval {
namespace {

// Reads one of the forms from left to right. No form needs to go back.
class FormReader {
 public:
  explicit FormReader(std::string_view text) : rest_(text) {}

  bool is_at_end() const { return rest_.empty(); }

  bool take(std::string_view expected) {
    if (!rest_.starts_with(expected)) return false;
    rest_.remove_prefix(expected.size());
    return true;
  }

  template <class Predicate>
  size_t skip(Predicate predicate, size_t most = std::numeric_limits<size_t>::max()) {
    size_t count = 0;
    while (!rest_.empty() && count < most) {
      const text::Utf8Char next = text::decode_utf8(rest_);
      if (!next.is_valid || !predicate(next.code_point)) break;
      rest_.remove_prefix(next.num_bytes);
      ++count;
    }
    return count;
  }
  size_t spaces() { return skip(is_space); }
  size_t digits(size_t most = std::numeric_limits<size_t>::max()) {
    return skip([](char32_t c) { return digit_value(c).has_value(); }, most);
  }

  // \d+(\.\d+)?
  bool number() {
    if (digits() == 0) return false;
    FormReader fraction = *this;
    if (fraction.take(".") && fraction.digits() > 0) *this = fraction;
    return true;
  }

  // \(\s*-?NUMBER\s*,\s*-?NUMBER\s*\)\n?
  bool pair() {
    if (!take("(") || !coordinate() || !take(",") || !coordinate() || !take(")")) return false;
    take("\n");
    return true;
  }

  // NAME\d*="\s*NUMBER"\s+, with a number in the name or without one
  bool attribute(std::string_view name, bool is_numbered) {
    if (!take(name) || (is_numbered && digits() == 0) || !take("=\"")) return false;
    spaces();
    return number() && take("\"") && spaces() > 0;
  }

  // \s*\d{3}\s*,\s*\d{3}\s+, after the `=`
  bool tenths() {
    spaces();
    if (digits(3) < 3) return false;
    spaces();
    if (!take(",")) return false;
    spaces();
    return digits(3) == 3 && spaces() > 0;
  }

  // alt="...">...CLOSE up to the end of the text
  bool rest_of_tag(std::string_view close) {
    if (!take("alt=\"") || !rest_.ends_with(close)) return false;
    return rest_.substr(0, rest_.size() - close.size()).find("\">") != std::string_view::npos;
  }

 private:
  bool coordinate() {
    spaces();
    take("-");
    if (!number()) return false;
    spaces();
    return true;
  }

  std::string_view rest_;
};

bool is_pairs(FormReader reader) {
  do {
    if (!reader.pair()) return false;
  } while (!reader.is_at_end());
  return true;
}

bool is_point_tag(FormReader reader) {
  if (!reader.take("<point") || reader.spaces() == 0) return false;
  FormReader tenths = reader;
  if (tenths.take("p=")) return tenths.tenths() && tenths.rest_of_tag("</point>");
  return reader.attribute("x", false) && reader.attribute("y", false) && reader.rest_of_tag("</point>");
}

bool is_points_tag(FormReader reader) {
  if (!reader.take("<points") || reader.spaces() == 0) return false;
  int num_points = 0;
  for (;; ++num_points) {
    FormReader point = reader;
    const bool is_point = point.digits() > 0 ? point.take("=") && point.tenths()
                                             : point.attribute("x", true) && point.attribute("y", true);
    if (!is_point) break;
    reader = point;
  }
  return num_points > 0 && reader.rest_of_tag("</points>");
}

}  // namespace

bool Mask::contains(PointPx point) const {
  const double x = std::nearbyint(point.x), y = std::nearbyint(point.y);
  if (!(x >= 0 && y >= 0 && x < static_cast<double>(size.width) && y < static_cast<double>(size.height))) return false;
  return is_inside[static_cast<size_t>(y) * static_cast<size_t>(size.width) + static_cast<size_t>(x)];
}

bool is_point_answer(std::string_view text) {
  const FormReader reader(strip(text));
  return is_pairs(reader) || is_point_tag(reader) || is_points_tag(reader);
}

std::vector<PointPx> predicted_points(std::string_view text, ImageSize size) {
  std::vector<PointPx> points;
  for (const text::LabelledPoint& point : text::parse_points(text)) points.push_back(to_px(point.at, size));
  return points;
}

// Shortest augmenting paths, one row after the other (Jonker-Volgenant in the form of Crouse, 2016, as scipy has it).
std::vector<std::pair<size_t, size_t>> match_least_cost(std::span<const double> costs, size_t num_rows,
                                                        size_t num_columns) {
  check_internal(costs.size() == num_rows * num_columns, "a cost for every pair");
  const bool is_turned = num_rows > num_columns;  // the paths begin on the shorter side
  const size_t n = std::min(num_rows, num_columns), m = std::max(num_rows, num_columns);
  const auto cost = [&](size_t i, size_t j) {
    return is_turned ? costs[j * num_columns + i] : costs[i * num_columns + j];
  };
  constexpr size_t kNone = std::numeric_limits<size_t>::max();
  std::vector<double> row_price(n, 0), column_price(m, 0), shortest(m);
  std::vector<size_t> row_of(m, kNone), came_from(m);
  for (size_t start = 0; start < n; ++start) {
    std::fill(shortest.begin(), shortest.end(), std::numeric_limits<double>::infinity());
    std::vector<bool> is_reached(m, false);
    std::vector<size_t> reached;
    double least = 0;
    size_t row = start, last = kNone;
    while (last == kNone) {
      size_t best = kNone;
      for (size_t j = 0; j < m; ++j) {
        if (is_reached[j]) continue;
        const double length = least + cost(row, j) - row_price[row] - column_price[j];
        if (length < shortest[j]) shortest[j] = length, came_from[j] = row;
        const bool is_better = best == kNone || shortest[j] < shortest[best] ||
                               (shortest[j] == shortest[best] && row_of[j] == kNone && row_of[best] != kNone);
        if (is_better) best = j;
      }
      least = shortest[best];
      is_reached[best] = true;
      reached.push_back(best);
      row_of[best] == kNone ? last = best : row = row_of[best];
    }
    row_price[start] += least;
    for (const size_t j : reached) {
      if (row_of[j] != kNone) row_price[row_of[j]] += least - shortest[j];
      column_price[j] -= least - shortest[j];
    }
    for (size_t j = last;;) {  // turn the path over
      const size_t i = came_from[j];
      size_t previous = kNone;
      if (i != start) previous = static_cast<size_t>(std::find(row_of.begin(), row_of.end(), i) - row_of.begin());
      row_of[j] = i;
      if (previous == kNone) break;
      j = previous;
    }
  }
  std::vector<std::pair<size_t, size_t>> pairs;
  for (size_t j = 0; j < m; ++j) {
    if (row_of[j] != kNone) pairs.emplace_back(is_turned ? j : row_of[j], is_turned ? row_of[j] : j);
  }
  return pairs;
}

PointingScore score_pointing(std::string_view answer, ImageSize size, std::span<const PointPx> truth,
                             std::span<const Mask> masks) {
  if (truth.size() != masks.size()) {
    fail(ErrorCategory::InvalidArgument, "{} points, but {} masks; expected one mask for each point", truth.size(),
         masks.size());
  }
  const std::vector<PointPx> predicted = predicted_points(answer, size);
  if (truth.empty()) return predicted.empty() ? PointingScore{1, 1, 1} : PointingScore{};
  if (predicted.empty() || !is_point_answer(answer)) return {};
  std::vector<double> distances;
  for (const PointPx& p : predicted) {
    for (const PointPx& t : truth) distances.push_back(std::hypot(p.x - t.x, p.y - t.y));
  }
  double hits = 0;
  for (const auto& [i, j] : match_least_cost(distances, predicted.size(), truth.size()))
    hits += masks[j].contains(predicted[i]);
  PointingScore score{hits / static_cast<double>(predicted.size()), hits / static_cast<double>(masks.size()), 0};
  if (hits > 0) score.f1 = 2 * score.precision * score.recall / (score.precision + score.recall + 1e-10);
  return score;
}

}  // namespace molmo::eval
