#include "arena/standings_page.h"

#include <fmt/core.h>

#include <cmath>
#include <limits>

#include "report/pair_plots.h"

namespace molmo::arena {
namespace {

using report::Html;
using report::text;

std::string percent(double share) {
  return fmt::format("{:.0f} %", 100 * share);
}

Html rating_plot(const Standings& standings) {
  std::vector<report::IntervalRow> rows;
  for (const size_t model : standings.ranking) {
    report::IntervalRow row{standings.models[model], standings.ratings[model], standings.ratings[model],
                            standings.ratings[model]};
    if (standings.intervals) {
      row.low = standings.intervals->low[model];
      row.high = standings.intervals->high[model];
    }
    rows.push_back(std::move(row));
  }
  return report::interval_plot(rows, "rating");
}

void add_table(report::Page& page, const Standings& standings) {
  std::vector<std::string> header = {"rank", "model", "rating"};
  if (standings.intervals) header.insert(header.end(), {"95 % interval", "ranks it allows"});
  header.insert(header.end(), {"online Elo", "won", "lost", "tied"});
  if (standings.style) header.emplace_back("rating, style controlled");
  std::vector<std::vector<Html>> rows;
  for (size_t place = 0; place < standings.ranking.size(); ++place) {
    const size_t model = standings.ranking[place];
    int64_t won = 0, lost = 0, tied = 0;
    for (size_t other = 0; other < standings.models.size(); ++other) {
      won += standings.wins.wins_of(model, other);
      lost += standings.wins.wins_of(other, model);
      tied += standings.wins.ties_of(model, other);
    }
    std::vector<Html>& row = rows.emplace_back();
    row = {text(std::to_string(place + 1)), text(standings.models[model]),
           text(fmt::format("{:.1f}", standings.ratings[model]))};
    if (standings.intervals) {
      row.push_back(
          text(fmt::format("{:.0f} to {:.0f}", standings.intervals->low[model], standings.intervals->high[model])));
      row.push_back(
          text(fmt::format("{} to {}", standings.rank_ranges[model].best, standings.rank_ranges[model].worst)));
    }
    row.push_back(text(fmt::format("{:.1f}", standings.elo[model])));
    for (const int64_t count : {won, lost, tied}) row.push_back(text(std::to_string(count)));
    if (standings.style) row.push_back(text(fmt::format("{:.1f}", standings.style->ratings[model])));
  }
  page.table(header, rows);
}

// Share of the points of the row's model against the column's; models from the best to the worst.
Html win_map(const Standings& standings) {
  report::HeatMap map;
  for (const size_t row : standings.ranking) {
    map.rows.push_back(standings.models[row]);
    for (const size_t column : standings.ranking) {
      const auto count = static_cast<double>(standings.wins.comparisons_of(row, column));
      const double score = static_cast<double>(standings.wins.wins_of(row, column)) +
                           0.5 * static_cast<double>(standings.wins.ties_of(row, column));
      map.shares.push_back(row == column || count == 0 ? std::numeric_limits<double>::quiet_NaN() : score / count);
    }
  }
  map.columns = map.rows;
  return report::heat_map(map, "share of wins of the row's model");
}

Html calibration_plot(const Standings& standings) {
  report::ScatterPlot plot{.x_label = "predicted share of wins", .y_label = "seen share of wins"};
  for (const CalibrationBin& bin : standings.calibration.bins)
    plot.points.push_back({bin.predicted, bin.observed, static_cast<double>(bin.num_comparisons)});
  for (const PairOutcome& pair : standings.pairs)
    plot.background.push_back({pair.predicted, pair.observed, static_cast<double>(pair.num_comparisons)});
  return report::scatter_plot(plot);
}

void add_style(report::Page& page, const StyleFit& style) {
  page.heading("Style");
  std::vector<std::vector<Html>> rows;
  for (const StyleEffect& effect : style.effects) {
    rows.push_back({text(enum_name(effect.covariate)),
                    text(fmt::format("{:+.1f} ± {:.1f}", effect.points_for_twice, effect.standard_error))});
  }
  page.table({"of the answer", "points that twice as much of it gains"}, rows);
  page.paragraph(fmt::format("From {} comparisons whose answers' style is known.", style.num_comparisons));
}

}  // namespace

report::Page standings_page(const Standings& standings) {
  report::Page page("Human preference");
  const OutcomeCounts& counts = standings.counts;
  page.paragraph(fmt::format(
      "{} comparisons of {} models: {} times the left answer was better, {} times the right one, {} times both were "
      "good, {} times both bad. Another {} times nobody could say; these are left out.",
      counts.rated, standings.models.size(), counts.left, counts.right, counts.both_good, counts.both_bad,
      counts.unsure));
  for (const std::string& warning : standings.warnings) page.paragraph("Note. " + warning);

  page.heading("Ratings");
  std::string caption = "Bradley-Terry ratings by maximum likelihood; 400 points are ten times the odds of winning.";
  if (standings.intervals)
    caption += fmt::format(" Lines: 95 % of {} rounds of resampling.", standings.intervals->num_rounds);
  page.figure(rating_plot(standings), caption);
  add_table(page, standings);

  page.heading("Who wins against whom");
  page.figure(win_map(standings),
              "Share of wins of the row's model over the column's, ties as half. Empty: they never met.");

  page.heading("Do the ratings predict the outcomes?");
  page.figure(calibration_plot(standings),
              fmt::format("Each pair of models from the side of the stronger one (faint), and means over comparisons "
                          "that are predicted alike (full). Perfect predictions lie on the line; the means miss it by "
                          "{} on average. Loss per comparison: {:.4f}; of a coin: {:.4f}.",
                          percent(standings.calibration.mean_error), standings.calibration.log_loss, std::log(2.0)));
  if (standings.style) add_style(page, *standings.style);

  page.heading("Do people agree?");
  if (standings.agreement) {
    page.paragraph(fmt::format(
        "{} times two or more people rated the same answers; {} of {} pairs of people said the same. {}",
        standings.agreement->num_items, percent(standings.agreement->share), standings.agreement->num_pairs,
        standings.agreement->alpha ? fmt::format("Krippendorff's alpha: {:.2f} (1: always the same, 0: as by chance).",
                                                 *standings.agreement->alpha)
                                   : "Krippendorff's alpha does not exist, because everybody said the same."));
  } else {
    page.paragraph("No two people rated the same two models on the same prompt, as far as is known.");
  }
  if (!standings.next_pairs.empty()) {
    page.heading("Compare next");
    std::vector<std::vector<Html>> rows;
    for (const NextPair& pair : standings.next_pairs) {
      rows.push_back({text(standings.models[pair.first]), text(standings.models[pair.second]),
                      text(fmt::format("{:.4f}", pair.information))});
    }
    page.table({"model", "against", "expected information, nats"}, rows);
  }
  return page;
}

}  // namespace molmo::arena
