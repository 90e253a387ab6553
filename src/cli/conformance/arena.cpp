// expected.json beside comparisons.csv: ratings, intervals and counts from the comparisons alone.
#include <nlohmann/json.hpp>

#include "arena/read_comparisons.h"
#include "arena/standings.h"
#include "base/error.h"
#include "cli/conformance/kind.h"

namespace molmo::conformance {
namespace {

constexpr Tolerance kRatings{.absolute = 0.01}, kReference{.absolute = 0.5}, kOnlineElo{.absolute = 1e-6},
    kIntervals{.absolute = 3};

constexpr int64_t kMaxRounds = 100'000;

// A setting of the fixture, or the default where it names none.
template <class Value>
Value setting(const Json& document, std::string_view part, std::string_view key, Value otherwise) {
  if (!document.contains(part) || !document[part].is_object()) return otherwise;
  const Json value = document[part].value(key, Json());
  return value.is_null() ? otherwise : value.get<Value>();
}

// Model by model, so that each is a line of its own where it differs.
void answer_models(const Place& parent, std::string_view key, const Json& ratings, const Tolerance& tolerance) {
  if (!parent.expects(key)) return;
  const Place place = parent[key];
  if (!place.value().is_object()) return place.answer(ratings, tolerance);
  for (const auto& [model, rating] : ratings.items()) place.answer_field(model, rating, tolerance);
}

}  // namespace

void answer_arena(Run& run, const std::filesystem::path& file) {
  run.answer_json(file, [&](const Place& root, const Json& document) {
    const auto comparisons = arena::read_comparisons(file.parent_path() / "comparisons.csv");
    arena::StandingsOptions options;
    options.num_rounds = setting<int64_t>(document, "bootstrap", "rounds", options.num_rounds);
    if (options.num_rounds < 1 || options.num_rounds > kMaxRounds)
      fail(ErrorCategory::BadData, "bootstrap has {} rounds, expected 1 to {}", options.num_rounds, kMaxRounds);
    options.elo = {.k = setting(document, "online_elo", "k", options.elo.k),
                   .initial = setting(document, "online_elo", "init", options.elo.initial)};
    const Json found = arena::standings_json(arena::compute_standings(comparisons, options));

    root.answer_field("models", found["models"]);
    answer_models(root, "ratings_reference", found["ratings_reference"], kReference);
    answer_models(root, "ratings_mle", found["ratings_mle"], kRatings);
    root.answer_field("max_abs_difference_reference_vs_mle", 0.0, kReference);  // both are solved tightly here
    root.answer_field("ranking", found["ranking"]);
    if (root.expects("online_elo"))
      answer_models(root["online_elo"], "ratings", found["online_elo"]["ratings"], kOnlineElo);
    if (root.expects("bootstrap")) {
      for (const char* quantile : {"q025", "median", "q975"})
        answer_models(root["bootstrap"], quantile, found["bootstrap"][quantile], kIntervals);
    }
    if (root.expects("wins")) {
      for (const char* table : {"wins", "ties"}) root["wins"].answer_field(table, found["wins"][table]);
    }
    if (root.expects("counts")) {
      for (const auto& [outcome, count] : found["counts"].items()) root["counts"].answer_field(outcome, count);
    }
  });
}

}  // namespace molmo::conformance
