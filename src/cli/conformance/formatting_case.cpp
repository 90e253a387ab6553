#include "cli/conformance/formatting_case.h"

#include <nlohmann/json.hpp>

namespace molmo::conformance {
namespace {

std::optional<std::string> find_case_mismatch(const Json& expected, const Json& found, const Tolerance& tolerance) {
  const bool wants_error = expected.is_object() && expected.contains("error");
  if (wants_error && found.contains("error")) return std::nullopt;
  return find_mismatch(expected, found, tolerance);
}

}  // namespace

std::shared_ptr<const text::TemplateLists> given_templates(const Json& document) {
  if (!document.contains("templates")) return text::TemplateLists::builtin();
  Json lists = Json::object();
  for (const auto& [name, text] : document["templates"].items()) lists[name] = Json::array({text});
  return std::make_shared<const text::TemplateLists>(text::TemplateLists::parse(dump_json(lists), "templates"));
}

void answer_cases(Run& run, const std::filesystem::path& file,
                  const std::function<Json(const Json& document, const Json& item)>& compute,
                  const Tolerance& tolerance) {
  run.answer_json(file, [&](const Place& root, const Json& document) {
    const Json& cases = document.at("cases");
    for (size_t i = 0; i < cases.size(); ++i) {
      const Place place = root["cases"][i];
      place.attempt([&] {
        const Json computed = compute(document, cases[i]);
        place["expected"].answer(
            computed, [&](const Json& expected) { return find_case_mismatch(expected, computed, tolerance); });
      });
    }
  });
}

Json released_text(const Json& document, const text::Example& example, text::Purpose purpose) {
  config::PromptConfig config;
  config.templates = config::PromptTemplates::UberModel;
  config.message_format = config::MessageFormat::Role;
  config.system_prompt = config::SystemPrompt::DemoOrStyle;
  config.starts_with_space = true;
  text::PromptOptions options;
  options.templates = given_templates(document);
  GivenDraws draws(document.value("random", 0.5));
  Json texts = Json::array();
  for (const auto& conversation : text::PromptFormatter(config, options).format(example, purpose, draws)) {
    texts.push_back(text::join_messages(conversation.messages, "<EOS>"));
  }
  return example.is_list ? texts : texts.at(0);
}

}  // namespace molmo::conformance
