#include "arena/style.h"

#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <algorithm>
#include <cmath>

#include "arena/bradley_terry.h"
#include "base/error.h"

namespace molmo::arena {
namespace {

constexpr double kPenalty = 0.5;  // half of it times the square of a coefficient
constexpr int kMaxStyleSteps = 100;
constexpr double kSmallStyleStep = 1e-9;
constexpr size_t kMaxCovariates = 2;

using Vector = Eigen::VectorXd;
using Matrix = Eigen::MatrixXd;

struct StyledRow {
  Eigen::Index left, right;
  double score;
  std::array<double, kMaxCovariates> features;
};

double relative_difference(double left, double right) {
  return left + right == 0 ? 0 : (left - right) / (left + right);
}

double feature_of(const AnswerStyle& style, Covariate covariate) {
  return covariate == Covariate::Length ? relative_difference(style.left_length, style.right_length)
                                        : relative_difference(style.left_points, style.right_points);
}

std::vector<StyledRow> styled_rows(const Comparisons& comparisons, std::span<const Covariate> covariates) {
  std::vector<StyledRow> rows;
  for (size_t i = 0; i < comparisons.styles.size(); ++i) {
    const Comparison& row = comparisons.rows[i];
    if (!row.is_rated()) continue;
    StyledRow styled{row.left, row.right, left_score(row.outcome), {}};
    for (size_t k = 0; k < covariates.size(); ++k)
      styled.features[k] = feature_of(comparisons.styles[i], covariates[k]);
    if (std::ranges::none_of(styled.features, [](double value) { return std::isnan(value); })) rows.push_back(styled);
  }
  if (rows.empty()) {
    std::string columns;
    for (const Covariate covariate : covariates) {
      const std::string name(enum_name(covariate));
      columns += (columns.empty() ? "" : ", ") + ("left_" + name + ", right_" + name);
    }
    fail(ErrorCategory::InvalidArgument,
         "style control needs the columns {}; no rated comparison has values in all of them", columns);
  }
  return rows;
}

// Divides by the root of the mean square, which is returned; a covariate that is always 0 stays.
std::array<double, kMaxCovariates> standardise(std::vector<StyledRow>& rows) {
  std::array<double, kMaxCovariates> scales{};
  for (size_t k = 0; k < kMaxCovariates; ++k) {
    double sum = 0;
    for (const StyledRow& row : rows) sum += row.features[k] * row.features[k];
    scales[k] = sum > 0 ? std::sqrt(sum / static_cast<double>(rows.size())) : 1;
    for (StyledRow& row : rows) row.features[k] /= scales[k];
  }
  return scales;
}

// Value, gradient and negative second derivative of what is maximised, at (strengths, coefficients).
struct Derivatives {
  double value = 0;
  Vector gradient;
  Matrix information;
};

Derivatives differentiate(const std::vector<StyledRow>& rows, const Vector& parameters, Eigen::Index num_models,
                          double prior_ties) {
  const Eigen::Index size = parameters.size();
  Derivatives at{0, Vector::Zero(size), Matrix::Zero(size, size)};
  const Eigen::Index num_features = size - num_models;
  for (const StyledRow& row : rows) {
    double x = parameters[row.left] - parameters[row.right];
    for (Eigen::Index k = 0; k < num_features; ++k)
      x += parameters[num_models + k] * row.features[static_cast<size_t>(k)];
    const double p = win_probability(x), slope = row.score - p, weight = p * (1 - p);
    at.value += row.score * x - (x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)));
    at.gradient[row.left] += slope;
    at.gradient[row.right] -= slope;
    at.information(row.left, row.left) += weight;
    at.information(row.right, row.right) += weight;
    at.information(std::max(row.left, row.right), std::min(row.left, row.right)) -= weight;
    for (Eigen::Index k = 0; k < num_features; ++k) {
      const double feature = row.features[static_cast<size_t>(k)];
      at.gradient[num_models + k] += slope * feature;
      at.information(num_models + k, row.left) += weight * feature;
      at.information(num_models + k, row.right) -= weight * feature;
      for (Eigen::Index l = 0; l <= k; ++l)
        at.information(num_models + k, num_models + l) += weight * feature * row.features[static_cast<size_t>(l)];
    }
  }
  for (Eigen::Index k = num_models; k < size; ++k) {
    at.value -= kPenalty / 2 * parameters[k] * parameters[k];
    at.gradient[k] -= kPenalty * parameters[k];
    at.information(k, k) += kPenalty;
  }
  for (Eigen::Index i = 0; i < num_models && prior_ties > 0; ++i) {
    const double p = win_probability(parameters[i]);
    at.value += prior_ties / 2 * (std::log(p) + std::log1p(-p));
    at.gradient[i] += prior_ties * (0.5 - p);
    at.information(i, i) += prior_ties * p * (1 - p);
  }
  if (prior_ties == 0) {  // as in arena/bradley_terry.cpp
    auto models = at.information.topLeftCorner(num_models, num_models);
    const double level = models.diagonal().mean() / static_cast<double>(num_models);
    models.triangularView<Eigen::Lower>() += Matrix::Constant(num_models, num_models, level);
  }
  return at;
}

}  // namespace

StyleFit fit_with_style(const Comparisons& comparisons, std::span<const Covariate> covariates, const Offset& offset) {
  check_internal(covariates.size() <= kMaxCovariates, "as many covariates as there are kinds");
  std::vector<StyledRow> rows = styled_rows(comparisons, covariates);
  const auto scales = standardise(rows);
  const auto num_models = static_cast<Eigen::Index>(comparisons.models.size());
  Scores scores(comparisons.models.size());
  for (const StyledRow& row : rows) {
    scores.of(static_cast<size_t>(row.left), static_cast<size_t>(row.right)) += row.score;
    scores.of(static_cast<size_t>(row.right), static_cast<size_t>(row.left)) += 1 - row.score;
  }
  StyleFit fit;
  fit.num_comparisons = static_cast<int64_t>(rows.size());
  fit.has_prior = !is_strongly_connected(scores);
  const double prior_ties = fit.has_prior ? kPriorTies : 0;

  Vector parameters = Vector::Zero(num_models + static_cast<Eigen::Index>(covariates.size()));
  Derivatives at = differentiate(rows, parameters, num_models, prior_ties);
  const double noise = 1e-13 * std::max(1.0, static_cast<double>(rows.size()));
  bool is_settled = false;
  for (int i = 0; i < kMaxStyleSteps && !is_settled; ++i) {
    Vector step = at.information.llt().solve(at.gradient);
    Derivatives next = differentiate(rows, parameters + step, num_models, prior_ties);
    while (!(next.value >= at.value - noise) && step.cwiseAbs().maxCoeff() >= kSmallStyleStep) {
      step /= 2;
      next = differentiate(rows, parameters + step, num_models, prior_ties);
    }
    parameters += step;
    at = std::move(next);
    is_settled = step.cwiseAbs().maxCoeff() < kSmallStyleStep;
  }
  if (!is_settled) {
    fail(ErrorCategory::BadData,
         "ratings with style control did not settle after {} steps: too few comparisons have their style known",
         kMaxStyleSteps);
  }

  const Vector variances =
      at.information.llt().solve(Matrix::Identity(parameters.size(), parameters.size())).diagonal();
  constexpr double kTwice = 1.0 / 3;  // (2 - 1) / (2 + 1)
  for (size_t k = 0; k < covariates.size(); ++k) {
    const Eigen::Index index = num_models + static_cast<Eigen::Index>(k);
    const double unit = kRatingPerStrength * kTwice / scales[k];
    fit.effects.push_back({covariates[k], unit * parameters[index], unit * std::sqrt(variances[index])});
  }
  const Vector strengths = parameters.head(num_models);
  fit.ratings = ratings_of({strengths.data(), static_cast<size_t>(num_models)}, offset);
  return fit;
}

}  // namespace molmo::arena
