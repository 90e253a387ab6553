#include "data/sample_order.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <mutex>
#include <numeric>
#include <random>

#include "base/error.h"
#include "data/numpy_shuffle.h"

namespace molmo::data {
namespace {

constexpr uint64_t kBlock = 1 << 16;       // draws that are made together
constexpr size_t kKeptBlocks = 4;          // workers run a little apart from each other
constexpr size_t kKeptPermutations = 2;    // of a set: this epoch and its neighbour
constexpr uint64_t kEpochSeedStep = 1771;  // reference: between the seeds of the epochs of a set

// Uniform in [0, 1) with 53 bits, as numpy's RandomState draws it.
double draw_uniform(std::mt19937& generator) {
  const uint64_t high = generator() >> 5, low = generator() >> 6;
  return static_cast<double>(high * 67108864 + low) / 9007199254740992.0;
}

// Rates rounded to float32, summed up in float64 and divided by their sum.
std::vector<double> cumulative(const std::vector<double>& rates) {
  std::vector<double> sums;
  double sum = 0;
  for (const double rate : rates) sums.push_back(sum += static_cast<double>(static_cast<float>(rate)));
  for (double& value : sums) value /= sum;
  return sums;
}

}  // namespace

std::vector<double> sampling_rates(std::span<const GroupShares> groups) {
  std::vector<double> rates;
  double total = 0;
  for (const GroupShares& group : groups) {
    if (!(group.rate > 0) || !std::isfinite(group.rate))
      fail(ErrorCategory::InvalidArgument, "the rate of a group is {}, expected a positive number", group.rate);
    if (group.sources.empty()) fail(ErrorCategory::InvalidArgument, "a group of the mixture has no data sets");
    const bool has_rates = group.sources.front().rate.has_value();
    std::vector<double> shares;
    for (const SourceShare& source : group.sources) {
      if (source.rate.has_value() != has_rates) {
        fail(ErrorCategory::InvalidArgument,
             "some data sets of a group have a rate and some have none: give all of them one, or none");
      }
      const double share = has_rates ? *source.rate : std::sqrt(source.size);
      if (!(share > 0) || !std::isfinite(share)) {
        fail(ErrorCategory::InvalidArgument, "the {} of a data set is {}, expected a positive number",
             has_rates ? "rate" : "size", has_rates ? share : source.size);
      }
      shares.push_back(share);
    }
    const double sum = std::accumulate(shares.begin(), shares.end(), 0.0);
    for (const double share : shares) {
      rates.push_back(share / sum * group.rate);
      total += rates.back();
    }
  }
  for (double& rate : rates) rate /= total;
  return rates;
}

// The draws in blocks. The state of the generator at the beginning of every block that was reached is kept (2.5 KB for
// 65,536 draws), so that any of them can be made again.
class SampleOrder::Draws {
 public:
  Draws(const std::vector<uint64_t>& sizes, const std::vector<double>& rates, uint64_t seed)
      : sizes_(sizes), cumulative_(cumulative(rates)), seed_(seed), permutations_(sizes.size()) {
    starts_.push_back({std::mt19937(static_cast<uint32_t>(seed)), std::vector<uint64_t>(sizes.size(), 0)});
  }

  Sample at(uint64_t n) {
    Drawn drawn{0, n};
    if (sizes_.size() > 1) drawn = (*block(n / kBlock))[n % kBlock];
    const uint64_t size = sizes_[drawn.source];
    Sample sample{.source = drawn.source, .index = 0, .epoch = drawn.count / size};
    sample.index = (*permutation(drawn.source, sample.epoch))[drawn.count % size];
    return sample;
  }

 private:
  struct Drawn {
    uint32_t source;
    uint64_t count;  // draws of this source before
  };
  struct Start {
    std::mt19937 generator;
    std::vector<uint64_t> counts;
  };
  using Block = std::vector<Drawn>;
  using Permutation = std::vector<uint32_t>;

  std::shared_ptr<const Block> block(uint64_t number) {
    std::lock_guard lock(mutex_);
    if (const auto found = blocks_.find(number); found != blocks_.end()) return found->second;
    std::shared_ptr<const Block> drawn;
    for (uint64_t next = std::min<uint64_t>(number, starts_.size() - 1); next <= number; ++next) drawn = draw(next);
    if (blocks_.size() >= kKeptBlocks) blocks_.erase(blocks_.begin());
    blocks_.emplace(number, drawn);
    return drawn;
  }

  std::shared_ptr<const Block> draw(uint64_t number) {
    Start state = starts_[number];
    auto block = std::make_shared<Block>(kBlock);
    for (Drawn& drawn : *block) {
      const double uniform = draw_uniform(state.generator);
      const auto found = std::upper_bound(cumulative_.begin(), cumulative_.end(), uniform);
      drawn.source = static_cast<uint32_t>(found - cumulative_.begin());
      drawn.count = state.counts[drawn.source]++;
    }
    if (number + 1 == starts_.size()) starts_.push_back(std::move(state));
    return block;
  }

  std::shared_ptr<const Permutation> permutation(uint32_t source, uint64_t epoch) {
    {
      std::lock_guard lock(mutex_);
      const auto& kept = permutations_[source];
      if (const auto found = kept.find(epoch); found != kept.end()) return found->second;
    }
    auto drawn = std::make_shared<Permutation>(sizes_[source]);
    std::iota(drawn->begin(), drawn->end(), 0u);
    numpy_shuffle(*drawn, static_cast<uint32_t>(seed_ + kEpochSeedStep * epoch));
    std::lock_guard lock(mutex_);
    auto& kept = permutations_[source];
    if (kept.size() >= kKeptPermutations) kept.erase(kept.begin());
    kept.emplace(epoch, drawn);
    return drawn;
  }

  const std::vector<uint64_t> sizes_;
  const std::vector<double> cumulative_;
  const uint64_t seed_;
  std::mutex mutex_;
  std::vector<Start> starts_;
  std::map<uint64_t, std::shared_ptr<const Block>> blocks_;
  std::vector<std::map<uint64_t, std::shared_ptr<const Permutation>>> permutations_;
};

SampleOrder SampleOrder::random(std::vector<uint64_t> sizes, std::vector<double> rates, uint64_t seed) {
  if (sizes.empty() || sizes.size() != rates.size()) {
    fail(ErrorCategory::InvalidArgument, "an order needs data sets and a rate for each: {} sizes, {} rates",
         sizes.size(), rates.size());
  }
  if (seed > std::numeric_limits<uint32_t>::max()) {
    fail(ErrorCategory::InvalidArgument, "seed is {}, expected at most {}: the order is drawn as the reference does",
         seed, std::numeric_limits<uint32_t>::max());
  }
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (sizes[i] == 0 || sizes[i] > std::numeric_limits<uint32_t>::max())
      fail(ErrorCategory::InvalidArgument, "data set {} of the mixture has {} examples", i, sizes[i]);
    if (!(rates[i] > 0) || !std::isfinite(rates[i]))
      fail(ErrorCategory::InvalidArgument, "the rate of data set {} is {}, expected a positive number", i, rates[i]);
  }
  SampleOrder order;
  order.draws_ = std::make_shared<Draws>(sizes, rates, seed);
  order.sizes_ = std::move(sizes);
  return order;
}

SampleOrder SampleOrder::sequential(std::vector<uint64_t> sizes) {
  SampleOrder order;
  order.sizes_ = std::move(sizes);
  return order;
}

std::optional<uint64_t> SampleOrder::size() const {
  if (draws_) return std::nullopt;
  return std::accumulate(sizes_.begin(), sizes_.end(), uint64_t{0});
}

Sample SampleOrder::at(uint64_t n) const {
  if (draws_) return draws_->at(n);
  uint64_t left = n;
  for (uint32_t source = 0; source < sizes_.size(); ++source) {
    if (left < sizes_[source]) return {source, left, 0};
    left -= sizes_[source];
  }
  fail(ErrorCategory::InvalidArgument, "sample {} was asked for, but the order has {}", n, *size());
}

}  // namespace molmo::data
