// Flags of verbs that load a model.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "api/load.h"
#include "cli/verb.h"

namespace molmo::cli {

// `-t`, which every verb that computes has.
class ThreadFlags {
 public:
  void define(Flags& flags);
  void apply() const;

 private:
  std::optional<int> threads_;
};

struct TimedModel {
  std::shared_ptr<const generate::LoadedModel> model;
  double load_ms = 0;
};

class ModelFlags {
 public:
  void define(Flags& flags);
  // Sets the threads, then loads.
  TimedModel load() const;
  // Tells the weights apart from others: folder, bytes and time of the last change.
  std::string identity() const;

 private:
  std::string model_;
  api::LoadOptions options_;
  ThreadFlags threads_;
};

}  // namespace molmo::cli
