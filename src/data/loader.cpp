#include "data/loader.h"

#include "base/error.h"

namespace molmo::data {
namespace {

// What is wrong with the sample, not with the machine or the program.
bool is_bad_sample(const Error& error) {
  switch (error.category()) {
    case ErrorCategory::BadData:
    case ErrorCategory::NotFound:
    case ErrorCategory::Unsupported:
    case ErrorCategory::InvalidArgument:
      return true;
    case ErrorCategory::Io:
    case ErrorCategory::OutOfMemory:
    case ErrorCategory::Internal:
      return false;
  }
  return false;
}

}  // namespace

void prepare_sample(const Mixture& mixture, uint64_t position, int max_replacements,
                    const std::function<void(const Example& example, RandomStream& draws)>& prepare,
                    std::vector<BadSample>& bad_samples) {
  Sample sample = mixture.order.at(position);
  RandomStream replacements(mixture.seed, "replacement", position);
  for (int num_replaced = 0;; ++num_replaced) {
    const MixtureSource& source = mixture.sources[sample.source];
    BadSample bad{.position = position, .source = source.name, .index = sample.index, .id = {}, .reason = {}};
    try {
      RandomStream draws = sample_draws(mixture, sample);
      const Example example = source.dataset->example(sample.index, draws);
      bad.id = example.id;
      prepare(example, draws);
      return;
    } catch (const Error& error) {
      if (!is_bad_sample(error)) throw;
      bad.reason = error.what();
      bad_samples.push_back(bad);
      if (num_replaced == max_replacements) {
        fail(error.category(),
             "{}: {} examples in a row cannot be used, the last one because of: {}. Is the data complete? "
             "See `molmo data check`",
             source.name, num_replaced + 1, error.what());
      }
    }
    sample.index = replacements.below(source.dataset->size());
  }
}

void check_loader_options(const LoaderOptions& options) {
  const auto check = [](bool is_valid, std::string_view name, int64_t value, std::string_view expected) {
    if (!is_valid) fail(ErrorCategory::InvalidArgument, "{} is {}, expected {}", name, value, expected);
  };
  check(options.num_workers >= 0 && options.num_workers <= 1024, "num_workers", options.num_workers, "0 to 1024");
  check(options.prefetch >= 1, "prefetch", options.prefetch, "at least 1");
  check(options.num_ranks >= 1, "num_ranks", options.num_ranks, "at least 1");
  check(options.rank >= 0 && options.rank < options.num_ranks, "rank", options.rank, "0 to num_ranks - 1");
  check(options.max_replacements >= 0, "max_replacements", options.max_replacements, "at least 0");
}

}  // namespace molmo::data
