// The truth: what every other version is compared with, and the fallback.
#include <bit>
#include <cmath>

#include "kernels/training_passes.h"

namespace molmo::kernels {
namespace {

float read(float value) {
  return value;
}
float read(uint16_t bfloat16) {
  return std::bit_cast<float>(static_cast<uint32_t>(bfloat16) << 16);
}
void write(float value, float& to) {
  to = value;
}
void write(float value, uint16_t& to) {  // to nearest, ties to even
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  to = static_cast<uint16_t>(std::isnan(value) ? 0x7fc0 : (bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

float sigmoid(float x) {
  return 1 / (1 + std::exp(-x));
}

template <class Value>
void gated(const Value* x, Value* y, int64_t num_rows, int64_t width) {
  for (int64_t row = 0; row < num_rows; ++row, x += 2 * width, y += width) {
    for (int64_t i = 0; i < width; ++i) {
      const float gate = read(x[width + i]);
      write(gate * sigmoid(gate) * read(x[i]), y[i]);
    }
  }
}

template <class Value>
void gated_backward(const Value* x, const Value* dy, Value* dx, int64_t num_rows, int64_t width) {
  for (int64_t row = 0; row < num_rows; ++row, x += 2 * width, dx += 2 * width, dy += width) {
    for (int64_t i = 0; i < width; ++i) {
      const float gate = read(x[width + i]), share = sigmoid(gate), d = read(dy[i]);
      write(d * gate * share, dx[i]);
      write(d * read(x[i]) * share * (1 + gate * (1 - share)), dx[width + i]);
    }
  }
}

template <class Value>
void quick_gelu(const Value* x, Value* y, int64_t count) {
  for (int64_t i = 0; i < count; ++i) write(read(x[i]) * sigmoid(1.702f * read(x[i])), y[i]);
}

template <class Value>
void quick_gelu_backward(const Value* x, const Value* dy, Value* dx, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    const float scaled = 1.702f * read(x[i]), share = sigmoid(scaled);
    write(read(dy[i]) * share * (1 + scaled * (1 - share)), dx[i]);
  }
}

void rms_norm(const float* x, const float* weight, float eps, float* y, float* inverse, int64_t num_rows,
              int64_t width) {
  for (int64_t row = 0; row < num_rows; ++row, x += width, y += width) {
    float squares = 0;
    for (int64_t i = 0; i < width; ++i) squares += x[i] * x[i];
    inverse[row] = 1 / std::sqrt(squares / static_cast<float>(width) + eps);
    for (int64_t i = 0; i < width; ++i) y[i] = x[i] * inverse[row] * weight[i];
  }
}

void rms_norm_backward(const float* x, const float* weight, const float* inverse, const float* dy, float* dx,
                       float* dweight, int64_t num_rows, int64_t width) {
  for (int64_t row = 0; row < num_rows; ++row, x += width, dy += width, dx += width) {
    float along = 0;  // of the gradient, in the direction of x
    for (int64_t i = 0; i < width; ++i) along += dy[i] * weight[i] * x[i];
    const float scale = along * inverse[row] * inverse[row] / static_cast<float>(width);
    for (int64_t i = 0; i < width; ++i) {
      dx[i] = inverse[row] * (dy[i] * weight[i] - x[i] * scale);
      dweight[i] += dy[i] * x[i] * inverse[row];
    }
  }
}

template <class Value>
void rotate(const Value* x, const float* cos, const float* sin, float sign, Value* y, int64_t half) {
  for (int64_t i = 0; i < half; ++i) {
    const float a = read(x[i]), b = read(x[half + i]), s = sign * sin[i];
    write(a * cos[i] - b * s, y[i]);
    write(b * cos[i] + a * s, y[half + i]);
  }
}

RowLoss cross_entropy(const float* logits, int64_t label, int64_t width) {
  int64_t best = 0;
  for (int64_t i = 1; i < width; ++i) {
    if (logits[i] > logits[best]) best = i;
  }
  float sum = 0;
  for (int64_t i = 0; i < width; ++i) sum += std::exp(logits[i] - logits[best]);
  const float log_denominator = logits[best] + std::log(sum);
  return {log_denominator - logits[label], log_denominator, best == label ? 1.0f : 0.0f};
}

void cross_entropy_gradient(float* logits, int64_t label, float log_denominator, float scale, float z_loss,
                            int64_t width) {
  const float softmax_scale = scale * (1 + 2 * z_loss * log_denominator);
  for (int64_t i = 0; i < width; ++i) logits[i] = softmax_scale * std::exp(logits[i] - log_denominator);
  logits[label] -= scale;
}

double sum_of_squares(const float* x, int64_t count) {
  double sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  return sum;
}

void weighted_sum(const float* x, const int64_t* rows, const float* weights, int64_t count, float* y, int64_t width) {
  for (int64_t i = 0; i < width; ++i) {
    float total = 0;
    for (int64_t row = 0; row < count; ++row) total = std::fma(weights[row], x[rows[row] * width + i], total);
    y[i] = total;
  }
}

void adamw(const AdamwSettings& settings, float* value, const float* gradient, float* mean, float* square,
           int64_t count) {
  const float step = settings.learning_rate / settings.mean_correction;
  const float root = 1 / std::sqrt(settings.square_correction);
  for (int64_t i = 0; i < count; ++i) {
    const float g = gradient[i] * settings.gradient_factor;
    mean[i] = settings.beta1 * mean[i] + (1 - settings.beta1) * g;
    square[i] = settings.beta2 * square[i] + (1 - settings.beta2) * g * g;
    value[i] = value[i] * (1 - settings.learning_rate * settings.decay) -
               step * mean[i] / (std::sqrt(square[i]) * root + settings.eps);
  }
}

template <class Value>
constexpr ActivationPasses<Value> kActivations = {
    .gated = gated<Value>,
    .gated_backward = gated_backward<Value>,
    .quick_gelu = quick_gelu<Value>,
    .quick_gelu_backward = quick_gelu_backward<Value>,
    .rotate = rotate<Value>,
};

}  // namespace

const TrainingPasses kTrainingPassesScalar = {
    .float32 = kActivations<float>,
    .bfloat16 = kActivations<uint16_t>,
    .rms_norm = rms_norm,
    .rms_norm_backward = rms_norm_backward,
    .cross_entropy = cross_entropy,
    .cross_entropy_gradient = cross_entropy_gradient,
    .sum_of_squares = sum_of_squares,
    .weighted_sum = weighted_sum,
    .adamw = adamw,
};

}  // namespace molmo::kernels
