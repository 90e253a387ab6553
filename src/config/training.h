// How a model is trained: stages of data, batch, learning rates (paper, section 4 and tables 6 and 8; reference:
// olmo/config.py, TrainConfig). One YAML file is one run; a run is one or more stages, each beginning with the weights
// of the one before.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/dtype.h"
#include "base/enum_names.h"
#include "config/device.h"
#include "config/image_input.h"
#include "config/prompt.h"

namespace molmo::config {

enum class Objective {
  Caption,      // pictures to captions: styles and length hints
  Chat,         // pictures (or none) to conversations
  Text,         // the decoder alone on plain text
  PatchLabels,  // the vision tower alone: a class for each patch
};
enum class ResidualDropout { AllTokens, ResponseTokens };
enum class NonFinitePolicy { Skip, Stop };  // what a step with an infinite or undefined loss or gradient does
enum class Recompute { None, Blocks };      // activations that the backward pass computes again
enum class Sharding { None, Full, Hybrid };

// One of vision tower, connector and decoder.
struct ComponentTraining {
  double learning_rate = 1e-5;
  int64_t warmup_steps = 200;
  std::optional<double> warmup_start = 0;  // learning rate of step 0; empty: a tenth of the rate
  double weight_decay = 0;
  double beta1 = 0.9, beta2 = 0.95, eps = 1e-6;
  double max_grad_norm = 1;  // of this component; 0: no clipping
  bool frozen = false;

  template <class Visitor>
  void fields(Visitor& visit) {
    visit("learning_rate", learning_rate, "highest learning rate");
    visit("warmup_steps", warmup_steps, "steps until it is reached");
    visit("warmup_start", warmup_start, "learning rate of step 0; null for a tenth of the highest");
    visit("weight_decay", weight_decay, "decoupled decay, times the learning rate");
    visit("beta1", beta1, "decay of the mean of gradients");
    visit("beta2", beta2, "decay of the mean of squared gradients");
    visit("eps", eps, "added to the root of the mean of squares");
    visit("max_grad_norm", max_grad_norm, "gradients of the component are scaled down to this norm; 0 for never");
    visit("frozen", frozen, "keep the weights as they are");
  }
};

struct LoraConfig {
  int64_t rank = 0;  // 0: all weights are trained
  double alpha = 16;
  std::vector<std::string> targets{"att_proj", "attn_out", "ff_proj", "ff_out"};  // last parts of module names

  template <class Visitor>
  void fields(Visitor& visit) {
    visit("rank", rank, "rank of the updates, 0 to train the weights themselves");
    visit("alpha", alpha, "updates are scaled by alpha / rank");
    visit("targets", targets, "last parts of the names of the layers that get an update");
  }
};

// A data set of a mixture.
struct DataSource {
  std::string name;  // as `molmo data list` names it, or "jsonl" for own data
  std::string path;  // where its files are
  std::string split = "train";
  std::optional<double> size;        // counts as this many examples in the mixture; empty: as many as it has
  std::optional<double> rate;        // share within the group; empty: by the square root of the size
  std::vector<std::string> options;  // "key=value" settings of data that is generated

  template <class Visitor>
  void fields(Visitor& visit) {
    visit("name", name, "data set, as `molmo data list` names it, or jsonl");
    visit("path", path, "folder or file of the data");
    visit("split", split, "part of the data set");
    visit("size", size, "counts as this many examples in the mixture; null for its own size");
    visit("rate", rate, "share within the group; null for the square root of the size");
    visit("options", options, "key=value settings of data that is generated");
  }
};

struct MixtureGroup {
  double rate = 1;  // share of the group; rates need not sum to 1
  std::vector<DataSource> sources;

  template <class Visitor>
  void fields(Visitor& visit) {
    visit("rate", rate, "share of the group");
    visit("sources", sources, "data sets of the group");
  }
};

struct StageConfig {
  std::string name = "train";
  Objective objective = Objective::Chat;
  int64_t steps = 1000;
  int64_t global_batch = 256;         // examples (pictures with all of their conversations) of a step, over all ranks
  int64_t micro_batch = 1;            // examples of a rank that go through the model at once
  int64_t sequence_length = 2304;     // tokens; longer examples are cut from the end
  std::optional<int64_t> max_crops;   // besides the low-resolution one; empty: as the model is configured
  std::optional<CropMode> crop_mode;  // how pictures are cut from this stage on; empty: as the model is configured
  double one_crop_share = 0;  // share of examples whose pictures are shown whole in one crop, as crop_mode resize does
  bool pad_batches = false;   // pad to sequence_length and max_crops, not to the longest of the batch
  uint64_t seed = 6198;
  std::vector<MixtureGroup> data;
  std::vector<MixtureGroup> validation;  // loss over these
  PromptConfig prompt;
  bool root_subsegments = true;  // each of the n conversations about a picture weighs 1 / sqrt(n)
  ComponentTraining vision, connector, language;
  double final_learning_rate_fraction = 0.1;  // the cosine ends at this share of the highest rate
  std::optional<int64_t> decay_steps;         // the cosine ends here; empty: with the stage
  double z_loss = 1e-4;
  double router_balance_loss = 0, router_z_loss = 0;  // of mixtures of experts
  double residual_dropout = 0;
  ResidualDropout residual_dropout_tokens = ResidualDropout::AllTokens;
  std::vector<int64_t> patch_classes;  // of the objective patch_labels: classes of each of one to three label maps
  LoraConfig lora;

  template <class Visitor>
  void fields(Visitor& visit) {
    visit("name", name, "of the stage, in logs and folders");
    visit("objective", objective, "caption, chat, text or patch_labels");
    visit("steps", steps, "updates of the weights");
    visit("global_batch", global_batch, "examples of a step, over all ranks");
    visit("micro_batch", micro_batch, "examples of a rank that go through the model at once");
    visit("sequence_length", sequence_length, "most tokens of an example");
    visit("max_crops", max_crops, "high-resolution crops of a picture; null for the model's");
    visit("crop_mode", crop_mode, "how pictures are cut from this stage on; null for the model's");
    visit("one_crop_share", one_crop_share, "share of examples whose pictures are shown in one crop");
    visit("pad_batches", pad_batches, "pad every batch to the same shape");
    visit("seed", seed, "of data order, templates and dropout");
    visit("data", data, "groups of data sets");
    visit("validation", validation, "groups of data sets whose loss is measured");
    visit("prompt", prompt, "how questions become prompts");
    visit("root_subsegments", root_subsegments, "each of n conversations about a picture weighs 1/sqrt(n)");
    visit("vision", vision, "training of the vision tower");
    visit("connector", connector, "training of the connector");
    visit("language", language, "training of the decoder");
    visit("final_learning_rate_fraction", final_learning_rate_fraction, "share of the learning rate at the end");
    visit("decay_steps", decay_steps, "where the cosine ends; null for the end of the stage");
    visit("z_loss", z_loss, "weight of the squared log of the softmax's denominator");
    visit("router_balance_loss", router_balance_loss, "weight of the load balancing loss of experts");
    visit("router_z_loss", router_z_loss, "weight of the z-loss of the experts' router");
    visit("residual_dropout", residual_dropout, "share of residual activations of the decoder that are dropped");
    visit("residual_dropout_tokens", residual_dropout_tokens, "all_tokens or response_tokens");
    visit("patch_classes", patch_classes, "of patch_labels: number of classes of each label map, one to three");
    visit("lora", lora, "low-rank updates instead of training the weights");
  }
};

struct ParallelConfig {
  Sharding sharding = Sharding::Full;  // with one rank there is nothing to shard
  int64_t replicas = 1;                // of hybrid sharding: groups that hold all shards each
  int64_t tensor_parallel = 1;         // ranks that share each layer

  template <class Visitor>
  void fields(Visitor& visit) {
    visit("sharding", sharding, "none, full or hybrid");
    visit("replicas", replicas, "groups of ranks of hybrid sharding, each with all shards");
    visit("tensor_parallel", tensor_parallel, "ranks that share each layer");
  }
};

// Where the weights come from: `model` alone, or a decoder and a vision tower that were trained apart, joined by a new
// connector.
struct InitialWeights {
  std::string model;      // preset for random weights, or folder of a checkpoint
  std::string language;   // folder of a text model; its weights replace the decoder's
  std::string vision;     // folder of a vision tower
  std::string tokenizer;  // folder of tokenizer.json; empty: the model's or the text model's
  uint64_t seed = 0;      // of what is drawn at random

  template <class Visitor>
  void fields(Visitor& visit) {
    visit("model", model, "preset with random weights, or folder of a checkpoint");
    visit("language", language, "folder of a text model for the decoder; empty for none");
    visit("vision", vision, "folder of a vision tower; empty for none");
    visit("tokenizer", tokenizer, "folder of tokenizer.json; empty for the model's own");
    visit("seed", seed, "of random weights");
  }
};

struct TrainingConfig {
  std::string output;  // folder of checkpoints, metrics and report
  InitialWeights init;
  std::vector<StageConfig> stages;
  ParallelConfig parallel;
  Device device = Device::Cpu;       // cuda: one GPU for each process of a machine
  DType compute_dtype = DType::F32;  // bf16: matrix products in bfloat16, weights and sums in float32
  Recompute recompute = Recompute::None;
  NonFinitePolicy non_finite = NonFinitePolicy::Skip;
  int64_t max_skipped_steps = 100;  // in a row, then training stops
  int64_t num_workers = 2;          // threads that prepare examples
  int64_t save_every = 500;         // steps between checkpoints
  int64_t keep_checkpoints = 2;
  int64_t export_every = 0;         // steps between exports in Hugging Face layout, 0: at the end of a stage only
  DType export_dtype = DType::F32;  // of the last stage's weights; a stage that another one begins with stays float32
  int64_t log_every = 10;
  int64_t evaluate_every = 0;        // steps between validation losses and evaluations, 0: never
  int64_t evaluate_examples = 2048;  // of each validation set that are used, over all ranks

  // Throws InvalidArgument naming the field, its value and what is allowed.
  void validate() const;

  template <class Visitor>
  void fields(Visitor& visit) {
    visit("output", output, "folder of checkpoints, metrics and report");
    visit("init", init, "where the weights come from");
    visit("stages", stages, "of the run, one after the other");
    visit("parallel", parallel, "how ranks share the work");
    visit("device", device, "cpu, or cuda for one GPU for each process");
    visit("compute_dtype", compute_dtype, "f32, or bf16 for matrix products in bfloat16");
    visit("recompute", recompute, "none, or blocks to trade time for memory");
    visit("non_finite", non_finite, "skip or stop at an infinite or undefined loss or gradient");
    visit("max_skipped_steps", max_skipped_steps, "skipped steps in a row before training stops");
    visit("num_workers", num_workers, "threads that prepare examples");
    visit("save_every", save_every, "steps between checkpoints");
    visit("keep_checkpoints", keep_checkpoints, "newest checkpoints that are kept");
    visit("export_every", export_every, "steps between exports in Hugging Face layout; 0 for the end of a stage only");
    visit("export_dtype", export_dtype, "f32 or bf16: type of the exported weights of the last stage");
    visit("log_every", log_every, "steps between lines of the log");
    visit("evaluate_every", evaluate_every, "steps between evaluations; 0 for never");
    visit("evaluate_examples", evaluate_examples, "examples of each validation set that are used");
  }
};

// `overrides` are "key=value" with the keys of the file; a number chooses from a list, "stages.0.steps=10". Throws
// NotFound, BadData, or InvalidArgument naming the key and the nearest one. Validated.
TrainingConfig read_training_config(const std::filesystem::path& path, std::span<const std::string> overrides = {});
// One override, without validation.
void override_setting(TrainingConfig& config, const std::string& assignment);
// The configuration as the text of a file that reads back the same.
std::string write_training_config(const TrainingConfig& config);

}  // namespace molmo::config

template <>
struct molmo::EnumNames<molmo::config::Objective> {
  using enum config::Objective;
  static constexpr EnumName<config::Objective> kValues[] = {
      {Caption, "caption"}, {Chat, "chat"}, {Text, "text"}, {PatchLabels, "patch_labels"}};
};

template <>
struct molmo::EnumNames<molmo::config::ResidualDropout> {
  using enum config::ResidualDropout;
  static constexpr EnumName<config::ResidualDropout> kValues[] = {{AllTokens, "all_tokens"},
                                                                  {ResponseTokens, "response_tokens"}};
};

template <>
struct molmo::EnumNames<molmo::config::NonFinitePolicy> {
  using enum config::NonFinitePolicy;
  static constexpr EnumName<config::NonFinitePolicy> kValues[] = {{Skip, "skip"}, {Stop, "stop"}};
};

template <>
struct molmo::EnumNames<molmo::config::Recompute> {
  using enum config::Recompute;
  static constexpr EnumName<config::Recompute> kValues[] = {{None, "none"}, {Blocks, "blocks"}};
};

template <>
struct molmo::EnumNames<molmo::config::Sharding> {
  using enum config::Sharding;
  static constexpr EnumName<config::Sharding> kValues[] = {{None, "none"}, {Full, "full"}, {Hybrid, "hybrid"}};
};
