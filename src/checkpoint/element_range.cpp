#include "checkpoint/element_range.h"

#include <algorithm>
#include <functional>
#include <numeric>

namespace molmo::checkpoint {
namespace {

int64_t product(auto begin, auto end) {
  return std::accumulate(begin, end, int64_t{1}, std::multiplies<>());
}

// The elements of a range as runs that are consecutive in the whole tensor, in ascending order.
class Runs {
 public:
  explicit Runs(const ElementRange& range) : begin_(range.begin), end_(range.begin + range.count), at_(range.begin) {
    const auto& [axis, size, ranges] = range.slice;
    if (ranges.empty()) {
      period_ = part_period_ = product(range.shape.begin(), range.shape.end());
      in_period_ = {{0, period_}};
      return;
    }
    const int64_t inner = product(range.shape.begin() + axis + 1, range.shape.end());
    period_ = range.shape[static_cast<size_t>(axis)] * inner;
    for (const auto& [begin, end] : ranges) {
      in_period_.push_back({begin * inner, end * inner});
      part_period_ += (end - begin) * inner;
    }
  }

  struct Run {
    int64_t in_whole, in_range, count;
  };
  bool is_at_end() const { return at_ >= end_; }
  Run run() const {
    int64_t rest = at_ % part_period_;
    size_t i = 0;
    for (; rest >= in_period_[i][1] - in_period_[i][0]; ++i) rest -= in_period_[i][1] - in_period_[i][0];
    return {.in_whole = at_ / part_period_ * period_ + in_period_[i][0] + rest,
            .in_range = at_ - begin_,
            .count = std::min(in_period_[i][1] - in_period_[i][0] - rest, end_ - at_)};
  }
  void advance(int64_t count) { at_ += count; }

 private:
  int64_t begin_, end_, at_;
  int64_t period_ = 0, part_period_ = 0;  // elements until the pattern repeats, of the whole and of the slice
  std::vector<model::Range> in_period_;
};

}  // namespace

int64_t count_elements(const std::vector<int64_t>& shape, const model::TensorSlice& slice) {
  const auto part = slice.part_shape(shape);
  return product(part.begin(), part.end());
}

void visit_common(const ElementRange& a, const ElementRange& b,
                  const std::function<void(int64_t in_a, int64_t in_b, int64_t count)>& visit) {
  if (a.count == 0 || b.count == 0) return;
  if (a.slice == b.slice) {
    const int64_t begin = std::max(a.begin, b.begin), end = std::min(a.begin + a.count, b.begin + b.count);
    if (begin < end) visit(begin - a.begin, begin - b.begin, end - begin);
    return;
  }
  Runs runs_a(a), runs_b(b);
  while (!runs_a.is_at_end() && !runs_b.is_at_end()) {
    const auto run_a = runs_a.run(), run_b = runs_b.run();
    const int64_t end_a = run_a.in_whole + run_a.count, end_b = run_b.in_whole + run_b.count;
    const int64_t begin = std::max(run_a.in_whole, run_b.in_whole), end = std::min(end_a, end_b);
    if (begin < end)
      visit(run_a.in_range + begin - run_a.in_whole, run_b.in_range + begin - run_b.in_whole, end - begin);
    if (end_a <= end_b) {
      runs_a.advance(run_a.count);
    } else {
      runs_b.advance(run_b.count);
    }
  }
}

}  // namespace molmo::checkpoint
