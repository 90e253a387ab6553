#include "config/generation.h"

#include <cmath>

#include "base/error.h"

namespace molmo::config {

void GenerationConfig::validate() const {
  auto check = [](bool valid, const char* name, auto value, const char* allowed) {
    if (!valid) fail(ErrorCategory::InvalidArgument, "{} is {}, allowed are {}", name, value, allowed);
  };
  check(max_new_tokens >= 1, "max_new_tokens", max_new_tokens, "1 and more");
  check(min_new_tokens >= 0 && min_new_tokens <= max_new_tokens, "min_new_tokens", min_new_tokens,
        "0 to max_new_tokens");
  check(std::isfinite(temperature) && temperature >= 0, "temperature", temperature, "0 and more");
  check(top_k >= 0, "top_k", top_k, "0 and more");
  check(top_p > 0 && top_p <= 1, "top_p", top_p, "more than 0, at most 1");
  check(min_p >= 0 && min_p <= 1, "min_p", min_p, "0 to 1");
  check(std::isfinite(repetition_penalty) && repetition_penalty > 0, "repetition_penalty", repetition_penalty,
        "more than 0");
  check(no_repeat_ngram >= 0, "no_repeat_ngram", no_repeat_ngram, "0 and more");
  check(num_beams >= 1 && num_beams <= 64, "num_beams", num_beams, "1 to 64");
  check(beam_candidates >= 0, "beam_candidates", beam_candidates, "0 and more");
  check(std::isfinite(length_penalty), "length_penalty", length_penalty, "finite numbers");
  check(num_answers >= 1 && num_answers <= 256, "num_answers", num_answers, "1 to 256");
  check(num_answers == 1 || num_beams == 1, "num_answers", num_answers, "1 when num_beams is more than 1");
}

}  // namespace molmo::config
