// Sees what goes into linear layers: how a quantiser learns which inputs of a matrix matter. Observes the thread that
// it was made on, while it lives; of several the one made last is told.
//   ObserveInputs observe([&](const at::Tensor& weight, const at::Tensor& x) { ... });
#pragma once

#include <ATen/core/Tensor.h>

#include <functional>
#include <utility>

namespace molmo::model {

// weight: the tensor that the layer was made with; x: [..., in].
using InputObserver = std::function<void(const at::Tensor& weight, const at::Tensor& x)>;

class ObserveInputs {
 public:
  explicit ObserveInputs(InputObserver observer)
      : observer_(std::move(observer)), previous_(std::exchange(current_, &observer_)) {}
  ~ObserveInputs() { current_ = previous_; }
  ObserveInputs(const ObserveInputs&) = delete;
  ObserveInputs& operator=(const ObserveInputs&) = delete;

  // For layers.
  static void tell(const at::Tensor& weight, const at::Tensor& x) {
    if (current_ != nullptr) (*current_)(weight, x);
  }

 private:
  static inline thread_local const InputObserver* current_ = nullptr;
  InputObserver observer_;
  const InputObserver* previous_;
};

}  // namespace molmo::model
