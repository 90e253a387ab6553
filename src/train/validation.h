// Losses over data that is not trained on, each set by itself.
//   Validation validation(stage, model, tokenizer, options);
//   for (const ValidationLoss& loss : validation.measure(trainer)) ...
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/mixture.h"
#include "train/examples.h"

namespace molmo::train {

struct ValidationLoss {
  std::string set;  // name of the data set, with a number where it occurs before
  int64_t num_examples = 0;
  double cross_entropy = 0, accuracy = 0;
  // The same with every example's pictures taken from another example: a model that looks does worse. Empty without
  // pictures.
  std::optional<double> shuffled_cross_entropy = {};
};

struct ValidationOptions {
  int64_t max_examples = 2048;  // of each set, over all ranks
  int64_t rank = 0, num_ranks = 1;
  int64_t num_workers = 2;
  std::function<std::shared_ptr<const data::Dataset>(const config::DataSource&)> open_dataset = {};
};

class Validation {
 public:
  // Opens the sets. Throws what opening them throws.
  Validation(const config::StageConfig& stage, std::shared_ptr<const ExampleBuilder> builder,
             const ValidationOptions& options);

  bool is_empty() const { return sets_.empty(); }
  // The same examples, phrased in the same way, every time. `is_stopping` is asked between batches; nothing is returned
  // once it is true.
  std::optional<std::vector<ValidationLoss>> measure(const Trainer& trainer,
                                                     const std::function<bool()>& is_stopping) const;

 private:
  std::optional<ValidationLoss> measure_set(const std::string& name, std::shared_ptr<const data::Mixture> set,
                                            const Trainer& trainer, const std::function<bool()>& is_stopping) const;

  struct Set {
    std::string name;
    std::shared_ptr<const data::Mixture> mixture;
  };
  std::vector<Set> sets_;
  std::shared_ptr<const ExampleBuilder> builder_;
  ValidationOptions options_;
  int64_t batch_size_ = 2;
  bool has_pictures_ = true;
};

}  // namespace molmo::train
