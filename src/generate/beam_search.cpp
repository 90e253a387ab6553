#include "generate/beam_search.h"

#include <ATen/ops/topk.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "generate/constraints.h"

namespace molmo::generate {
namespace {

struct Hypothesis {
  std::vector<int64_t> tokens;
  float log_probability = 0;
};

struct Proposal {
  int64_t parent = 0, token = 0;
  float log_probability = 0;
};

bool is_better(const Proposal& a, const Proposal& b) {
  return a.log_probability > b.log_probability;
}

class BeamSearch {
 public:
  BeamSearch(const config::GenerationConfig& config, int64_t num_prompts, int64_t eos_id)
      : config_(config), eos_id_(eos_id), num_prompts_(num_prompts), rows_(static_cast<size_t>(num_prompts)) {}

  // The prompts themselves propose as many tokens as there are beams.
  int64_t num_proposals() const {
    if (rows_.size() == static_cast<size_t>(num_prompts_)) return config_.num_beams;
    return config_.beam_candidates > 0 ? config_.beam_candidates : config_.num_beams;
  }

  // Takes the logits behind all rows; afterwards there are num_beams rows per prompt, each one token longer.
  void advance(const at::Tensor& logits);
  bool is_done() const {
    return std::ranges::all_of(rows_, [&](const Hypothesis& row) { return has_ended(row); });
  }
  const std::vector<int64_t>& parents() const { return parents_; }
  std::vector<int64_t> last_tokens() const;
  std::vector<std::vector<Beam>> beams() const;

 private:
  bool has_ended(const Hypothesis& row) const { return !row.tokens.empty() && row.tokens.back() == eos_id_; }
  std::vector<Proposal> propose(const at::Tensor& log_probs, size_t row) const;
  double score(const Hypothesis& row) const;

  const config::GenerationConfig& config_;
  int64_t eos_id_, num_prompts_;
  std::vector<Hypothesis> rows_;
  std::vector<int64_t> parents_;
};

std::vector<Proposal> BeamSearch::propose(const at::Tensor& log_probs, size_t row) const {
  const auto parent = static_cast<int64_t>(row);
  const float so_far = rows_[row].log_probability;
  const int64_t count = num_proposals();
  std::vector<Proposal> proposals;
  if (has_ended(rows_[row])) {
    proposals.assign(static_cast<size_t>(count),
                     {.parent = parent, .token = eos_id_, .log_probability = so_far + kBlockedScore});
    proposals.front().log_probability = so_far;
    return proposals;
  }
  const auto [values, ids] = at::topk(log_probs[parent], count);
  for (int64_t i = 0; i < count; ++i) {
    proposals.push_back({.parent = parent,
                         .token = ids.const_data_ptr<int64_t>()[i],
                         .log_probability = values.const_data_ptr<float>()[i] + so_far});
  }
  return proposals;
}

void BeamSearch::advance(const at::Tensor& logits) {
  std::vector<std::span<const int64_t>> histories;
  for (const auto& row : rows_) histories.push_back(row.tokens);
  const at::Tensor log_probs = constrained_log_probs(logits, histories, config_, eos_id_);
  const size_t rows_per_prompt = rows_.size() / static_cast<size_t>(num_prompts_);
  std::vector<Hypothesis> next;
  parents_.clear();
  for (size_t begin = 0; begin < rows_.size(); begin += rows_per_prompt) {
    std::vector<Proposal> proposals;
    for (size_t row = begin; row < begin + rows_per_prompt; ++row) {
      std::ranges::copy(propose(log_probs, row), std::back_inserter(proposals));
    }
    std::ranges::stable_sort(proposals, is_better);
    proposals.resize(static_cast<size_t>(config_.num_beams));
    for (const auto& proposal : proposals) {
      Hypothesis& row = next.emplace_back(rows_[static_cast<size_t>(proposal.parent)]);
      row.tokens.push_back(proposal.token);
      row.log_probability = proposal.log_probability;
      parents_.push_back(proposal.parent);
    }
  }
  rows_ = std::move(next);
}

std::vector<int64_t> BeamSearch::last_tokens() const {
  std::vector<int64_t> tokens;
  for (const auto& row : rows_) tokens.push_back(row.tokens.back());
  return tokens;
}

double BeamSearch::score(const Hypothesis& row) const {
  auto length = static_cast<double>(std::ranges::count_if(row.tokens, [&](int64_t token) { return token != eos_id_; }));
  if (has_ended(row)) length += 1;
  return row.log_probability / std::pow(length, config_.length_penalty);
}

std::vector<std::vector<Beam>> BeamSearch::beams() const {
  std::vector<std::vector<Beam>> all(static_cast<size_t>(num_prompts_));
  for (size_t i = 0; i < rows_.size(); ++i) {
    all[i / static_cast<size_t>(config_.num_beams)].push_back({.tokens = rows_[i].tokens, .score = score(rows_[i])});
  }
  for (auto& beams : all) {
    std::ranges::stable_sort(beams, [](const Beam& a, const Beam& b) { return a.score > b.score; });
  }
  return all;
}

}  // namespace

std::vector<std::vector<Beam>> search_beams(const at::Tensor& first_logits, const BeamStep& step,
                                            const config::GenerationConfig& config, int64_t eos_id) {
  const int64_t num_proposals = std::max(config.num_beams, config.beam_candidates);
  if (num_proposals > first_logits.size(1)) {
    fail(ErrorCategory::InvalidArgument, "a vocabulary of {} tokens is too small for {} proposals per beam",
         first_logits.size(1), num_proposals);
  }
  BeamSearch search(config, first_logits.size(0), eos_id);
  search.advance(first_logits);
  for (int64_t i = 1; i < config.max_new_tokens && !search.is_done(); ++i) {
    const at::Tensor logits = step(search.parents(), search.last_tokens());
    if (!logits.defined()) break;
    search.advance(logits);
  }
  return search.beams();
}

}  // namespace molmo::generate
