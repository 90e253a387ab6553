// Greedy decoding, beam search and batches, against the golden numbers of the reference.
#include <gtest/gtest.h>

#include <algorithm>

#include "generate/generator.h"
#include "generate/session.h"
#include "loaded_case.h"

namespace molmo::generate {
namespace {

constexpr double kSafeMargin = 1e-3;      // between the two best logits: closer calls may fall either way
constexpr double kScoreTolerance = 2e-3;  // `beam` of expected.json
using Tokens = std::vector<int64_t>;

class GenerateParity : public testing::TestWithParam<std::string> {
 protected:
  GenerateParity() : model_(GetParam()), golden_(read_json_file(model_.file("generate.json"))) {}

  preprocess::ModelInput input_of(const Json& prompt) const {
    const Tokens ids = test::expand_runs(prompt["input_ids_rle"]);
    if (!prompt["formula_seed"].is_null()) return model_.formula_input(ids, prompt["formula_seed"]);
    return {.input_ids = at::tensor(ids, at::kLong),
            .position_ids = at::arange(static_cast<int64_t>(ids.size()), at::kLong)};
  }
  const Json& prompt_named(const std::string& name) const {
    return *std::ranges::find_if(golden_["prompts"], [&](const Json& prompt) { return prompt["name"] == name; });
  }
  std::vector<std::vector<Generated>> run(const preprocess::ModelInput& input,
                                          const config::GenerationConfig& config) const {
    return generate(model_.model->molmo, input, config, model_.eos());
  }
  // The reference fills sequences up with EOS.
  Tokens filled(Tokens tokens, size_t size) const {
    tokens.resize(std::max(size, tokens.size()), model_.eos());
    return tokens;
  }
  void compare(const std::vector<Generated>& answers, const Json& expected) const;

  test::LoadedCase model_;
  Json golden_;
};

void GenerateParity::compare(const std::vector<Generated>& answers, const Json& expected) const {
  ASSERT_EQ(answers.size(), expected["tokens"].size());
  for (size_t i = 0; i < answers.size(); ++i) {
    const auto tokens = expected["tokens"][i].get<Tokens>();
    EXPECT_EQ(filled(answers[i].tokens, tokens.size()), tokens) << "answer " << i;
    EXPECT_NEAR(answers[i].score, expected["scores"][i].get<double>(), kScoreTolerance) << "answer " << i;
  }
}

TEST_P(GenerateParity, GreedyTokensEqualTheReference) {
  for (const std::string name : {"image_formula", "text"}) {
    SCOPED_TRACE(name);
    const Json& prompt = prompt_named(name);
    const auto expected = prompt["greedy32"]["tokens"].get<Tokens>();
    const auto answer = run(input_of(prompt), {.max_new_tokens = 32}).at(0).at(0);
    size_t safe = 0;  // up to the first close call
    while (safe < expected.size() && prompt["greedy32"]["margins"][safe].get<double>() > kSafeMargin) ++safe;
    ASSERT_GE(answer.tokens.size(), safe);
    EXPECT_EQ(Tokens(answer.tokens.begin(), answer.tokens.begin() + static_cast<std::ptrdiff_t>(safe)),
              Tokens(expected.begin(), expected.begin() + static_cast<std::ptrdiff_t>(safe)));
    if (safe == expected.size()) {
      EXPECT_EQ(answer.tokens, expected);
      EXPECT_NEAR(answer.score, prompt["greedy32"]["score"].get<double>(), kScoreTolerance);
      EXPECT_EQ(answer.finish_reason, expected.back() == model_.eos() ? FinishReason::Stop : FinishReason::Length);
    }
  }
}

TEST_P(GenerateParity, ConstraintsAndBeamsEqualTheReference) {
  const std::vector<std::pair<const char*, config::GenerationConfig>> settings = {
      {"greedy_min_steps24", {.max_new_tokens = 32, .min_new_tokens = 24}},
      {"greedy_no_repeat_1gram", {.max_new_tokens = 16, .no_repeat_ngram = 1}},
      {"greedy_no_repeat_2gram", {.max_new_tokens = 24, .no_repeat_ngram = 2}},
      {"beam4_steps16", {.max_new_tokens = 16, .num_beams = 4}},
      {"beam4_pernode2_steps16", {.max_new_tokens = 16, .num_beams = 4, .beam_candidates = 2}},
      {"beam4_lengthnorm_0.7", {.max_new_tokens = 16, .num_beams = 4, .length_penalty = 0.7}},
      {"beam4_min_steps10", {.max_new_tokens = 16, .min_new_tokens = 10, .num_beams = 4}},
      {"beam4_no_repeat_3gram", {.max_new_tokens = 20, .no_repeat_ngram = 3, .num_beams = 4}}};
  for (const std::string name : {"image_formula", "text"}) {
    const Json& prompt = prompt_named(name);
    const auto input = input_of(prompt);
    // The prompt is read once for all settings.
    DecodeBatch read(model_.model->molmo);
    const at::Tensor logits = prefill(read, input);
    for (const auto& [setting, config] : settings) {
      SCOPED_TRACE(name + " " + setting);
      DecodeBatch batch = read.clone();
      const auto answers = config.num_beams > 1 ? decode_beams(batch, logits, config, model_.eos()).at(0)
                                                : decode_rows(batch, logits, config, model_.eos());
      compare(answers, prompt[setting]);
    }
  }
}

TEST_P(GenerateParity, PaddedBatchEqualsTheReference) {
  const std::vector examples = {input_of(prompt_named("image_formula")), input_of(prompt_named("text"))};
  const auto batch = preprocess::collate(examples);
  const Json& expected = golden_["batched"];
  const auto greedy = run(batch, {.max_new_tokens = 24});
  const auto beams = run(batch, {.max_new_tokens = 12, .num_beams = 3});
  for (size_t row = 0; row < 2; ++row) {
    const auto tokens = expected["tokens"][row].get<Tokens>();
    EXPECT_EQ(filled(greedy[row][0].tokens, tokens.size()), tokens);
    EXPECT_NEAR(greedy[row][0].score, expected["scores"][row].get<double>(), kScoreTolerance);
    for (size_t beam = 0; beam < 3; ++beam) {
      const auto beam_tokens = expected["beam3"]["tokens"][row][beam].get<Tokens>();
      EXPECT_EQ(filled(beams[row][beam].tokens, beam_tokens.size()), beam_tokens);
      EXPECT_NEAR(beams[row][beam].score, expected["beam3"]["scores"][row][beam].get<double>(), kScoreTolerance);
    }
  }
}

// From the picture's file to the answer.
TEST_P(GenerateParity, SessionAnswersAsTheReferenceDoes) {
  Session session(model_.model);
  for (const std::string name : {"image_e2e", "text"}) {
    SCOPED_TRACE(name);
    const Json& prompt = prompt_named(name);
    const bool has_image = name == "image_e2e";
    const auto expected = prompt["greedy32"]["tokens"].get<Tokens>();
    Request request{.prompt = has_image ? "Describe this image." : "How many birds are there?"};
    if (has_image) request.images = {model_.image()};
    const Answer answer = session.ask(request, {.max_new_tokens = 32}).at(0);
    EXPECT_EQ(answer.usage.prompt_tokens, prompt["prompt_len"].get<int64_t>());
    EXPECT_EQ(answer.tokens, expected);
    EXPECT_EQ(text::decode_generated(model_.model->tokenizer, answer.tokens),
              prompt["greedy32"]["text"].get<std::string>());
  }
}

INSTANTIATE_TEST_SUITE_P(Models, GenerateParity, testing::ValuesIn(test::model_cases()),
                         [](const auto& parameter) { return parameter.param.substr(0, 2); });

}  // namespace
}  // namespace molmo::generate
