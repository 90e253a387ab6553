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

TEST(AskTogether, ComputesTheFeaturesOfAPictureOnce) {
  const test::LoadedCase loaded("P1-qwen2-clip");
  const image::Image picture = loaded.image();
  image::Image other = picture;
  other.pixels[0] ^= 1;
  const std::vector<PreparedPrompt> first = {{" User: a Assistant:", {picture}}, {" User: b Assistant:", {picture}}},
                                    second = {{" User: c Assistant:", {other}}, {" User: a Assistant:", {picture}}};
  const config::GenerationConfig generation{.max_new_tokens = 4};
  PictureCache pictures;
  const auto answers = ask_together(*loaded.model, first, generation, {}, &pictures);
  EXPECT_EQ(pictures.num_prepared(), 1u);
  const auto again = ask_together(*loaded.model, second, generation, {}, &pictures);
  EXPECT_EQ(pictures.num_prepared(), 2u);
  EXPECT_EQ(again[1].tokens, answers[0].tokens);
  // Cut in another way it is another picture to the model.
  ask_together(*loaded.model, second, generation, {.max_crops = 1}, &pictures);
  EXPECT_EQ(pictures.num_prepared(), 4u);
}

}  // namespace
}  // namespace molmo::generate
