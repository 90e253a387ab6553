// What a run needs of memory, before anything is allocated.
//   Plan plan = plan_training(config, {.num_ranks = 8});
//   require_fit(plan);      // or print plan.stages
// Weights, gradients and moments are counted exactly; activations are estimated from what the backward pass keeps (see
// plan.cpp).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/dtype.h"
#include "config/model.h"
#include "config/training.h"

namespace molmo::train {

// Bytes of each rank.
struct StagePlan {
  std::string name;
  int64_t trained_parameters = 0;  // over all ranks
  uint64_t weights = 0;            // trained ones in float32, others as they are stored
  uint64_t gradients = 0, optimizer = 0;
  uint64_t activations = 0;  // of one micro-batch of the longest sequences with the most crops
  uint64_t batch = 0;        // examples of one step, and those that are prepared ahead
  uint64_t program = 0;

  uint64_t total() const { return weights + gradients + optimizer + activations + batch + program; }
  // In the order above, for printing.
  std::vector<std::pair<const char*, uint64_t>> parts() const;
};

struct Plan {
  int64_t num_ranks = 1;
  std::vector<StagePlan> stages;
  std::optional<uint64_t> memory_bytes;  // of each rank; empty: not known
  // Why it does not fit, and the settings that would.
  std::optional<std::string> problem;
};

struct PlanOptions {
  int64_t num_ranks = 1;
  // Empty: what this machine can give now, shared by its ranks; with GPUs, what the first of them can, for each rank
  // has one.
  std::optional<uint64_t> memory_bytes = {};
  std::optional<int64_t> num_local_ranks = {};  // of this machine; empty: all of them
};

// Reads the header of the initial model. Throws as open_initial_model does.
Plan plan_training(const config::TrainingConfig& config, const PlanOptions& options = {});

using StoredTypes = std::map<std::string, DType>;  // by native parameter name

// One stage of a known model. Weights that are not trained stay in the types that they are stored in; without one,
// float32.
StagePlan plan_stage(const config::TrainingConfig& config, size_t stage, const config::ModelConfig& model,
                     int64_t num_ranks, const StoredTypes& stored = {});

// Throws OutOfMemory with the plan's problem.
void require_fit(const Plan& plan);

}  // namespace molmo::train
