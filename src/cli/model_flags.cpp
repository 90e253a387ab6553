#include "cli/model_flags.h"

#include <chrono>

#include "cli/flags.h"
#include "cli/model_name.h"
#include "molmo/model.h"

namespace molmo::cli {

void ThreadFlags::define(Flags& flags) {
  flags.add_option("-t,--threads", threads_, "threads to compute with; without it, the CPUs that this process may use")
      .type_name("N")
      .range(1, 4096)
      .group("Model");
}

void ThreadFlags::apply() const {
  if (threads_) set_compute_threads(*threads_);
}

void ModelFlags::define(Flags& flags) {
  flags.add_option("-m,--model", model_, "checkpoint folder; without it, the small model that ships with molmo")
      .type_name("MODEL")
      .group("Model");
  flags.add_enum("--dtype", options_.dtype, "type of the weights in memory; without it, as stored").group("Model");
  flags.add_enum("--device", options_.device, "where to compute").group("Model");
  flags.add_option("--lora", options_.adapter, "LoRA adapter to apply").type_name("DIR").group("Model");
  flags
      .add_option("-c,--ctx-size", options_.max_context_tokens,
                  "longest prompt and answer together, tokens; without it, the model's own limit")
      .type_name("N")
      .group("Model");
  threads_.define(flags);
}

TimedModel ModelFlags::load() const {
  threads_.apply();
  const auto start = std::chrono::steady_clock::now();
  TimedModel result{api::load_model(resolve_model_folder(model_), options_), 0};
  result.load_ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  return result;
}

}  // namespace molmo::cli
