// The flags that run, caption, point and count share.
#pragma once

#include "cli/answer_output.h"
#include "cli/generation_flags.h"
#include "cli/image_flags.h"
#include "cli/model_flags.h"

namespace molmo::cli {

struct TaskFlags {
  GenerationFlags generation;
  AnswerFlags answer;
  ImageFlags images;
  ModelFlags model;

  void define(Flags& flags) {
    generation.define(flags);
    answer.define(flags);
    images.define(flags);
    model.define(flags);
  }
};

}  // namespace molmo::cli
