// Runs a model on pictures and prompts, and records what its matrices get to multiply (quantize/input_statistics.h).
//   quantize::InputStatistics statistics = calibrate("Molmo-7B-D-0924", {.pictures = {"photo.jpg"}});
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "quantize/input_statistics.h"

namespace molmo::api {

struct CalibrationOptions {
  std::vector<std::filesystem::path> pictures;
  // Asked in turn, each at least once; empty: a caption, a point, a count and a short answer.
  std::vector<std::string> prompts = {};
  int64_t max_new_tokens = 64;  // of each answer: what the model says is part of what it reads
};

// Throws what loading a model, decoding a picture and asking a question throw; Unsupported for weights that are packed.
quantize::InputStatistics calibrate(const std::filesystem::path& model, const CalibrationOptions& options);

}  // namespace molmo::api
