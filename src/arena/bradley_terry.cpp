#include "arena/bradley_terry.h"

#include <Eigen/Cholesky>
#include <Eigen/Core>
#include <algorithm>

#include "base/error.h"

namespace molmo::arena {
namespace {

constexpr int kMaxSteps = 200;
constexpr int kMaxHalvings = 40;
// In strengths. Convergence is quadratic: the step after a change of this size would be lost in rounding.
constexpr double kSmallStep = 1e-9;

using Vector = Eigen::VectorXd;
using Matrix = Eigen::MatrixXd;

// log(1 / (1 + exp(-x))), without overflow.
double log_probability(double x) {
  return x > 0 ? -std::log1p(std::exp(-x)) : x - std::log1p(std::exp(x));
}

// Negative second derivative of the log likelihood. Without a prior it has no information along (1, ..., 1): there the
// mean information is put in, which moves no difference.
Matrix information(const Scores& scores, std::span<const double> strengths, double prior_ties) {
  const auto n = static_cast<Eigen::Index>(scores.num_models);
  Matrix matrix = Matrix::Zero(n, n);
  for (Eigen::Index j = 0; j < n; ++j) {
    for (Eigen::Index i = j + 1; i < n; ++i) {
      const auto a = static_cast<size_t>(i), b = static_cast<size_t>(j);
      const double count = scores.of(a, b) + scores.of(b, a);
      if (count == 0) continue;
      const double p = win_probability(strengths[a] - strengths[b]);
      const double weight = count * p * (1 - p);
      matrix(i, j) = -weight;
      matrix(i, i) += weight;
      matrix(j, j) += weight;
    }
    if (prior_ties == 0) continue;
    const double p = win_probability(strengths[static_cast<size_t>(j)]);
    matrix(j, j) += prior_ties * p * (1 - p);
  }
  if (prior_ties == 0) {
    const double level = matrix.diagonal().mean() / static_cast<double>(n);
    matrix.triangularView<Eigen::Lower>() += Matrix::Constant(n, n, level);
  }
  return matrix;  // lower triangle
}

void center(std::vector<double>& values) {
  double mean = 0;
  for (const double value : values) mean += value / static_cast<double>(values.size());
  for (double& value : values) value -= mean;
}

}  // namespace

double log_likelihood(const Scores& scores, std::span<const double> strengths, double prior_ties,
                      std::vector<double>* gradient) {
  const size_t n = scores.num_models;
  if (gradient) gradient->assign(n, 0);
  double sum = 0;
  const auto add = [&](double score, double counter_score, double difference) {
    sum += score * log_probability(difference) + counter_score * log_probability(-difference);
    return score - (score + counter_score) * win_probability(difference);
  };
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = i + 1; j < n; ++j) {
      if (scores.of(i, j) + scores.of(j, i) == 0) continue;
      const double slope = add(scores.of(i, j), scores.of(j, i), strengths[i] - strengths[j]);
      if (!gradient) continue;
      (*gradient)[i] += slope;
      (*gradient)[j] -= slope;
    }
    if (prior_ties == 0) continue;
    const double slope = add(prior_ties / 2, prior_ties / 2, strengths[i]);
    if (gradient) (*gradient)[i] += slope;
  }
  return sum;
}

Fit fit_bradley_terry(const Scores& scores, std::span<const double> start) {
  const size_t n = scores.num_models;
  Fit fit;
  fit.strengths.assign(start.begin(), start.end());
  fit.strengths.resize(n);
  fit.has_prior = !is_strongly_connected(scores);
  const double prior_ties = fit.has_prior ? kPriorTies : 0;
  std::vector<double> gradient, tried(n);
  double value = log_likelihood(scores, fit.strengths, prior_ties, &gradient);
  // What rounding of the sum can hide.
  const double noise = 1e-13 * std::max(1.0, scores.total());
  for (; fit.num_steps < kMaxSteps; ++fit.num_steps) {
    const Eigen::LLT<Matrix> factor(information(scores, fit.strengths, prior_ties));
    if (factor.info() != Eigen::Success) break;
    const Vector step = factor.solve(Eigen::Map<const Vector>(gradient.data(), static_cast<Eigen::Index>(n)));
    const double size = n == 0 ? 0 : step.cwiseAbs().maxCoeff();
    double tried_value = value, part = 1;
    for (int halvings = 0;; ++halvings, part /= 2) {
      for (size_t i = 0; i < n; ++i) tried[i] = fit.strengths[i] + part * step[static_cast<Eigen::Index>(i)];
      tried_value = log_likelihood(scores, tried, prior_ties, &gradient);
      if (tried_value >= value - noise || halvings == kMaxHalvings) break;
    }
    fit.strengths.swap(tried);
    value = tried_value;
    if (size * part < kSmallStep) {
      center(fit.strengths);
      return fit;
    }
  }
  fail(ErrorCategory::BadData,
       "the ratings did not settle after {} steps: some models have too few comparisons; leave out those that hardly "
       "ever met others",
       fit.num_steps);
}

std::vector<double> strength_covariance(const Scores& scores, std::span<const double> strengths) {
  const auto n = static_cast<Eigen::Index>(scores.num_models);
  const Eigen::LLT<Matrix> factor(information(scores, strengths, kPriorTies));
  check_internal(factor.info() == Eigen::Success, "the information with a prior is positive definite");
  const Matrix inverse = factor.solve(Matrix::Identity(n, n));
  return {inverse.data(), inverse.data() + n * n};
}

}  // namespace molmo::arena
