#include "train/router_loss.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/bincount.h>
#include <ATen/ops/logsumexp.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/topk.h>

namespace molmo::train {

RouterLoss::RouterLoss(const config::DecoderConfig& decoder, double balance_weight, double z_weight)
    : decoder_(decoder),
      balance_weight_(balance_weight),
      z_weight_(z_weight),
      layers_(static_cast<size_t>(decoder.num_layers)) {}

void RouterLoss::add(int64_t layer, const at::Tensor& router_logits) {
  at::Tensor gradient;
  {
    const at::NoGradGuard no_grad;
    const at::Tensor logits = router_logits.detach().flatten(0, 1).to(at::kFloat);  // [N, E]
    const auto num_tokens = static_cast<double>(logits.size(0));
    const auto num_terms =
        static_cast<double>(decoder_.num_layers) * num_tokens * static_cast<double>(decoder_.num_active_experts);
    const double balance = balance_weight_ * static_cast<double>(decoder_.num_experts) / num_terms;
    const double z = z_weight_ / num_terms;
    const at::Tensor probabilities = at::softmax(logits, 1), log_denominator = at::logsumexp(logits, 1);
    const at::Tensor chosen = std::get<1>(at::topk(probabilities, decoder_.num_active_experts, -1));
    const at::Tensor counts = at::bincount(chosen.flatten(), {}, decoder_.num_experts).to(at::kFloat);  // [E]
    const at::Tensor share = probabilities.matmul(counts).unsqueeze(1);  // [N, 1]: counts seen through probabilities
    layers_[static_cast<size_t>(layer)] = {
        .balance = balance * share.sum(at::kDouble).item<double>() / num_tokens,
        .z = z * log_denominator.square().sum(at::kDouble).item<double>(),
    };
    gradient = probabilities * ((counts - share) * (balance / num_tokens) + (2 * z) * log_denominator.unsqueeze(1));
  }
  if (!at::GradMode::is_enabled() || !router_logits.requires_grad()) return;
  gradient = gradient.view(router_logits.sizes()).to(router_logits.scalar_type());
  router_logits.register_hook([gradient](const at::Tensor& received) { return received + gradient; });
}

double RouterLoss::balance() const {
  double sum = 0;
  for (const Terms& terms : layers_) sum += terms.balance;
  return sum;
}

double RouterLoss::z() const {
  double sum = 0;
  for (const Terms& terms : layers_) sum += terms.z;
  return sum;
}

}  // namespace molmo::train
