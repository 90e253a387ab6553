#include "train/dropout.h"

#include <ATen/Context.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/Generator.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/where.h>

#include <fmt/format.h>

#include "base/random.h"

namespace molmo::train {
namespace {

// 0 with probability `share`, else 1 / (1 - share): in the shape of x, whose rows [T, D] are drawn from beginning to
// end, so that padding behind an example changes nothing for it.
at::Tensor random_factors(const at::Tensor& x, double share, const DropoutKey& key, uint64_t place) {
  at::Generator generator = at::globalContext().defaultGenerator(x.device()).clone();
  at::Tensor factors = at::empty_like(x, at::MemoryFormat::Contiguous);
  for (int64_t row = 0; row < x.size(0); ++row) {
    const auto purpose = fmt::format("dropout {} {}", key.first_example + row * key.example_stride, key.step);
    generator.set_current_seed(RandomStream(key.seed, purpose, place).next());
    factors.select(0, row).bernoulli_(1 - share, generator);
  }
  return factors.div_(1 - share);
}

}  // namespace

std::function<at::Tensor(int64_t layer, model::Sublayer sublayer, const at::Tensor& output)> residual_dropout(
    double share, const at::Tensor& takes_part, const DropoutKey& key) {
  return [=](int64_t layer, model::Sublayer sublayer, const at::Tensor& output) {
    const auto place = static_cast<uint64_t>(2 * layer + (sublayer == model::Sublayer::FeedForward));
    at::Tensor factors;
    {
      const at::NoGradGuard no_grad;
      factors = random_factors(output, share, key, place);
      if (takes_part.defined()) factors = at::where(takes_part.unsqueeze(-1), factors, 1.0);
    }
    return output * factors.to(output.scalar_type());
  };
}

}  // namespace molmo::train
