// prompts.json, roles.json, points_to_text.json, count_templates.json: examples to messages and answers.
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "cli/conformance/formatting_case.h"
#include "cli/conformance/kind.h"
#include "text/prompt.h"

namespace molmo::conformance {
namespace {

using Strings = std::vector<std::string>;

config::PromptConfig prompt_config(const Json& setting, const Json& override) {
  config::PromptConfig config;
  config.templates =
      parse_enum<config::PromptTemplates>(setting.at("prompt_templates").get<std::string>(), "prompt_templates");
  config.message_format =
      parse_enum<config::MessageFormat>(setting.at("message_format").get<std::string>(), "message_format");
  config.system_prompt =
      parse_enum<config::SystemPrompt>(setting.at("system_prompt").get<std::string>(), "system_prompt");
  config.starts_with_space = setting.at("always_start_with_space").get<bool>();
  if (override.contains("default_inference_len")) {
    const Json& length = override["default_inference_len"];
    config.default_length_hint = length.is_null() ? std::nullopt : std::optional(length.get<int64_t>());
  }
  return config;
}

// What the reference's formatter gives for one case: messages, or one list of them per annotation, or an error.
Json format_prompt(const Json& document, const Json& item) {
  const Json override = item.value("override", Json::object());
  text::PromptOptions options;
  options.templates = given_templates(document);
  if (override.value("select_answer", std::string("best")) == "first")
    options.answer_choice = text::AnswerChoice::Smallest;
  const text::PromptFormatter formatter(
      prompt_config(document.at("settings").at(item.at("setting").get<std::string>()), override), options);
  const Json rng = item.value("rng", Json::object());
  GivenDraws draws(rng.value("random", 0.5), rng.value("normal", 0.0));
  const auto purpose = item.value("for_inference", false) ? text::Purpose::Inference : text::Purpose::Training;
  try {
    const text::Example example = text::parse_example(item.at("example"), "example");
    const auto conversations = formatter.format(example, purpose, draws);
    Json messages = Json::array(), texts = Json::array();
    for (const auto& conversation : conversations) {
      messages.push_back(conversation.messages);
      texts.push_back(text::join_messages(conversation.messages, "<EOS>"));
    }
    if (example.is_list) return {{"conversations", messages}, {"text", texts}};
    Json formatted = {{"messages", messages.at(0)}, {"text", texts.at(0)}};
    if (!conversations[0].option_names.empty()) formatted["option_names"] = conversations[0].option_names;
    return formatted;
  } catch (const Error& error) {
    return {{"error", error.what()}};
  }
}

Json with_roles(const Json& item) {
  config::PromptConfig config;
  config.message_format =
      parse_enum<config::MessageFormat>(item.at("message_format").get<std::string>(), "message_format");
  config.starts_with_space = item.at("always_start_with_space").get<bool>();
  return text::PromptFormatter(config).with_roles(item.at("messages").get<Strings>());
}

Json points_to_text(const Json& item) {
  const Json& scale = item.at("scale");
  const auto text_scale =
      scale.is_array() ? text::PointScale(scale.get<std::array<double, 2>>()) : text::PointScale(scale.get<double>());
  const auto precision =
      item.value("dtype", std::string()) == "float32" ? text::PointPrecision::F32 : text::PointPrecision::F64;
  return text::point_text(item.at("points").get<text::Points>(), text_scale, item.at("label").get<std::string>(),
                          item.at("alt").get<std::string>(), precision);
}

Json points_answer(const Json& item) {
  const text::Example example = text::parse_example(item.at("example"), "example");
  return text::points_answer(example.annotations.at(0), example.image_size);
}

}  // namespace

void answer_prompts(Run& run, const std::filesystem::path& file) {
  answer_cases(run, file, format_prompt);
}

void answer_roles(Run& run, const std::filesystem::path& file) {
  answer_cases(run, file, [](const Json&, const Json& item) { return with_roles(item); });
}

void answer_points_to_text(Run& run, const std::filesystem::path& file) {
  answer_cases(run, file, [](const Json&, const Json& item) { return points_to_text(item); });
}

void answer_count_templates(Run& run, const std::filesystem::path& file) {
  answer_cases(run, file, [](const Json&, const Json& item) { return points_answer(item); });
}

}  // namespace molmo::conformance
