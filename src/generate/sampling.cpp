#include "generate/sampling.h"

#include <ATen/ops/amax.h>
#include <ATen/ops/log_softmax.h>

#include <algorithm>
#include <array>

#include "base/error.h"
#include "generate/constraints.h"

namespace molmo::generate {
namespace {

// Colder than this is greedy: scores divided by it would leave the range of float32.
constexpr double kLowestTemperature = 1e-5;

bool is_likelier(const Candidate& a, const Candidate& b) {
  return a.probability != b.probability ? a.probability > b.probability : a.id < b.id;
}

// Sorts [sorted, end) of the candidates into place, given that [0, sorted) is in place already.
void sort_until(std::vector<Candidate>& candidates, size_t sorted, size_t end) {
  const auto begin = candidates.begin() + static_cast<std::ptrdiff_t>(sorted);
  const auto middle = candidates.begin() + static_cast<std::ptrdiff_t>(end);
  if (middle != candidates.end()) std::nth_element(begin, middle, candidates.end(), is_likelier);
  std::sort(begin, middle, is_likelier);
}

void keep_first(std::vector<Candidate>& candidates, size_t count) {
  candidates.resize(count);
  double sum = 0;
  for (const auto& candidate : candidates) sum += candidate.probability;
  for (auto& candidate : candidates) candidate.probability = static_cast<float>(candidate.probability / sum);
}

}  // namespace

std::vector<Candidate> candidates_of(const at::Tensor& log_probs, double temperature) {
  const at::Tensor scaled = temperature == 1 ? log_probs : at::log_softmax(log_probs.div(temperature), -1);
  const at::Tensor probabilities = scaled.exp().contiguous();
  const float* values = probabilities.const_data_ptr<float>();
  std::vector<Candidate> candidates;
  candidates.reserve(static_cast<size_t>(probabilities.numel()));
  for (int64_t id = 0; id < probabilities.numel(); ++id) {
    if (values[id] > 0) candidates.push_back({.id = id, .probability = values[id]});
  }
  return candidates;
}

void keep_top_k(std::vector<Candidate>& candidates, int64_t k) {
  const size_t count = std::min(candidates.size(), static_cast<size_t>(k));
  sort_until(candidates, 0, count);
  keep_first(candidates, count);
}

void keep_top_p(std::vector<Candidate>& candidates, double p, int64_t min_count) {
  // A few candidates are enough almost always, so the vocabulary is never sorted as a whole before it has to be.
  constexpr size_t kFirstBlock = 64;
  const auto limit = static_cast<float>(p);
  const auto least = static_cast<size_t>(min_count);
  double sum = 0;
  size_t count = 0, sorted = 0;
  while (count < candidates.size() && (count < least || count == 0 || static_cast<float>(sum) < limit)) {
    if (count == sorted) {
      const size_t end = std::min(candidates.size(), std::max(kFirstBlock, 4 * sorted));
      sort_until(candidates, sorted, end);
      sorted = end;
    }
    sum += candidates[count++].probability;
  }
  keep_first(candidates, count);
}

void keep_min_p(std::vector<Candidate>& candidates, double share) {
  const double limit = share * std::ranges::max_element(candidates, {}, &Candidate::probability)->probability;
  std::erase_if(candidates, [&](const Candidate& candidate) { return candidate.probability < limit; });
  keep_top_k(candidates, static_cast<int64_t>(candidates.size()));
}

const Candidate& draw(std::span<const Candidate> candidates, RandomStream& random) {
  check_internal(!candidates.empty(), "a draw needs a candidate");
  double sum = 0;
  for (const auto& candidate : candidates) sum += candidate.probability;
  double rest = random.uniform() * sum;
  for (const auto& candidate : candidates) {
    rest -= candidate.probability;
    if (rest < 0) return candidate;
  }
  return candidates.back();
}

Sampler::Sampler(const config::GenerationConfig& config, int64_t eos_id, uint64_t stream)
    : config_(config), eos_id_(eos_id), random_(config.seed, "sample", stream) {}

Choice Sampler::choose(const at::Tensor& logits, std::span<const int64_t> generated) {
  const std::array histories = {generated};
  const at::Tensor log_probs = constrained_log_probs(logits.unsqueeze(0), histories, config_, eos_id_)[0];
  const std::span values(log_probs.const_data_ptr<float>(), static_cast<size_t>(log_probs.numel()));
  int64_t token = 0;
  if (config_.temperature < kLowestTemperature) {
    // The library looks at many at once.
    token = std::ranges::find(values, log_probs.amax().item<float>()) - values.begin();
  } else {
    std::vector<Candidate> candidates = candidates_of(log_probs, config_.temperature);
    if (config_.top_k > 0) keep_top_k(candidates, config_.top_k);
    if (config_.top_p < 1) keep_top_p(candidates, config_.top_p);
    if (config_.min_p > 0) keep_min_p(candidates, config_.min_p);
    token = draw(candidates, random_).id;
  }
  return {.token = token, .log_probability = values[static_cast<size_t>(token)]};
}

}  // namespace molmo::generate
