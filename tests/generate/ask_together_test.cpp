// Prompts that are answered side by side get the answers that they get alone.
#include "generate/ask_together.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "loaded_case.h"

namespace molmo::generate {
namespace {

TEST(AskTogether, GivesTheAnswersOfSinglePrompts) {
  const test::LoadedCase loaded("P1-qwen2-clip");
  const image::Image picture = loaded.image();
  const std::vector<PreparedPrompt> prompts = {
      {" User: How many birds are there? Assistant:", {picture}},
      {" User: Hi Assistant:", {}},
      {" User: Describe this image in many words, please. Assistant:", {picture}}};
  const config::GenerationConfig generation{.max_new_tokens = 12};
  const std::vector<Answer> together = ask_together(*loaded.model, prompts, generation);
  ASSERT_EQ(together.size(), 3u);
  for (size_t i = 0; i < prompts.size(); ++i) {
    Session session(loaded.model);
    const Answer alone =
        session.ask({.prompt = prompts[i].text, .images = prompts[i].images, .is_raw = true}, generation).at(0);
    EXPECT_EQ(together[i].tokens, alone.tokens) << i;
    EXPECT_EQ(together[i].text, alone.text) << i;
    EXPECT_EQ(together[i].usage.prompt_tokens, alone.usage.prompt_tokens) << i;
    EXPECT_EQ(together[i].usage.image_tokens, alone.usage.image_tokens) << i;
  }
  EXPECT_TRUE(ask_together(*loaded.model, {}, generation).empty());
  EXPECT_THROW(ask_together(*loaded.model, prompts, {.num_beams = 2}), Error);
}

}  // namespace
}  // namespace molmo::generate
