// The files of fixtures/metrics, each told by its name.
#pragma once

#include <filesystem>

namespace molmo::conformance {

class Run;

bool is_metric(const std::filesystem::path& file);
void answer_metric(Run& run, const std::filesystem::path& file);
// Means of evaluators; items may be cases of the other files in the folder.
void answer_aggregation(Run& run, const std::filesystem::path& file);

}  // namespace molmo::conformance
