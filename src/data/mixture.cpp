#include "data/mixture.h"

#include <algorithm>

#include "base/error.h"
#include "config/training.h"
#include "data/registry.h"

namespace molmo::data {
namespace {

Mixture order_mixture(std::vector<MixtureSource> sources, const MixtureOptions& options) {
  std::stable_sort(sources.begin(), sources.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  std::vector<uint64_t> sizes;
  std::vector<double> rates;
  for (const MixtureSource& source : sources) {
    if (source.dataset->size() == 0) {
      fail(ErrorCategory::InvalidArgument, "{} has no examples: are its pictures there? See `molmo data info {}`",
           source.name, source.name);
    }
    sizes.push_back(source.dataset->size());
    rates.push_back(source.rate);
  }
  SampleOrder order = options.is_random ? SampleOrder::random(std::move(sizes), std::move(rates), options.seed)
                                        : SampleOrder::sequential(std::move(sizes));
  return {.sources = std::move(sources), .order = std::move(order), .seed = options.seed};
}

std::shared_ptr<const Dataset> open_source(const config::DataSource& source, const MixtureOptions& options) {
  if (options.open) return options.open(source);
  return open_dataset({.name = source.name,
                       .path = source.path,
                       .split = source.split,
                       .options = source.options,
                       .quirks = options.quirks});
}

}  // namespace

Mixture open_mixture(std::span<const config::MixtureGroup> groups, const MixtureOptions& options) {
  std::vector<MixtureSource> sources;
  std::vector<GroupShares> shares;
  for (const config::MixtureGroup& group : groups) {
    GroupShares& group_shares = shares.emplace_back(GroupShares{.rate = group.rate, .sources = {}});
    for (const config::DataSource& source : group.sources) {
      auto dataset = open_source(source, options);
      const double size = source.size.value_or(static_cast<double>(dataset->size()));
      if (size == 0) fail(ErrorCategory::InvalidArgument, "{}: {} has no examples", source.path, source.name);
      group_shares.sources.push_back({.size = size, .rate = source.rate});
      sources.push_back({.name = source.name, .dataset = std::move(dataset)});
    }
  }
  if (sources.empty()) fail(ErrorCategory::InvalidArgument, "the mixture has no data sets");
  const std::vector<double> rates = sampling_rates(shares);
  for (size_t i = 0; i < sources.size(); ++i) sources[i].rate = rates[i];
  return order_mixture(std::move(sources), options);
}

Mixture single_mixture(std::shared_ptr<const Dataset> dataset, const MixtureOptions& options) {
  std::vector<MixtureSource> sources;
  const std::string name = dataset->name();
  sources.push_back({.name = name, .dataset = std::move(dataset)});
  return order_mixture(std::move(sources), options);
}

RandomStream sample_draws(const Mixture& mixture, const Sample& sample) {
  const MixtureSource& source = mixture.sources[sample.source];
  return {mixture.seed, source.name, sample.index + sample.epoch * source.dataset->size()};
}

}  // namespace molmo::data
