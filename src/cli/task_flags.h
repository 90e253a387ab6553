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

  void define(CLI::App& app) {
    generation.define(app);
    answer.define(app);
    images.define(app);
    model.define(app);
  }
};

}  // namespace molmo::cli
