// Answers on another device than the CPU are those of the CPU.
#include <gtest/gtest.h>

#include "far_device.h"
#include "generate/session.h"
#include "loaded_case.h"

namespace molmo::generate {
namespace {

TEST(FarDevice, AnswersTheSame) {
  const test::LoadedCase& near = test::shared_case();
  const test::LoadedCase far("P1-qwen2-clip", test::far_device());
  const Request request{.prompt = "Point to the birds.", .images = {near.image()}};
  const config::GenerationConfig greedy{.max_new_tokens = 8}, beams{.max_new_tokens = 8, .num_beams = 2},
      sampled{.max_new_tokens = 8, .temperature = 1, .top_k = 5, .seed = 3};
  for (const config::GenerationConfig& generation : {greedy, beams, sampled}) {
    Session here(near.model), there(far.model);
    for (int question = 0; question < 2; ++question) {  // the second one finds the picture in the cache
      const Answer expected = here.ask(request, generation).at(0), actual = there.ask(request, generation).at(0);
      EXPECT_EQ(actual.tokens, expected.tokens);
      EXPECT_NEAR(actual.score, expected.score, 1e-4);
    }
  }
}

}  // namespace
}  // namespace molmo::generate
