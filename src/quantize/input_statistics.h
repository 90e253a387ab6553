// What the matrices of a model get to multiply: sums over the tokens of pictures and prompts, from which the quantiser
// learns which columns matter and which errors cancel.
//   InputRecorder recorder(weights);
//   {
//     model::ObserveInputs observe(recorder.observer());
//     ... run a model that was made with these weights ...
//   }
//   quantize_checkpoint(input, output, {.types = types, .statistics = [&] { return recorder.statistics(); }});
#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <string>

#include "model/input_observer.h"
#include "model/molmo.h"
#include "quantize/error_feedback.h"

namespace molmo::quantize {

// By native parameter name: products of the columns of the inputs, summed over tokens, in blocks on the diagonal of
// X^T X: [blocks, 512, 512], the last one filled up with zeros; [in_features, 1, 1] for experts, of which there are too
// many for more.
using InputStatistics = std::map<std::string, at::Tensor>;

class InputRecorder {
 public:
  // The tensors that the model is made with. Token embeddings are left out, the head that shares them as well: its
  // errors are those of the embeddings, too.
  explicit InputRecorder(const model::Weights& weights);

  model::InputObserver observer();  // the recorder must outlive it
  const InputStatistics& statistics() const { return statistics_; }

 private:
  void record(const at::Tensor& weight, const at::Tensor& x);

  std::map<const void*, std::string> names_;
  std::map<std::string, at::Tensor> kept_;  // so that no other tensor takes the place of one that was named
  InputStatistics statistics_;
};

// products: one of InputStatistics. Empty when no input was seen; without shares for blocks of one column.
ErrorFeedback make_feedback(const at::Tensor& products, int64_t in_features);

}  // namespace molmo::quantize
