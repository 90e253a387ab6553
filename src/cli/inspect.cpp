// molmo inspect MODEL
#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>

#include "base/dtype.h"
#include "base/fields.h"
#include "checkpoint/checkpoint.h"
#include "cli/flags.h"
#include "cli/model_name.h"
#include "cli/program.h"
#include "cli/verb.h"
#include "model/parameter_table.h"

namespace molmo {

template <>
struct EnumNames<model::Component> {
  using enum model::Component;
  static constexpr EnumName<model::Component> kValues[] = {
      {Vision, "vision"}, {Connector, "connector"}, {Language, "language"}};
};

}  // namespace molmo

namespace molmo::cli {
namespace {

// "transformer.blocks.17.ffn.experts.3.up_proj.weight" -> "transformer.blocks.*.ffn.experts.*.up_proj.weight"
std::string without_indices(const std::string& name) {
  std::string result;
  for (size_t begin = 0; begin <= name.size();) {
    const size_t end = std::min(name.find('.', begin), name.size());
    const std::string part = name.substr(begin, end - begin);
    const bool is_index = !part.empty() && part.find_first_not_of("0123456789") == std::string::npos;
    result += (begin == 0 ? "" : ".") + (is_index ? std::string("*") : part);
    begin = end + 1;
  }
  return result;
}

std::string with_separators(int64_t value) {
  std::string digits = std::to_string(value);
  for (int64_t at = static_cast<int64_t>(digits.size()) - 3; at > 0; at -= 3)
    digits.insert(static_cast<size_t>(at), ",");
  return digits;
}

constexpr DType kStoredTypes[] = {DType::F32, DType::BF16, DType::F16};

class Inspect final : public Verb {
 public:
  void define(Flags& flags) override {
    flags.description(
        "Reads the configuration only, so it is quick for the largest model. MODEL is a checkpoint folder or a preset: "
        "molmoe-1b, "
        "molmo-7b-o, molmo-7b-d, molmo-72b.");
    flags.examples(
        "# how large is it?\nmolmo inspect molmo-7b-d\n"
        "# a downloaded checkpoint, for a script\nmolmo inspect Molmo-7B-D-0924 --json\n");
    flags.add_option("MODEL,-m,--model", model_, "checkpoint folder or preset").type_name("MODEL");
    flags.add_flag("--tensors", shows_tensors_, "list the tensors, those of repeated blocks in one line");
    flags.add_flag("--json", is_json_, "print one JSON document, tensors included");
  }

  int run() override {
    const ModelName name = resolve_model(model_);
    Subject subject{name.preset, {}, {}};
    if (name.preset.empty()) {
      subject.title = name.folder.string();
      subject.checkpoint = checkpoint::Checkpoint::open(name.folder);
    }
    subject.config = subject.checkpoint ? subject.checkpoint->config() : config::preset(name.preset);
    is_json_ ? print_json(subject) : print_text(subject);
    return kExitDone;
  }

 private:
  struct Subject {
    std::string title;
    config::ModelConfig config;
    std::optional<checkpoint::Checkpoint> checkpoint;  // empty for a preset
  };

  static void print_json(const Subject& subject) {
    const config::ModelConfig& config = subject.config;
    const model::ParameterCounts counts = model::count_parameters(config);
    Json memory, tensors = Json::array();
    for (const DType type : kStoredTypes) memory[std::string(enum_name(type))] = counts.total * dtype_bytes(type);
    for (const model::ParameterSpec& spec : model::parameter_table(config)) {
      Json tensor{{"name", spec.name}, {"shape", spec.shape}, {"component", enum_name(spec.component)}};
      if (subject.checkpoint) tensor["dtype"] = enum_name(subject.checkpoint->weights().at(spec.name).dtype);
      tensors.push_back(std::move(tensor));
    }
    const Json layout = subject.checkpoint ? Json(enum_name(subject.checkpoint->layout())) : Json(nullptr);
    const Json document{{"model", subject.title},
                        {"layout", layout},
                        {"parameters",
                         {{"total", counts.total},
                          {"active", counts.active},
                          {"vision", counts.vision},
                          {"connector", counts.connector},
                          {"language", counts.language}}},
                        {"memory_bytes", memory},
                        {"configuration", write_fields(config)},
                        {"tensors", tensors}};
    fmt::print("{}\n", dump_json(document, /*pretty=*/true));
  }

  void print_text(const Subject& subject) const {
    const config::ModelConfig& config = subject.config;
    const model::ParameterCounts counts = model::count_parameters(config);
    fmt::print("model: {}\n", subject.title);
    if (subject.checkpoint)
      fmt::print("stored: {} layout, {}\n", enum_name(subject.checkpoint->layout()), stored_types(*subject.checkpoint));
    fmt::print("\nparameters:\n");
    for (const auto& [name, count] : {std::pair{"total", counts.total},
                                      {"active", counts.active},
                                      {"vision", counts.vision},
                                      {"connector", counts.connector},
                                      {"language", counts.language}}) {
      fmt::print("  {:<10}{:>15}\n", name, with_separators(count));
    }
    fmt::print("\nmemory of the weights:\n");
    for (const DType type : kStoredTypes) {
      fmt::print("  {:<10}{:>11.2f} GiB\n", enum_name(type),
                 static_cast<double>(counts.total * dtype_bytes(type)) / (1 << 30));
    }
    fmt::print("\nconfiguration:\n{}", indent(dump_yaml(write_fields(config))));
    if (shows_tensors_) print_tensors(config);
  }

  // "f32 7.11 MiB, bf16 0.25 MiB"
  static std::string stored_types(const checkpoint::Checkpoint& checkpoint) {
    std::map<DType, uint64_t> bytes;
    for (const auto& [name, weight] : checkpoint.weights()) bytes[weight.dtype] += weight.num_bytes;
    std::string text;
    for (const auto& [type, count] : bytes) {
      text += fmt::format("{}{} {:.2f} MiB", text.empty() ? "" : ", ", enum_name(type),
                          static_cast<double>(count) / (1 << 20));
    }
    return text;
  }

  static std::string indent(const std::string& text) {
    std::string result;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) result += "  " + line + "\n";
    return result;
  }

  static void print_tensors(const config::ModelConfig& config) {
    std::map<std::pair<std::string, std::vector<int64_t>>, int64_t> counts;
    std::vector<std::pair<std::string, std::vector<int64_t>>> order;
    for (const model::ParameterSpec& spec : model::parameter_table(config)) {
      const std::pair key{without_indices(spec.name), spec.shape};
      if (counts[key]++ == 0) order.push_back(key);
    }
    fmt::print("\ntensors:\n");
    for (const auto& key : order) {
      fmt::print("  {:<64} {:<16} x {}\n", key.first, fmt::format("[{}]", fmt::join(key.second, ", ")), counts[key]);
    }
  }

  std::string model_;
  bool shows_tensors_ = false, is_json_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_inspect() {
  return std::make_unique<Inspect>();
}

}  // namespace molmo::cli
