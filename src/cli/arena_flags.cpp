#include "cli/arena_flags.h"

#include <algorithm>
#include <sstream>

#include "arena/read_comparisons.h"

namespace molmo::cli {

void ArenaFlags::define(Flags& flags) {
  flags.add_option("COMPARISONS", comparisons_, "file of comparisons: .csv, .jsonl, or a store")
      .required()
      .group("Arguments");
  flags.add_option("--rating", options_.rating, "mean of the ratings, or the rating of the anchor")
      .type_name("R")
      .shows_default();
  flags.add_option("--anchor", options_.anchor, "model whose rating is fixed, instead of the mean").type_name("MODEL");
  flags.add_option("--rounds", options_.num_rounds, "rounds of resampling for the intervals; 0: no intervals")
      .type_name("N")
      .range(int64_t{0}, int64_t{1'000'000})
      .shows_default();
  flags.add_option("-s,--seed", options_.seed, "of the resampling").type_name("S").shows_default();
  flags.add_option("--elo-k", options_.elo.k, "most points that one comparison moves an online Elo rating")
      .type_name("K")
      .positive()
      .shows_default();
  flags.add_option("--style", style_, "control for the style of the answers: length, points, or length,points")
      .type_name("LIST");
  flags.add_option("--next", options_.num_next_pairs, "name the N pairs of models whose comparison tells most")
      .type_name("N")
      .range(int64_t{0}, int64_t{10'000})
      .shows_default();
  threads_.define(flags);
}

arena::Standings ArenaFlags::standings() {
  threads_.apply();
  std::istringstream names(style_);
  for (std::string name; std::getline(names, name, ',');) {
    const auto covariate = parse_enum<arena::Covariate>(name, "--style");
    if (std::ranges::find(options_.style, covariate) == options_.style.end()) options_.style.push_back(covariate);
  }
  return arena::compute_standings(arena::read_comparisons(comparisons_), options_);
}

}  // namespace molmo::cli
