// Some steps of a tiny model on any number of ranks (threads that meet over Gloo), to compare with those of one.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "checkpoint/training_state.h"
#include "dist/thread_ranks.h"
#include "fixtures.h"
#include "tiny_training.h"
#include "train/ranks.h"

namespace molmo::test {

inline constexpr int64_t kRanksSteps = 20;

// Its vocabulary has a prime number of rows.
inline config::ModelConfig tiny_ranks_model() {
  config::ModelConfig model = tiny_config();
  model.decoder.vocab_size = model.decoder.embedding_size = 31;
  model.decoder.num_layers = 3;
  return model;
}

// The global batch of a step in four parts, one of them without pictures.
inline std::vector<train::Batch> global_batch(const config::ModelConfig& model, int64_t step) {
  const auto seed = static_cast<uint64_t>(10 * step);
  std::vector<train::Batch> parts;
  for (uint64_t i = 0; i < 3; ++i) parts.push_back(batch_of({example(model, 6 + static_cast<int64_t>(i), seed + i)}));
  parts.push_back(text_batch(model, seed + 9));
  return parts;
}

struct Outcome {
  std::vector<train::StepMetrics> steps;
  double loss_after = 0;
  model::Weights weights;
  model::Adapter adapter;
};

inline model::Adapter copy_of(model::Adapter adapter) {
  for (auto& [name, update] : adapter.updates) {
    update.a = update.a.detach().clone();
    update.b = update.b.detach().clone();
  }
  return adapter;
}

inline Outcome run_steps(train::Trainer& trainer, const config::ModelConfig& model, const train::Ranks& ranks,
                         int64_t begin, int64_t end) {
  Outcome outcome;
  const auto share = [&](int64_t step) {
    std::vector<train::Batch> own;
    const auto all = global_batch(model, step);
    for (size_t i = static_cast<size_t>(ranks.data->rank()); i < all.size();
         i += static_cast<size_t>(ranks.data->num_ranks()))
      own.push_back(all[i]);
    return own;
  };
  for (int64_t step = begin + 1; step <= end; ++step) outcome.steps.push_back(trainer.step(step, share(step)));
  outcome.loss_after = trainer.evaluate(share(end + 1)).loss;
  outcome.weights = copy_of(trainer.weights());
  outcome.adapter = copy_of(trainer.adapter());
  return outcome;
}

inline config::TrainingConfig config_with(const config::ParallelConfig& parallel) {
  config::TrainingConfig config = training_config();
  config.parallel = parallel;
  for (auto* component : {&config.stages[0].vision, &config.stages[0].connector, &config.stages[0].language})
    component->learning_rate = 1e-3;
  return config;
}

inline Outcome train_alone(const config::TrainingConfig& config, const config::ModelConfig& model) {
  train::Trainer trainer(config, 0, model, random_weights(model));
  return run_steps(trainer, model, train::Ranks(), 0, kRanksSteps);
}

inline Outcome train_together(int64_t num_ranks, const config::TrainingConfig& config,
                              const config::ModelConfig& model) {
  Outcome first;
  run_ranks(num_ranks, [&](const std::shared_ptr<dist::ProcessGroup>& group) {
    const auto ranks = std::make_shared<const train::Ranks>(train::make_ranks(group, config.parallel));
    train::Trainer trainer(config, 0, model, random_weights(model), ranks);
    Outcome outcome = run_steps(trainer, model, *ranks, 0, kRanksSteps);
    if (group->rank() == 0) first = std::move(outcome);
  });
  return first;
}

inline void expect_equal(const Outcome& actual, const Outcome& expected) {
  ASSERT_EQ(actual.steps.size(), expected.steps.size());
  for (size_t i = 0; i < expected.steps.size(); ++i) {
    const train::StepMetrics &a = actual.steps[i], &e = expected.steps[i];
    EXPECT_NEAR(a.loss, e.loss, 1e-6 * e.loss) << "step " << i + 1;
    EXPECT_EQ(a.loss_weight, e.loss_weight);
    EXPECT_EQ(a.num_tokens, e.num_tokens);
    for (size_t c = 0; c < e.grad_norms.size(); ++c)
      EXPECT_NEAR(a.grad_norms[c], e.grad_norms[c], 1e-4 * e.grad_norms[c]);
  }
  EXPECT_NEAR(actual.loss_after, expected.loss_after, 1e-6 * expected.loss_after);
  ASSERT_EQ(actual.weights.size(), expected.weights.size());
  EXPECT_LT(difference(actual.weights, expected.weights), 1e-4);
  ASSERT_EQ(actual.adapter.updates.size(), expected.adapter.updates.size());
  for (const auto& [name, update] : expected.adapter.updates) {
    const model::LowRankUpdate& found = actual.adapter.updates.at(name);
    EXPECT_LT((found.a - update.a).abs().max().item<double>(), 1e-4) << name;
    EXPECT_LT((found.b - update.b).abs().max().item<double>(), 1e-4) << name;
  }
}

// What some ranks do of the steps, one saving what the next one reads.
struct Leg {
  int64_t num_ranks;
  config::ParallelConfig parallel;
  int64_t begin, end;
};

inline void expect_legs_continue(const config::ModelConfig& model, const std::vector<Leg>& legs) {
  const Outcome expected = train_alone(config_with({}), model);
  const TemporaryFolder folder;
  for (const Leg& leg : legs) {
    SCOPED_TRACE(leg.begin);
    run_ranks(leg.num_ranks, [&](const std::shared_ptr<dist::ProcessGroup>& group) {
      const auto config = config_with(leg.parallel);
      const auto ranks = std::make_shared<const train::Ranks>(train::make_ranks(group, config.parallel));
      const auto weights = leg.begin == 0 ? random_weights(model) : random_weights(model, at::kFloat, 99);
      train::Trainer trainer(config, 0, model, weights, ranks);
      checkpoint::TrainingStates states(
          folder.path(), {.rank = group->rank(), .num_ranks = group->num_ranks(), .all_agree = [&](bool is_fine) {
                            return group->all_agree(is_fine);
                          }});
      if (leg.begin > 0) trainer.read_state(*states.newest());
      const Outcome outcome = run_steps(trainer, model, *ranks, leg.begin, leg.end);
      for (size_t i = 0; i < outcome.steps.size(); ++i) {
        const double wanted = expected.steps[static_cast<size_t>(leg.begin) + i].loss;
        EXPECT_NEAR(outcome.steps[i].loss, wanted, 1e-6 * wanted) << "step " << leg.begin + static_cast<int64_t>(i) + 1;
      }
      states.save(leg.end, {}, trainer.share_of_state(), 1);
    });
  }
}

}  // namespace molmo::test
