// What `arena fit` and `arena report` share: where comparisons are, and how they are rated.
#pragma once

#include <filesystem>
#include <string>

#include "arena/standings.h"
#include "cli/flags.h"
#include "cli/model_flags.h"

namespace molmo::cli {

class ArenaFlags {
 public:
  void define(Flags& flags);
  arena::Standings standings();  // reads and computes

 private:
  std::filesystem::path comparisons_;
  std::string style_;  // names of covariates, with commas
  arena::StandingsOptions options_;
  ThreadFlags threads_;
};

}  // namespace molmo::cli
