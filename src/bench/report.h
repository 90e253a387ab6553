// What was measured, for people and for programs.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "base/json.h"
#include "bench/measure.h"

namespace molmo::bench {

// What was measured.
struct Subject {
  std::string model, type;
  int64_t layers = 0;  // of the decoder, that were run
  int64_t layers_of_model = 0;
  std::optional<double> load_ms = {};  // to ready; nothing is loaded where weights are random
};

// A flat object for one number of threads, units in the names of its members; for several {"runs": [...], "scaling":
// [...]}, the time with the first number of threads over the time with each. A figure that cannot be told is null: the
// peak of multiplications where the project has no loop for this CPU.
Json report_json(const Subject& subject, const Measurement& measurement);

// The same as tables.
std::string report_text(const Subject& subject, const Measurement& measurement);

}  // namespace molmo::bench
