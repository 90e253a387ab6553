// Style control: what is left of the ratings when people's liking for long answers, or for answers with points, is
// accounted for. The odds of a win get one more factor for each covariate, fitted together with the strengths.
// A covariate is (left - right) / (left + right) of the two answers, 0 where both are 0 (FastChat's style control).
#pragma once

#include <span>
#include <vector>

#include "arena/comparison.h"
#include "arena/ratings.h"

namespace molmo::arena {

enum class Covariate { Length, Points };

struct StyleEffect {
  Covariate covariate;
  // What an answer with twice as much of it gains, in rating points, and the standard error of that.
  double points_for_twice = 0, standard_error = 0;
};

struct StyleFit {
  std::vector<double> ratings;  // by model
  std::vector<StyleEffect> effects;
  int64_t num_comparisons = 0;  // whose style is known; the others are left out
  bool has_prior = false;       // as of Fit
};

// Newton's method; the coefficients of the standardised covariates have FastChat's penalty of 0.25 times their square.
// Throws InvalidArgument when no rated comparison has what the covariates need.
StyleFit fit_with_style(const Comparisons& comparisons, std::span<const Covariate> covariates,
                        const Offset& offset = {});

}  // namespace molmo::arena

template <>
struct molmo::EnumNames<molmo::arena::Covariate> {
  using enum arena::Covariate;
  static constexpr EnumName<arena::Covariate> kValues[] = {{Length, "length"}, {Points, "points"}};
};
