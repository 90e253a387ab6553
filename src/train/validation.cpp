#include "train/validation.h"

#include <algorithm>
#include <map>
#include <utility>

#include "base/error.h"
#include "data/loader.h"

namespace molmo::train {
namespace {

// A mean over batches, each with its own weight.
class WeightedMean {
 public:
  void add(double value, double weight) {
    sum_ += value * weight;
    weight_ += weight;
  }
  double value() const { return weight_ > 0 ? sum_ / weight_ : 0; }

 private:
  double sum_ = 0, weight_ = 0;
};

}  // namespace

Validation::Validation(const config::StageConfig& stage, std::shared_ptr<const ExampleBuilder> builder,
                       const ValidationOptions& options)
    : builder_(std::move(builder)),
      options_(options),
      // At least two, so that pictures can change places; and what fits with gradients fits without.
      batch_size_(std::max<int64_t>(stage.micro_batch, 2)),
      has_pictures_(stage.objective != config::Objective::Text) {
  std::map<std::string, int> num_seen;
  for (const config::MixtureGroup& group : stage.validation) {
    for (const config::DataSource& source : group.sources) {
      const config::MixtureGroup alone{.rate = 1, .sources = {source}};
      // Drawn at random, because files are often sorted by what they hold.
      auto mixture = std::make_shared<data::Mixture>(
          data::open_mixture({&alone, 1}, {.seed = stage.seed, .open = options_.open_dataset}));
      const int number = ++num_seen[source.name];
      sets_.push_back({number == 1 ? source.name : fmt::format("{}-{}", source.name, number), std::move(mixture)});
    }
  }
}

std::optional<std::vector<ValidationLoss>> Validation::measure(const Trainer& trainer,
                                                               const std::function<bool()>& is_stopping) const {
  std::vector<ValidationLoss> losses;
  for (const Set& set : sets_) {
    auto loss = measure_set(set.name, set.mixture, trainer, is_stopping);
    if (!loss) return std::nullopt;
    losses.push_back(*std::move(loss));
  }
  return losses;
}

std::optional<ValidationLoss> Validation::measure_set(const std::string& name, std::shared_ptr<const data::Mixture> set,
                                                      const Trainer& trainer,
                                                      const std::function<bool()>& is_stopping) const {
  // As many for each rank, so that all of them compute the same number of batches.
  const int64_t num_ranks = options_.num_ranks;
  const int64_t wanted = std::min(options_.max_examples, static_cast<int64_t>(set->order.sizes().front()));
  const int64_t per_rank = std::max<int64_t>(wanted / num_ranks, 1);
  data::Loader<PreparedExample> loader(
      std::move(set),
      [this](const data::Example& example, RandomStream& draws) { return builder_->prepare(example, draws); },
      {.num_workers = static_cast<int>(options_.num_workers),
       .prefetch = 2 * (batch_size_ + options_.num_workers),
       .end = static_cast<uint64_t>(per_rank * num_ranks),
       .rank = static_cast<int>(options_.rank),
       .num_ranks = static_cast<int>(num_ranks)});
  WeightedMean cross_entropy, accuracy, shuffled;
  for (int64_t begin = 0; begin < per_rank; begin += batch_size_) {
    if (is_stopping()) return std::nullopt;
    std::vector<PreparedExample> examples;
    while (static_cast<int64_t>(examples.size()) < std::min(batch_size_, per_rank - begin)) {
      examples.push_back(*loader.next());
    }
    const Batch batch = builder_->collate(examples);
    const StepMetrics truth = trainer.evaluate({&batch, 1});
    cross_entropy.add(truth.cross_entropy, truth.loss_weight);
    accuracy.add(truth.accuracy, truth.loss_weight);
    if (!has_pictures_) continue;
    const StepMetrics other = trainer.evaluate({&batch, 1}, /*shuffle_pictures=*/true);
    shuffled.add(other.cross_entropy, other.loss_weight);
  }
  return ValidationLoss{.set = name,
                        .num_examples = per_rank * num_ranks,
                        .cross_entropy = cross_entropy.value(),
                        .accuracy = accuracy.value(),
                        .shuffled_cross_entropy = has_pictures_ ? std::optional(shuffled.value()) : std::nullopt};
}

}  // namespace molmo::train
