// From an example of a data set to the tensors that training reads.
//   ExampleBuilder builder(stage, model, tokenizer);
//   PreparedExample prepared = builder.prepare(example, draws);        // in a worker thread
//   Batch batch = builder.collate(prepared_examples);                  // a micro-batch
// What becomes of an example is the stage's objective: conversations about pictures (`caption`, `chat`), plain text
// learnt whole (`text`), or a class for each patch (`patch_labels`).
#pragma once

#include <ATen/core/Tensor.h>

#include <memory>
#include <span>
#include <vector>

#include "base/random.h"
#include "config/model.h"
#include "config/training.h"
#include "data/dataset.h"
#include "text/prompt.h"
#include "text/tokenizer.h"
#include "train/trainer.h"

namespace molmo::train {

// Letters: C crops, P patches, T tokens. No batch axis.
struct PreparedExample {
  preprocess::TrainingExample example;
  at::Tensor patch_labels;  // [C, P, K] int64 of K label maps; of the objective patch_labels only
};

class ExampleBuilder {
 public:
  // Throws BadData when tokenizer and model do not belong together.
  ExampleBuilder(const config::StageConfig& stage, const config::ModelConfig& model,
                 std::shared_ptr<const text::Tokenizer> tokenizer);

  // Decodes pictures, fills in their sizes, phrases and orders the conversations by `draws`. Const calls are
  // thread-safe. Throws BadData, NotFound, Unsupported or InvalidArgument for an example that cannot be learnt from,
  // for instance because its answers lie beyond `sequence_length`.
  PreparedExample prepare(const data::Example& example, RandomStream& draws) const;

  // Cut to `sequence_length`, and padded to it and to the most crops where the stage pads its batches; else to the
  // longest.
  Batch collate(std::span<const PreparedExample> examples) const;
  // The same with crops that are joined, so that none is padding: where few examples have several crops, most of a
  // padded batch is. Images lie in pinned memory where `is_pinned`. Padded where the stage pads its batches.
  Batch collate_joined(std::span<const PreparedExample> examples, bool is_pinned) const;

 private:
  PreparedExample prepare_conversations(data::Example example, RandomStream& draws) const;
  PreparedExample prepare_text(const data::Example& example) const;
  PreparedExample prepare_patch_labels(const data::Example& example, RandomStream& draws) const;
  const config::ModelConfig& draw_crops(RandomStream& draws) const;  // how an example's pictures are cut

  config::StageConfig stage_;
  config::ModelConfig model_;     // with the stage's max_crops
  config::ModelConfig one_crop_;  // the same, of the examples that one_crop_share draws
  std::shared_ptr<const text::Tokenizer> tokenizer_;
  text::PromptFormatter formatter_;
};

}  // namespace molmo::train
