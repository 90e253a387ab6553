#include "generate/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "base/error.h"
#include "generate/generator.h"
#include "loaded_case.h"
#include "preprocess/build_input.h"
#include "text/utf8.h"

namespace molmo::generate {
namespace {

using ::testing::HasSubstr;
using Tokens = std::vector<int64_t>;

const Request kTextQuestion{.prompt = "How many birds are there?"};

class SessionTest : public testing::Test {
 protected:
  Request about_image(const std::string& question) const { return {.prompt = question, .images = {image_}}; }
  Answer ask_fresh(const Request& request, const config::GenerationConfig& generation) const {
    return Session(model_.model).ask(request, generation).at(0);
  }

  const test::LoadedCase& model_ = test::shared_case();
  image::Image image_ = model_.image();
  Session session_{model_.model};
};

std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.category(), ErrorCategory::InvalidArgument);
    return error.what();
  }
  return "";
}

TEST_F(SessionTest, NextQuestionAboutTheSamePictureReusesIt) {
  const config::GenerationConfig generation{.max_new_tokens = 12};
  const Answer first = session_.ask(about_image("Describe this image."), generation).at(0);
  EXPECT_EQ(first.usage.cached_tokens, 0);
  const Answer second = session_.ask(about_image("What is on the left?"), generation).at(0);
  EXPECT_GT(second.usage.cached_tokens, second.usage.image_tokens);
  EXPECT_LT(second.usage.cached_tokens, second.usage.prompt_tokens);
  const Answer fresh = ask_fresh(about_image("What is on the left?"), generation);
  EXPECT_EQ(second.tokens, fresh.tokens);
  EXPECT_NEAR(second.score, fresh.score, 1e-3);

  // The same prompt again: all but the last token is known.
  const Answer again = session_.ask(about_image("What is on the left?"), generation).at(0);
  EXPECT_EQ(again.usage.cached_tokens, again.usage.prompt_tokens - 1);
  EXPECT_EQ(again.tokens, fresh.tokens);
}

TEST_F(SessionTest, OtherPictureOrOtherCropsAreNotMistakenForTheFormer) {
  const config::GenerationConfig generation{.max_new_tokens = 8};
  session_.ask(about_image("Describe this image."), generation);
  Request other = about_image("Describe this image.");
  other.images[0].pixels[1000] ^= 0x40;
  const Answer changed = session_.ask(other, generation).at(0);
  EXPECT_EQ(changed.usage.cached_tokens, 1) << "only BOS is the same";
  EXPECT_EQ(changed.tokens, ask_fresh(other, generation).tokens);

  Request fewer = about_image("Describe this image.");
  fewer.max_crops = 1;
  const Answer small = session_.ask(fewer, generation).at(0);
  EXPECT_LT(small.usage.image_tokens, changed.usage.image_tokens);
  EXPECT_EQ(small.tokens, ask_fresh(fewer, generation).tokens);
}

TEST_F(SessionTest, NextTurnContinuesTheConversation) {
  const config::GenerationConfig generation{.max_new_tokens = 10};
  const Answer first = session_.ask(about_image("Describe this image."), generation).at(0);
  const Answer second = session_.ask_next({.prompt = "Are you sure?"}, generation).at(0);
  const Answer third = session_.ask_next({.prompt = "Why?"}, generation).at(0);

  // The conversation written out: messages one by one, EOS behind every answer.
  const auto& tokenizer = model_.model->tokenizer;
  preprocess::ModelInput input =
      preprocess::build_input(model_.config(), tokenizer, {&image_, 1}, " User: Describe this image. Assistant:");
  Tokens ids = test::ints(input.input_ids);
  const auto append = [&](const Tokens& more) { ids.insert(ids.end(), more.begin(), more.end()); };
  const auto append_answer = [&](const Answer& answer) {
    append(answer.tokens);
    if (ids.back() != model_.eos()) ids.push_back(model_.eos());
  };
  const auto expected = [&] {
    input.input_ids = at::tensor(ids, at::kLong);
    return generate(model_.model->molmo, input, generation, model_.eos()).at(0).at(0);
  };
  EXPECT_EQ(first.tokens, expected().tokens);
  append_answer(first);
  append(tokenizer.encode(" User: Are you sure? Assistant:"));
  EXPECT_EQ(second.tokens, expected().tokens);
  EXPECT_EQ(second.usage.prompt_tokens, static_cast<int64_t>(ids.size()));
  EXPECT_GE(second.usage.cached_tokens, first.usage.prompt_tokens + static_cast<int64_t>(first.tokens.size()) - 1);
  append_answer(second);
  append(tokenizer.encode(" User: Why? Assistant:"));
  EXPECT_EQ(third.tokens, expected().tokens);

  // A new conversation knows nothing of it.
  EXPECT_EQ(session_.ask(kTextQuestion, generation).at(0).tokens, ask_fresh(kTextQuestion, generation).tokens);
  session_.reset();
  EXPECT_EQ(session_.ask_next(kTextQuestion, generation).at(0).tokens, ask_fresh(kTextQuestion, generation).tokens);
}

TEST_F(SessionTest, SeedsReproduceAndAnswersDiffer) {
  config::GenerationConfig generation{.max_new_tokens = 16, .temperature = 1, .top_p = 0.95, .seed = 5};
  const Answer one = session_.ask(kTextQuestion, generation).at(0);
  EXPECT_EQ(session_.ask(kTextQuestion, generation).at(0).tokens, one.tokens);
  EXPECT_EQ(ask_fresh(kTextQuestion, generation).tokens, one.tokens);
  generation.num_answers = 3;
  const auto three = session_.ask(kTextQuestion, generation);
  ASSERT_EQ(three.size(), 3u);
  EXPECT_EQ(three[0].tokens, one.tokens);
  EXPECT_NE(three[1].tokens, three[0].tokens);
  EXPECT_NE(three[2].tokens, three[1].tokens);
  generation.seed = 6;
  EXPECT_NE(session_.ask(kTextQuestion, generation).at(0).tokens, one.tokens);
}

TEST_F(SessionTest, SeveralAnswersEqualAnswersAlone) {
  const config::GenerationConfig generation{.max_new_tokens = 20, .num_answers = 3};
  const Answer alone = ask_fresh(about_image("Describe this image."), {.max_new_tokens = 20});
  std::vector<std::string> streamed(3);
  const auto answers =
      session_.ask(about_image("Describe this image."), generation, [&](std::string_view text, int64_t answer) {
        streamed.at(static_cast<size_t>(answer)) += text;
        return true;
      });
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(answers[i].tokens, alone.tokens);
    EXPECT_EQ(streamed[i], answers[i].text);
  }
  // Their prompt was kept, so the conversation goes on from it.
  const Answer next = session_.ask_next({.prompt = "Why?"}, {.max_new_tokens = 4}).at(0);
  EXPECT_EQ(next.usage.cached_tokens, answers[0].usage.prompt_tokens);
}

TEST_F(SessionTest, StreamsTheTextInWholeCharacters) {
  std::string streamed;
  const Answer answer = session_
                            .ask(kTextQuestion, {.max_new_tokens = 32},
                                 [&](std::string_view text, int64_t) {
                                   EXPECT_TRUE(text::is_valid_utf8(text));
                                   streamed += text;
                                   return true;
                                 })
                            .at(0);
  EXPECT_EQ(streamed, answer.text);
  EXPECT_EQ(answer.text, model_.model->tokenizer.decode(answer.tokens, {.skips_special = true}));
  EXPECT_EQ(answer.finish_reason, FinishReason::Length);
  EXPECT_EQ(answer.usage.completion_tokens, 32);
  EXPECT_GT(answer.timings.prefill.count(), 0);
  EXPECT_GT(answer.timings.decode_per_second, 0);
}

TEST_F(SessionTest, EndsBeforeAStopString) {
  const std::string full = ask_fresh(kTextQuestion, {.max_new_tokens = 32}).text;
  const std::string stop = "eople";
  ASSERT_NE(full.find(stop), std::string::npos) << "the golden answer has changed: " << full;
  std::string streamed;
  const Answer answer = session_
                            .ask(kTextQuestion, {.max_new_tokens = 32, .stop = {stop, "never said"}},
                                 [&](std::string_view text, int64_t) {
                                   streamed += text;
                                   return true;
                                 })
                            .at(0);
  EXPECT_EQ(answer.text, full.substr(0, full.find(stop)));
  EXPECT_EQ(streamed, answer.text);
  EXPECT_EQ(answer.finish_reason, FinishReason::StopString);
  EXPECT_LT(answer.tokens.size(), 32u);
  // The conversation goes on without what was cut.
  const Answer next = session_.ask_next({.prompt = "Why?"}, {.max_new_tokens = 2}).at(0);
  const auto& tokenizer = model_.model->tokenizer;
  EXPECT_EQ(next.usage.prompt_tokens, answer.usage.prompt_tokens +
                                          static_cast<int64_t>(tokenizer.encode(answer.text).size()) + 1 +
                                          static_cast<int64_t>(tokenizer.encode(" User: Why? Assistant:").size()));
}

TEST_F(SessionTest, CancelEndsTheAnswerAndNotTheSession) {
  int num_calls = 0;
  const Answer cancelled =
      session_.ask(kTextQuestion, {.max_new_tokens = 32}, [&](std::string_view, int64_t) { return ++num_calls < 5; })
          .at(0);
  EXPECT_EQ(cancelled.finish_reason, FinishReason::Cancelled);
  EXPECT_EQ(cancelled.tokens.size(), 5u);
  const Answer full = session_.ask(kTextQuestion, {.max_new_tokens = 32}).at(0);
  EXPECT_EQ(Tokens(full.tokens.begin(), full.tokens.begin() + 5), cancelled.tokens);

  const auto beams = session_.ask(kTextQuestion, {.max_new_tokens = 32, .num_beams = 2},
                                  [](std::string_view, int64_t) { return false; });
  EXPECT_EQ(beams.at(0).finish_reason, FinishReason::Cancelled);
  EXPECT_EQ(session_.ask(kTextQuestion, {.max_new_tokens = 32}).at(0).tokens, full.tokens);
}

TEST_F(SessionTest, CancelWhileThePromptIsRead) {
  const Request request{.prompt = "Describe this image.",
                        .images = {image::read_image(test::fixture_path("model/images/wide_1000x260.png"))}};
  const Answer cancelled =
      session_.ask(request, {.max_new_tokens = 4}, [](std::string_view, int64_t) { return false; }).at(0);
  EXPECT_EQ(cancelled.finish_reason, FinishReason::Cancelled);
  EXPECT_TRUE(cancelled.tokens.empty());
  // The second call comes while the 614 tokens of the prompt are read.
  int num_calls = 0;
  session_.ask(request, {.max_new_tokens = 4}, [&](std::string_view, int64_t) { return ++num_calls < 3; });
  const Answer answer = session_.ask(request, {.max_new_tokens = 4}).at(0);
  EXPECT_GE(answer.usage.cached_tokens, 512) << "what was read before the cancellation is kept";
  EXPECT_EQ(answer.tokens, ask_fresh(request, {.max_new_tokens = 4}).tokens);
}

TEST_F(SessionTest, ErrorOfTheCallerLeavesTheSessionUsable) {
  const config::GenerationConfig generation{.max_new_tokens = 8};
  session_.ask(about_image("Describe this image."), generation);
  int num_calls = 0;
  EXPECT_THROW(session_.ask_next(kTextQuestion, generation,
                                 [&](std::string_view, int64_t) -> bool {
                                   if (++num_calls == 3) throw std::runtime_error("pipe closed");
                                   return true;
                                 }),
               std::runtime_error);
  EXPECT_EQ(session_.ask(about_image("Why?"), generation).at(0).tokens,
            ask_fresh(about_image("Why?"), generation).tokens);
}

TEST_F(SessionTest, PromptLongerThanTheContextIsRefused) {
  std::string text;
  for (int i = 0; i < 3000; ++i) text += " many words";
  const std::string message = error_of([&] { session_.ask(about_image(text), {}); });
  EXPECT_THAT(message, HasSubstr("the prompt has "));
  EXPECT_THAT(message, HasSubstr(" 412 of them for pictures"));
  EXPECT_THAT(message, HasSubstr("the context holds 2048"));
  EXPECT_EQ(session_.ask(kTextQuestion, {.max_new_tokens = 6}).at(0).tokens,
            ask_fresh(kTextQuestion, {.max_new_tokens = 6}).tokens);
}

TEST_F(SessionTest, AnswerEndsWhereTheContextEnds) {
  const int64_t context = model_.config().decoder.max_sequence_length;
  const auto& tokenizer = model_.model->tokenizer;
  // One token per "!" and BOS; three tokens are left for the answer.
  ASSERT_EQ(tokenizer.encode(" !").size() * 2, tokenizer.encode(" ! !").size());
  std::string text;
  while (static_cast<int64_t>(tokenizer.encode(text + " !").size()) <= context - 4) text += " !";
  const Answer answer =
      session_.ask({.prompt = text, .is_raw = true}, {.max_new_tokens = 20, .min_new_tokens = 20}).at(0);
  EXPECT_EQ(answer.usage.prompt_tokens + answer.usage.completion_tokens, context);
  EXPECT_EQ(answer.finish_reason, FinishReason::Length);
}

TEST_F(SessionTest, BeamsComeBestFirst) {
  const Json golden = read_json_file(model_.file("generate.json"));
  const auto& prompt = *std::ranges::find_if(golden["prompts"], [](const Json& row) { return row["name"] == "text"; });
  std::vector<std::string> streamed(4);
  const auto beams =
      session_.ask(kTextQuestion, {.max_new_tokens = 16, .num_beams = 4}, [&](std::string_view text, int64_t beam) {
        streamed.at(static_cast<size_t>(beam)) += text;
        return true;
      });
  ASSERT_EQ(beams.size(), 4u);
  for (size_t i = 0; i < 4; ++i) {
    auto expected = prompt["beam4_steps16"]["tokens"][i].get<Tokens>();
    const auto end = std::ranges::find(expected, model_.eos());
    if (end != expected.end()) expected.erase(end + 1, expected.end());
    EXPECT_EQ(beams[i].tokens, expected);
    EXPECT_EQ(beams[i].text, streamed[i]);
  }
  EXPECT_THAT(error_of([&] { session_.ask(kTextQuestion, {.temperature = 1, .num_beams = 2}); }),
              HasSubstr("temperature"));
}

TEST_F(SessionTest, PicturesStandWhereThePromptSays) {
  const Request two{
      .prompt = " User: compare <|image|> with <|image|> now Assistant:", .images = {image_, image_}, .is_raw = true};
  const Answer answer = session_.ask(two, {.max_new_tokens = 4}).at(0);
  EXPECT_EQ(answer.usage.prompt_tokens, model_.tensor("two_images/input_ids").size(1));
  EXPECT_EQ(answer.usage.image_tokens, 2 * 412);
  EXPECT_THAT(error_of([&] { session_.ask({.prompt = "compare <|image|> with <|image|>", .images = {image_}}, {}); }),
              HasSubstr("2 places"));
}

TEST(AnswerPoints, LieInTheUprightPicture) {
  const auto points = locate_points("<point x=\"50.0\" y=\"25.0\" alt=\"a mug\">mug</point>",
                                    {.size = {.height = 300, .width = 420}, .index = 2});
  ASSERT_EQ(points.size(), 1u);
  EXPECT_EQ(points[0].px, (PointPx{210, 75}));
  EXPECT_EQ(points[0].point.label, "mug");
  EXPECT_EQ(points[0].image, 2);
  EXPECT_EQ(locate_points("<point x=\"50.0\" y=\"25.0\" alt=\"\">mug</point>", {}).at(0).image, -1);
}

}  // namespace
}  // namespace molmo::generate
