// The step, from outside: what must be equal, what must differ, and what must not move.
#include "train/trainer.h"

#include <ATen/ops/stack.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/error.h"
#include "checkpoint/adapter.h"
#include "model/attention_mask.h"
#include "model/parameter_table.h"
#include "tiny_training.h"
#include "train/dropout.h"

namespace molmo::train {
namespace {

using config::Objective;
using test::batch_of;
using test::example;
using testing::HasSubstr;

std::vector<preprocess::TrainingExample> four_examples() {
  return {example(test::kTinyModel, 6, 1), example(test::kTinyModel, 12, 2), example(test::kTinyModel, 9, 3),
          example(test::kTinyModel, 4, 4)};
}

// Padded alike, so that a batch can be taken apart.
std::vector<preprocess::TrainingExample> padded(const std::vector<preprocess::TrainingExample>& examples, int64_t begin,
                                                int64_t end) {
  return {examples.begin() + begin, examples.begin() + end};
}

Trainer make_trainer(const config::TrainingConfig& config, uint64_t seed = 1) {
  return Trainer(config, 0, test::kTinyModel, test::random_weights(test::kTinyModel, at::kFloat, seed));
}

StepMetrics take_step(Trainer& trainer, int64_t step, const Batch& batch) {
  return trainer.step(step, {&batch, 1});
}

TEST(Trainer, LearnsABatchByHeart) {
  auto config = test::training_config();
  Trainer trainer = make_trainer(config);
  const Batch batch = batch_of(four_examples());
  const double before = trainer.evaluate({&batch, 1}).loss;
  StepMetrics metrics;
  for (int64_t step = 1; step <= 60; ++step) metrics = take_step(trainer, step, batch);
  EXPECT_GT(before, 3);
  EXPECT_LT(trainer.evaluate({&batch, 1}).loss, 0.1);
  EXPECT_EQ(trainer.evaluate({&batch, 1}).accuracy, 1);
  EXPECT_EQ(metrics.loss_weight, 3 + 6 + 4 + 2);
  EXPECT_EQ(metrics.num_tokens, 4 * 5 + 6 + 12 + 9 + 4);
  EXPECT_EQ(metrics.num_crops, 4);
  EXPECT_NEAR(metrics.loss, metrics.cross_entropy + metrics.z_loss, 1e-12);
  EXPECT_FALSE(metrics.router_balance_loss.has_value());
}

TEST(Trainer, AccumulatesMicroBatchesToTheSameStep) {
  const auto config = test::training_config();
  const auto all = four_examples();
  Trainer whole = make_trainer(config), parts = make_trainer(config);
  const Batch one = batch_of(all);
  const std::vector<Batch> three = {batch_of(padded(all, 0, 1)), batch_of(padded(all, 1, 3)),
                                    batch_of(padded(all, 3, 4))};
  for (int64_t step = 1; step <= 3; ++step) {
    const StepMetrics expected = take_step(whole, step, one), actual = parts.step(step, three);
    EXPECT_NEAR(actual.loss, expected.loss, 1e-5);
    EXPECT_EQ(actual.loss_weight, expected.loss_weight);
    for (size_t c = 0; c < 3; ++c)
      EXPECT_NEAR(actual.grad_norms[c], expected.grad_norms[c], 1e-4 * expected.grad_norms[c]);
  }
  // The bias of keys has no effect, so that its gradient is rounding; Adam makes steps of the learning rate of it.
  for (const auto& [name, weight] : parts.weights()) {
    if (name.ends_with("wk.bias") || name.ends_with("att_proj.bias")) continue;
    EXPECT_LE((weight - whole.weights().at(name)).abs().max().item<double>(), 2e-4) << name;
  }
}

// Conversations about one picture, packed, against each of them alone with the picture: losses and gradients are sums.
TEST(Trainer, PackedConversationsEqualSingleOnes) {
  const int64_t per_crop = test::kTinyModel.tokens_per_crop();
  const std::vector<int64_t> lengths = {6, 10, 5};
  std::vector<preprocess::TrainingExample> single;
  for (size_t i = 0; i < lengths.size(); ++i) {
    single.push_back(example(test::kTinyModel, lengths[i], 20 + i));
    single.back().input.images = example(test::kTinyModel, 4, 20).input.images;
    single.back().loss_weights *= 0.5 + 0.25 * static_cast<double>(i);
  }
  preprocess::TrainingExample packed = single[0];
  const auto head = [&](const at::Tensor& tensor) { return tensor.narrow(0, 0, 1 + per_crop); };
  std::vector<at::Tensor> ids{head(single[0].input.input_ids)}, labels{head(single[0].labels)},
      weights{head(single[0].loss_weights)}, subsegments{at::full({1 + per_crop}, 10000, at::kLong)};
  for (size_t i = 0; i < lengths.size(); ++i) {
    const auto tail = [&](const at::Tensor& tensor) { return tensor.narrow(0, 1 + per_crop, lengths[i]); };
    ids.push_back(tail(single[i].input.input_ids));
    labels.push_back(tail(single[i].labels));
    weights.push_back(tail(single[i].loss_weights));
    subsegments.push_back(at::full({lengths[i]}, static_cast<int64_t>(i) + 1, at::kLong));
  }
  packed.input.input_ids = at::cat(ids);
  packed.labels = at::cat(labels);
  packed.loss_weights = at::cat(weights);
  packed.subsegment_ids = at::cat(subsegments);
  packed.input.position_ids = preprocess::packed_position_ids(packed.subsegment_ids);

  Trainer together = make_trainer(test::training_config()), apart = make_trainer(test::training_config());
  // Beside a shorter example, so that there is padding.
  const StepMetrics actual = take_step(together, 1, batch_of({packed, example(test::kTinyModel, 3, 9)}));
  single.push_back(example(test::kTinyModel, 3, 9));
  const StepMetrics expected = take_step(apart, 1, batch_of(single));
  EXPECT_NEAR(actual.loss, expected.loss, 1e-5);
  EXPECT_NEAR(actual.loss_weight, expected.loss_weight, 1e-6);
  for (size_t c = 0; c < 3; ++c)
    EXPECT_NEAR(actual.grad_norms[c], expected.grad_norms[c], 1e-4 * expected.grad_norms[c]);
}

TEST(Trainer, DropsTheSameForTheSameKey) {
  auto config = test::training_config();
  config.stages[0].residual_dropout = 0.3;
  const Batch batch = batch_of(four_examples());
  const auto loss = [&](uint64_t seed, int64_t step) {
    config.stages[0].seed = seed;
    Trainer trainer = make_trainer(config);
    return take_step(trainer, step, batch).loss;
  };
  EXPECT_EQ(loss(1, 5), loss(1, 5));
  EXPECT_NE(loss(1, 5), loss(1, 6));
  EXPECT_NE(loss(1, 5), loss(2, 5));
  Trainer trainer = make_trainer(config);
  EXPECT_EQ(trainer.evaluate({&batch, 1}).loss, make_trainer(test::training_config()).evaluate({&batch, 1}).loss);
}

TEST(Dropout, KeepsTheExpectationAndTheOtherTokens) {
  const at::Tensor ones = at::full({4, 50, 40}, 1.0, at::kFloat);
  at::Tensor takes_part = at::full({4, 50}, true, at::kBool);
  takes_part.narrow(1, 0, 20).fill_(false);
  const auto drop = residual_dropout(0.25, takes_part, {.seed = 3, .step = 9});
  const at::Tensor dropped = drop(2, model::Sublayer::Attention, ones);
  EXPECT_TRUE(dropped.narrow(1, 0, 20).eq(1).all().item<bool>());
  const at::Tensor rest = dropped.narrow(1, 20, 30);
  EXPECT_TRUE(rest.eq(0).logical_or(rest.sub(1 / 0.75).abs().lt(1e-6)).all().item<bool>());
  EXPECT_NEAR(rest.eq(0).to(at::kDouble).mean().item<double>(), 0.25, 0.03);  // 4800 draws: deviation 0.006
  EXPECT_TRUE(dropped.equal(drop(2, model::Sublayer::Attention, ones)));
  EXPECT_FALSE(dropped.equal(drop(2, model::Sublayer::FeedForward, ones)));
  EXPECT_FALSE(dropped.equal(drop(1, model::Sublayer::Attention, ones)));
}

TEST(Dropout, BelongsToTheExampleWhateverBatchItIsIn) {
  const at::Tensor ones = at::full({4, 70, 33}, 1.0, at::kFloat);
  const auto drop = [&](const DropoutKey& key, const at::Tensor& x) {
    return residual_dropout(0.25, at::Tensor(), key)(1, model::Sublayer::Attention, x);
  };
  const at::Tensor whole = drop({.seed = 3, .step = 9}, ones);
  // The second of two ranks, whose sequences are padded less.
  const at::Tensor part = drop({.seed = 3, .step = 9, .first_example = 1, .example_stride = 2},
                               ones.narrow(0, 0, 2).narrow(1, 0, 50).contiguous());
  EXPECT_TRUE(part.select(0, 0).equal(whole.select(0, 1).narrow(0, 0, 50)));
  EXPECT_TRUE(part.select(0, 1).equal(whole.select(0, 3).narrow(0, 0, 50)));
  EXPECT_FALSE(whole.select(0, 0).equal(whole.select(0, 1)));
}

TEST(Trainer, ComputesBlocksAgainToTheSameBits) {
  for (const bool has_experts : {false, true}) {
    config::ModelConfig model = test::kTinyModel;
    if (has_experts) {
      model.decoder.num_experts = 4;
      model.decoder.num_active_experts = 2;
    }
    auto config = test::training_config();
    config.stages[0].residual_dropout = 0.2;
    config.stages[0].residual_dropout_tokens = config::ResidualDropout::ResponseTokens;
    config.stages[0].router_balance_loss = config.stages[0].router_z_loss = has_experts ? 0.1 : 0;
    const auto weights = test::random_weights(model);
    Trainer kept(config, 0, model, weights);
    config.recompute = config::Recompute::Blocks;
    Trainer computed_again(config, 0, model, weights);
    const Batch batch = batch_of(four_examples());
    for (int64_t step = 1; step <= 3; ++step) {
      const StepMetrics expected = take_step(kept, step, batch), actual = take_step(computed_again, step, batch);
      EXPECT_EQ(actual.loss, expected.loss);
      EXPECT_EQ(actual.grad_norms, expected.grad_norms);
      EXPECT_EQ(actual.router_balance_loss, expected.router_balance_loss);
      EXPECT_EQ(actual.router_balance_loss.value_or(1) > 0, true);
    }
    EXPECT_EQ(test::difference(kept.weights(), computed_again.weights()), 0);
  }
}

TEST(Trainer, LeavesFrozenPartsAlone) {
  const auto start = test::random_weights(test::kTinyModel);
  for (const auto frozen : {model::Component::Vision, model::Component::Connector, model::Component::Language}) {
    auto config = test::training_config();
    auto& stage = config.stages[0];
    (frozen == model::Component::Vision      ? stage.vision
     : frozen == model::Component::Connector ? stage.connector
                                             : stage.language)
        .frozen = true;
    for (const auto recompute : {config::Recompute::None, config::Recompute::Blocks}) {
      config.recompute = recompute;
      Trainer trainer(config, 0, test::kTinyModel, start);
      const StepMetrics metrics = take_step(trainer, 1, batch_of(four_examples()));
      const auto weights = trainer.weights();
      for (const auto& parameter : model::parameter_table(test::kTinyModel)) {
        const bool is_unused = parameter.name.find("resblocks.2") != std::string::npos;
        const bool has_moved = !weights.at(parameter.name).equal(start.at(parameter.name));
        // Biases of keys may get no gradient but rounding.
        if (parameter.name.ends_with("bias") && parameter.component != frozen) continue;
        EXPECT_EQ(has_moved, parameter.component != frozen && !is_unused) << parameter.name;
      }
      EXPECT_EQ(metrics.grad_norms[static_cast<size_t>(frozen)], 0);
      EXPECT_EQ(metrics.learning_rates[static_cast<size_t>(frozen)], 0);
    }
  }
}

TEST(Trainer, RefusesAStageThatTrainsNothing) {
  auto config = test::training_config(Objective::Text);
  config.stages[0].language.frozen = config.stages[0].connector.frozen = true;
  EXPECT_THROW(make_trainer(config), Error);
}

TEST(Trainer, SkipsOrStopsAtALossThatIsNotFinite) {
  auto config = test::training_config();
  auto weights = test::random_weights(test::kTinyModel);
  Batch bad = batch_of(four_examples());
  bad.examples.input.images[0][0][0][0] = std::numeric_limits<float>::infinity();
  config.non_finite = config::NonFinitePolicy::Skip;
  Trainer skipping(config, 0, test::kTinyModel, weights), clean(config, 0, test::kTinyModel, weights);
  const Batch good = batch_of(four_examples());
  EXPECT_FALSE(take_step(skipping, 1, good).is_skipped);
  EXPECT_TRUE(take_step(skipping, 2, bad).is_skipped);
  take_step(clean, 1, good);
  EXPECT_EQ(test::difference(skipping.weights(), clean.weights()), 0);
  EXPECT_FALSE(take_step(skipping, 3, good).is_skipped);
  EXPECT_FALSE(take_step(clean, 3, good).is_skipped);
  EXPECT_EQ(test::difference(skipping.weights(), clean.weights()), 0);

  config.non_finite = config::NonFinitePolicy::Stop;
  Trainer stopping(config, 0, test::kTinyModel, weights);
  try {
    take_step(stopping, 7, bad);
    ADD_FAILURE() << "did not stop";
  } catch (const Error& error) {
    EXPECT_EQ(error.category(), ErrorCategory::BadData);
    EXPECT_THAT(error.what(), HasSubstr("step 7 of stage 'train'"));
  }
}

TEST(Trainer, SkipsABatchWithoutTargets) {
  auto config = test::training_config();
  config.non_finite = config::NonFinitePolicy::Skip;
  Trainer trainer = make_trainer(config);
  Batch batch = batch_of(four_examples());
  batch.examples.loss_weights.clamp_max_(0);
  EXPECT_TRUE(take_step(trainer, 1, batch).is_skipped);
}

// The text batch in the middle leaves tower and connector without gradients, so that updates are counted apart.
TEST(Trainer, ContinuesFromItsStateBitForBit) {
  auto config = test::training_config();
  config.stages[0].residual_dropout = 0.1;
  const std::vector<Batch> batches = {batch_of(four_examples()), test::text_batch(test::kTinyModel, 5),
                                      batch_of({example(test::kTinyModel, 8, 6)}),
                                      batch_of({example(test::kTinyModel, 7, 7)})};
  Trainer unbroken = make_trainer(config), first = make_trainer(config), second = make_trainer(config, /*seed=*/77);
  for (int64_t step = 1; step <= 4; ++step) take_step(unbroken, step, batches[step - 1]);
  for (int64_t step = 1; step <= 2; ++step) take_step(first, step, batches[step - 1]);
  const auto saved = first.state(), into = second.state();
  ASSERT_EQ(saved.size(), into.size());
  for (size_t i = 0; i < saved.size(); ++i) {
    ASSERT_EQ(saved[i].name, into[i].name);
    ASSERT_TRUE(saved[i].values.is_contiguous());
    into[i].values.copy_(saved[i].values);
  }
  for (int64_t step = 3; step <= 4; ++step) take_step(second, step, batches[step - 1]);
  for (const auto& tensor : unbroken.state()) {
    bool is_found = false;
    for (const auto& other : second.state()) {
      if (other.name != tensor.name) continue;
      is_found = true;
      EXPECT_TRUE(other.values.equal(tensor.values)) << tensor.name;
    }
    EXPECT_TRUE(is_found) << tensor.name;
  }
}

TEST(Trainer, NamesItsState) {
  Trainer trainer = make_trainer(test::training_config());
  std::vector<std::string> names;
  for (const auto& tensor : trainer.state()) {
    int64_t count = 1;
    for (const int64_t size : tensor.shape) count *= size;
    EXPECT_EQ(tensor.values.numel(), count) << tensor.name;
    names.push_back(tensor.name);
  }
  for (const char* name : {"weights/transformer.ln_f.weight", "adam_mean/transformer.ln_f.weight",
                           "adam_square/vision_backbone.pad_embed", "adam_updates"}) {
    EXPECT_THAT(names, testing::Contains(name));
  }
}

TEST(Trainer, LearnsPatchLabels) {
  auto config = test::training_config(Objective::PatchLabels);
  auto weights = test::random_weights(test::kTinyModel, at::kBFloat16);
  Trainer trainer(config, 0, test::kTinyModel, weights);
  const Batch unseen = test::patch_batch(test::kTinyModel, 4, 999);
  const double before = trainer.evaluate({&unseen, 1}).accuracy;
  StepMetrics metrics;
  for (int64_t step = 1; step <= 60; ++step) {
    metrics = take_step(trainer, step, test::patch_batch(test::kTinyModel, 4, 10 * step));
  }
  EXPECT_LT(before, 0.8);
  EXPECT_GT(trainer.evaluate({&unseen, 1}).accuracy, 0.95);
  EXPECT_LT(trainer.evaluate({&unseen, 1}, /*shuffle_pictures=*/true).accuracy, 0.75);
  EXPECT_EQ(metrics.num_crops, 7);
  EXPECT_EQ(metrics.loss_weight, 7 * test::kTinyModel.vision.num_patches());
  EXPECT_EQ(trainer.patch_head().at("weight").sizes(), (std::vector<int64_t>{3, 16}));
  // Decoder and connector stay as they came, in their type.
  for (const auto& parameter : model::parameter_table(test::kTinyModel)) {
    if (parameter.component == model::Component::Vision) continue;
    EXPECT_TRUE(trainer.weights().at(parameter.name).equal(weights.at(parameter.name))) << parameter.name;
  }
  bool has_head = false;
  for (const auto& tensor : trainer.state()) has_head |= tensor.name == "weights/patch_head.weight";
  EXPECT_TRUE(has_head);
}

TEST(Trainer, TrainsTheDecoderOnText) {
  auto config = test::training_config(Objective::Text);
  const auto start = test::random_weights(test::kTinyModel);
  Trainer trainer(config, 0, test::kTinyModel, start);
  const Batch batch = test::text_batch(test::kTinyModel, 3);
  StepMetrics metrics;
  for (int64_t step = 1; step <= 60; ++step) metrics = take_step(trainer, step, batch);
  EXPECT_LT(metrics.loss, 0.1);
  EXPECT_EQ(metrics.num_crops, 0);
  for (const auto& parameter : model::parameter_table(test::kTinyModel)) {
    if (parameter.component != model::Component::Vision) continue;
    EXPECT_TRUE(trainer.weights().at(parameter.name).equal(start.at(parameter.name))) << parameter.name;
  }
}

TEST(Trainer, NeedsTheTensorsOfItsObjective) {
  Trainer chat = make_trainer(test::training_config()),
          patches = make_trainer(test::training_config(Objective::PatchLabels));
  EXPECT_THROW(take_step(chat, 1, test::patch_batch(test::kTinyModel, 2, 1)), Error);
  EXPECT_THROW(take_step(patches, 1, batch_of(four_examples())), Error);
}

TEST(Trainer, ReadsThePicturesOfAnotherExampleWhenShuffled) {
  Trainer trainer = make_trainer(test::training_config());
  auto examples = four_examples();
  const Batch batch = batch_of(examples);
  const double shuffled = trainer.evaluate({&batch, 1}, /*shuffle_pictures=*/true).loss;
  EXPECT_NE(shuffled, trainer.evaluate({&batch, 1}).loss);
  for (size_t i = 0; i < examples.size(); ++i)
    examples[i].input.images = four_examples()[(i + examples.size() - 1) % examples.size()].input.images;
  const Batch swapped = batch_of(examples);
  EXPECT_EQ(trainer.evaluate({&swapped, 1}).loss, shuffled);
}

TEST(Trainer, AddsTheLossesOfTheRouter) {
  config::ModelConfig model = test::kTinyModel;
  model.decoder.num_experts = 4;
  model.decoder.num_active_experts = 2;
  auto config = test::training_config();
  config.stages[0].router_balance_loss = 0.5;
  config.stages[0].router_z_loss = 0.25;
  Trainer trainer(config, 0, model, test::random_weights(model));
  const Batch batch = batch_of(four_examples());
  const StepMetrics metrics = take_step(trainer, 1, batch);
  EXPECT_NEAR(metrics.loss,
              metrics.cross_entropy + metrics.z_loss + *metrics.router_balance_loss + *metrics.router_z_loss, 1e-12);
  EXPECT_GE(*metrics.router_balance_loss,
            0.5 / 2 * 0.99);  // the least is reached when experts are used alike: weight / k
}

TEST(Trainer, ComputesProductsInBfloat16) {
  auto config = test::training_config();
  const Batch batch = batch_of(four_examples());
  const double exact = make_trainer(config).evaluate({&batch, 1}).loss;
  config.compute_dtype = DType::BF16;
  for (const auto recompute : {config::Recompute::None, config::Recompute::Blocks}) {
    config.recompute = recompute;
    Trainer trainer = make_trainer(config);
    EXPECT_NE(trainer.evaluate({&batch, 1}).loss, exact);
    EXPECT_NEAR(trainer.evaluate({&batch, 1}).loss, exact, 0.05);
    StepMetrics metrics;
    for (int64_t step = 1; step <= 60; ++step) metrics = take_step(trainer, step, batch);
    EXPECT_LT(metrics.loss, 0.3);
    EXPECT_EQ(trainer.weights().at("transformer.ff_out.weight").scalar_type(), at::kFloat);
  }
}

}  // namespace
}  // namespace molmo::train
