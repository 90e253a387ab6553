// Drawing the next token: temperature, then top-k, top-p and min-p, then one draw
// (reference: samplers of olmo/beam_search.py).
//   Sampler sampler(config, eos_id, /*stream=*/0);
//   Choice next = sampler.choose(logits, generated_so_far);
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "base/random.h"
#include "config/generation.h"

namespace molmo::generate {

struct Candidate {
  int64_t id = 0;
  float probability = 0;
};

// Tokens with a probability above zero, in the order of their ids. log_probs: [V]. temperature > 0.
std::vector<Candidate> candidates_of(const at::Tensor& log_probs, double temperature);

// These keep the likeliest candidates, likeliest first (the smaller id first among equals), scaled to a sum of 1.
void keep_top_k(std::vector<Candidate>& candidates, int64_t k);
// Up to and including the one that reaches `p`, and never fewer than `min_count`.
void keep_top_p(std::vector<Candidate>& candidates, double p, int64_t min_count = 1);
// Those with at least `share` of the likeliest one's probability.
void keep_min_p(std::vector<Candidate>& candidates, double share);

// One candidate, each with its probability; they need not sum to 1.
const Candidate& draw(std::span<const Candidate> candidates, RandomStream& random);

struct Choice {
  int64_t token = 0;
  float log_probability = 0;  // after constraints, before temperature and filters
};

// Chooses the tokens of one answer. The same seed and stream give the same answer.
class Sampler {
 public:
  // `stream` tells apart the answers that are drawn with one seed.
  Sampler(const config::GenerationConfig& config, int64_t eos_id, uint64_t stream);

  // logits: [V]. generated: the answer so far.
  Choice choose(const at::Tensor& logits, std::span<const int64_t> generated);

 private:
  config::GenerationConfig config_;
  int64_t eos_id_;
  RandomStream random_;
};

}  // namespace molmo::generate
