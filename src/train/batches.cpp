#include "train/batches.h"

#include <ATen/Context.h>

#include <algorithm>
#include <functional>
#include <span>
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

int64_t num_tokens(const PreparedExample& example) {
  return example.example.input.input_ids.size(0);
}

}  // namespace

BatchStream::BatchStream(std::shared_ptr<const data::Mixture> mixture, std::shared_ptr<const ExampleBuilder> builder,
                         const config::StageConfig& stage, const BatchStreamOptions& options)
    : builder_(std::move(builder)),
      examples_per_step_(examples_per_step(stage, options.num_ranks)),
      micro_batch_(stage.micro_batch),
      is_for_gpu_(options.is_for_gpu),
      loader_(
          std::move(mixture),
          [builder = builder_](const data::Example& example, RandomStream& draws) {
            return builder->prepare(example, draws);
          },
          loader_options(stage, options)) {
  if (is_for_gpu_) thread_ = std::thread([this] { prepare_ahead(); });
}

BatchStream::~BatchStream() {
  {
    std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

std::vector<Batch> BatchStream::next_step() {
  const auto start = std::chrono::steady_clock::now();
  if (is_for_gpu_) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return ready_.has_value(); });
    taken_ = *ready_;
    if (!taken_.error) ready_.reset();  // an error is the answer to every later call too
    changed_.notify_all();
  } else {
    taken_ = prepare_step();
  }
  time_waited_ += std::chrono::steady_clock::now() - start;
  if (taken_.error) std::rethrow_exception(taken_.error);
  return std::move(taken_.micro_batches);
}

BatchStream::Step BatchStream::prepare_step() {
  Step step;
  try {
    std::vector<PreparedExample> examples;
    while (static_cast<int64_t>(examples.size()) < examples_per_step_) {
      auto example = loader_.next();
      check_internal(example.has_value(), "the order of training samples has no end");
      examples.push_back(*std::move(example));
    }
    // Padding costs as much as tokens, and there is least of it between examples of like lengths. One micro-batch has
    // the same in any order.
    if (examples_per_step_ > micro_batch_) std::ranges::stable_sort(examples, std::ranges::greater(), num_tokens);
    for (size_t begin = 0; begin < examples.size(); begin += static_cast<size_t>(micro_batch_)) {
      const std::span together =
          std::span(examples).subspan(begin, std::min(static_cast<size_t>(micro_batch_), examples.size() - begin));
      step.micro_batches.push_back(builder_->collate_joined(together, /*is_pinned=*/is_for_gpu_ && at::hasCUDA()));
      std::ranges::fill(together, PreparedExample{});  // what was copied takes no memory any more
    }
  } catch (...) {
    step.error = std::current_exception();
  }
  const auto& all = loader_.bad_samples();
  step.bad_samples.assign(all.begin() + static_cast<std::ptrdiff_t>(num_bad_seen_), all.end());
  num_bad_seen_ = all.size();
  return step;
}

void BatchStream::prepare_ahead() {
  for (bool is_failed = false; !is_failed;) {
    Step step = prepare_step();
    is_failed = step.error != nullptr;
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return is_stopping_ || !ready_; });
    if (is_stopping_) return;
    ready_ = std::move(step);
    changed_.notify_all();
  }
}

}  // namespace molmo::train
