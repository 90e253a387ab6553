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

// 0 with probability `share`, else 1 / (1 - share): in the shape of x.
at::Tensor random_factors(const at::Tensor& x, double share, uint64_t seed) {
  at::Generator generator = at::globalContext().defaultGenerator(x.device()).clone();
  generator.set_current_seed(seed);
  at::Tensor factors = at::empty_like(x, at::MemoryFormat::Contiguous);
  return factors.bernoulli_(1 - share, generator).div_(1 - share);
}

}  // namespace

std::function<at::Tensor(int64_t layer, model::Sublayer sublayer, const at::Tensor& output)> residual_dropout(
    double share, const at::Tensor& takes_part, const DropoutKey& key) {
  return [=](int64_t layer, model::Sublayer sublayer, const at::Tensor& output) {
    const auto purpose = fmt::format("dropout {} {} {}", key.rank, key.micro_batch, key.step);
    const auto index = static_cast<uint64_t>(2 * layer + (sublayer == model::Sublayer::FeedForward));
    at::Tensor factors;
    {
      const at::NoGradGuard no_grad;
      factors = random_factors(output, share, RandomStream(key.seed, purpose, index).next());
      if (takes_part.defined()) factors = at::where(takes_part.unsqueeze(-1), factors, 1.0);
    }
    return output * factors.to(output.scalar_type());
  };
}

}  // namespace molmo::train
