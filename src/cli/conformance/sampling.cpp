// sampling.json: the distributions from which the samplers draw, for the logits behind the text prompt.
#include <ATen/core/grad_mode.h>
#include <ATen/ops/log_softmax.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "cli/conformance/case_inputs.h"
#include "cli/conformance/kind.h"
#include "generate/sampling.h"

namespace molmo::conformance {
namespace {

constexpr size_t kMostListed = 60;
// Probabilities carry the rounding of the logits: where the sum comes this close to p, one more or one less candidate
// is no difference.
constexpr double kUnclearMass = 1e-5;

std::vector<generate::Candidate> unfiltered_candidates(const Json& row, const at::Tensor& log_probs) {
  auto candidates = generate::candidates_of(log_probs, row.at("temperature").get<double>());
  std::ranges::stable_sort(candidates, std::ranges::greater(), &generate::Candidate::probability);
  return candidates;
}

std::vector<generate::Candidate> candidates_of(const Json& row, const at::Tensor& log_probs) {
  auto candidates = unfiltered_candidates(row, log_probs);
  const auto sampler = row.at("sampler").get<std::string>();
  if (sampler == "top_k") {
    generate::keep_top_k(candidates, row.at("k").get<int64_t>());
  } else if (sampler == "top_p") {
    generate::keep_top_p(candidates, row.at("p").get<double>(), row.at("per_node").get<int64_t>());
  } else if (sampler != "multinomial") {
    fail(ErrorCategory::Unsupported, "no sampler '{}'", sampler);
  }
  return candidates;
}

// `all`: every candidate before top-p, likeliest first.
std::optional<std::string> find_count_mismatch(const Json& expected, const Json& found,
                                               const std::vector<generate::Candidate>& all, double p) {
  const auto mismatch = find_mismatch(expected, found);
  if (!mismatch || !expected.is_number_integer()) return mismatch;
  const auto [fewer, more] = std::minmax({expected.get<size_t>(), found.get<size_t>()});
  double sum = 0;
  for (size_t k = 0; k < std::min(more, all.size()); ++k) {
    sum += static_cast<double>(all[k].probability);
    if (k + 1 >= fewer && k + 1 < more && std::abs(sum - p) > kUnclearMass) return mismatch;
  }
  return more <= all.size() ? std::nullopt : mismatch;
}

void answer_row(const Place& place, const Json& row, const at::Tensor& log_probs) {
  const auto candidates = candidates_of(row, log_probs);
  Json ids = Json::array(), probs = Json::array();
  for (size_t k = 0; k < std::min(candidates.size(), kMostListed); ++k) {
    ids.push_back(candidates[k].id);
    probs.push_back(static_cast<double>(candidates[k].probability));
  }
  const Json count = candidates.size();
  if (row.contains("p") && place.expects("n_candidates")) {
    const auto p = row["p"].get<double>();
    const auto all = unfiltered_candidates(row, log_probs);
    place["n_candidates"].answer(count,
                                 [&](const Json& expected) { return find_count_mismatch(expected, count, all, p); });
  } else {
    place.answer_field("n_candidates", count);
  }
  place.answer_field("ids", ids);
  place.answer_field("probs", probs, {.absolute = 1e-6, .relative = 5e-4});
}

}  // namespace

void answer_sampling(Run& run, const std::filesystem::path& file) {
  const at::NoGradGuard no_grad;
  ModelCase& model_case = run.model_case(file);
  const auto& molmo = model_case.molmo();
  const auto input = CaseInputs(model_case).text();
  const at::Tensor logits = molmo.logits(molmo.decode(embed(molmo, input, {}), {})[0][-1]);
  const at::Tensor log_probs = at::log_softmax(logits, -1);
  run.answer_json(file, [&](const Place& root, const Json& document) {
    const Json& rows = document.at("rows");
    for (size_t i = 0; i < rows.size(); ++i) {
      const Place place = root["rows"][i];
      place.attempt([&] { answer_row(place, rows[i], log_probs); });
    }
  });
}

}  // namespace molmo::conformance
