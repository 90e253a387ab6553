// The Bradley-Terry model: each model has a strength, and P(i wins over j) = 1 / (1 + exp(strength_j - strength_i)).
//   Fit fit = fit_bradley_terry(Scores(count_wins(comparisons)));
//   double rating = 1000 + kRatingPerStrength * fit.strengths[i];   // base 10, scale 400, mean 1000
// Ties count as half a win for both sides (as the paper and FastChat have it). Maximum of the likelihood by Newton's
// method on the pairs' scores, so the time does not depend on the number of comparisons.
#pragma once

#include <cmath>
#include <span>
#include <vector>

#include "arena/win_counts.h"

namespace molmo::arena {

// Elo's units: ten times the odds for 400 points.
constexpr double kEloScale = 400;
constexpr double kRatingPerStrength = kEloScale / 2.302585092994045684;
constexpr double kMeanRating = 1000;

inline double win_probability(double strength_difference) {
  return 1 / (1 + std::exp(-strength_difference));
}

struct Fit {
  std::vector<double> strengths;  // natural logarithms of odds, mean 0
  int num_steps = 0;              // of Newton's method
  // The likelihood alone has no finite maximum: every model was given kPriorTies ties against a model of strength 0.
  bool has_prior = false;
};
constexpr double kPriorTies = 0.5;

// `start`: strengths to begin with, or nothing. The result does not depend on them beyond rounding.
Fit fit_bradley_terry(const Scores& scores, std::span<const double> start = {});

// Logarithm of the likelihood; with `prior_ties` of every model against one of strength 0. `gradient`: by strength, or
// nullptr.
double log_likelihood(const Scores& scores, std::span<const double> strengths, double prior_ties = 0,
                      std::vector<double>* gradient = nullptr);

// Inverse of the information about the strengths, with the prior, row by row: the variance of what is known.
std::vector<double> strength_covariance(const Scores& scores, std::span<const double> strengths);

}  // namespace molmo::arena
