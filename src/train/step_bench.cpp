// A step of training on the CPU: forward, backward, clipping, AdamW. bench/train_step_twin.py is the same step in eager
// PyTorch; docs/performance.md has both. `peak_MB` is the largest resident size beyond weights, moments and gradients:
// run one benchmark per process for it (--benchmark_filter).
#include <ATen/Parallel.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>
#include <benchmark/benchmark.h>
#include <malloc.h>
#include <unistd.h>

#include <ctime>
#include <fstream>
#include <vector>

#include "base/process_memory.h"
#include "base/timing.h"
#include "model/parameter_table.h"
#include "train/trainer.h"

namespace molmo::train {
namespace {

// 6 M parameters: ViT 192x4 over 16x16 patches of 8 pixels, decoder 224x6.
config::ModelConfig nano() {
  config::ModelConfig model = config::preset("molmo-7b-d");
  model.vision.input_size = {128, 128};
  model.vision.patch_size = 8;
  model.vision.width = 192;
  model.vision.num_layers = 4;
  model.vision.num_heads = 3;
  model.vision.head_dim = 64;
  model.vision.mlp_width = 768;
  model.vision.num_positions = 257;
  model.connector.feature_layers = {-1, -3};
  model.connector.mlp_width = 512;
  model.decoder.width = 224;
  model.decoder.num_layers = 6;
  model.decoder.num_heads = model.decoder.num_kv_heads = 7;
  model.decoder.head_dim = 32;
  model.decoder.mlp_width = 512;
  model.decoder.vocab_size = model.decoder.embedding_size = 1024;
  model.image_input.overlap_margins = {0, 0};
  return model;
}

// Two blocks of 7B width with a small vocabulary; the tower is there, and takes no part.
config::ModelConfig slice_of_7b() {
  config::ModelConfig model = nano();
  const auto small = model.decoder;
  model.decoder = config::preset("molmo-7b-d").decoder;
  model.decoder.num_layers = 2;
  model.decoder.vocab_size = model.decoder.embedding_size = 8192;
  model.decoder.additional_vocab_size = small.additional_vocab_size;
  return model;
}

model::Weights random_weights(const config::ModelConfig& model) {
  model::Weights weights;
  for (const auto& parameter : model::parameter_table(model)) {
    const bool is_norm = parameter.name.ends_with("norm.weight") || parameter.name.ends_with("ln_f.weight") ||
                         parameter.name.ends_with("pre_ln.weight");
    at::Tensor weight = at::randn(parameter.shape, at::kFloat).mul_(0.02);
    weights[parameter.name] = is_norm ? weight.add_(1) : weight;
  }
  return weights;
}

// Tokens of pictures (none for a model that trains on text), then text, of which `num_learnt` are targets.
Batch random_batch(const config::ModelConfig& model, int64_t num_examples, bool has_pictures, int64_t num_text,
                   int64_t num_learnt) {
  const int64_t num_image = has_pictures ? model.tokens_per_crop() : 0, length = num_image + num_text;
  const auto options = at::TensorOptions(at::kLong);
  Batch batch;
  auto& examples = batch.examples;
  examples.input.input_ids = at::randint(1000, {num_examples, length}, options);
  examples.input.input_ids.narrow(1, 0, num_image).fill_(model.image_patch_id());
  examples.input.position_ids = at::arange(length, options).unsqueeze(0).expand({num_examples, length}).contiguous();
  examples.labels = at::randint(1000, {num_examples, length}, options);
  examples.loss_weights = at::full({num_examples, length}, 0.0, at::kFloat);
  examples.loss_weights.narrow(1, length - num_learnt, num_learnt).fill_(1.0);
  if (!has_pictures) return batch;
  const int64_t num_patches = model.vision.num_patches();
  examples.input.images = at::randn({num_examples, 1, num_patches, model.vision.patch_dim()}, at::kFloat);
  examples.input.image_masks = at::full({num_examples, 1, num_patches}, 1.0, at::kFloat);
  examples.input.image_input_idx = at::arange(num_image, options).expand({num_examples, 1, num_image}).contiguous();
  return batch;
}

// What the process holds in memory now.
double resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  double pages = 0;
  statm >> pages >> pages;
  return pages * static_cast<double>(sysconf(_SC_PAGESIZE));
}

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

void run_steps(benchmark::State& state, const config::ModelConfig& model, config::Objective objective,
               const Batch& batch) {
  keep_freed_memory();
  config::StageConfig stage;
  stage.objective = objective;
  config::TrainingConfig config;
  config.stages = {stage};
  Trainer trainer(config, 0, model, random_weights(model));
  int64_t trained = 0;
  for (const auto& tensor : trainer.state()) trained += tensor.name.starts_with("weights/") ? tensor.values.numel() : 0;
  malloc_trim(0);
  const double before = resident_bytes() + 4.0 * static_cast<double>(trained);
  int64_t step = 0;
  trainer.step(++step, {&batch, 1});
  const double cpu_start = cpu_seconds();
  std::vector<double> seconds;
  for (auto unused : state) {
    seconds.push_back(seconds_of([&] { trainer.step(++step, {&batch, 1}); }));
  }
  state.counters["median_s"] = median(seconds);
  state.counters["parameters_M"] = static_cast<double>(trained) / 1e6;
  state.counters["cpu_s"] = (cpu_seconds() - cpu_start) / static_cast<double>(seconds.size());
  state.counters["peak_MB"] = (static_cast<double>(peak_memory_bytes()) - before) / 1e6;
}

void nano_step(benchmark::State& state) {
  const auto model = nano();
  run_steps(state, model, config::Objective::Chat, random_batch(model, 32, true, 48, 48));
}
BENCHMARK(nano_step)->Unit(benchmark::kMillisecond)->UseRealTime()->Iterations(5);

void slice_of_7b_step(benchmark::State& state) {
  const auto model = slice_of_7b();
  run_steps(state, model, config::Objective::Text, random_batch(model, 1, false, 512, 512));
}
BENCHMARK(slice_of_7b_step)->Unit(benchmark::kMillisecond)->UseRealTime()->Iterations(5);

}  // namespace
}  // namespace molmo::train
