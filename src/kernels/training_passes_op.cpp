// The passes of training_passes.h as torch operators with gradients, on the CPU; float32, and where (*) bfloat16 too:
//   molmo::gated(Tensor x) -> Tensor                                   (*) [..., 2F] -> [..., F]
//   molmo::quick_gelu(Tensor x) -> Tensor                              (*)
//   molmo::rms_norm(Tensor x, Tensor weight, float eps) -> Tensor      over the last axis
//   molmo::rotate_heads(Tensor qkv, Tensor cos, Tensor sin, int num_heads, int num_kv_heads) -> (Tensor, Tensor,
//   Tensor)                                                            (*)
//       qkv [B, T, (H + 2 K) A], cos and sin [B or 1, 1, T, A / 2] -> q [B, H, T, A], k and v [B, K, T, A], q and k
//       rotated. v is a view of qkv.
//   molmo::row_losses(Tensor(a!) logits, Tensor labels, Tensor weights, float z_loss, float divisor, bool
//   make_gradient)
//       -> Tensor                                                      see train/loss.h; [3, N]
//   molmo::sum_of_squares(Tensor x) -> float
//   molmo::adamw_(Tensor(a!) value, Tensor gradient, Tensor(b!) mean, Tensor(c!) square, float[] settings) -> ()
//       settings: learning rate, decay, beta1, beta2, eps, factor of the gradient, updates so far
// Sums over rows are taken in blocks of a fixed size and added in order: no result depends on the number of threads.
#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/zeros.h>
#include <fmt/ranges.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <algorithm>
#include <cmath>
#include <tuple>
#include <vector>

#include "base/error.h"
#include "kernels/cpu_dispatch.h"

#ifndef INTRA_OP_PARALLEL
#error "built without OpenMP, at::parallel_for is a serial loop"
#endif

namespace molmo::kernels {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr int64_t kGrain = 1 << 15;      // values; fewer are not worth waking a thread for
constexpr int64_t kSumRows = 256;        // rows of a block of a sum over rows
constexpr int64_t kSumValues = 1 << 18;  // values of a block of a sum over all

const TrainingPasses& passes() {
  static const TrainingPasses& best_passes = *best(training_passes_versions()).kernel;
  return best_passes;
}

void check(bool condition, const char* operation, const char* expected, const Tensor& found) {
  if (condition) return;
  fail(ErrorCategory::InvalidArgument, "[{}] expected {}, found {} {} on {}", operation, expected,
       toString(found.scalar_type()), fmt::join(found.sizes(), "x"), found.device().str());
}

Tensor checked(const Tensor& x, const char* operation) {
  check(x.is_cpu() && x.scalar_type() == at::kFloat && x.dim() >= 1, operation, "float32 on the CPU", x);
  return x.contiguous();
}

// float32 or bfloat16.
Tensor checked_activations(const Tensor& x, const char* operation) {
  check(x.is_cpu() && (x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16) && x.dim() >= 1, operation,
        "float32 or bfloat16 on the CPU", x);
  return x.contiguous();
}

// body(passes for values of the type of x), a template over that type.
template <class Body>
void with_passes(const Tensor& x, const Body& body) {
  if (x.scalar_type() == at::kFloat) {
    body(passes().float32);
  } else {
    body(passes().bfloat16);
  }
}

template <class Value>
const Value* values_of(const Tensor& x) {
  return static_cast<const Value*>(x.const_data_ptr());
}
template <class Value>
Value* mutable_values_of(const Tensor& x) {
  return static_cast<Value*>(x.mutable_data_ptr());
}

bool needs_gradient(std::initializer_list<Tensor> tensors) {
  return at::GradMode::is_enabled() &&
         std::ranges::any_of(tensors, [](const Tensor& tensor) { return tensor.requires_grad(); });
}

int64_t num_rows_of(const Tensor& x) {
  return x.size(-1) == 0 ? 0 : x.numel() / x.size(-1);
}

// Rows of `width` values in parallel.
template <class Body>
void over_rows(int64_t num_rows, int64_t width, const Body& body) {
  at::parallel_for(0, num_rows, std::max<int64_t>(1, kGrain / std::max<int64_t>(1, width)), body);
}

Tensor gated_forward(const Tensor& x) {
  const int64_t width = x.size(-1) / 2;
  auto sizes = x.sizes().vec();
  sizes.back() = width;
  Tensor y = at::empty(sizes, x.options());
  with_passes(x, [&]<class Value>(const ActivationPasses<Value>& of) {
    const Value* from = values_of<Value>(x);
    Value* to = mutable_values_of<Value>(y);
    over_rows(num_rows_of(y), width, [&](int64_t begin, int64_t end) {
      of.gated(from + begin * 2 * width, to + begin * width, end - begin, width);
    });
  });
  return y;
}

struct Gated : torch::autograd::Function<Gated> {
  static Tensor forward(AutogradContext* context, const Tensor& x) {
    context->save_for_backward({x});
    return gated_forward(x);
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const Tensor x = context->get_saved_variables()[0], dy = gradients[0].contiguous();
    Tensor dx = at::empty_like(x);
    const int64_t width = dy.size(-1);
    with_passes(x, [&]<class Value>(const ActivationPasses<Value>& of) {
      const Value *from = values_of<Value>(x), *received = values_of<Value>(dy);
      Value* to = mutable_values_of<Value>(dx);
      over_rows(num_rows_of(dy), width, [&](int64_t begin, int64_t end) {
        of.gated_backward(from + begin * 2 * width, received + begin * width, to + begin * 2 * width, end - begin,
                          width);
      });
    });
    return {dx};
  }
};

Tensor gated(const Tensor& input) {
  const Tensor x = checked_activations(input, "gated");
  check(x.size(-1) % 2 == 0, "gated", "an even last axis", x);
  return needs_gradient({x}) ? Gated::apply(x) : gated_forward(x);
}

Tensor quick_gelu_forward(const Tensor& x) {
  Tensor y = at::empty_like(x);
  with_passes(x, [&]<class Value>(const ActivationPasses<Value>& of) {
    const Value* from = values_of<Value>(x);
    Value* to = mutable_values_of<Value>(y);
    at::parallel_for(0, x.numel(), kGrain,
                     [&](int64_t begin, int64_t end) { of.quick_gelu(from + begin, to + begin, end - begin); });
  });
  return y;
}

struct QuickGelu : torch::autograd::Function<QuickGelu> {
  static Tensor forward(AutogradContext* context, const Tensor& x) {
    context->save_for_backward({x});
    return quick_gelu_forward(x);
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const Tensor x = context->get_saved_variables()[0], dy = gradients[0].contiguous();
    Tensor dx = at::empty_like(x);
    with_passes(x, [&]<class Value>(const ActivationPasses<Value>& of) {
      const Value *from = values_of<Value>(x), *received = values_of<Value>(dy);
      Value* to = mutable_values_of<Value>(dx);
      at::parallel_for(0, x.numel(), kGrain, [&](int64_t begin, int64_t end) {
        of.quick_gelu_backward(from + begin, received + begin, to + begin, end - begin);
      });
    });
    return {dx};
  }
};

Tensor quick_gelu(const Tensor& input) {
  const Tensor x = checked_activations(input, "quick_gelu");
  return needs_gradient({x}) ? QuickGelu::apply(x) : quick_gelu_forward(x);
}

std::tuple<Tensor, Tensor> rms_norm_forward(const Tensor& x, const Tensor& weight, double eps) {
  const int64_t width = x.size(-1), num_rows = num_rows_of(x);
  Tensor y = at::empty_like(x), inverse = at::empty({num_rows}, x.options());
  const float *from = x.const_data_ptr<float>(), *scale = weight.const_data_ptr<float>();
  float *to = y.mutable_data_ptr<float>(), *kept = inverse.mutable_data_ptr<float>();
  over_rows(num_rows, width, [&](int64_t begin, int64_t end) {
    passes().rms_norm(from + begin * width, scale, static_cast<float>(eps), to + begin * width, kept + begin,
                      end - begin, width);
  });
  return {y, inverse};
}

struct RmsNorm : torch::autograd::Function<RmsNorm> {
  static Tensor forward(AutogradContext* context, const Tensor& x, const Tensor& weight, double eps) {
    const auto [y, inverse] = rms_norm_forward(x, weight, eps);
    context->save_for_backward({x, weight, inverse});
    return y;
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const Tensor &x = saved[0], &weight = saved[1], &inverse = saved[2];
    const Tensor dy = gradients[0].contiguous();
    const int64_t width = x.size(-1), num_rows = num_rows_of(x), num_blocks = (num_rows + kSumRows - 1) / kSumRows;
    Tensor dx = at::empty_like(x), dweights = at::zeros({num_blocks, width}, x.options());
    const float *from = x.const_data_ptr<float>(), *received = dy.const_data_ptr<float>();
    const float *scale = weight.const_data_ptr<float>(), *kept = inverse.const_data_ptr<float>();
    float *to = dx.mutable_data_ptr<float>(), *sums = dweights.mutable_data_ptr<float>();
    at::parallel_for(0, num_blocks, 1, [&](int64_t first, int64_t last) {
      for (int64_t block = first; block < last; ++block) {
        const int64_t begin = block * kSumRows, end = std::min(begin + kSumRows, num_rows);
        passes().rms_norm_backward(from + begin * width, scale, kept + begin, received + begin * width,
                                   to + begin * width, sums + block * width, end - begin, width);
      }
    });
    return {dx, dweights.sum(0), Tensor()};
  }
};

Tensor rms_norm(const Tensor& input, const Tensor& weight, double eps) {
  const Tensor x = checked(input, "rms_norm"), scale = checked(weight, "rms_norm");
  check(scale.dim() == 1 && scale.size(0) == x.size(-1), "rms_norm", "a weight as wide as x", weight);
  return needs_gradient({x, scale}) ? RmsNorm::apply(x, scale, eps) : std::get<0>(rms_norm_forward(x, scale, eps));
}

struct HeadShape {
  int64_t batch, tokens, heads, kv_heads, width;  // width of a head

  int64_t rotated() const { return heads + kv_heads; }
  int64_t all() const { return heads + 2 * kv_heads; }
};

// [B, heads, T, A] view of [B, T, all, A], from `first` on.
Tensor heads_view(const Tensor& memory, const HeadShape& shape, int64_t all, int64_t first, int64_t count) {
  return memory.view({shape.batch, shape.tokens, all, shape.width}).narrow(2, first, count).transpose(1, 2);
}

// Rotates `count` heads. x and y: [B, count, T, A] with a contiguous last axis.
void rotate_all(const Tensor& x, const Tensor& cos, const Tensor& sin, float sign, const Tensor& y) {
  const int64_t num_heads = x.size(1), num_tokens = x.size(2), half = x.size(3) / 2;
  const int64_t angle_stride = cos.size(0) == 1 ? 0 : num_tokens * half;
  const float *c = cos.const_data_ptr<float>(), *s = sin.const_data_ptr<float>();
  with_passes(x, [&]<class Value>(const ActivationPasses<Value>& of) {
    const Value* from = values_of<Value>(x);
    Value* to = mutable_values_of<Value>(y);
    over_rows(x.size(0) * num_tokens, num_heads * 2 * half, [&](int64_t begin, int64_t end) {
      for (int64_t index = begin; index < end; ++index) {
        const int64_t row = index / num_tokens, token = index % num_tokens;
        const Value* x_token = from + row * x.stride(0) + token * x.stride(2);
        Value* y_token = to + row * y.stride(0) + token * y.stride(2);
        const int64_t angle = row * angle_stride + token * half;
        for (int64_t head = 0; head < num_heads; ++head) {
          of.rotate(x_token + head * x.stride(1), c + angle, s + angle, sign, y_token + head * y.stride(1), half);
        }
      }
    });
  });
}

std::tuple<Tensor, Tensor, Tensor> rotate_heads_forward(const Tensor& qkv, const Tensor& cos, const Tensor& sin,
                                                        const HeadShape& shape) {
  const Tensor memory = at::empty({shape.batch, shape.tokens, shape.rotated(), shape.width}, qkv.options());
  rotate_all(heads_view(qkv, shape, shape.all(), 0, shape.rotated()), cos, sin, 1,
             heads_view(memory, shape, shape.rotated(), 0, shape.rotated()));
  return {heads_view(memory, shape, shape.rotated(), 0, shape.heads),
          heads_view(memory, shape, shape.rotated(), shape.heads, shape.kv_heads),
          heads_view(qkv, shape, shape.all(), shape.rotated(), shape.kv_heads)};
}

Tensor with_dense_rows(const Tensor& x) {
  return x.stride(3) == 1 ? x : x.contiguous();
}

struct RotateHeads : torch::autograd::Function<RotateHeads> {
  static variable_list forward(AutogradContext* context, const Tensor& qkv, const Tensor& cos, const Tensor& sin,
                               int64_t heads, int64_t kv_heads) {
    context->save_for_backward({cos, sin});
    context->saved_data["heads"] = heads;
    context->saved_data["kv_heads"] = kv_heads;
    const HeadShape shape{qkv.size(0), qkv.size(1), heads, kv_heads, qkv.size(2) / (heads + 2 * kv_heads)};
    // Not a view that autograd knows: its gradient comes by the backward pass below.
    const auto [q, k, v] = rotate_heads_forward(qkv.detach(), cos, sin, shape);
    return {q, k, v};
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const int64_t heads = context->saved_data["heads"].toInt(), kv_heads = context->saved_data["kv_heads"].toInt();
    const Tensor dq = with_dense_rows(gradients[0]), dk = with_dense_rows(gradients[1]);
    const HeadShape shape{dq.size(0), dq.size(2), heads, kv_heads, dq.size(3)};
    const Tensor dqkv = at::empty({shape.batch, shape.tokens, shape.all() * shape.width}, dq.options());
    rotate_all(dq, saved[0], saved[1], -1, heads_view(dqkv, shape, shape.all(), 0, heads));
    rotate_all(dk, saved[0], saved[1], -1, heads_view(dqkv, shape, shape.all(), heads, kv_heads));
    heads_view(dqkv, shape, shape.all(), shape.rotated(), kv_heads).copy_(gradients[2]);
    return {dqkv, Tensor(), Tensor(), Tensor(), Tensor()};
  }
};

std::tuple<Tensor, Tensor, Tensor> rotate_heads(const Tensor& input, const Tensor& cos, const Tensor& sin,
                                                int64_t heads, int64_t kv_heads) {
  const Tensor qkv = checked_activations(input, "rotate_heads"), c = checked(cos, "rotate_heads"),
               s = checked(sin, "rotate_heads");
  check(qkv.dim() == 3 && heads > 0 && kv_heads > 0 && qkv.size(2) % (heads + 2 * kv_heads) == 0, "rotate_heads",
        "[B, T, (H + 2 K) A]", qkv);
  const HeadShape shape{qkv.size(0), qkv.size(1), heads, kv_heads, qkv.size(2) / (heads + 2 * kv_heads)};
  for (const Tensor& angles : {c, s}) {
    check(angles.dim() == 4 && (angles.size(0) == 1 || angles.size(0) == shape.batch) && angles.size(1) == 1 &&
              angles.size(2) == shape.tokens && 2 * angles.size(3) == shape.width,
          "rotate_heads", "angles [B or 1, 1, T, A / 2]", angles);
  }
  if (!needs_gradient({qkv})) return rotate_heads_forward(qkv, c, s, shape);
  const auto rotated = RotateHeads::apply(qkv, c, s, heads, kv_heads);
  return {rotated[0], rotated[1], rotated[2]};
}

Tensor row_losses(const Tensor& logits, const Tensor& labels, const Tensor& weights, double z_loss, double divisor,
                  bool make_gradient) {
  check(logits.is_cpu() && logits.scalar_type() == at::kFloat && logits.dim() == 2 && logits.is_contiguous(),
        "row_losses", "contiguous float32 logits [N, V] on the CPU", logits);
  const int64_t num_rows = logits.size(0), width = logits.size(1);
  check(labels.scalar_type() == at::kLong && labels.numel() == num_rows, "row_losses", "an int64 label per row",
        labels);
  const Tensor label = labels.contiguous(), weight = checked(weights, "row_losses");
  check(weight.numel() == num_rows, "row_losses", "a weight per row", weights);
  Tensor losses = at::empty({3, num_rows}, logits.options());
  float *row = logits.mutable_data_ptr<float>(), *out = losses.mutable_data_ptr<float>();
  const int64_t* of_row = label.const_data_ptr<int64_t>();
  const float* scale = weight.const_data_ptr<float>();
  over_rows(num_rows, width, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const RowLoss loss = passes().cross_entropy(row + i * width, of_row[i], width);
      out[i] = loss.cross_entropy;
      out[num_rows + i] = loss.log_denominator;
      out[2 * num_rows + i] = loss.is_correct;
      if (!make_gradient) continue;
      passes().cross_entropy_gradient(row + i * width, of_row[i], loss.log_denominator,
                                      static_cast<float>(scale[i] / divisor), static_cast<float>(z_loss), width);
    }
  });
  return losses;
}

double sum_of_squares(const Tensor& input) {
  const Tensor x = checked(input, "sum_of_squares");
  const int64_t count = x.numel(), num_blocks = (count + kSumValues - 1) / kSumValues;
  const float* values = x.const_data_ptr<float>();
  std::vector<double> sums(static_cast<size_t>(num_blocks));
  at::parallel_for(0, num_blocks, 1, [&](int64_t first, int64_t last) {
    for (int64_t block = first; block < last; ++block) {
      const int64_t begin = block * kSumValues;
      sums[static_cast<size_t>(block)] = passes().sum_of_squares(values + begin, std::min(kSumValues, count - begin));
    }
  });
  double total = 0;
  for (const double sum : sums) total += sum;
  return total;
}

void adamw(const Tensor& value, const Tensor& gradient, const Tensor& mean, const Tensor& square,
           at::ArrayRef<double> settings) {
  for (const Tensor& tensor : {value, gradient, mean, square}) {
    check(tensor.is_cpu() && tensor.scalar_type() == at::kFloat && tensor.is_contiguous() &&
              tensor.numel() == value.numel(),
          "adamw_", "contiguous float32 of one size on the CPU", tensor);
  }
  if (settings.size() != 7)
    fail(ErrorCategory::InvalidArgument, "[adamw_] expected 7 settings, found {}", settings.size());
  const AdamwSettings step{.learning_rate = static_cast<float>(settings[0]),
                           .decay = static_cast<float>(settings[1]),
                           .beta1 = static_cast<float>(settings[2]),
                           .beta2 = static_cast<float>(settings[3]),
                           .eps = static_cast<float>(settings[4]),
                           .gradient_factor = static_cast<float>(settings[5]),
                           .mean_correction = static_cast<float>(1 - std::pow(settings[2], settings[6])),
                           .square_correction = static_cast<float>(1 - std::pow(settings[3], settings[6]))};
  float *v = value.mutable_data_ptr<float>(), *m = mean.mutable_data_ptr<float>(),
        *s = square.mutable_data_ptr<float>();
  const float* g = gradient.const_data_ptr<float>();
  at::parallel_for(0, value.numel(), kGrain, [&](int64_t begin, int64_t end) {
    passes().adamw(step, v + begin, g + begin, m + begin, s + begin, end - begin);
  });
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(molmo, library) {
  library.def("gated(Tensor x) -> Tensor", gated);
  library.def("quick_gelu(Tensor x) -> Tensor", quick_gelu);
  library.def("rms_norm(Tensor x, Tensor weight, float eps) -> Tensor", rms_norm);
  library.def(
      "rotate_heads(Tensor qkv, Tensor cos, Tensor sin, int num_heads, int num_kv_heads) -> (Tensor, Tensor, Tensor)",
      rotate_heads);
  library.def(
      "row_losses(Tensor(a!) logits, Tensor labels, Tensor weights, float z_loss, float divisor, bool make_gradient) "
      "-> "
      "Tensor",
      row_losses);
  library.def("sum_of_squares(Tensor x) -> float", sum_of_squares);
  library.def("adamw_(Tensor(a!) value, Tensor gradient, Tensor(b!) mean, Tensor(c!) square, float[] settings) -> ()",
              adamw);
}

}  // namespace molmo::kernels
