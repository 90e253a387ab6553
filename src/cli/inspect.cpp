// molmo inspect MODEL
#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>
#include <tuple>

#include "base/fields.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/hf_writer.h"
#include "cli/flags.h"
#include "cli/model_name.h"
#include "cli/program.h"
#include "cli/verb.h"
#include "model/parameter_table.h"
#include "quantize/quantize_checkpoint.h"

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

using checkpoint::StoredType;

// Dense in one type, or as `molmo quantize --type` packs weights of bfloat16.
uint64_t memory_bytes(const config::ModelConfig& config, StoredType type) {
  checkpoint::StoredTypes types;
  const StoredType dense = checkpoint::is_packed(type) ? StoredType::BF16 : type;
  for (const model::ParameterSpec& spec : model::parameter_table(config)) types[spec.name] = dense;
  if (checkpoint::is_packed(type)) {
    const auto packed = type == StoredType::Q8 ? kernels::PackedType::Q8 : kernels::PackedType::Q4;
    types = quantize::choose_types(config, types, quantize::default_types(packed));
  }
  return checkpoint::weight_bytes(config, types);
}

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
    for (const auto& row : EnumNames<StoredType>::kValues)
      memory[std::string(row.name)] = memory_bytes(config, row.value);
    for (const model::ParameterSpec& spec : model::parameter_table(config)) {
      Json tensor{{"name", spec.name}, {"shape", spec.shape}, {"component", enum_name(spec.component)}};
      if (subject.checkpoint) {
        const checkpoint::WeightInfo& weight = subject.checkpoint->weights().at(spec.name);
        tensor["dtype"] = enum_name(weight.type);
        tensor["bytes"] = weight.num_bytes;
      }
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
    for (const auto& row : EnumNames<StoredType>::kValues) {
      fmt::print("  {:<10}{:>11.2f} GiB\n", row.name, static_cast<double>(memory_bytes(config, row.value)) / (1 << 30));
    }
    fmt::print("\nconfiguration:\n{}", indent(dump_yaml(write_fields(config))));
    if (shows_tensors_) print_tensors(subject);
  }

  // "f32 0.25 MiB, q8 7.11 MiB"
  static std::string stored_types(const checkpoint::Checkpoint& checkpoint) {
    std::map<StoredType, uint64_t> bytes;
    for (const auto& [name, weight] : checkpoint.weights()) bytes[weight.type] += weight.num_bytes;
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

  static void print_tensors(const Subject& subject) {
    using Kind = std::tuple<std::string, std::vector<int64_t>, std::string_view>;  // name, shape, type
    std::map<Kind, int64_t> counts;
    std::vector<Kind> order;
    for (const model::ParameterSpec& spec : model::parameter_table(subject.config)) {
      const std::string_view type =
          subject.checkpoint ? enum_name(subject.checkpoint->weights().at(spec.name).type) : "";
      const Kind kind{without_indices(spec.name), spec.shape, type};
      if (counts[kind]++ == 0) order.push_back(kind);
    }
    fmt::print("\ntensors:\n");
    for (const Kind& kind : order) {
      const auto& [name, shape, type] = kind;
      fmt::print("  {:<64} {:<16} {:<4} x {}\n", name, fmt::format("[{}]", fmt::join(shape, ", ")), type, counts[kind]);
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
