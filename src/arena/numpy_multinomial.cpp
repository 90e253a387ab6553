#include "arena/numpy_multinomial.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdlib>

namespace molmo::arena {
namespace {

// numpy.random.SeedSequence of one number: a pool of four words, mixed until each bit of the seed has reached all.
class SeedSequence {
 public:
  explicit SeedSequence(uint64_t seed) {
    const std::array<uint32_t, 4> entropy = {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32), 0, 0};
    for (size_t i = 0; i < pool_.size(); ++i) pool_[i] = hash(entropy[i]);
    for (size_t from = 0; from < pool_.size(); ++from) {
      for (size_t to = 0; to < pool_.size(); ++to) {
        if (from != to) pool_[to] = mix(pool_[to], hash(pool_[from]));
      }
    }
  }

  std::array<uint64_t, 4> words() const {
    std::array<uint64_t, 4> words{};
    uint32_t constant = 0x8b51f9dd;
    for (size_t i = 0; i < 8; ++i) {
      uint32_t value = pool_[i % 4] ^ constant;
      constant *= 0x58f38ded;
      value *= constant;
      value ^= value >> 16;
      words[i / 2] |= static_cast<uint64_t>(value) << (32 * (i % 2));
    }
    return words;
  }

 private:
  uint32_t hash(uint32_t value) {
    value ^= constant_;
    constant_ *= 0x931e8875;
    value *= constant_;
    return value ^ value >> 16;
  }
  static uint32_t mix(uint32_t x, uint32_t y) {
    const uint32_t mixed = 0xca01f9dd * x - 0x4973f715 * y;
    return mixed ^ mixed >> 16;
  }

  uint32_t constant_ = 0x43b0d7e5;
  std::array<uint32_t, 4> pool_{};
};

constexpr unsigned __int128 kMultiplier =
    static_cast<unsigned __int128>(2549297995355413924ull) << 64 | 4865540595714422341ull;

// Small means: the distribution function is summed up until it passes a uniform draw.
int64_t binomial_by_inversion(NumpyGenerator& generator, int64_t count, double p) {
  const double q = 1 - p, mean = static_cast<double>(count) * p;
  const double none = std::exp(static_cast<double>(count) * std::log1p(-p));
  const auto bound = static_cast<int64_t>(std::min(static_cast<double>(count), mean + 10 * std::sqrt(mean * q + 1)));
  int64_t drawn = 0;
  double probability = none, u = generator.uniform();
  while (u > probability) {
    if (++drawn > bound) {
      drawn = 0;
      probability = none;
      u = generator.uniform();
    } else {
      u -= probability;
      probability = static_cast<double>(count - drawn + 1) * p * probability / (static_cast<double>(drawn) * q);
    }
  }
  return drawn;
}

// Large means: candidates from a triangle, two parallelograms and two exponential tails that cover the distribution,
// accepted in proportion to it.
class Btpe {
 public:
  Btpe(int64_t count, double probability)
      : n_(static_cast<double>(count)), r_(probability), q_(1 - probability), count_(count) {
    const double mode = n_ * r_ + r_;
    m_ = static_cast<int64_t>(std::floor(mode));
    const double m = static_cast<double>(m_);
    triangle_ = std::floor(2.195 * std::sqrt(n_ * r_ * q_) - 4.6 * q_) + 0.5;
    middle_ = m + 0.5;
    left_ = middle_ - triangle_;
    right_ = middle_ + triangle_;
    c_ = 0.134 + 20.5 / (15.3 + m);
    double a = (mode - left_) / (mode - left_ * r_);
    left_decay_ = a * (1 + a / 2);
    a = (right_ - mode) / (right_ * q_);
    right_decay_ = a * (1 + a / 2);
    sides_ = triangle_ * (1 + 2 * c_);
    left_tail_ = sides_ + c_ / left_decay_;
    right_tail_ = left_tail_ + c_ / right_decay_;
  }

  int64_t draw(NumpyGenerator& generator) const {
    for (;;) {
      const double u = generator.uniform() * right_tail_;
      double v = generator.uniform();
      int64_t y;
      if (u <= triangle_) return static_cast<int64_t>(std::floor(middle_ - triangle_ * v + u));
      if (u <= sides_) {
        const double x = left_ + (u - triangle_) / c_;
        v = v * c_ + 1 - std::abs(static_cast<double>(m_) - x + 0.5) / triangle_;
        if (v > 1) continue;
        y = static_cast<int64_t>(std::floor(x));
      } else if (v == 0) {
        continue;
      } else if (u <= left_tail_) {
        y = static_cast<int64_t>(std::floor(left_ + std::log(v) / left_decay_));
        if (y < 0) continue;
        v *= (u - sides_) * left_decay_;
      } else {
        y = static_cast<int64_t>(std::floor(right_ - std::log(v) / right_decay_));
        if (y > count_) continue;
        v *= (u - left_tail_) * right_decay_;
      }
      if (is_accepted(y, v)) return y;
    }
  }

 private:
  bool is_accepted(int64_t y, double v) const {
    const double variance = n_ * r_ * q_;
    const int64_t distance = std::abs(y - m_);
    const auto k = static_cast<double>(distance);
    if (distance <= 20 || k >= variance / 2 - 1) {  // the ratio of the probabilities of y and of the mode
      const double s = r_ / q_, a = s * (n_ + 1);
      double ratio = 1;
      for (int64_t i = m_ + 1; i <= y; ++i) ratio *= a / static_cast<double>(i) - s;
      for (int64_t i = y + 1; i <= m_; ++i) ratio /= a / static_cast<double>(i) - s;
      return v <= ratio;
    }
    const double rho = k / variance * ((k * (k / 3 + 0.625) + 0.16666666666666666) / variance + 0.5);
    const double normal = -k * k / (2 * variance), log_v = std::log(v);
    if (log_v < normal - rho) return true;
    if (log_v > normal + rho) return false;
    const auto x1 = static_cast<double>(y + 1), f1 = static_cast<double>(m_ + 1);
    const auto z = static_cast<double>(count_ + 1 - m_), w = static_cast<double>(count_ - y + 1);
    return log_v <= middle_ * std::log(f1 / x1) + (n_ - static_cast<double>(m_) + 0.5) * std::log(z / w) +
                        static_cast<double>(y - m_) * std::log(w * r_ / (x1 * q_)) + stirling(f1) + stirling(z) +
                        stirling(x1) + stirling(w);
  }
  // Correction of Stirling's formula.
  static double stirling(double x) {
    const double square = x * x;
    return (13680. - (462. - (132. - (99. - 140. / square) / square) / square) / square) / x / 166320.;
  }

  double n_, r_, q_;
  int64_t count_, m_;
  double triangle_, middle_, left_, right_, c_, left_decay_, right_decay_, sides_, left_tail_, right_tail_;
};

}  // namespace

NumpyGenerator::NumpyGenerator(uint64_t seed) {
  const auto words = SeedSequence(seed).words();
  increment_ = (static_cast<unsigned __int128>(words[2]) << 64 | words[3]) << 1 | 1;
  next();
  state_ += static_cast<unsigned __int128>(words[0]) << 64 | words[1];
  next();
}

uint64_t NumpyGenerator::next() {
  state_ = state_ * kMultiplier + increment_;
  return std::rotr(static_cast<uint64_t>(state_ >> 64) ^ static_cast<uint64_t>(state_),
                   static_cast<int>(state_ >> 122));
}

double NumpyGenerator::uniform() {
  return static_cast<double>(next() >> 11) * 0x1p-53;
}

int64_t NumpyGenerator::binomial(int64_t count, double probability) {
  constexpr double kLargeMean = 30;
  if (count == 0 || probability == 0) return 0;
  const bool is_flipped = probability > 0.5;
  const double p = is_flipped ? 1 - probability : probability;
  const int64_t drawn = p * static_cast<double>(count) <= kLargeMean ? binomial_by_inversion(*this, count, p)
                                                                     : Btpe(count, p).draw(*this);
  return is_flipped ? count - drawn : drawn;
}

void NumpyGenerator::multinomial(int64_t count, std::span<const double> probabilities, std::span<int64_t> drawn) {
  std::ranges::fill(drawn, 0);
  if (drawn.empty()) return;
  double remaining = 1;
  for (size_t i = 0; i + 1 < drawn.size() && count > 0; ++i) {
    drawn[i] = binomial(count, probabilities[i] / remaining);
    count -= drawn[i];
    remaining -= probabilities[i];
  }
  drawn.back() += count;
}

}  // namespace molmo::arena
