// train.json and train_aux.json with their tensors: losses, gradients, three steps of the optimizer, schedules.
#include <ATen/TensorOperators.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

#include "base/error.h"
#include "cli/conformance/kind.h"
#include "cli/conformance/tensor_fixture.h"
#include "cli/conformance/training_case.h"
#include "train/parameters.h"
#include "train/schedule.h"

namespace molmo::conformance {
namespace {

using model::Component;

constexpr int64_t kSteps = 3;
constexpr int64_t kListedValues = 16;
constexpr Tolerance kLearningRate = {.relative = 1e-12};
constexpr Tolerance kNorm = {.absolute = 1e-6, .relative = 1e-4};

// In the reference's order and words.
struct ComponentName {
  Component component;
  std::string_view name;
};
constexpr ComponentName kComponents[] = {
    {Component::Connector, "connector"}, {Component::Vision, "vit"}, {Component::Language, "llm"}};

double norm_of(const at::Tensor& tensor) {
  return std::sqrt(tensor.to(at::kDouble).square().sum().item<double>());
}

double largest_of(const at::Tensor& tensor) {
  return tensor.numel() == 0 ? 0 : static_cast<double>(tensor.abs().max().item<float>());
}

Json first_values(const at::Tensor& tensor) {
  const at::Tensor values = tensor.flatten().slice(0, 0, kListedValues).to(at::kFloat).contiguous();
  Json list = Json::array();
  for (int64_t i = 0; i < values.numel(); ++i) {
    list.push_back(static_cast<double>(values.const_data_ptr<float>()[i]));
  }
  return list;
}

class TrainingAnswers {
 public:
  TrainingAnswers(Run& run, const std::filesystem::path& file, const Json& document)
      : run_(run),
        file_(file),
        model_case_(run.model_case(file)),
        case_(model_case_, document),
        first_(case_.first_step()) {}

  void answer_json(const Place& root, const Json& document) {
    root.answer_field("n_crops", case_.num_crops());
    root.answer_field("seq_len", case_.batch().input.input_ids.size(1));
    root.answer_field("max_crops_padded", case_.batch().input.images.size(1));
    answer_training_losses(root["step1"], case_, first_, loss_tolerance());
    root.answer_field("loss_denominator", first_.loss_weight, {.relative = 1e-6});
    answer_gradients(root["grads"]);
    answer_groups(root);
    answer_steps(root);
    answer_schedule(root);
    if (document.contains("lr_schedule_released")) {
      answer_released_schedules(root["lr_schedule_released"], document["lr_schedule_released"]);
    }
  }

  void answer_gradient_tensors() {
    const auto path = companion("_grad");
    if (!std::filesystem::exists(path)) return;
    TensorFixture tensors(run_.report(), run_.name(path), path);
    answer_batch(tensors);
    const PositionLosses positions = case_.position_losses();
    const Tolerance per_token = {.absolute = model_case_.tolerance("per_token_ce_weighted", 2e-4)};
    tensors.answer("per_token_ce_weighted", positions.cross_entropy, per_token);
    tensors.answer("per_token_z_weighted", positions.z_loss, per_token);
    tensors.answer("accuracy_weighted", positions.accuracy, {.absolute = 1e-6});
    tensors.answer("logits_last8_valid_ex0", positions.last_logits,
                   {.absolute = model_case_.tolerance("logits", 2e-4)});
    for (size_t layer = 0; layer < positions.router_logits.size(); ++layer) {
      const std::string suffix = "_" + std::to_string(layer);
      tensors.answer("moe/router_logits" + suffix, positions.router_logits[layer],
                     {.absolute = model_case_.tolerance("router_logits", 1e-4)});
      tensors.answer("moe/tokens_per_expert" + suffix, positions.tokens_per_expert[layer]);
    }
    for (const auto& [name, gradient] : first_.gradients) {
      tensors.answer("grad/" + name, gradient, gradient_tolerance(gradient));
    }
    tensors.finish(run_.output(path));
  }

  // After answer_json.
  void answer_parameter_tensors() {
    const auto path = companion("_params3");
    if (!std::filesystem::exists(path)) return;
    TensorFixture tensors(run_.report(), run_.name(path), path);
    for (const auto& [name, weight] : trained_) tensors.answer("param/" + name, weight, parameter_tolerance());
    tensors.finish(run_.output(path));
  }

 private:
  std::filesystem::path companion(const std::string& suffix) const {
    return file_.parent_path() / (file_.stem().string() + suffix + ".safetensors");
  }

  Tolerance loss_tolerance() const { return {.absolute = model_case_.tolerance("loss", 2e-5)}; }
  Tolerance parameter_tolerance() const { return {.absolute = model_case_.tolerance("params_after_3_steps", 2e-4)}; }
  // Per element 1e-4 of the largest one plus 1e-6; of norms 1e-4.
  static Tolerance gradient_tolerance(const at::Tensor& gradient) {
    return {.absolute = 1e-4 * largest_of(gradient) + 1e-6};
  }

  void answer_batch(TensorFixture& tensors) const {
    const auto& batch = case_.batch();
    tensors.answer("batch/input_ids", batch.input.input_ids);
    tensors.answer("batch/labels", batch.labels);
    tensors.answer("batch/position_ids", batch.input.position_ids);
    if (batch.subsegment_ids.defined()) tensors.answer("batch/subsegment_ids", batch.subsegment_ids);
    tensors.answer("batch/image_input_idx", batch.input.image_input_idx);
    tensors.answer("batch/loss_masks", batch.loss_weights, {.absolute = 1e-7});
    tensors.answer("batch/image_masks", batch.input.image_masks,
                   {.absolute = model_case_.tolerance("image_masks", 1e-6)});
  }

  void answer_gradients(const Place& place) const {
    const bool is_emptied = place.value().is_null();
    for (const auto& [name, unused] : case_.components()) {
      if (!is_emptied && !place.expects(name)) continue;
      const auto found = first_.gradients.find(name);
      if (found == first_.gradients.end()) {
        place[name].answer(Json());
        continue;
      }
      const at::Tensor& gradient = found->second;
      const Tolerance elements = gradient_tolerance(gradient);
      answer_fields(place[name], {{"norm", norm_of(gradient), kNorm},
                                  {"max_abs", largest_of(gradient), elements},
                                  {"first16", first_values(gradient), elements}});
    }
  }

  Json group(const ComponentName& component, bool is_decayed) const {
    const auto& training = train::training_of(case_.stage(), component.component);
    std::vector<std::string> names;
    for (const auto& [name, member] : case_.components()) {
      if (member == component.component && train::is_decayed(name) == is_decayed) names.push_back(name);
    }
    std::ranges::sort(names);
    return {{"name", std::string(component.name) + (is_decayed ? "_decay" : "_no_decay")},
            {"weight_decay", is_decayed ? training.weight_decay : 0.0},
            {"betas", {training.beta1, training.beta2}},
            {"eps", training.eps},
            {"max_grad_norm", training.max_grad_norm},
            {"params", names}};
  }

  void answer_groups(const Place& root) const {
    Json groups = Json::array();
    for (const ComponentName& component : kComponents) {
      for (const bool is_decayed : {true, false}) {
        Json one = group(component, is_decayed);
        if (!one["params"].empty()) groups.push_back(std::move(one));
      }
    }
    root.answer_field("param_groups", groups);
  }

  Json learning_rates(int64_t step) const {
    Json rates = Json::object();
    for (const ComponentName& component : kComponents) {
      rates[component.name] = train::learning_rate(train::training_of(case_.stage(), component.component),
                                                   train::decay_of(case_.stage()), step);
    }
    return rates;
  }

  void answer_step(const Place& place, int64_t step, const train::StepMetrics& metrics) const {
    const Json rates = learning_rates(step);
    double total = 0, num_clipped = 0;
    std::vector<Field> values, groups;
    for (const ComponentName& component : kComponents) {
      const double norm = metrics.grad_norms[static_cast<size_t>(component.component)];
      total += norm * norm;
      num_clipped += norm > train::training_of(case_.stage(), component.component).max_grad_norm;
      values.push_back({fmt::format("optim/{}_grad_norm", component.name), norm, kNorm});
      for (const char* group : {"_decay", "_no_decay"}) {
        groups.push_back({std::string(component.name) + group, rates[component.name], kLearningRate});
      }
    }
    values.insert(values.begin(), {"optim/total_grad_norm", std::sqrt(total), kNorm});
    values.push_back({"optim/clipping_rate", num_clipped / static_cast<double>(std::size(kComponents))});
    const double loss = metrics.cross_entropy;
    values.push_back({"train/CrossEntropyLoss", loss, loss_tolerance()});
    values.push_back({"train/Perplexity", std::exp(loss), {.relative = loss_tolerance().absolute}});
    values.push_back({"train/Accuracy", metrics.accuracy, loss_tolerance()});
    values.push_back({"train/ZLoss", metrics.z_loss, loss_tolerance()});
    if (metrics.router_balance_loss) {
      values.push_back({"train/LoadBalancingLoss", *metrics.router_balance_loss, loss_tolerance()});
      if (case_.stage().router_z_loss > 0)
        values.push_back({"train/MoEZLoss", *metrics.router_z_loss, loss_tolerance()});
    }
    const bool is_emptied = place.value().is_null();
    if (is_emptied || place.expects("step")) place["step"].answer(step);
    if (is_emptied || place.expects("metrics")) answer_fields(place["metrics"], values);
    if (is_emptied || place.expects("lr")) answer_fields(place["lr"], groups);
  }

  // Three steps, then the loss once more.
  void answer_steps(const Place& root) {
    train::Trainer trainer = case_.trainer();
    const auto before = case_.by_reference_name(trainer.weights());
    NamedTensors start;
    for (const auto& [name, weight] : before) start[name] = weight.clone();
    const auto batches = case_.micro_batches();
    for (int64_t step = 1; step <= kSteps; ++step) {
      answer_step(root["steps"][static_cast<size_t>(step - 1)], step, trainer.step(step, batches));
    }
    trained_ = case_.by_reference_name(trainer.weights());
    const Place place = root["params_after_3"];
    const bool is_emptied = place.value().is_null();
    for (const auto& [name, weight] : trained_) {
      if (!is_emptied && !place.expects(name)) continue;
      const double delta = norm_of(weight - start.at(name));
      answer_fields(place[name], {{"norm", norm_of(weight), kNorm},
                                  {"delta_norm", delta, parameter_tolerance()},
                                  {"first16", first_values(weight), parameter_tolerance()}});
    }
    // Weights whose gradient is rounding alone moved by the learning rate, in some direction.
    root.answer_field("ce_after_3", trainer.evaluate(batches).cross_entropy, parameter_tolerance());
  }

  void answer_schedule(const Place& root) const {
    Json schedule = Json::array();
    for (int64_t step = 0; step <= case_.stage().steps; ++step) {
      Json row = {{"step", step}};
      row.update(learning_rates(step));
      schedule.push_back(std::move(row));
    }
    root.answer_field("lr_schedule", schedule, kLearningRate);
  }

  // Settings with "lr", "warmup" and "v", the rates at some steps; or a table of them by component.
  void answer_released_schedules(const Place& place, const Json& tables) const {
    for (const auto& [name, table] : tables.items()) {
      if (!table.is_object()) continue;
      const bool has_lowest_start = name == "warmup_min_lr_none";
      if (table.contains("lr")) {
        answer_rates(place[name], table, table, has_lowest_start);
        continue;
      }
      for (const auto& [component, settings] : table.items()) {
        if (settings.is_object()) answer_rates(place[name][component], settings, table, has_lowest_start);
      }
    }
  }

  static void answer_rates(const Place& place, const Json& settings, const Json& run, bool has_lowest_start) {
    config::ComponentTraining training;
    training.learning_rate = settings.at("lr").get<double>();
    training.warmup_steps = settings.at("warmup").get<int64_t>();
    if (has_lowest_start) training.warmup_start.reset();
    const int64_t end = run.contains("t_max") ? run["t_max"].get<int64_t>() : run.at("max_steps").get<int64_t>();
    if (!settings.at("v").is_object()) return;
    for (const auto& [step, unused] : settings["v"].items()) {
      place["v"].answer_field(
          step, train::learning_rate(training, {.end = end, .final_fraction = 0.1}, std::stoll(step)), kLearningRate);
    }
  }

  Run& run_;
  std::filesystem::path file_;
  ModelCase& model_case_;
  TrainingCase case_;
  FirstStep first_;
  NamedTensors trained_;  // weights after the steps
};

}  // namespace

void answer_training(Run& run, const std::filesystem::path& file) {
  std::optional<TrainingAnswers> answers;
  run.answer_json(file, [&](const Place& root, const Json& document) {
    answers.emplace(run, file, document);
    answers->answer_json(root, document);
  });
  answers->answer_gradient_tensors();
  answers->answer_parameter_tensors();
}

void answer_training_summary(const Place& root, ModelCase& model_case) {
  for (const char* name : {"train", "train_aux"}) {
    const auto file = model_case.folder() / "train" / (std::string(name) + ".json");
    if (!root.value().contains(name) || !std::filesystem::exists(file)) continue;
    const TrainingCase training(model_case, read_json_file(file));
    answer_training_losses(root[name]["loss"], training, training.first_step(),
                           {.absolute = model_case.tolerance("loss", 2e-5)});
  }
}

}  // namespace molmo::conformance
