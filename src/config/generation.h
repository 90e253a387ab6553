// How an answer is decoded (reference: olmo/beam_search.py; samplers as users of local runtimes know them).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace molmo::config {

struct GenerationConfig {
  int64_t max_new_tokens = 448;
  int64_t min_new_tokens = 0;     // end-of-sequence is forbidden before
  double temperature = 0;         // 0: greedy
  int64_t top_k = 0;              // 0: off
  double top_p = 1;               // 1: off
  double min_p = 0;               // 0: off
  double repetition_penalty = 1;  // 1: off
  int64_t no_repeat_ngram = 0;    // 0: off; among generated tokens only
  uint64_t seed = 0;
  int64_t num_beams = 1;
  int64_t beam_candidates = 0;      // proposals per beam and step, 0: num_beams
  double length_penalty = 0;        // beam scores are divided by length^penalty
  int64_t num_answers = 1;          // sampled from one prefill
  std::vector<std::string> stop{};  // the answer ends before any of these texts

  // Throws InvalidArgument naming the field, its value and the allowed range.
  void validate() const;

  template <class Visitor>
  void fields(Visitor& visit) {
    visit("max_new_tokens", max_new_tokens, "most tokens of the answer");
    visit("min_new_tokens", min_new_tokens, "fewest tokens of the answer");
    visit("temperature", temperature, "0 for greedy");
    visit("top_k", top_k, "draw among the k likeliest tokens, 0 for all");
    visit("top_p", top_p, "draw among the likeliest tokens that reach this probability");
    visit("min_p", min_p, "leave out tokens below this share of the likeliest one's probability");
    visit("repetition_penalty", repetition_penalty, "divides the scores of tokens that were generated already");
    visit("no_repeat_ngram", no_repeat_ngram, "no n tokens in a row are generated twice");
    visit("seed", seed, "of the random draws");
    visit("num_beams", num_beams, "beams of the search, 1 for none");
    visit("beam_candidates", beam_candidates, "proposals per beam, 0 for num_beams");
    visit("length_penalty", length_penalty, "exponent of the length that divides beam scores");
    visit("num_answers", num_answers, "independent answers");
    visit("stop", stop, "texts that end the answer");
  }
};

}  // namespace molmo::config
