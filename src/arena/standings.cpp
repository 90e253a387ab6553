#include "arena/standings.h"

#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>

#include "arena/bradley_terry.h"
#include "base/error.h"
#include "base/nearest.h"

namespace molmo::arena {
namespace {

OutcomeCounts count_outcomes(const Comparisons& comparisons) {
  OutcomeCounts counts;
  int64_t* const places[] = {&counts.left, &counts.right, &counts.both_good, &counts.both_bad, &counts.unsure};
  for (const Comparison& row : comparisons.rows) ++*places[static_cast<size_t>(row.outcome)];
  counts.rows = static_cast<int64_t>(comparisons.rows.size());
  counts.rated = counts.rows - counts.unsure;
  return counts;
}

std::optional<size_t> find_anchor(const Comparisons& comparisons, const std::optional<std::string>& name) {
  if (!name) return std::nullopt;
  const auto found = std::ranges::find(comparisons.models, *name);
  if (found == comparisons.models.end()) {
    fail(ErrorCategory::InvalidArgument, "the anchor '{}' is none of the {} models.{}", *name,
         comparisons.models.size(), did_you_mean(*name, comparisons.models));
  }
  return static_cast<size_t>(found - comparisons.models.begin());
}

std::string list_models(const std::vector<size_t>& members, const std::vector<std::string>& models) {
  constexpr size_t kMostNamed = 5;
  std::string list;
  for (size_t i = 0; i < std::min(members.size(), kMostNamed); ++i) list += (i ? ", " : "") + models[members[i]];
  if (members.size() > kMostNamed) list += fmt::format(" and {} more", members.size() - kMostNamed);
  return list;
}

std::vector<std::string> warn_about(const Connectivity& connectivity, const Standings& standings) {
  std::vector<std::string> warnings;
  const auto& models = standings.models;
  if (connectivity.groups.size() > 1) {
    std::string groups;
    for (const auto& group : connectivity.groups)
      groups += fmt::format("{}({})", groups.empty() ? "" : ", ", list_models(group, models));
    warnings.push_back(fmt::format(
        "There are {} groups of models that never met each other: {}. Ratings compare within a group only; compare "
        "models of different groups with each other to join them.",
        connectivity.groups.size(), groups));
  }
  for (const auto& unbeaten : connectivity.unbeaten) {
    warnings.push_back(
        fmt::format("Never lost or tied against any other model: {}. How far above the rest is not known.",
                    list_models(unbeaten, models)));
  }
  for (const auto& winless : connectivity.winless) {
    warnings.push_back(
        fmt::format("Never won or tied against any other model: {}. How far below the rest is not known.",
                    list_models(winless, models)));
  }
  if (!connectivity.is_complete()) {
    warnings.push_back(fmt::format(
        "Because of that the likelihood alone gives no finite ratings; every model was given {} of a tie with an "
        "average one.",
        kPriorTies));
  }
  if (standings.intervals && standings.intervals->num_prior_rounds > 0 && connectivity.is_complete()) {
    warnings.push_back(
        fmt::format("In {} of {} rounds of resampling some model won, or lost, everything; the intervals lean on a "
                    "weak prior there. "
                    "More comparisons are needed.",
                    standings.intervals->num_prior_rounds, standings.intervals->num_rounds));
  }
  return warnings;
}

Json by_model(const Standings& standings, const std::vector<double>& values) {
  Json json = Json::object();
  for (size_t i = 0; i < standings.models.size(); ++i) json[standings.models[i]] = values[i];
  return json;
}

Json table(const std::vector<int64_t>& values, size_t num_models) {
  Json rows = Json::array();
  for (size_t i = 0; i < num_models; ++i) {
    const auto begin = values.begin() + static_cast<std::ptrdiff_t>(i * num_models);
    rows.push_back(std::vector<int64_t>(begin, begin + static_cast<std::ptrdiff_t>(num_models)));
  }
  return rows;
}

Json bootstrap_json(const Standings& standings) {
  const Intervals& intervals = *standings.intervals;
  return {{"rounds", intervals.num_rounds},
          {"q025", by_model(standings, intervals.low)},
          {"median", by_model(standings, intervals.median)},
          {"q975", by_model(standings, intervals.high)}};
}

Json ranks_json(const Standings& standings) {
  Json ranks = Json::object();
  for (size_t place = 0; place < standings.ranking.size(); ++place) {
    const size_t model = standings.ranking[place];
    Json& rank = ranks[standings.models[model]] = {{"rank", place + 1}};
    if (standings.rank_ranges.empty()) continue;
    rank["best"] = standings.rank_ranges[model].best;
    rank["worst"] = standings.rank_ranges[model].worst;
  }
  return ranks;
}

Json calibration_json(const Calibration& calibration) {
  Json bins = Json::array();
  for (const CalibrationBin& bin : calibration.bins) {
    bins.push_back({{"predicted", bin.predicted}, {"observed", bin.observed}, {"comparisons", bin.num_comparisons}});
  }
  return {{"mean_error", calibration.mean_error}, {"log_loss", calibration.log_loss}, {"bins", std::move(bins)}};
}

Json style_json(const Standings& standings) {
  Json effects = Json::object();
  for (const StyleEffect& effect : standings.style->effects) {
    effects[std::string(enum_name(effect.covariate))] = {{"points_for_twice", effect.points_for_twice},
                                                         {"standard_error", effect.standard_error}};
  }
  return {{"ratings", by_model(standings, standings.style->ratings)},
          {"effects", std::move(effects)},
          {"comparisons", standings.style->num_comparisons}};
}

}  // namespace

Standings compute_standings(const Comparisons& comparisons, const StandingsOptions& options) {
  const Offset offset{options.rating, find_anchor(comparisons, options.anchor)};
  Standings standings;
  standings.models = comparisons.models;
  standings.counts = count_outcomes(comparisons);
  if (standings.counts.rated == 0) {
    fail(ErrorCategory::BadData, "all of the {} comparisons are unsure: there is nothing to rate models by",
         standings.counts.rows);
  }
  standings.wins = count_wins(comparisons);
  const Scores scores(standings.wins);
  standings.strengths = fit_bradley_terry(scores).strengths;
  standings.ratings = ratings_of(standings.strengths, offset);
  standings.ranking.resize(standings.models.size());
  std::iota(standings.ranking.begin(), standings.ranking.end(), size_t{0});
  std::ranges::stable_sort(standings.ranking, std::greater(), [&](size_t i) { return standings.ratings[i]; });
  standings.elo_options = options.elo;
  standings.elo = online_elo(comparisons, options.elo);
  if (options.num_rounds > 0) {
    standings.intervals =
        bootstrap_intervals(comparisons, {.num_rounds = options.num_rounds, .seed = options.seed, .offset = offset});
    standings.rank_ranges = rank_ranges(*standings.intervals);
  }
  standings.pairs = compare_with_prediction(standings.wins, standings.strengths);
  standings.calibration = calibrate(standings.pairs);
  standings.agreement = annotator_agreement(comparisons);
  if (!options.style.empty()) standings.style = fit_with_style(comparisons, options.style, offset);
  standings.next_pairs = next_pairs(scores, standings.strengths, options.num_next_pairs);
  standings.warnings = warn_about(find_connectivity(scores), standings);
  return standings;
}

Json standings_json(const Standings& standings) {
  const OutcomeCounts& counts = standings.counts;
  Json json;
  json["models"] = standings.models;
  json["ratings_reference"] = by_model(standings, standings.ratings);
  json["ratings_mle"] = by_model(standings, standings.ratings);
  json["ranking"] = Json::array();
  for (const size_t model : standings.ranking) json["ranking"].push_back(standings.models[model]);
  json["ranks"] = ranks_json(standings);
  json["online_elo"] = {{"k", standings.elo_options.k}, {"init", standings.elo_options.initial},
                        {"scale", kEloScale},           {"base", 10},
                        {"order", "file order"},        {"ratings", by_model(standings, standings.elo)}};
  json["bootstrap"] = standings.intervals ? bootstrap_json(standings) : Json();
  json["wins"] = {{"wins", table(standings.wins.wins, standings.models.size())},
                  {"ties", table(standings.wins.ties, standings.models.size())}};
  json["counts"] = {{"rows", counts.rows},    {"rated", counts.rated},         {"left", counts.left},
                    {"right", counts.right},  {"both_good", counts.both_good}, {"both_bad", counts.both_bad},
                    {"unsure", counts.unsure}};
  json["calibration"] = calibration_json(standings.calibration);
  json["agreement"] = nullptr;
  if (standings.agreement) {
    json["agreement"] = {{"items", standings.agreement->num_items},
                         {"pairs", standings.agreement->num_pairs},
                         {"share", standings.agreement->share},
                         {"alpha", standings.agreement->alpha ? Json(*standings.agreement->alpha) : Json()}};
  }
  if (standings.style) json["style"] = style_json(standings);
  if (!standings.next_pairs.empty()) {
    json["next_pairs"] = Json::array();
    for (const NextPair& pair : standings.next_pairs) {
      json["next_pairs"].push_back({{"models", {standings.models[pair.first], standings.models[pair.second]}},
                                    {"information", pair.information}});
    }
  }
  json["warnings"] = standings.warnings;
  return json;
}

}  // namespace molmo::arena
