#include "cli/model_flags.h"

#include <fmt/format.h>

#include <algorithm>
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
  flags
      .add_enum(
          "--cache-type", options_.cache_type,
          "type of the keys and values of a conversation: 16 bits halve their memory; without it, f16 behind packed "
          "weights, else f32")
      .group("Model");
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

std::string ModelFlags::identity() const {
  namespace fs = std::filesystem;
  const fs::path folder = fs::canonical(resolve_model_folder(model_));
  uint64_t num_bytes = 0;
  fs::file_time_type changed{};
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    num_bytes += entry.file_size();
    changed = std::max(changed, entry.last_write_time());
  }
  const auto seconds =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::file_clock::to_sys(changed).time_since_epoch());
  std::string identity = fmt::format("{} ({} bytes, {})", folder.string(), num_bytes, seconds.count());
  if (!options_.adapter.empty()) identity += " with " + fs::absolute(options_.adapter).string();
  if (options_.dtype) identity += fmt::format(" as {}", enum_name(*options_.dtype));
  return identity;
}

}  // namespace molmo::cli
