// molmo bench -m MODEL|PRESET[:q8|:q4]
#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "api/load.h"
#include "base/error.h"
#include "base/threads.h"
#include "bench/measure.h"
#include "bench/random_weights.h"
#include "bench/report.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/tensor_dtype.h"
#include "cli/flags.h"
#include "cli/model_name.h"
#include "cli/program.h"
#include "cli/verb.h"
#include "molmo/model.h"
#include "text/tokenizer.h"

namespace molmo::cli {
namespace {

using bench::StoredAs;

struct NamedPreset {
  std::string name;
  StoredAs stored = StoredAs::BF16;
};

// "molmo-7b-d:q4" -> its two parts; empty where it is no preset.
std::optional<NamedPreset> parse_preset(const std::string& text) {
  const size_t colon = text.find(':');
  const std::string name = text.substr(0, colon);
  if (!config::is_preset(name)) return std::nullopt;
  if (colon == std::string::npos) return NamedPreset{name};
  return NamedPreset{name, parse_enum<StoredAs>(text.substr(colon + 1), "type of the weights")};
}

// "1,2" -> {1, 2}
std::vector<int> parse_threads(const std::string& text) {
  std::vector<int> threads;
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, ',');) {
    const bool is_number =
        !part.empty() && part.size() <= 4 && part.find_first_not_of("0123456789") == std::string::npos;
    const int count = is_number ? std::stoi(part) : 0;
    if (count < 1 || count > 4096)
      throw UsageError("--threads is '" + text + "': expected numbers from 1 to 4096, as in 1,2");
    threads.push_back(count);
  }
  return threads.empty() ? std::vector<int>{num_threads()} : threads;
}

// The type that most bytes of the weights have.
std::string stored_type(const checkpoint::Checkpoint& checkpoint) {
  std::map<checkpoint::StoredType, uint64_t> bytes;
  for (const auto& [name, weight] : checkpoint.weights()) bytes[weight.type] += weight.num_bytes;
  const auto most = std::ranges::max_element(bytes, {}, [](const auto& entry) { return entry.second; });
  return std::string(enum_name(most->first));
}

class Bench final : public Verb {
 public:
  void define(Flags& flags) override {
    flags.description(
        "Takes a drawn photo and random text through the model, step by step, and measures in turn what the machine "
        "can do at most: reading memory, multiplying integers of 8 bits and float32. A preset gets random weights, in "
        "memory: q8 in 8 bits, q4 the blocks of the decoder in 4 and the rest in 8, without either bfloat16.");
    flags.examples(
        "# how fast is a 7B model of 4 bits on this machine?\nmolmo bench -m molmo-7b-d:q4\n"
        "# a quick look at four of its layers, reading 512 tokens of text\nmolmo bench -m molmo-7b-d --layers 4 "
        "--image-crops 0 --prompt-tokens 512 -r 3\n"
        "# what the second thread brings, for a script\nmolmo bench -m nano -t 1,2 --json\n");
    flags
        .add_option("-m,--model", model_,
                    "checkpoint folder, or preset with :q8 or :q4; without it, the small model that ships with molmo")
        .type_name("MODEL");
    flags.add_option("--layers", layers_, "run only so many blocks of the decoder, and extrapolate")
        .type_name("N")
        .range(1, 1000);
    flags.add_option("--image-crops", options_.image_crops, "high-resolution crops of the picture; 0 for no picture")
        .type_name("N")
        .range(0, 100)
        .shows_default();
    flags.add_option("--prompt-tokens", options_.prompt_tokens, "tokens of text behind the picture")
        .type_name("N")
        .range(1, 1 << 20)
        .shows_default();
    flags.add_option("-n,--predict", options_.generated_tokens, "tokens to generate")
        .type_name("N")
        .range(1, 1 << 20)
        .shows_default();
    flags.add_option("-r,--repetitions", options_.repetitions, "measurements, of which medians are shown")
        .type_name("N")
        .range(1, 1000)
        .shows_default();
    flags
        .add_option(
            "-t,--threads", threads_,
            "threads to compute with, or several numbers to compare; without it, the CPUs that this process may use")
        .type_name("N[,N]");
    flags.add_enum("--cache-type", cache_type_,
                   "type of the keys and values of the tokens so far; without it, as `molmo run` keeps them");
    flags.add_flag("--json", is_json_, "print one JSON document");
  }

  int run() override {
    options_.threads = parse_threads(threads_);
    if (cache_type_) options_.cache_type = checkpoint::to_scalar_type(api::stored_type(*cache_type_));
    bench::Subject subject;
    const model::Molmo molmo = open(subject);
    const bench::Measurement measurement = bench::measure(molmo, options_);
    fmt::print("{}", is_json_ ? dump_json(bench::report_json(subject, measurement), /*pretty=*/true) + "\n"
                              : bench::report_text(subject, measurement));
    return kExitDone;
  }

 private:
  model::Molmo open(bench::Subject& subject) const {
    set_compute_threads(*std::ranges::max_element(options_.threads));
    if (const auto preset = parse_preset(model_)) {
      const config::ModelConfig config = cut(config::preset(preset->name), subject);
      subject.model = preset->name;
      subject.type = enum_name(preset->stored);
      return model::Molmo(config, bench::random_weights(config, preset->stored));
    }
    const std::filesystem::path folder = resolve_model_folder(model_);
    const auto start = std::chrono::steady_clock::now();
    const auto checkpoint = checkpoint::Checkpoint::open(folder);
    text::Tokenizer::load(checkpoint.tokenizer_folder());  // ready is who can read a prompt
    model::Molmo molmo(cut(checkpoint.config(), subject), checkpoint.load_weights());
    subject.load_ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
    subject.model = folder.filename().empty() ? folder.parent_path().filename() : folder.filename();
    subject.type = stored_type(checkpoint);
    return molmo;
  }

  config::ModelConfig cut(config::ModelConfig config, bench::Subject& subject) const {
    subject.layers_of_model = config.decoder.num_layers;
    if (layers_ && *layers_ > config.decoder.num_layers)
      fail(ErrorCategory::InvalidArgument, "--layers is {}, the model has {}", *layers_, config.decoder.num_layers);
    if (layers_) config.decoder.num_layers = *layers_;
    subject.layers = config.decoder.num_layers;
    return config;
  }

  std::string model_, threads_;
  std::optional<int64_t> layers_;
  std::optional<api::WeightType> cache_type_;
  bench::MeasureOptions options_;
  bool is_json_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_bench() {
  return std::make_unique<Bench>();
}

}  // namespace molmo::cli
