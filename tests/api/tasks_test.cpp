// Counts in answers, and the words of the requests.
#include "api/tasks.h"

#include <gtest/gtest.h>

namespace molmo::api {
namespace {

std::optional<int64_t> count_in(const std::string& text) {
  generate::Answer answer;
  answer.text = text;
  for (auto& point : text::parse_points(text)) answer.points.push_back({point, {}, 0});
  return parse_count(answer);
}

TEST(ParseCount, BelievesTheTotalThenThePointsThenNumbers) {
  EXPECT_EQ(
      count_in(R"(Counting the <points x1="1.0" y1="2.0" x2="3.0" y2="4.0" alt="q">q</points> shows a total of 2.)"),
      2);
  EXPECT_EQ(count_in(R"(Counting the <point x="1.0" y="2.0" alt="7">7</point> shows a total of 12.)"), 12);
  EXPECT_EQ(count_in(R"(<points x1="1.0" y1="2.0" x2="3.0" y2="4.0" alt="5 dogs">5 dogs</points>)"), 2);
  EXPECT_EQ(count_in("3"), 3);
  EXPECT_EQ(count_in("There are three dogs."), 3);
  EXPECT_EQ(count_in("Twenty"), 20);
  EXPECT_EQ(count_in("There are none."), 0);
  EXPECT_EQ(count_in("There are no apples."), 0);
  EXPECT_EQ(count_in("I cannot tell."), std::nullopt);
  EXPECT_EQ(count_in(""), std::nullopt);
  EXPECT_EQ(count_in("99999999999999999999"), std::nullopt);
}

TEST(Tasks, CaptionersAreAskedByTheirStyleAlone) {
  config::PromptConfig captioner;
  captioner.templates = config::PromptTemplates::None;
  captioner.system_prompt = config::SystemPrompt::StyleAndLength;
  captioner.message_format = config::MessageFormat::None;
  EXPECT_TRUE(follows_length(captioner));
  EXPECT_EQ(caption_request(captioner, {}, 40).length_hint, 40);
  EXPECT_EQ(caption_request(captioner, {}, 40).prompt, "");
  EXPECT_FALSE(follows_length({}));
  EXPECT_EQ(caption_request({}, {}, 40).length_hint, std::nullopt);
  EXPECT_EQ(caption_request({}, {}, 40).prompt, "Describe this image.");
}

}  // namespace
}  // namespace molmo::api
