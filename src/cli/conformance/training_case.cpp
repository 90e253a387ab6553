#include "cli/conformance/training_case.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/bincount.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/topk.h>

#include <algorithm>

#include "base/error.h"
#include "model/attention_mask.h"
#include "preprocess/training_example.h"
#include "train/parameters.h"
#include "train/ranks.h"
#include "train/shards.h"

namespace molmo::conformance {
namespace {

// Batches of train.json are longer than their longest row, and have more crops than their largest picture.
constexpr int64_t kPaddedTokens = 5, kPaddedCrops = 1;
constexpr int64_t kLastLogits = 8;

std::vector<text::Conversation> conversations_of(const Json& messages) {
  std::vector<text::Conversation> conversations;
  const bool is_single = !messages.empty() && messages[0].is_string();
  for (const auto& turns : is_single ? Json::array({messages}) : messages) {
    conversations.push_back({.messages = turns.get<std::vector<std::string>>(), .option_names = {}});
  }
  return conversations;
}

config::ComponentTraining component(const Json& optimizer, size_t index) {
  config::ComponentTraining training;
  training.learning_rate = optimizer.at("lr_connector_vit_llm").at(index).get<double>();
  training.warmup_steps = optimizer.at("warmup_connector_vit_llm").at(index).get<int64_t>();
  const Json start = optimizer.value("warmup_min_lr", Json());
  training.warmup_start = start.is_null() ? std::nullopt : std::optional(start.get<double>());
  training.weight_decay = optimizer.at("weight_decay").get<double>();
  training.beta1 = optimizer.at("betas").at(0).get<double>();
  training.beta2 = optimizer.at("betas").at(1).get<double>();
  training.eps = optimizer.at("eps").get<double>();
  training.max_grad_norm = optimizer.at("max_grad_norm").get<double>();
  return training;
}

at::Tensor rows_of(const at::Tensor& tensor, int64_t begin, int64_t count) {
  return tensor.defined() ? tensor.narrow(0, begin, count) : tensor;
}

preprocess::TrainingExample rows_of(const preprocess::TrainingExample& batch, int64_t begin, int64_t count) {
  preprocess::TrainingExample rows;
  rows.input.input_ids = rows_of(batch.input.input_ids, begin, count);
  rows.input.position_ids = rows_of(batch.input.position_ids, begin, count);
  rows.input.images = rows_of(batch.input.images, begin, count);
  rows.input.image_masks = rows_of(batch.input.image_masks, begin, count);
  rows.input.image_input_idx = rows_of(batch.input.image_input_idx, begin, count);
  rows.labels = rows_of(batch.labels, begin, count);
  rows.loss_weights = rows_of(batch.loss_weights, begin, count);
  rows.subsegment_ids = rows_of(batch.subsegment_ids, begin, count);
  return rows;
}

// "transformer.blocks.0.ffn.experts.3.gate_proj.weight" -> {"transformer.blocks.0.ffn.experts.mlp.w1", is transposed}.
struct ReferenceName {
  std::string name;
  bool is_transposed = false;
};

ReferenceName reference_name(const std::string& native) {
  constexpr std::string_view kExperts = ".ffn.experts.";
  const size_t experts = native.find(kExperts);
  if (experts == std::string::npos) return {native};
  const std::string prefix = native.substr(0, experts) + std::string(kExperts) + "mlp.";
  if (native.ends_with("gate_proj.weight")) return {prefix + "w1"};
  if (native.ends_with("up_proj.weight")) return {prefix + "v1"};
  return {prefix + "w2", true};
}

}  // namespace

TrainingCase::TrainingCase(ModelCase& model_case, const Json& document) : case_(model_case) {
  read_examples(document);
  read_settings(document);
}

void TrainingCase::read_examples(const Json& document) {
  std::vector<preprocess::TrainingExample> examples;
  int64_t most_crops = 0;
  for (size_t i = 0; i < document.at("messages").size(); ++i) {
    const image::Image image = case_.image(document.at("images").at(i).get<std::string>());
    preprocess::PackOptions options{.weighting = preprocess::LossWeighting::RootSubsegments, .example_weight = {}};
    const Json& weight = document.at("weight").at(i);
    if (!weight.is_null()) options.example_weight = weight.get<double>();
    auto example = preprocess::build_training_example(model(), case_.tokenizer(), {&image, 1},
                                                      conversations_of(document.at("messages")[i]), options);
    num_crops_.push_back(example.input.images.size(0));
    most_crops = std::max(most_crops, num_crops_.back());
    example.input.images = formula_crops(num_crops_.back(), model().vision.num_patches(), model().vision.patch_dim(),
                                         document.at("formula_seed").at(i).get<int64_t>());
    examples.push_back(std::move(example));
  }
  preprocess::PaddedSize size;
  if (!document.contains("moe")) {  // auxiliary losses see padding, so their fixture has none
    for (const auto& example : examples) size.num_tokens = std::max(size.num_tokens, example.input.input_ids.size(0));
    size = {.num_tokens = size.num_tokens + kPaddedTokens, .num_crops = most_crops + kPaddedCrops};
  }
  batch_ = preprocess::collate(examples, size);
}

void TrainingCase::read_settings(const Json& document) {
  const Json& optimizer = document.at("optimizer");
  config::StageConfig stage;
  stage.connector = component(optimizer, 0);
  stage.vision = component(optimizer, 1);
  stage.language = component(optimizer, 2);
  stage.final_learning_rate_fraction = optimizer.at("alpha_f").get<double>();
  stage.steps = optimizer.at("max_steps").get<int64_t>();
  stage.z_loss = optimizer.at("z_loss_scale").get<double>();
  const Json moe = document.value("moe", Json::object());
  stage.router_balance_loss = moe.value("loss_weight", 0.0);
  stage.router_z_loss = moe.value("zloss_weight", 0.0);
  micro_batch_ = optimizer.value("microbatch", batch_.input.input_ids.size(0));
  config_.stages = {stage};
  config_.non_finite = config::NonFinitePolicy::Stop;
}

std::vector<train::Batch> TrainingCase::micro_batches() const {
  std::vector<train::Batch> micro_batches;
  const int64_t num_rows = batch_.input.input_ids.size(0);
  for (int64_t begin = 0; begin < num_rows; begin += micro_batch_) {
    micro_batches.push_back({rows_of(batch_, begin, std::min(micro_batch_, num_rows - begin)), {}});
  }
  return micro_batches;
}

FirstStep TrainingCase::first_step() const {
  const at::AutoGradMode enable_grad(true);
  model::Weights weights = case_.checkpoint().load_weights(), gradients;
  for (auto& [name, weight] : weights) weight = train::trainable_copy(weight, at::kCPU);
  const model::Molmo molmo(model(), weights);
  const model::Weights no_head;
  const train::Ranks alone;
  train::Shards shards({}, {}, alone);
  const train::Objective objective(config_, stage(), molmo, no_head, shards);
  const auto batches = micro_batches();
  FirstStep step;
  for (const auto& batch : batches) step.loss_weight += objective.contents(batch).loss_weight;
  for (const auto& batch : batches) {
    step.losses += objective.run(
        batch, {.loss_weight = step.loss_weight, .num_micro_batches = static_cast<double>(batches.size())});
  }
  for (const auto& [name, weight] : weights) {
    if (weight.grad().defined()) gradients[name] = weight.grad();
  }
  step.gradients = by_reference_name(gradients);
  return step;
}

PositionLosses TrainingCase::position_losses() const {
  const at::NoGradGuard no_grad;
  const auto& molmo = case_.molmo();
  const at::Tensor valid = batch_.input.input_ids.ge(0);
  PositionLosses result;
  model::DecodeOptions options{.position_ids = batch_.input.position_ids};
  if (batch_.subsegment_ids.defined()) options.attention_bias = model::packed_bias(batch_.subsegment_ids, valid);
  options.hooks.after_router = [&](int64_t, const at::Tensor& logits) {
    const at::Tensor rows = logits.flatten(0, 1);
    const auto& decoder = model().decoder;
    const at::Tensor chosen = std::get<1>(at::topk(rows, decoder.num_active_experts, -1));
    result.router_logits.push_back(rows);
    result.tokens_per_expert.push_back(at::bincount(chosen.flatten(), {}, decoder.num_experts));
  };
  const at::Tensor features = molmo.encode_images(batch_.input.images, batch_.input.image_masks);
  const at::Tensor x = molmo.embed(batch_.input.input_ids, features, batch_.input.image_input_idx);
  const at::Tensor logits = molmo.logits(molmo.decode(x, options));  // [B, T, V]
  const int64_t length = valid[0].sum().item<int64_t>();
  result.last_logits = logits[0].slice(0, length - kLastLogits, length);

  const at::Tensor weights = batch_.loss_weights.clamp_min(0);
  // Image tokens are labels without a weight, and without logits.
  const at::Tensor labels = batch_.labels.masked_fill(weights.eq(0), 0);
  const auto losses = train::row_losses(logits.flatten(0, 1), labels.flatten(), weights.flatten(), {},
                                        /*make_gradient=*/false);
  // Positions without a weight may be undefined: padding that sees nothing.
  const auto weighted = [&](const at::Tensor& values) {
    return (values.view(weights.sizes()) * weights).masked_fill(weights.eq(0), 0);
  };
  result.cross_entropy = weighted(losses.cross_entropy);
  result.z_loss = weighted(stage().z_loss * losses.log_denominator.square());
  result.accuracy = weighted(losses.is_correct);
  return result;
}

train::Trainer TrainingCase::trainer() const {
  return train::Trainer(config_, 0, model(), case_.checkpoint().load_weights());
}

std::map<std::string, model::Component> TrainingCase::components() const {
  std::map<std::string, model::Component> components;
  for (const auto& parameter : model::parameter_table(model())) {
    components[reference_name(parameter.name).name] = parameter.component;
  }
  return components;
}

NamedTensors TrainingCase::by_reference_name(const model::Weights& tensors) const {
  std::map<std::string, std::vector<at::Tensor>> parts;
  for (const auto& parameter : model::parameter_table(model())) {  // experts in their order
    const auto found = tensors.find(parameter.name);
    if (found == tensors.end()) continue;
    const ReferenceName reference = reference_name(parameter.name);
    parts[reference.name].push_back(reference.is_transposed ? found->second.t() : found->second);
  }
  NamedTensors named;
  for (const auto& [name, all] : parts) named[name] = all.size() == 1 ? all[0] : at::cat(all);
  return named;
}

void answer_fields(const Place& place, const std::vector<Field>& fields) {
  const bool is_emptied = place.value().is_null();
  for (const Field& field : fields) {
    if (is_emptied || place.expects(field.key)) place[field.key].answer(field.value, field.tolerance);
  }
}

void answer_training_losses(const Place& place, const TrainingCase& training, const FirstStep& step,
                            const Tolerance& tolerance) {
  const train::Losses& losses = step.losses;
  const bool has_experts = training.model().decoder.has_experts();
  const bool has_router_z_loss = has_experts && training.stage().router_z_loss > 0;
  answer_fields(place, {{"ce_loss", losses.sums.cross_entropy, tolerance},
                        {"z_loss", losses.sums.z_loss, tolerance},
                        {"accuracy", losses.sums.accuracy, tolerance},
                        {"lb_loss", has_experts ? Json(losses.router_balance) : Json(), tolerance},
                        {"moe_z_loss", has_router_z_loss ? Json(losses.router_z) : Json(), tolerance}});
}

}  // namespace molmo::conformance
