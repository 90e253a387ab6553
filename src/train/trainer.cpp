#include "train/trainer.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <fmt/format.h>

#include <cmath>
#include <numeric>

#include "base/error.h"
#include "base/random.h"
#include "train/objective.h"
#include "train/optimizer.h"
#include "train/parameters.h"
#include "train/ranks.h"
#include "train/schedule.h"
#include "train/shards.h"
#include "train/tensor_parts.h"

namespace molmo::train {
namespace {

constexpr std::string_view kPatchHead = "patch_head.";
constexpr double kPatchHeadDeviation = 0.02;

const config::StageConfig& stage_of(const config::TrainingConfig& config, size_t stage) {
  if (stage < config.stages.size()) return config.stages[stage];
  fail(ErrorCategory::InvalidArgument, "stage {} was asked for, the configuration has {} stages", stage,
       config.stages.size());
}

at::Tensor normal_tensor(at::IntArrayRef shape, double deviation, RandomStream stream) {
  at::Tensor tensor = at::empty(shape, at::kFloat);
  float* values = tensor.mutable_data_ptr<float>();
  for (int64_t i = 0; i < tensor.numel(); ++i) values[i] = static_cast<float>(deviation * stream.normal());
  return tensor;
}

// Sums over the micro-batches of all ranks.
struct Totals {
  double loss_weight = 0, num_tokens = 0, num_crops = 0, num_micro_batches = 0;
};

}  // namespace

struct Trainer::Impl {
  Impl(const config::TrainingConfig& run, size_t stage_index, const config::ModelConfig& model,
       const model::Weights& initial, std::shared_ptr<const Ranks> all_ranks, at::Device compute_device)
      : config(run),
        stage(stage_of(config, stage_index)),
        model_config(model),
        ranks(all_ranks ? std::move(all_ranks) : std::make_shared<const Ranks>()),
        device(compute_device),
        group(make_tensor_group(*ranks)),
        weights(initial) {
    check_tensor_parallel(model.decoder, ranks->tensor->num_ranks());
    for (const auto& parameter : model::parameter_table(model)) {
      if (auto slice = slice_of(parameter.split, group); !slice.is_whole()) slices[parameter.name] = std::move(slice);
    }
    choose_parameters();
    if (ranks->shards->num_ranks() > 1) choose_frozen();
    cut_others();
    for (auto& [name, weight] : weights) weight = weight.to(device);  // what is neither trained nor spread
    shards.emplace(parameters, frozen, *ranks);
    molmo.emplace(model_config, weights, adapter, &group);
    optimizer.emplace(parameters, *shards, *ranks);
    objective.emplace(config, stage, *molmo, patch_head, *shards, vocabulary());
  }

  void choose_parameters();
  void choose_frozen();
  void cut_others();
  model::TensorSlice slice_of_weight(const std::string& name) const;
  ClassParts vocabulary() const;
  void add_patch_head();

  Totals measure(std::span<const Batch> micro_batches) const;
  Losses run(std::span<const Batch> micro_batches, Pass pass) const;
  StepMetrics metrics(const Totals& totals, const Losses& losses) const;
  ByComponent learning_rates(int64_t step) const;
  enum class Which { Trained, All };
  model::Weights whole_parameters(Which which);

  config::TrainingConfig config;
  const config::StageConfig& stage;
  config::ModelConfig model_config;
  std::shared_ptr<const Ranks> ranks;
  at::Device device;
  model::TensorGroup group;                          // ranks that compute each layer together
  std::map<std::string, model::TensorSlice> slices;  // of the weights that they divide
  std::map<std::string, model::TensorSlice> cut;     // of those that shards does not hold
  model::Weights weights;                            // of the model; those that are trained are the parameters
  model::Weights patch_head;                         // of the objective patch_labels
  model::Adapter adapter;                            // of training with low-rank updates
  std::vector<Parameter> parameters;
  std::vector<Parameter> frozen;  // weights of blocks that are spread over ranks although they are not trained
  std::optional<Shards> shards;
  std::optional<model::Molmo> molmo;
  std::optional<AdamW> optimizer;
  std::optional<Objective> objective;
};

void Trainer::Impl::choose_parameters() {
  for (auto& [name, weight] : weights) weight = weight.detach();
  if (stage.lora.rank > 0) {
    adapter = make_adapter(stage, model_config, group, device, parameters);
  } else {
    for (const auto& parameter : trained_parameters(stage, model_config)) {
      const auto found = weights.find(parameter.name);
      if (found == weights.end()) continue;  // the model names it when it takes its weights
      const at::Tensor initial = found->second;
      const bool is_alone = ranks->is_alone();
      const model::TensorSlice slice = slice_of_weight(parameter.name);
      found->second = is_alone
                          ? trainable_copy(initial, device)
                          : placeholder(slice.part_shape(initial.sizes()), at::kFloat, device).set_requires_grad(true);
      parameters.push_back({.name = parameter.name,
                            .component = parameter.component,
                            .is_decayed = is_decayed(parameter.name),
                            .value = found->second,
                            .initial = is_alone ? at::Tensor() : initial,
                            .slice = slice});
    }
  }
  if (stage.objective == config::Objective::PatchLabels) add_patch_head();
  if (parameters.empty()) {
    fail(ErrorCategory::InvalidArgument, "stage '{}' trains nothing: the objective {} reaches only what is frozen",
         stage.name, enum_name(stage.objective));
  }
}

void Trainer::Impl::choose_frozen() {
  for (auto& [name, weight] : weights) {
    if (block_of(name) < 0 || weight.requires_grad()) continue;
    const at::Tensor initial = weight;
    const model::TensorSlice slice = slice_of_weight(name);
    weight = placeholder(slice.part_shape(initial.sizes()), initial.scalar_type(), device);
    frozen.push_back({.name = name,
                      .component = model::Component::Language,
                      .is_decayed = false,
                      .value = weight,
                      .initial = initial,
                      .slice = slice});
  }
}

// What is divided among the ranks, but neither trained nor spread.
void Trainer::Impl::cut_others() {
  cut = slices;
  for (const auto* held : {&parameters, &frozen}) {
    for (const Parameter& parameter : *held) cut.erase(parameter.name);
  }
  std::erase_if(cut, [this](const auto& entry) { return !weights.contains(entry.first); });
  for (const auto& [name, slice] : cut) weights[name] = slice.take(weights[name]);
}

model::TensorSlice Trainer::Impl::slice_of_weight(const std::string& name) const {
  const auto found = slices.find(name);
  return found == slices.end() ? model::TensorSlice() : found->second;
}

ClassParts Trainer::Impl::vocabulary() const {
  if (group.is_alone()) return {};
  const int64_t num_rows = model_config.decoder.embedding_size;
  return {.ranks = ranks->tensor.get(),
          .first = group.part(num_rows)[0],
          .largest = rank_with_largest_parts(ranks->tensor->num_ranks()).part_size(num_rows)};
}

void Trainer::Impl::add_patch_head() {
  const int64_t width = static_cast<int64_t>(model_config.connector.feature_layers.size()) * model_config.vision.width;
  const int64_t num_classes = std::accumulate(stage.patch_classes.begin(), stage.patch_classes.end(), int64_t{0});
  const RandomStream stream(stage.seed, "patch_head");
  const std::pair<std::string, at::Tensor> values[] = {
      {"weight", normal_tensor({num_classes, width}, kPatchHeadDeviation, stream)},
      {"bias", at::zeros({num_classes}, at::kFloat)}};
  for (const auto& [part, value] : values) {
    const std::string name = std::string(kPatchHead) + part;
    patch_head[name] = trainable_copy(value, device);
    parameters.push_back({name, model::Component::Vision, is_decayed(name), patch_head[name]});
  }
}

Totals Trainer::Impl::measure(std::span<const Batch> micro_batches) const {
  std::array<double, 4> sums{};
  for (const Batch& batch : micro_batches) {
    const BatchContents contents = objective->contents(batch);
    sums[0] += contents.loss_weight;
    sums[1] += static_cast<double>(contents.num_tokens);
    sums[2] += static_cast<double>(contents.num_crops);
    sums[3] += 1;
  }
  ranks->data->sum(sums);
  return {.loss_weight = sums[0], .num_tokens = sums[1], .num_crops = sums[2], .num_micro_batches = sums[3]};
}

Losses Trainer::Impl::run(std::span<const Batch> micro_batches, Pass pass) const {
  std::array<double, 5> sums{};
  for (const Batch& batch : micro_batches) {
    const Losses losses = objective->run(batch, pass);
    if (pass.dropout) pass.dropout->first_example += pass.dropout->example_stride * batch.examples.labels.size(0);
    sums[0] += losses.sums.cross_entropy;
    sums[1] += losses.sums.z_loss;
    sums[2] += losses.sums.accuracy;
    sums[3] += losses.router_balance;
    sums[4] += losses.router_z;
  }
  ranks->data->sum(sums);
  return {.sums = {.cross_entropy = sums[0], .z_loss = sums[1], .accuracy = sums[2]},
          .router_balance = sums[3],
          .router_z = sums[4]};
}

StepMetrics Trainer::Impl::metrics(const Totals& totals, const Losses& losses) const {
  StepMetrics metrics;
  metrics.cross_entropy = losses.sums.cross_entropy;
  metrics.z_loss = losses.sums.z_loss;
  metrics.accuracy = losses.sums.accuracy;
  metrics.loss_weight = totals.loss_weight;
  metrics.num_tokens = static_cast<int64_t>(totals.num_tokens);
  metrics.num_crops = static_cast<int64_t>(totals.num_crops);
  metrics.loss = metrics.cross_entropy + metrics.z_loss + losses.router_balance + losses.router_z;
  if (totals.loss_weight == 0) metrics.loss = NAN;  // nothing to learn from
  if (model_config.decoder.has_experts() && stage.objective != config::Objective::PatchLabels) {
    metrics.router_balance_loss = losses.router_balance;
    metrics.router_z_loss = losses.router_z;
  }
  return metrics;
}

ByComponent Trainer::Impl::learning_rates(int64_t step) const {
  ByComponent rates{};
  for (const Parameter& parameter : parameters) {
    rates[static_cast<size_t>(parameter.component)] =
        learning_rate(training_of(stage, parameter.component), decay_of(stage), step);
  }
  return rates;
}

Trainer::Trainer(const config::TrainingConfig& config, size_t stage, const config::ModelConfig& model,
                 const model::Weights& weights, std::shared_ptr<const Ranks> ranks, at::Device device)
    : impl_(std::make_unique<Impl>(config, stage, model, weights, std::move(ranks), device)) {}

Trainer::~Trainer() = default;

StepMetrics Trainer::step(int64_t step, std::span<const Batch> micro_batches) {
  // 1. What the global batch holds: losses are divided by its sum of weights.
  const Totals totals = impl_->measure(micro_batches);
  Pass pass{.loss_weight = totals.loss_weight, .num_micro_batches = totals.num_micro_batches};
  if (impl_->stage.residual_dropout > 0 && impl_->stage.objective != config::Objective::PatchLabels) {
    pass.dropout = DropoutKey{.seed = impl_->stage.seed,
                              .step = step,
                              .first_example = impl_->ranks->data->rank(),  // as batches.h deals them out
                              .example_stride = impl_->ranks->data->num_ranks()};
  }

  // 2. Forward and backward.
  const at::AutoGradMode enable_grad(true);
  StepMetrics metrics = impl_->metrics(totals, impl_->run(micro_batches, pass));

  // 3. Sum of the gradients of all ranks (those of decoder blocks may have been added up already).
  impl_->optimizer->reduce_gradients();
  metrics.grad_norms = impl_->optimizer->grad_norms();
  metrics.learning_rates = impl_->learning_rates(step);

  // 4. Clip and update, unless something overflowed.
  metrics.is_skipped = !std::isfinite(metrics.loss) || !impl_->optimizer->has_finite_gradients();
  if (!metrics.is_skipped) {
    impl_->optimizer->update(impl_->stage, metrics.learning_rates);
    return metrics;
  }
  impl_->optimizer->drop_gradients();
  if (impl_->config.non_finite == config::NonFinitePolicy::Stop) {
    fail(ErrorCategory::BadData,
         "step {} of stage '{}': loss {}, gradient norms {}, {}, {} (vision, connector, language), sum of loss weights "
         "{}; expected finite numbers and a weight. Hint: lower the learning rate, or set non_finite=skip",
         step, impl_->stage.name, metrics.loss, metrics.grad_norms[0], metrics.grad_norms[1], metrics.grad_norms[2],
         metrics.loss_weight);
  }
  return metrics;
}

StepMetrics Trainer::evaluate(std::span<const Batch> micro_batches, bool shuffle_pictures) const {
  const at::NoGradGuard no_grad;
  const Totals totals = impl_->measure(micro_batches);
  const Pass pass{.loss_weight = totals.loss_weight,
                  .num_micro_batches = totals.num_micro_batches,
                  .dropout = {},
                  .shuffles_pictures = shuffle_pictures};
  return impl_->metrics(totals, impl_->run(micro_batches, pass));
}

std::vector<checkpoint::StateTensor> Trainer::state() {
  std::vector<checkpoint::StateTensor> state;
  for (size_t i = 0; i < impl_->parameters.size(); ++i) {
    const Parameter& parameter = impl_->parameters[i];
    const Shards::Part& part = impl_->shards->part(i);
    state.push_back({"weights/" + parameter.name, parameter.slice.whole_shape(parameter.value.sizes()), part.begin,
                     part.value, parameter.slice});
  }
  for (auto& tensor : impl_->optimizer->state()) state.push_back(std::move(tensor));
  return state;
}

std::vector<checkpoint::StateTensor> Trainer::share_of_state() {
  const Ranks& ranks = *impl_->ranks;
  const bool is_first_shard = ranks.shards->rank() == 0;
  std::vector<checkpoint::StateTensor> share;
  for (checkpoint::StateTensor& tensor : state()) {
    if (tensor.values.numel() == 0 || (tensor.name == AdamW::kUpdatesName && !is_first_shard)) continue;
    // Ranks that hold the same.
    const bool is_shared = tensor.slice.is_whole();
    const int64_t num_sharing = is_shared ? ranks.tensor->num_ranks() : 1;
    const int64_t num_copies = ranks.replicas->num_ranks() * num_sharing;
    const int64_t copy = ranks.replicas->rank() * num_sharing + (is_shared ? ranks.tensor->rank() : 0);
    const int64_t size = tensor.values.numel();
    const int64_t begin = size * copy / num_copies, end = size * (copy + 1) / num_copies;
    if (begin == end) continue;
    if (num_copies > 1) tensor.values = tensor.values.view(-1).narrow(0, begin, end - begin);
    tensor.begin += begin;
    share.push_back(std::move(tensor));
  }
  return share;
}

void Trainer::read_state(const checkpoint::SavedState& saved) {
  saved.read(state());
  impl_->shards->finish_update();
}

model::Weights Trainer::Impl::whole_parameters(Which which) {
  const bool is_spread = ranks->shards->num_ranks() > 1, is_first = ranks->all->rank() == 0;
  model::Weights whole;
  const auto take = [&](const std::string& name, const at::Tensor& part, const model::TensorSlice& slice) {
    if (ranks->data->rank() != 0) return;
    const at::Tensor value = join_parts(part.detach(), slice, *ranks);
    if (is_first) whole[name] = is_spread && slice.is_whole() ? value.cpu().clone() : value;
  };
  shards->visit_whole([&](const Parameter& parameter) {
    if (which == Which::All || parameter.value.requires_grad()) take(parameter.name, parameter.value, parameter.slice);
  });
  if (which == Which::All) {
    for (const auto& [name, slice] : cut) take(name, weights.at(name), slice);
  }
  return whole;
}

model::Weights Trainer::weights() const {
  const bool is_first = impl_->ranks->all->rank() == 0;
  const model::Weights whole = impl_->whole_parameters(Impl::Which::All);
  model::Weights weights;
  for (const auto& [name, weight] : impl_->weights) {
    if (!is_first) break;
    const auto trained = whole.find(name);
    weights[name] = trained == whole.end() ? weight.detach() : trained->second;
  }
  return weights;
}

model::Adapter Trainer::adapter() const {
  model::Adapter adapter = impl_->adapter;
  if (adapter.updates.empty()) return adapter;
  const model::Weights whole = impl_->whole_parameters(Impl::Which::Trained);
  if (impl_->ranks->all->rank() != 0) return {};
  for (auto& [name, update] : adapter.updates) {
    const std::string layer = name.substr(0, name.size() - std::string_view(".weight").size());
    update.a = whole.at(layer + ".lora_A.weight");
    update.b = whole.at(layer + ".lora_B.weight");
  }
  return adapter;
}

const config::ModelConfig& Trainer::model_config() const {
  return impl_->model_config;
}

model::Weights Trainer::patch_head() const {
  model::Weights head;
  for (auto& [name, weight] : impl_->whole_parameters(Impl::Which::Trained)) {
    if (name.starts_with(kPatchHead)) head[name.substr(kPatchHead.size())] = weight;
  }
  return head;
}

}  // namespace molmo::train
