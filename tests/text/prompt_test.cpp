#include "text/prompt.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "base/json.h"
#include "text/fixed_draws.h"
#include "text/lower_case.h"
#include "text/styles.h"

namespace molmo::text {
namespace {

using config::PromptConfig;
using testing::ElementsAre;
using testing::HasSubstr;

PromptConfig pretraining() {
  return {.templates = config::PromptTemplates::None,
          .system_prompt = config::SystemPrompt::StyleAndLength,
          .message_format = config::MessageFormat::None};
}

std::string first_template(const std::string& list) {
  return TemplateLists::builtin()->list(list).front();
}

TEST(Ask, AsksAReleasedModelInPlainWords) {
  const PromptFormatter formatter{PromptConfig()};
  EXPECT_EQ(formatter.ask({.text = "What is this?"}), " User: What is this? Assistant:");
  EXPECT_EQ(formatter.ask({.text = "And that?"}, /*turn=*/1), " User: And that? Assistant:");
  EXPECT_EQ(formatter.ask({.text = ""}), " User:  Assistant:");
}

TEST(Ask, PutsTheTagOfAnExplicitStyle) {
  const PromptFormatter formatter{PromptConfig()};
  EXPECT_EQ(formatter.ask({.text = "What is this?", .style = "vqa2"}), " User: vqa2: What is this? Assistant:");
  EXPECT_EQ(formatter.ask({.text = "Why?", .style = "user_qa"}), " User: user_qa: Why? Assistant:");
  EXPECT_EQ(formatter.ask({.text = "Which?", .style = "eval_multiple_choice"}), " User: a_okvqa_mc: Which? Assistant:");
  EXPECT_EQ(formatter.ask({.text = "Why?", .style = "user_qa", .has_tag = false}), " User: Why? Assistant:");
  // These two never had a tag in training.
  EXPECT_EQ(formatter.ask({.text = "low_level: tap", .style = "android_control"}), " User: low_level: tap Assistant:");
}

TEST(Ask, RefusesAStyleThatNoDataSetHas) {
  EXPECT_TRUE(std::ranges::is_sorted(known_styles()));
  const PromptFormatter formatter{PromptConfig()};
  for (const std::string_view style : known_styles())
    EXPECT_NO_THROW(formatter.ask({.text = "What?", .style = std::string(style)})) << style;
  try {
    formatter.ask({.text = "What?", .style = "chart-qa"});
    ADD_FAILURE() << "accepted";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(),
                HasSubstr("style is 'chart-qa', which is no style of the training data. Did you mean 'chart_qa'?"));
  }
  EXPECT_THROW(formatter.ask({.text = "What?", .style = "VQA2"}), Error);
}

TEST(Ask, PhrasesALabelByTheFirstTemplate) {
  const PromptFormatter formatter{PromptConfig()};
  EXPECT_EQ(formatter.ask({.text = "Red Mug", .style = "pointing", .is_label = true, .has_tag = false}),
            " User: " + fill_template(first_template("pointing"), "label", "red mug") + " Assistant:");
  EXPECT_EQ(formatter.ask({.text = "mug", .style = "point_count", .is_label = true}),
            " User: point_count: " + fill_template(first_template("point_count"), "label", "mug") + " Assistant:");
  EXPECT_THROW(formatter.ask({.text = "mug", .style = "vqa2", .is_label = true}), Error);
  EXPECT_THROW(formatter.ask({.text = "mug", .is_label = true}), Error);
}

TEST(Ask, AsksForACaption) {
  const PromptFormatter formatter{PromptConfig()};
  EXPECT_EQ(formatter.ask({.text = "", .style = "long_caption", .has_tag = false}),
            " User: " + first_template("long_caption") + " Assistant:");
  EXPECT_EQ(formatter.ask({.text = "", .style = "long_caption", .length_hint = 30}),
            " User: long_caption 30: " + first_template("long_caption") + " Assistant:");
}

TEST(Ask, AsksACaptionerForALength) {
  PromptConfig config = pretraining();
  EXPECT_EQ(PromptFormatter(config).ask({.text = ""}), " long_caption 65:");
  EXPECT_EQ(PromptFormatter(config).ask({.text = "", .style = "transcript", .length_hint = 20}), " transcript 20:");
  EXPECT_EQ(PromptFormatter(config).ask({.text = "Mug", .style = "pointing", .is_label = true}), " pointing 65: mug");
  config.default_length_hint.reset();
  EXPECT_EQ(PromptFormatter(config).ask({.text = ""}), " long_caption :");
}

TEST(Ask, LeavesTheQuestionAloneWhereNothingIsConfigured) {
  const PromptFormatter formatter(PromptConfig{.templates = config::PromptTemplates::None,
                                               .system_prompt = config::SystemPrompt::None,
                                               .message_format = config::MessageFormat::None,
                                               .starts_with_space = false});
  EXPECT_EQ(formatter.ask({.text = "What?", .style = "vqa2"}), "What?");
  EXPECT_EQ(formatter.ask({.text = "And?"}, /*turn=*/2), " And?");
}

Example example_of(const char* json) {
  return parse_example(parse_json(json, "test"), "test");
}

TEST(Format, DrawsNoTagAtInferenceWhereQuirksAreFixed) {
  const Example example = example_of(R"({"style": "pointing", "question": "Where?"})");
  FixedDraws draws(/*uniform_value=*/0.0);
  const PromptFormatter reference{PromptConfig()}, fixed(PromptConfig(), {.quirks = config::Quirks::Fixed});
  EXPECT_THAT(reference.format(example, Purpose::Inference, draws)[0].messages,
              ElementsAre(" User: pointing: Where? Assistant:"));
  EXPECT_THAT(fixed.format(example, Purpose::Inference, draws)[0].messages, ElementsAre(" User: Where? Assistant:"));
}

TEST(Format, KeepsTheStyleOfAConversationWhereQuirksAreFixed) {
  const Example example = example_of(R"({"style": "synthetic_qa", "messages": ["a", "b"]})");
  FixedDraws draws;
  EXPECT_THROW(PromptFormatter{PromptConfig()}.format(example, Purpose::Training, draws), Error);
  const PromptFormatter fixed(PromptConfig(), {.quirks = config::Quirks::Fixed});
  EXPECT_THAT(fixed.format(example, Purpose::Training, draws)[0].messages,
              ElementsAre(" User: synthetic_qa: a Assistant:", " b"));
}

// Examples that cannot be formatted say what is missing.
TEST(Format, RefusesIncompleteExamples) {
  const std::pair<const char*, const char*> kCases[] = {
      {R"({"question": "Q", "answer": "A"})", "style"},
      {R"({"style": "vqa2", "question": "Q"})", "no answer"},
      {R"({"style": "vqa2", "question": "Q", "answers": []})", "empty list of answers"},
      {R"({"style": "pointing", "points": []})", "neither question nor label"},
      {R"({"style": "pointing", "label": "a", "points": [[1, 2]]})", "size of the image"},
      {R"({"style": "science_qa", "question": "Q", "options": ["a"], "answer_idx": 1})", "answer_idx is 1"},
      {R"({"style": "science_qa", "question": "Q", "options": ["a"], "answer_idx": -1})", "answer_idx is -1"},
      {R"({"style": "point_qa", "question": "Q", "answer": "no mark",
           "answer_annotations": [{"points": [], "inline_text": "", "alt_text": ""}]})",
       "<|POINT|>"},
      {R"({"message_list": [{"style": "user_qa", "messages": []}]})", "empty list of messages"},
  };
  for (const auto& [json, expected] : kCases) {
    SCOPED_TRACE(json);
    FixedDraws draws;
    try {
      PromptFormatter{PromptConfig()}.format(example_of(json), Purpose::Training, draws);
      ADD_FAILURE() << "accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.category(), ErrorCategory::InvalidArgument);
      EXPECT_THAT(error.what(), HasSubstr(expected));
    }
  }
}

TEST(Format, RefusesFieldsOfTheWrongType) {
  for (const char* json :
       {R"([])", R"({"style": 3})", R"({"message_list": {}})", R"({"message_list": [1]})", R"({"points": [[1, 2, 3]]})",
        R"({"points": [["a", 1]]})", R"({"image_hw": [1]})", R"({"answers": 3})", R"({"options": "a"})",
        R"({"answer_annotations": [3]})", R"({"answer_annotations": [{"points": []}]})"}) {
    SCOPED_TRACE(json);
    EXPECT_THROW(example_of(json), Error);
  }
}

TEST(Format, ShowsAtMostSevenOptions) {
  const Example example = example_of(
      R"({"style": "science_qa", "question": "Q", "options": ["1", "2", "3", "4", "5", "6", "7", "8"], "answer_idx": 0})");
  FixedDraws draws;
  const Conversation conversation = PromptFormatter{PromptConfig()}.format(example, Purpose::Training, draws)[0];
  EXPECT_EQ(conversation.option_names.size(), 7u);
  EXPECT_THAT(conversation.messages[0], testing::Not(HasSubstr("8")));
}

TEST(Format, DrawsFromAStreamLikeItsShares) {
  const Example example = example_of(R"({"style": "pointing", "label": "cat", "points": [], "point_scale": 100})");
  RandomStream stream(7, "prompts");
  StreamDraws draws(stream);
  const PromptFormatter formatter{PromptConfig()};
  std::set<std::string> prompts;
  int num_tagged = 0;
  constexpr int kNumDraws = 4000;
  for (int i = 0; i < kNumDraws; ++i) {
    std::string prompt = formatter.format(example, Purpose::Training, draws)[0].messages[0];
    const size_t tag = prompt.find("pointing: ");
    if (tag != std::string::npos) {
      ++num_tagged;
      prompt.erase(tag, 10);
    }
    prompts.insert(prompt);
  }
  EXPECT_EQ(prompts.size(), 43u);
  EXPECT_NEAR(num_tagged, 400, 95);  // five standard deviations of a binomial draw with p = 0.1
}

TEST(Templates, HaveTheCountsOfTheReference) {
  const auto& lists = TemplateLists::builtin()->lists();
  std::map<std::string, size_t> counts;
  for (const auto& [name, list] : lists) counts[name] = list.size();
  const std::map<std::string, size_t> expected = {
      {"long_caption", 23}, {"pointing", 43},        {"point_count", 57},  {"no_pointing_prefix", 32},
      {"transcript", 5},    {"short_caption", 10},   {"short_answer", 15}, {"multiple_choice", 11},
      {"referring", 14},    {"count_then_point", 7}, {"count_only", 6},    {"no_pointing_caption", 5}};
  EXPECT_EQ(counts, expected);
}

TEST(Templates, HaveTheirFieldsOnce) {
  const std::map<std::string, std::vector<std::string>> fields = {{"pointing", {"label"}},
                                                                  {"point_count", {"label"}},
                                                                  {"count_then_point", {"label"}},
                                                                  {"count_only", {"label"}},
                                                                  {"referring", {"refexp"}},
                                                                  {"short_answer", {"question"}},
                                                                  {"multiple_choice", {"question", "options"}}};
  for (const auto& [name, list] : TemplateLists::builtin()->lists()) {
    const auto expected = fields.contains(name) ? fields.at(name) : std::vector<std::string>();
    for (std::string text : list) {
      SCOPED_TRACE(name + ": " + text);
      for (const std::string& field : expected) text = fill_template(text, field, "x");
      EXPECT_EQ(text.find_first_of("{}"), std::string::npos);
    }
  }
}

TEST(Templates, RefuseWhatIsNoList) {
  for (const char* yaml : {"[]", "a: b", "a: []", "a: [[b]]", "a"}) {
    SCOPED_TRACE(yaml);
    EXPECT_THROW(TemplateLists::parse(yaml, "test"), Error);
  }
  EXPECT_THROW(TemplateLists::builtin()->list("pointnig"), Error);
  EXPECT_THROW(fill_template("Find it.", "label", "x"), Error);
}

// Expected values are those of Python's str.lower.
TEST(ToLower, FollowsPython) {
  EXPECT_EQ(to_lower("Red MUG 3"), "red mug 3");
  EXPECT_EQ(to_lower("ÄÖÜẞ ÉЖՖ"), "äöüß éжֆ");
  EXPECT_EQ(to_lower("ΌΔΟΣ ΣΑΣ Σ"), "όδος σας σ");
  EXPECT_EQ(to_lower("ΑΣ. ΑΣ.Β"), "ας. ασ.β");
  EXPECT_EQ(to_lower("İI"), "i\u0307i");
  EXPECT_EQ(to_lower("Ⅷ Ⓐ ｆＦ"), "ⅷ ⓐ ｆｆ");
  EXPECT_EQ(to_lower(""), "");
}

}  // namespace
}  // namespace molmo::text
