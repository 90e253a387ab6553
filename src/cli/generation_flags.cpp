#include "cli/generation_flags.h"

#include "cli/flags.h"

#include "base/error.h"

namespace molmo::cli {

void GenerationFlags::define(Flags& flags, int64_t default_tokens) {
  config_.max_new_tokens = default_tokens;
  const auto add = [&](const char* names, auto& value, const char* description, const char* type) {
    flags.add_option(names, value, description).type_name(type).shows_default().group("Answer");
  };
  add("-n,--predict,--max-tokens,--n-predict", config_.max_new_tokens, "most tokens of the answer", "N");
  add("--temp,--temperature", config_.temperature, "randomness; 0 takes the likeliest token, always", "T");
  add("--top-k", config_.top_k, "draw among the K likeliest tokens; 0 for all", "K");
  add("--top-p", config_.top_p, "draw among the likeliest tokens that reach this probability", "P");
  add("--min-p", config_.min_p, "leave out tokens below this share of the likeliest one's probability", "P");
  add("--repeat-penalty", config_.repetition_penalty, "divides the scores of tokens that were generated already", "R");
  add("--no-repeat-ngram", config_.no_repeat_ngram, "no N tokens in a row are generated twice; 0 for no limit", "N");
  add("--min-predict", config_.min_new_tokens, "fewest tokens of the answer", "N");
  add("-s,--seed", config_.seed, "of the random draws; the same seed gives the same answer", "S");
  add("--beams", config_.num_beams, "beams of the search; 1 for none", "B");
  flags.add_option("--stop", config_.stop, "end the answer before this text; may be given several times")
      .type_name("TEXT")
      .takes_one()
      .group("Answer");
}

config::GenerationConfig GenerationFlags::get() const {
  try {
    config_.validate();
  } catch (const Error& error) {
    throw UsageError(std::string(error.what()) + ".");
  }
  return config_;
}

}  // namespace molmo::cli
