#include "train/batches.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace molmo::train {
namespace {

int64_t examples_per_step(const config::StageConfig& stage, int64_t num_ranks) {
  if (stage.global_batch % num_ranks != 0) {
    fail(ErrorCategory::InvalidArgument,
         "stage {}: global_batch is {}, expected a multiple of the {} ranks that read different examples", stage.name,
         stage.global_batch, num_ranks);
  }
  return stage.global_batch / num_ranks;
}

data::LoaderOptions loader_options(const config::StageConfig& stage, const BatchStreamOptions& options) {
  // Enough that workers go on while a micro-batch is put together; few enough that large pictures fit into memory.
  const int64_t prefetch = 2 * (stage.micro_batch + options.num_workers);
  return {.num_workers = static_cast<int>(options.num_workers),
          .prefetch = prefetch,
          .first = options.first_sample,
          .rank = static_cast<int>(options.rank),
          .num_ranks = static_cast<int>(options.num_ranks)};
}

}  // namespace

BatchStream::BatchStream(std::shared_ptr<const data::Mixture> mixture, std::shared_ptr<const ExampleBuilder> builder,
                         const config::StageConfig& stage, const BatchStreamOptions& options)
    : builder_(std::move(builder)),
      examples_per_step_(examples_per_step(stage, options.num_ranks)),
      micro_batch_(stage.micro_batch),
      loader_(
          std::move(mixture),
          [builder = builder_](const data::Example& example, RandomStream& draws) {
            return builder->prepare(example, draws);
          },
          loader_options(stage, options)) {}

std::vector<Batch> BatchStream::next_step() {
  std::vector<Batch> batches;
  for (int64_t begin = 0; begin < examples_per_step_; begin += micro_batch_) {
    std::vector<PreparedExample> examples;
    const auto start = std::chrono::steady_clock::now();
    for (int64_t i = begin; i < std::min(begin + micro_batch_, examples_per_step_); ++i) {
      auto example = loader_.next();
      check_internal(example.has_value(), "the order of training samples has no end");
      examples.push_back(*std::move(example));
    }
    time_waited_ += std::chrono::steady_clock::now() - start;
    batches.push_back(builder_->collate(examples));
  }
  return batches;
}

std::vector<data::BadSample> BatchStream::take_bad_samples() {
  const auto& all = loader_.bad_samples();
  const std::vector<data::BadSample> fresh(all.begin() + static_cast<std::ptrdiff_t>(num_bad_taken_), all.end());
  num_bad_taken_ = all.size();
  return fresh;
}

}  // namespace molmo::train
