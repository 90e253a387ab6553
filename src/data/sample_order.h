// Which sample comes when: one global order over several data sets, the same for any number of workers and ranks
// (reference: olmo/data/iterable_dataset_mixture.py, and equal to it number by number).
//   SampleOrder order = SampleOrder::random({717042, 50000}, sampling_rates(groups), /*seed=*/50189);
//   Sample sample = order.at(n);   // any n: a run resumes by going on with n
// Each draw takes a set by its rate (MT19937, rates rounded to float32); each set runs through a permutation of its
// own, which is drawn anew for every epoch with seed + 1771 * epoch. Const calls are thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace molmo::data {

struct Sample {
  uint32_t source = 0;  // which data set
  uint64_t index = 0;   // example within it
  uint64_t epoch = 0;   // how often the set was gone through before
  bool operator==(const Sample&) const = default;
};

struct SourceShare {
  double size = 0;                  // examples that it counts as
  std::optional<double> rate = {};  // share within the group; empty for all: square root of the size
};

struct GroupShares {
  double rate = 1;
  std::vector<SourceShare> sources;
};

// Rate of each source, group after group; they sum to 1. Throws InvalidArgument for rates and sizes that are not
// positive, and for a group in which only some sources have a rate.
std::vector<double> sampling_rates(std::span<const GroupShares> groups);

class SampleOrder {
 public:
  // Without end. Throws InvalidArgument for an empty source and for sizes beyond 32 bits.
  static SampleOrder random(std::vector<uint64_t> sizes, std::vector<double> rates, uint64_t seed);
  // Every example once, set after set: for validation.
  static SampleOrder sequential(std::vector<uint64_t> sizes);

  // The first use of a far n draws up to it once (30 million a second); after that any n is cheap.
  Sample at(uint64_t n) const;
  std::optional<uint64_t> size() const;  // nothing: without end
  const std::vector<uint64_t>& sizes() const { return sizes_; }

 private:
  class Draws;
  SampleOrder() = default;
  std::vector<uint64_t> sizes_;
  std::shared_ptr<Draws> draws_;  // null: sequential
};

}  // namespace molmo::data
