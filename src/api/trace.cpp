#include "api/trace.h"

#include "generate/trace.h"
#include "preprocess/build_input.h"
#include "text/prompt.h"

namespace molmo::api {

std::map<std::string, at::Tensor> trace(const generate::LoadedModel& model, const generate::Request& request) {
  const config::ModelConfig& config = model.molmo.config();
  std::string prompt = request.prompt;
  if (!request.is_raw) {
    const text::PromptFormatter formatter(config.prompt, {.quirks = request.quirks});
    prompt = formatter.ask({.text = request.prompt, .style = request.style, .length_hint = request.length_hint});
  }
  const preprocess::ModelInput input = preprocess::build_input(
      config, model.tokenizer, request.images, prompt, {.max_crops = request.max_crops, .quirks = request.quirks});
  return generate::record_trace(model.molmo, input);
}

}  // namespace molmo::api
