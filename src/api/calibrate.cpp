#include "api/calibrate.h"

#include <algorithm>

#include "base/error.h"
#include "base/progress.h"
#include "checkpoint/checkpoint.h"
#include "generate/session.h"
#include "image/image.h"

namespace molmo::api {
namespace {

// What the paper's models are asked most: PixMo's captions, points, counts and questions.
const std::vector<std::string>& default_prompts() {
  static const std::vector<std::string> prompts = {"Describe this image.", "Point to the largest object.",
                                                   "How many people are there?", "What is in the background?"};
  return prompts;
}

model::Weights load_dense_weights(const checkpoint::Checkpoint& checkpoint) {
  for (const auto& [name, weight] : checkpoint.weights()) {
    if (!checkpoint::is_packed(weight.type)) continue;
    fail(ErrorCategory::Unsupported, "{}: '{}' is packed as {}. Hint: calibrate on the floating point weights",
         weight.file.string(), weight.stored_name, enum_name(weight.type));
  }
  model::Weights weights = checkpoint.load_weights();
  // Layers lay out transposed views anew, which the recorder would not know again.
  for (auto& [name, weight] : weights) weight = weight.contiguous();
  return weights;
}

}  // namespace

quantize::InputStatistics calibrate(const std::filesystem::path& folder, const CalibrationOptions& options) {
  const auto checkpoint = checkpoint::Checkpoint::open(folder);
  const model::Weights weights = load_dense_weights(checkpoint);
  generate::Session session(std::make_shared<const generate::LoadedModel>(generate::LoadedModel{
      model::Molmo(checkpoint.config(), weights), text::Tokenizer::load(checkpoint.tokenizer_folder())}));
  const std::vector<std::string>& prompts = options.prompts.empty() ? default_prompts() : options.prompts;
  const size_t num_pictures = options.pictures.size(), count = std::max(num_pictures, prompts.size());
  config::GenerationConfig generation;
  generation.max_new_tokens = options.max_new_tokens;

  quantize::InputRecorder recorder(weights);
  const model::ObserveInputs observe(recorder.observer());
  Progress progress("calibrate", count, "answers");
  for (size_t i = 0; i < count; ++i) {
    generate::Request request{.prompt = prompts[i % prompts.size()]};
    if (num_pictures > 0) request.images = {image::read_image(options.pictures[i % num_pictures])};
    session.ask(request, generation);
    progress.advance();
  }
  return recorder.statistics();
}

}  // namespace molmo::api
