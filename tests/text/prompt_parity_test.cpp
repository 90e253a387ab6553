// Examples to prompts and answers, role words and point answers against the reference's formatting fixtures.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "fixtures.h"
#include "text/fixed_draws.h"
#include "text/prompt.h"

namespace molmo::text {
namespace {

using Strings = std::vector<std::string>;

std::shared_ptr<const TemplateLists> injected_templates(const Json& templates) {
  Json lists = Json::object();
  for (const auto& [name, text] : templates.items()) lists[name] = Json::array({text});
  return std::make_shared<const TemplateLists>(TemplateLists::parse(lists.dump(), "fixture"));
}

config::PromptConfig read_config(const Json& setting, const Json& override) {
  config::PromptConfig config;
  config.templates = parse_enum<config::PromptTemplates>(setting["prompt_templates"].get<std::string>(), "templates");
  config.message_format = parse_enum<config::MessageFormat>(setting["message_format"].get<std::string>(), "format");
  config.system_prompt = parse_enum<config::SystemPrompt>(setting["system_prompt"].get<std::string>(), "system_prompt");
  config.starts_with_space = setting["always_start_with_space"].get<bool>();
  if (override.contains("default_inference_len")) {
    const Json& length = override["default_inference_len"];
    config.default_length_hint = length.is_null() ? std::nullopt : std::optional(length.get<int64_t>());
  }
  return config;
}

std::vector<Conversation> format_case(const Json& golden, const Json& item) {
  const Json override = item.value("override", Json::object());
  PromptOptions options;
  options.templates = injected_templates(golden["templates"]);
  if (override.contains("select_answer")) options.answer_choice = AnswerChoice::Smallest;
  const auto setting = item["setting"].get<std::string>();
  const PromptFormatter formatter(read_config(golden["settings"][setting], override), options);
  FixedDraws draws(item["rng"]["random"].get<double>(), item["rng"]["normal"].get<double>());
  const auto purpose = item["for_inference"].get<bool>() ? Purpose::Inference : Purpose::Training;
  return formatter.format(parse_example(item["example"], "fixture"), purpose, draws);
}

void expect_case(const Json& golden, const Json& item) {
  SCOPED_TRACE(item["id"].get<std::string>());
  const Json& expected = item["expected"];
  if (expected.contains("error")) {
    EXPECT_THROW(format_case(golden, item), Error);
    return;
  }
  const auto conversations = format_case(golden, item);
  if (expected.contains("conversations")) {
    ASSERT_EQ(conversations.size(), expected["conversations"].size());
    for (size_t i = 0; i < conversations.size(); ++i) {
      EXPECT_EQ(conversations[i].messages, expected["conversations"][i].get<Strings>());
      EXPECT_EQ(join_messages(conversations[i].messages, "<EOS>"), expected["text"][i].get<std::string>());
    }
    return;
  }
  ASSERT_EQ(conversations.size(), 1u);
  EXPECT_EQ(conversations[0].messages, expected["messages"].get<Strings>());
  EXPECT_EQ(join_messages(conversations[0].messages, "<EOS>"), expected["text"].get<std::string>());
  EXPECT_EQ(conversations[0].option_names, expected.value("option_names", Strings()));
}

TEST(PromptParity, FormatsExamplesLikeTheReference) {
  const Json golden = read_json_file(test::fixture_path("formatting/prompts.json"));
  EXPECT_GT(golden["cases"].size(), 300u);
  for (const Json& item : golden["cases"]) expect_case(golden, item);
}

TEST(PromptParity, PutsRoleWordsLikeTheReference) {
  const Json golden = read_json_file(test::fixture_path("formatting/roles.json"));
  EXPECT_GE(golden["cases"].size(), 20u);
  for (const Json& item : golden["cases"]) {
    SCOPED_TRACE(item["id"].get<std::string>());
    config::PromptConfig config;
    config.message_format = parse_enum<config::MessageFormat>(item["message_format"].get<std::string>(), "format");
    config.starts_with_space = item["always_start_with_space"].get<bool>();
    const PromptFormatter formatter(config);
    EXPECT_EQ(formatter.with_roles(item["messages"].get<Strings>()), item["expected"].get<Strings>());
  }
}

TEST(PromptParity, AnswersWithPointsLikeTheReference) {
  const Json golden = read_json_file(test::fixture_path("formatting/count_templates.json"));
  EXPECT_GT(golden["cases"].size(), 40u);
  for (const Json& item : golden["cases"]) {
    SCOPED_TRACE(item["id"].get<std::string>());
    const Example example = parse_example(item["example"], "fixture");
    EXPECT_EQ(points_answer(example.annotations.at(0), example.image_size), item["expected"].get<std::string>());
  }
}

}  // namespace
}  // namespace molmo::text
