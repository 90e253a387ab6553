// Ratings and what stands beside them, against the golden numbers, known answers, and slow ways to the same result.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <nlohmann/json.hpp>
#include <numeric>

#include "arena/bradley_terry.h"
#include "arena/numpy_multinomial.h"
#include "arena/read_comparisons.h"
#include "arena/standings.h"
#include "arena/standings_page.h"
#include "base/error.h"
#include "base/random.h"
#include "base/threads.h"
#include "fixtures.h"

namespace molmo::arena {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

Comparisons parse(const std::string& rows, const std::string& header = "left_model,right_model,outcome") {
  return parse_csv_comparisons(header + "\n" + rows, "c.csv");
}

std::string repeat(int count, const std::string& row) {
  std::string rows;
  for (int i = 0; i < count; ++i) rows += row + "\n";
  return rows;
}

Scores random_scores(size_t num_models, uint64_t seed) {
  RandomStream random(seed, "scores");
  Scores scores(num_models);
  for (size_t i = 0; i < num_models; ++i) {
    for (size_t j = 0; j < num_models; ++j)
      if (i != j) scores.of(i, j) = 0.5 * static_cast<double>(1 + random.below(20));
  }
  return scores;
}

struct Golden : testing::Test {
  static const Comparisons& comparisons() {
    static const Comparisons kRead = read_comparisons(test::fixture_path("arena/comparisons.csv"));
    return kRead;
  }
  static const Json& expected() {
    static const Json kExpected = read_json_file(test::fixture_path("arena/expected.json"));
    return kExpected;
  }
  static void expect_ratings(const Json& found, const Json& wanted, double tolerance) {
    ASSERT_EQ(found.size(), wanted.size());
    for (const auto& [model, rating] : wanted.items())
      EXPECT_NEAR(found.at(model).get<double>(), rating.get<double>(), tolerance) << model;
  }
};

TEST_F(Golden, RatingsIntervalsAndCounts) {
  const Json found = standings_json(compute_standings(comparisons()));
  EXPECT_EQ(found["models"], expected()["models"]);
  EXPECT_EQ(found["ranking"], expected()["ranking"]);
  // The golden ones have six digits, and were solved to a gradient of 5e-8.
  expect_ratings(found["ratings_mle"], expected()["ratings_mle"], 1e-5);
  expect_ratings(found["online_elo"]["ratings"], expected()["online_elo"]["ratings"], 1e-8);
  // Of the golden rounds each is solved to a gradient of 1e-6 only.
  for (const char* quantile : {"q025", "median", "q975"})
    expect_ratings(found["bootstrap"][quantile], expected()["bootstrap"][quantile], 0.01);
  EXPECT_EQ(found["wins"]["wins"], expected()["wins"]["wins"]);
  EXPECT_EQ(found["wins"]["ties"], expected()["wins"]["ties"]);
  EXPECT_EQ(found["counts"], expected()["counts"]);
  for (const auto& [key, value] : expected()["online_elo"].items()) {
    if (key != "tolerance" && key != "ratings") {
      EXPECT_EQ(found["online_elo"][key], value) << key;
    }
  }
  EXPECT_TRUE(found["warnings"].empty());
}

TEST_F(Golden, ThreadsDoNotMatter) {
  const int before = num_threads();
  set_num_threads(1);
  const Intervals one = bootstrap_intervals(comparisons(), {.num_rounds = 37, .seed = 5});
  set_num_threads(3);
  const Intervals three = bootstrap_intervals(comparisons(), {.num_rounds = 37, .seed = 5});
  set_num_threads(before);
  EXPECT_EQ(one.low, three.low);
  EXPECT_EQ(one.median, three.median);
  EXPECT_EQ(one.high, three.high);
  EXPECT_NE(one.low, bootstrap_intervals(comparisons(), {.num_rounds = 37, .seed = 6}).low);
}

TEST_F(Golden, AnchorMovesAllAlike) {
  const Standings free = compute_standings(comparisons());
  const Standings anchored = compute_standings(comparisons(), {.rating = 1014, .anchor = "model-03"});
  const double shift = 1014 - free.ratings[3];
  for (size_t i = 0; i < free.ratings.size(); ++i) EXPECT_NEAR(anchored.ratings[i], free.ratings[i] + shift, 1e-9);
  EXPECT_NEAR(anchored.intervals->low[3], 1014, 1e-9);  // it does not scatter
  EXPECT_NEAR(anchored.intervals->high[3], 1014, 1e-9);
  EXPECT_THROW(compute_standings(comparisons(), {.anchor = "model-3"}), Error);
  const Json json = standings_json(free);
  double mean = 0;
  for (const auto& [model, rating] : json["ratings_mle"].items()) mean += rating.get<double>() / 27;
  EXPECT_NEAR(mean, 1000, 1e-9);
}

// What numpy 2.4.6 draws.
TEST(Numpy, DrawsAreItsOwn) {
  NumpyGenerator raw(7);
  for (const uint64_t value : {11530976094092348043u, 16550673365885938325u, 14308875409591826786u})
    EXPECT_EQ(raw.next(), value);
  NumpyGenerator uniform(7);
  EXPECT_DOUBLE_EQ(uniform.uniform(), 0.625095466604667);
  NumpyGenerator binomial(12345678901234);
  const std::vector<std::tuple<int64_t, double, int64_t>> draws = {
      {10, .3, 3},          {1000, .4, 382},      {100000, .002, 198},         {100000, .7, 69874},
      {325000, .0005, 153}, {50, .95, 43},        {1000000000, .5, 499984211}, {7, 0.0, 0},
      {200, .2, 40},        {1000000, .001, 1012}};
  for (const auto& [count, probability, drawn] : draws)
    EXPECT_EQ(binomial.binomial(count, probability), drawn) << count;
  NumpyGenerator multinomial(0);
  const std::vector<double> probabilities = {5 / 500.0, 1 / 500.0, 400 / 500.0, 3 / 500.0, 80 / 500.0, 11 / 500.0};
  std::vector<int64_t> drawn(6);
  multinomial.multinomial(20000, probabilities, drawn);
  EXPECT_THAT(drawn, ElementsAre(175, 41, 16010, 120, 3213, 441));
  multinomial.multinomial(20000, probabilities, drawn);
  EXPECT_THAT(drawn, ElementsAre(215, 45, 15969, 122, 3211, 438));
}

TEST(BradleyTerry, TwoModelsHaveAKnownAnswer) {
  const Standings standings =
      compute_standings(parse(repeat(29, "a,b,left") + repeat(9, "b,a,left") + repeat(2, "a,b,both_bad")));
  EXPECT_NEAR(standings.ratings[0] - standings.ratings[1], 400 * std::log10(30.0 / 10), 1e-9);
  EXPECT_NEAR(standings.ratings[0] + standings.ratings[1], 2000, 1e-9);
}

TEST(BradleyTerry, FindsWhatASearchFinds) {
  for (uint64_t seed = 0; seed < 5; ++seed) {
    const Scores scores = random_scores(3, seed);
    // The best of a grid around the best so far, ever finer.
    double x = 0, y = 0;
    for (double width = 4; width > 1e-9; width *= 0.6) {
      double best = -1e300, best_x = x, best_y = y;
      for (int i = -5; i <= 5; ++i) {
        for (int j = -5; j <= 5; ++j) {
          const double strengths[] = {x + width * i / 5, y + width * j / 5, 0};
          double value = 0;
          for (size_t a = 0; a < 3; ++a) {
            for (size_t b = 0; b < 3; ++b)
              value -= scores.of(a, b) * std::log(1 + std::exp(strengths[b] - strengths[a]));
          }
          if (value > best) best = value, best_x = strengths[0], best_y = strengths[1];
        }
      }
      x = best_x, y = best_y;
    }
    const Fit fit = fit_bradley_terry(scores);
    // Where the likelihood is flat, its rounding hides the rest.
    EXPECT_NEAR(fit.strengths[0] - fit.strengths[2], x, 1e-6);
    EXPECT_NEAR(fit.strengths[1] - fit.strengths[2], y, 1e-6);
    EXPECT_LT(fit.num_steps, 10);
  }
}

TEST(BradleyTerry, GradientIsTheDifferenceQuotient) {
  const Scores scores = random_scores(6, 9);
  RandomStream random(1, "strengths");
  std::vector<double> strengths;
  for (int i = 0; i < 6; ++i) strengths.push_back(random.normal());
  for (const double prior_ties : {0.0, 0.5}) {
    std::vector<double> gradient;
    const double value = log_likelihood(scores, strengths, prior_ties, &gradient);
    EXPECT_EQ(value, log_likelihood(scores, strengths, prior_ties));
    constexpr double kStep = 1e-5;
    for (size_t i = 0; i < strengths.size(); ++i) {
      std::vector<double> above = strengths, below = strengths;
      above[i] += kStep;
      below[i] -= kStep;
      const double quotient =
          (log_likelihood(scores, above, prior_ties) - log_likelihood(scores, below, prior_ties)) / (2 * kStep);
      EXPECT_NEAR(gradient[i], quotient, 1e-6);
    }
  }
}

TEST(BradleyTerry, TheStartDoesNotMatter) {
  const Scores scores = random_scores(12, 3);
  const Fit fit = fit_bradley_terry(scores);
  std::vector<double> start;
  for (int i = 0; i < 12; ++i) start.push_back(i % 2 ? 9 : -9);
  const Fit far = fit_bradley_terry(scores, start);
  for (size_t i = 0; i < 12; ++i) EXPECT_NEAR(fit.strengths[i], far.strengths[i], 1e-9);
}

TEST(BradleyTerry, UnbeatenModelsGetThePriorAndAWord) {
  const Standings standings = compute_standings(parse(repeat(5, "a,b,left")));
  const double x = standings.strengths[0];  // and b has -x
  EXPECT_NEAR(5 * (1 - win_probability(2 * x)), kPriorTies * (win_probability(x) - 0.5), 1e-9);
  EXPECT_THAT(standings.warnings,
              ElementsAre(HasSubstr("Never lost or tied against any other model: a."),
                          HasSubstr("Never won or tied against any other model: b."), HasSubstr("0.5 of a tie")));
  for (const double rating : standings.ratings) EXPECT_TRUE(std::isfinite(rating));
}

TEST(BradleyTerry, SeparateGroupsAreNamed) {
  const std::string circle = "a,b,left\nb,a,left\n";
  const Standings standings = compute_standings(parse(circle + "c,d,left\nd,c,left\nc,d,left\n"));
  ASSERT_EQ(standings.warnings.size(), 2u);
  EXPECT_THAT(standings.warnings[0], HasSubstr("2 groups of models that never met each other: (a, b), (c, d)"));
  EXPECT_NEAR(standings.ratings[0], 1000, 1e-6);
  EXPECT_GT(standings.ratings[2], standings.ratings[3]);
  // Only unsure: in the file, but never compared.
  EXPECT_THAT(compute_standings(parse(circle + "a,e,unsure\n")).warnings[0], HasSubstr("(a, b), (e)"));
  EXPECT_THROW(compute_standings(parse("a,b,unsure\n")), Error);
}

TEST(BradleyTerry, RoundsThatNeedThePriorAreCounted) {
  const Standings standings = compute_standings(parse(repeat(5, "a,b,left") + "b,a,left\n"));
  EXPECT_GT(standings.intervals->num_prior_rounds, 10);
  EXPECT_THAT(standings.warnings, ElementsAre(HasSubstr("rounds of resampling")));
}

TEST(Ratings, OnlineEloMovesByTheSurprise) {
  const auto elo = online_elo(parse("a,b,left\nb,c,both_good\na,b,unsure\n"), {.k = 32, .initial = 1000});
  EXPECT_NEAR(elo[0], 1016, 1e-12);
  const double change = 32 * (0.5 - 1 / (1 + std::pow(10, 16.0 / 400)));
  EXPECT_NEAR(elo[1], 984 + change, 1e-9);
  EXPECT_NEAR(elo[2], 1000 - change, 1e-9);
}

TEST(Ratings, RanksFollowTheIntervals) {
  const Intervals intervals{.num_rounds = 1, .low = {0, 8, 20}, .median = {}, .high = {10, 18, 30}};
  const auto ranges = rank_ranges(intervals);
  EXPECT_EQ(ranges[0].best, 2);
  EXPECT_EQ(ranges[0].worst, 3);
  EXPECT_EQ(ranges[1].best, 2);
  EXPECT_EQ(ranges[1].worst, 3);
  EXPECT_EQ(ranges[2].best, 1);
  EXPECT_EQ(ranges[2].worst, 1);
}

// Nine of ten true strengths of a simulated arena lie in their intervals, at least: 95 % are meant to.
TEST(Ratings, IntervalsHoldTheTruth) {
  RandomStream random(4, "truth");
  std::vector<double> truth;
  for (int i = 0; i < 20; ++i) truth.push_back(0.8 * random.normal());
  std::string rows;
  for (int i = 0; i < 6000; ++i) {
    const uint64_t a = random.below(20), b = (a + 1 + random.below(19)) % 20;
    const bool wins = random.uniform() < win_probability(truth[a] - truth[b]);
    rows += fmt::format("m{:02},m{:02},{}\n", a, b, wins ? "left" : "right");
  }
  const auto intervals = bootstrap_intervals(parse(rows), {.num_rounds = 200});
  const auto wanted = ratings_of(truth, {});
  int num_inside = 0;
  for (size_t i = 0; i < truth.size(); ++i)
    num_inside += intervals.low[i] <= wanted[i] && wanted[i] <= intervals.high[i];
  EXPECT_GE(num_inside, 18);
}

TEST(Diagnostics, PredictionsAreComparedPairByPair) {
  const WinCounts counts = count_wins(parse(repeat(6, "a,b,left") + repeat(2, "b,a,left") + repeat(2, "b,a,both_bad")));
  const double strengths[] = {-std::log(4.0), 0};  // b is the stronger one, by 4 to 1
  const auto pairs = compare_with_prediction(counts, strengths);
  ASSERT_EQ(pairs.size(), 1u);
  EXPECT_EQ(pairs[0].stronger, 1u);
  EXPECT_NEAR(pairs[0].predicted, 0.8, 1e-12);
  EXPECT_NEAR(pairs[0].observed, 0.3, 1e-12);
  const Calibration calibration = calibrate(pairs);
  ASSERT_EQ(calibration.bins.size(), 1u);
  EXPECT_EQ(calibration.bins[0].num_comparisons, 10);
  EXPECT_NEAR(calibration.mean_error, 0.5, 1e-12);
  EXPECT_NEAR(calibration.log_loss, -(0.3 * std::log(0.8) + 0.7 * std::log(0.2)), 1e-12);
}

TEST(Diagnostics, AgreementIsKrippendorffs) {
  const std::string header = "prompt_id,annotator_id,left_model,right_model,outcome";
  // Two for a; two for b, who saw the sides swapped; one for each; two ties of both kinds.
  const std::string rows =
      "1,x,a,b,left\n1,y,b,a,right\n2,x,a,b,right\n2,y,b,a,left\n3,x,a,b,left\n3,y,a,b,right\n"
      "4,x,a,b,both_good\n4,y,a,b,both_bad\n";
  const auto agreement = annotator_agreement(parse(rows, header));
  ASSERT_TRUE(agreement);
  EXPECT_EQ(agreement->num_items, 4);
  EXPECT_EQ(agreement->num_pairs, 4);
  EXPECT_NEAR(agreement->share, 0.75, 1e-12);
  EXPECT_NEAR(*agreement->alpha, 1 - 7.0 * 2 / (64 - 9 - 9 - 4), 1e-12);
  // Neither unsure ones, nor second thoughts, nor single ratings, nor strangers change it.
  const std::string more = "4,z,a,b,unsure\n1,x,a,b,right\n5,x,a,b,left\n1,z,a,c,left\n1,,a,b,right\n,x,a,b,right\n";
  EXPECT_EQ(annotator_agreement(parse(rows + more, header))->alpha, agreement->alpha);
  // Three people: 2 of 3 pairs disagree, and 5 ratings in all.
  const auto three =
      annotator_agreement(parse("1,x,a,b,left\n1,y,a,b,left\n1,z,a,b,right\n2,x,a,b,right\n2,y,a,b,right\n", header));
  EXPECT_NEAR(three->share, 2.0 / 4, 1e-12);
  EXPECT_NEAR(*three->alpha, 1 - 4.0 * 2 / (25 - 4 - 9), 1e-12);
  EXPECT_FALSE(annotator_agreement(parse("1,x,a,b,left\n1,y,a,b,left\n", header))->alpha);
  EXPECT_FALSE(annotator_agreement(parse("a,b,left\n")));
}

const char* kStyleHeader = "left_model,right_model,outcome,left_length,right_length,left_points,right_points";

TEST(Style, LengthHasAKnownEffect) {
  // Equal models; the answer that is twice as long wins three of four times.
  const Comparisons comparisons = parse(repeat(150, "a,b,left,20,10,,") + repeat(50, "a,b,right,20,10,,") +
                                            repeat(150, "b,a,left,20,10,,") + repeat(50, "b,a,right,20,10,,"),
                                        kStyleHeader);
  const Covariate covariates[] = {Covariate::Length};
  const StyleFit fit = fit_with_style(comparisons, covariates);
  double low = 0, high = 2;  // 300 - 400 p(x) = x / 2: the slope with its penalty is 0
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    (300 - 400 * win_probability(middle) > 0.5 * middle ? low : high) = middle;
  }
  EXPECT_NEAR(fit.effects[0].points_for_twice, kRatingPerStrength * low, 1e-6);
  const double p = win_probability(low);
  EXPECT_NEAR(fit.effects[0].standard_error, kRatingPerStrength / std::sqrt(400 * p * (1 - p) + 0.5), 1e-6);
  EXPECT_NEAR(fit.ratings[0], 1000, 1e-6);
  EXPECT_EQ(fit.num_comparisons, 400);
  const Covariate both[] = {Covariate::Length, Covariate::Points};
  EXPECT_THROW(fit_with_style(comparisons, both), Error);
}

TEST(Style, WithoutDifferencesItIsThePlainFit) {
  RandomStream random(2, "style");
  std::string rows;
  for (int i = 0; i < 500; ++i) {
    const uint64_t a = random.below(5), b = (a + 1 + random.below(4)) % 5;
    rows += fmt::format("m{},m{},{},7,7,0,0\n", a, b, random.below(2 + a) > 0 ? "left" : "both_bad");
    rows += fmt::format("m{},m{},unsure,70,7,0,0\n", a, b);
  }
  const Comparisons comparisons = parse(rows, kStyleHeader);
  const Standings standings =
      compute_standings(comparisons, {.num_rounds = 0, .style = {Covariate::Length, Covariate::Points}});
  for (size_t i = 0; i < 5; ++i) EXPECT_NEAR(standings.style->ratings[i], standings.ratings[i], 1e-6);
  EXPECT_NEAR(standings.style->effects[1].points_for_twice, 0, 1e-9);
  EXPECT_EQ(standings.style->num_comparisons, 500);
}

double determinant(std::vector<std::vector<double>> matrix) {
  double product = 1;
  for (size_t i = 0; i < matrix.size(); ++i) {  // diagonally dominant: no pivots needed
    product *= matrix[i][i];
    for (size_t row = i + 1; row < matrix.size(); ++row) {
      const double factor = matrix[row][i] / matrix[i][i];
      for (size_t column = i; column < matrix.size(); ++column) matrix[row][column] -= factor * matrix[i][column];
    }
  }
  return product;
}

TEST(Matchmaking, GainIsThatOfTheDeterminants) {
  constexpr size_t kModels = 5;
  Scores scores = random_scores(kModels, 8);
  for (size_t other = 0; other < kModels; ++other) {  // hardly known
    scores.of(3, other) = scores.of(other, 3) = 0;
  }
  scores.of(3, 0) = 1;
  scores.of(0, 3) = 1;
  const auto strengths = fit_bradley_terry(scores).strengths;
  std::vector<std::vector<double>> information(kModels, std::vector<double>(kModels));
  const auto add = [&](size_t i, size_t j, double count) {
    const double p = win_probability(strengths[i] - strengths[j]), weight = count * p * (1 - p);
    information[i][i] += weight;
    information[j][j] += weight;
    information[i][j] -= weight;
    information[j][i] -= weight;
  };
  for (size_t i = 0; i < kModels; ++i) {
    const double p = win_probability(strengths[i]);
    information[i][i] += kPriorTies * p * (1 - p);
    for (size_t j = 0; j < i; ++j) add(i, j, scores.of(i, j) + scores.of(j, i));
  }
  const auto pairs = next_pairs(scores, strengths, 8);
  ASSERT_EQ(pairs.size(), 8u);
  for (const NextPair& pair : pairs) {
    const double before = determinant(information);
    const auto gain = [&](size_t i, size_t j) {
      auto saved = information;
      add(i, j, 1);
      const double after = determinant(information);
      information = std::move(saved);
      return 0.5 * std::log(after / before);
    };
    for (size_t i = 0; i < kModels; ++i) {
      for (size_t j = 0; j < i; ++j) EXPECT_LE(gain(i, j), pair.information + 1e-9);
    }
    EXPECT_NEAR(gain(pair.first, pair.second), pair.information, 1e-9);
    add(pair.first, pair.second, 1);
  }
  EXPECT_TRUE(pairs[0].first == 3 || pairs[0].second == 3);
}

TEST(StandingsPage, ShowsEveryPartAndEscapesNames) {
  std::string rows = "1,x,<b>a</b>,b,left,10,5,1,0\n1,y,<b>a</b>,b,left,10,5,1,0\n1,z,<b>a</b>,b,both_bad,1,5,0,0\n";
  rows += "2,x,b,<b>a</b>,left,3,9,0,2\n2,x,c,b,left,3,9,0,2\n3,x,c,b,right,3,9,0,2\n";
  const Comparisons comparisons = parse_csv_comparisons(
      "prompt_id,annotator_id,left_model,right_model,outcome,left_length,right_length,left_points,right_points\n" +
          rows,
      "c.csv");
  const std::string page =
      standings_page(
          compute_standings(comparisons, {.style = {Covariate::Length, Covariate::Points}, .num_next_pairs = 2}))
          .html();
  for (const char* part :
       {"<h2>Ratings</h2>", "<h2>Who wins against whom</h2>", "<h2>Style</h2>", "<h2>Do people agree?</h2>",
        "<h2>Compare next</h2>", "&lt;b&gt;a&lt;/b&gt;", "<svg", "Krippendorff", "rating, style controlled"})
    EXPECT_THAT(page, HasSubstr(part));
  EXPECT_THAT(page, Not(HasSubstr("<b>a")));
  EXPECT_THAT(page, Not(HasSubstr("nan")));
  const std::string bare = standings_page(compute_standings(parse("a,b,left\n"), {.num_rounds = 0})).html();
  EXPECT_THAT(bare, HasSubstr("Note. Never lost"));
  EXPECT_THAT(bare, HasSubstr("No two people rated"));
}

}  // namespace
}  // namespace molmo::arena
