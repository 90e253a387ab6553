// Data sets opened together, and the order in which their examples are taken.
//   Mixture mixture = open_mixture(stage.data, {.seed = stage.seed});
//   Sample sample = mixture.order.at(n);
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "config/quirks.h"
#include "data/dataset.h"
#include "data/sample_order.h"

namespace molmo::config {
struct DataSource;
struct MixtureGroup;
}  // namespace molmo::config

namespace molmo::data {

struct MixtureSource {
  std::string name;
  std::shared_ptr<const Dataset> dataset;
  double rate = 1;  // share of the samples; all rates sum to 1
};

struct Mixture {
  std::vector<MixtureSource> sources;  // sorted by name, as the reference draws them
  SampleOrder order;
  uint64_t seed = 0;  // of the order and of what examples leave to chance
};

struct MixtureOptions {
  uint64_t seed = 0;
  bool is_random = true;  // false: every example once, source after source
  config::Quirks quirks = config::Quirks::Reference;
  // Opens a source; empty: open_dataset. For sets that are made while training, which the registry does not know.
  std::function<std::shared_ptr<const Dataset>(const config::DataSource& source)> open = {};
};

// Throws what opening the sets throws, and InvalidArgument for rates and sizes that make no sense.
Mixture open_mixture(std::span<const config::MixtureGroup> groups, const MixtureOptions& options);

// One set alone.
Mixture single_mixture(std::shared_ptr<const Dataset> dataset, const MixtureOptions& options);

// Where the chances of one sample come from: they depend on seed, set, example and epoch only.
RandomStream sample_draws(const Mixture& mixture, const Sample& sample);

}  // namespace molmo::data
