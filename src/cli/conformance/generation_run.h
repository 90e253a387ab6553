// The decoding runs of a generate.json: what each is asked to do, and its answer.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cli/conformance/case_inputs.h"
#include "config/generation.h"
#include "generate/decode_batch.h"
#include "generate/generator.h"

namespace molmo::conformance {

// "greedy32", "beam4_pernode2_steps16", "beam4_lengthnorm_0.7", "greedy_no_repeat_2gram", ...: the name says what is
// asked.
bool is_run_name(const std::string& name);
bool is_plain_greedy(const std::string& name);  // "greedy32", with any number of steps
// `is_batched`: runs of several prompts together have step limits of their own.
config::GenerationConfig run_config(const std::string& name, bool is_batched = false);

// What a prompt of generate.json feeds to the model: its token ids (from the name and expected.json where they were
// emptied), with the pixels of the picture, or of a formula where it has a seed.
preprocess::ModelInput run_input(const ModelCase& model_case, const Json& generate, const Json& prompt);

// A prompt, or a batch of them, that was read once: every run continues from there.
class ReadPrompt {
 public:
  // `input`: one example without batch axis, or collated examples.
  ReadPrompt(ModelCase& model_case, const preprocess::ModelInput& input);

  // answers[row][k]: num_beams answers per row.
  std::vector<std::vector<generate::Generated>> run(const config::GenerationConfig& config) const;
  // Largest logit minus the second largest at each token of an answer to row 0, when it is read behind the prompt.
  std::vector<double> margins(const std::vector<int64_t>& answer) const;

 private:
  const model::Molmo& molmo_;
  int64_t eos_id_;
  generate::DecodeBatch batch_;
  at::Tensor logits_;  // behind the prompt, [B, V]
};

// The least of the margins, as fixtures round it.
double least_margin(const std::vector<double>& margins);

}  // namespace molmo::conformance
