// generate.json: greedy decoding, beam search and n-gram blocking of several prompts, alone and together.
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/error.h"
#include "cli/conformance/generation_run.h"
#include "cli/conformance/kind.h"
#include "preprocess/build_input.h"

namespace molmo::conformance {
namespace {

using Tokens = std::vector<int64_t>;

constexpr double kScoreTolerance = 2e-3;
// Choices closer than this depend on rounding: the reference's own two implementations may differ there.
constexpr double kClearMargin = 1e-3;

// Scores are float32 in the reference.
double as_float(double score) {
  return static_cast<float>(score);
}

// Greedy answers must be equal up to the first token whose recorded margin is too small to decide.
bool differs_at_unclear_margin(const Json& expected, const Tokens& found, const Json& margins) {
  if (!expected.is_array() || !margins.is_array()) return false;
  const auto wanted = expected.get<Tokens>();
  const auto first = static_cast<size_t>(std::ranges::mismatch(wanted, found).in1 - wanted.begin());
  return first < margins.size() && margins[first].is_number() && margins[first].get<double>() <= kClearMargin;
}

Tokens answer_greedy(const Place& place, const text::Tokenizer& tokenizer, const ReadPrompt& prompt,
                     const config::GenerationConfig& config) {
  const auto answer = prompt.run(config).front().front();
  const Json expected = place["tokens"].value(), margins = place["margins"].value();
  const bool is_unclear = differs_at_unclear_margin(expected, answer.tokens, margins);
  const auto accept_unclear = [&](const Json& computed, const Tolerance& tolerance) {
    return [=](const Json& wanted) { return is_unclear ? std::nullopt : find_mismatch(wanted, computed, tolerance); };
  };
  const Json score = as_float(answer.score), text = text::decode_generated(tokenizer, answer.tokens);
  if (place.expects("tokens")) place["tokens"].answer(answer.tokens, accept_unclear(answer.tokens, {}));
  if (place.expects("score")) place["score"].answer(score, accept_unclear(score, {.absolute = kScoreTolerance}));
  if (place.expects("text")) place["text"].answer(text, accept_unclear(text, {}));
  return answer.tokens;
}

// All sequences of a search are as long as the search: ended ones are filled up with EOS.
void fill_up(std::vector<std::vector<generate::Generated>>& rows, int64_t eos_id) {
  size_t longest = 0;
  for (const auto& row : rows) {
    for (const auto& answer : row) longest = std::max(longest, answer.tokens.size());
  }
  for (auto& row : rows) {
    for (auto& answer : row) answer.tokens.resize(longest, eos_id);
  }
}

Json tokens_of(const std::vector<generate::Generated>& row) {
  Json list = Json::array();
  for (const auto& answer : row) list.push_back(answer.tokens);
  return list;
}

Json scores_of(const std::vector<generate::Generated>& row) {
  Json list = Json::array();
  for (const auto& answer : row) list.push_back(as_float(answer.score));
  return list;
}

// Sequences with nearly equal scores may stand in another order. expected, found: [K][steps]; scores: the expected
// ones, [K].
std::optional<std::string> find_beam_mismatch(const Json& expected, const Json& found, const Json& scores) {
  const auto mismatch = find_mismatch(expected, found);
  if (!mismatch || !scores.is_array() || expected.size() != found.size() || scores.size() != expected.size())
    return mismatch;
  const auto is_close = [&](size_t i, size_t j) {
    return scores[i].is_number() && scores[j].is_number() &&
           std::abs(scores[i].get<double>() - scores[j].get<double>()) < kClearMargin;
  };
  for (size_t i = 0; i < expected.size(); ++i) {
    bool is_found = false;
    for (size_t j = 0; j < found.size() && !is_found; ++j)
      is_found = found[j] == expected[i] && (i == j || is_close(i, j));
    if (!is_found) return mismatch;
  }
  return std::nullopt;
}

void answer_search(const Place& place, const std::vector<generate::Generated>& row) {
  const Json found = tokens_of(row), scores = place["scores"].value();
  if (place.expects("tokens"))
    place["tokens"].answer(found, [&](const Json& expected) { return find_beam_mismatch(expected, found, scores); });
  place.answer_field("scores", scores_of(row), {.absolute = kScoreTolerance});
}

// One run of a prompt. Adds the margins of the plain greedy answer to `margins`.
void answer_run(const Place& prompt_place, const std::string& name, ModelCase& model_case, const ReadPrompt& prompt,
                std::vector<double>& margins) {
  if (is_plain_greedy(name)) {
    const Tokens tokens = answer_greedy(prompt_place[name], model_case.tokenizer(), prompt, run_config(name));
    std::ranges::copy(prompt.margins(tokens), std::back_inserter(margins));
  } else if (is_run_name(name)) {
    auto rows = prompt.run(run_config(name));
    fill_up(rows, preprocess::eos_id(model_case.tokenizer()));
    answer_search(prompt_place[name], rows.front());
  }
}

// Which prompts are the rows of the batch: its note says so, "...; rows: image_formula, text".
std::vector<std::string> batch_rows(const Json& batched) {
  const std::string note = batched.value("note", std::string());
  const size_t at = note.find("rows: ");
  if (at == std::string::npos) return {"image_formula", "text"};
  std::vector<std::string> names;
  std::istringstream list(note.substr(at + 6));
  for (std::string name; std::getline(list >> std::ws, name, ',');) names.push_back(name);
  return names;
}

void answer_batched(const Place& place, const Json& batched, ModelCase& model_case,
                    const std::map<std::string, preprocess::ModelInput>& inputs) {
  std::vector<preprocess::ModelInput> prompts;
  for (const auto& name : batch_rows(batched)) {
    const auto input = inputs.find(name);
    if (input == inputs.end()) fail(ErrorCategory::BadData, "a row is '{}', which is none of the prompts", name);
    prompts.push_back(input->second);
  }
  const ReadPrompt batch(model_case, preprocess::collate(prompts));
  const int64_t eos = preprocess::eos_id(model_case.tokenizer());
  auto greedy = batch.run(run_config("greedy", /*is_batched=*/true));
  fill_up(greedy, eos);
  Json tokens = Json::array(), scores = Json::array();
  for (const auto& row : greedy) {
    tokens.push_back(row.front().tokens);
    scores.push_back(as_float(row.front().score));
  }
  place.answer_field("tokens", tokens);
  place.answer_field("scores", scores, {.absolute = kScoreTolerance});
  for (const auto& [name, expected] : batched.items()) {
    if (!is_run_name(name)) continue;
    auto rows = batch.run(run_config(name, /*is_batched=*/true));
    fill_up(rows, eos);
    Json row_tokens = Json::array(), row_scores = Json::array();
    for (const auto& row : rows) {
      row_tokens.push_back(tokens_of(row));
      row_scores.push_back(scores_of(row));
    }
    place[name].answer_field("tokens", row_tokens);
    place[name].answer_field("scores", row_scores, {.absolute = kScoreTolerance});
  }
}

}  // namespace

void answer_generation(Run& run, const std::filesystem::path& file) {
  const at::NoGradGuard no_grad;
  ModelCase& model_case = run.model_case(file);
  run.answer_json(file, [&](const Place& root, const Json& document) {
    root.answer_field("eos", preprocess::eos_id(model_case.tokenizer()));
    std::map<std::string, preprocess::ModelInput> inputs;  // by the prompt's name
    std::vector<double> margins;
    const Json& prompts = document.at("prompts");
    for (size_t i = 0; i < prompts.size(); ++i) {
      const Place place = root["prompts"][i];
      place.attempt([&] {
        const preprocess::ModelInput input = run_input(model_case, document, prompts[i]);
        inputs[prompts[i].value("name", std::string())] = input;
        place.answer_field("prompt_len", input.input_ids.numel());
        const ReadPrompt prompt(model_case, input);
        for (const auto& field : prompts[i].items())
          place[field.key()].attempt([&] { answer_run(place, field.key(), model_case, prompt, margins); });
      });
    }
    root.answer_field("min_greedy_margin", least_margin(margins),
                      {.absolute = 2 * model_case.tolerance("logits", 2e-4)});
    if (document.contains("batched")) {
      const Place batched = root["batched"];
      batched.attempt([&] { answer_batched(batched, document["batched"], model_case, inputs); });
    }
  });
}

}  // namespace molmo::conformance
