// molmo arena fit COMPARISONS
#include <fmt/core.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "cli/arena_flags.h"
#include "cli/program.h"
#include "cli/verb.h"

namespace molmo::cli {
namespace {

using arena::Standings;

void print_ratings(const Standings& standings) {
  size_t width = 5;
  for (const std::string& model : standings.models) width = std::max(width, model.size());
  fmt::print("{:>4}  {:<{}}  {:>7}  {:<14}  {:<7}  {:>7}", "rank", "model", width, "rating", "95 % interval", "ranks",
             "Elo");
  if (standings.style) fmt::print("  {:>10}", "with style");
  fmt::print("\n");
  for (size_t place = 0; place < standings.ranking.size(); ++place) {
    const size_t model = standings.ranking[place];
    std::string interval = "-", ranks = "-";
    if (standings.intervals) {
      interval = fmt::format("{:.0f} to {:.0f}", standings.intervals->low[model], standings.intervals->high[model]);
      ranks = fmt::format("{}-{}", standings.rank_ranges[model].best, standings.rank_ranges[model].worst);
    }
    fmt::print("{:>4}  {:<{}}  {:>7.1f}  {:<14}  {:<7}  {:>7.1f}", place + 1, standings.models[model], width,
               standings.ratings[model], interval, ranks, standings.elo[model]);
    if (standings.style) fmt::print("  {:>10.1f}", standings.style->ratings[model]);
    fmt::print("\n");
  }
}

void print_diagnostics(const Standings& standings) {
  fmt::print("\n{} comparisons, {} of them rated; {} wins, {} ties.\n", standings.counts.rows, standings.counts.rated,
             standings.counts.left + standings.counts.right, standings.counts.both_good + standings.counts.both_bad);
  fmt::print("Predicted and seen shares of wins differ by {:.1f} % on average.\n",
             100 * standings.calibration.mean_error);
  if (standings.agreement) {
    fmt::print("{} times two or more people rated the same answers: {:.0f} % of their pairs agree",
               standings.agreement->num_items, 100 * standings.agreement->share);
    if (standings.agreement->alpha) fmt::print(", Krippendorff's alpha {:.2f}", *standings.agreement->alpha);
    fmt::print(".\n");
  }
  if (standings.style) {
    for (const arena::StyleEffect& effect : standings.style->effects) {
      fmt::print("Twice the {}: {:+.1f} points (standard error {:.1f}).\n", enum_name(effect.covariate),
                 effect.points_for_twice, effect.standard_error);
    }
  }
  if (!standings.next_pairs.empty()) fmt::print("Compare next:\n");
  for (const arena::NextPair& pair : standings.next_pairs)
    fmt::print("  {} with {}\n", standings.models[pair.first], standings.models[pair.second]);
}

class ArenaFit final : public Verb {
 public:
  void define(Flags& flags) override {
    flags.description(
        "Rates models by comparisons: Bradley-Terry ratings by maximum likelihood in Elo's units (400 points are ten "
        "times the odds), with intervals by resampling and the ranks that they allow; online Elo; how well the ratings "
        "predict; whether people agree. Ties count as half a win for both, unsure ones not at all.");
    flags.examples(
        "# the table\nmolmo arena fit comparisons.csv\n"
        "# smoother intervals, for a script\nmolmo arena fit arena.db --rounds 1000 --json\n"
        "# with the liking for long answers taken out, and what to compare next\n"
        "molmo arena fit arena.db --style length --next 5\n"
        "# one model fixed at 1014\nmolmo arena fit comparisons.jsonl --anchor molmo-7b-d --rating 1014\n");
    arena_.define(flags);
    flags.add_flag("--json", is_json_, "print a JSON document");
  }

  int run() override {
    const Standings standings = arena_.standings();
    for (const std::string& warning : standings.warnings) log_warn("{}", warning);
    if (is_json_) {
      fmt::print("{}\n", dump_json(arena::standings_json(standings), /*pretty=*/true));
    } else {
      print_ratings(standings);
      print_diagnostics(standings);
    }
    return kExitDone;
  }

 private:
  ArenaFlags arena_;
  bool is_json_ = false;
};

}  // namespace

std::unique_ptr<Verb> make_arena_fit() {
  return std::make_unique<ArenaFit>();
}

}  // namespace molmo::cli
