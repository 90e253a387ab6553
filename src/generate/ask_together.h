// Questions that have nothing to do with each other, answered side by side in one batch: what evaluation and other bulk
// work need. A conversation, streaming and reuse of what was computed are those of Session.
//   std::vector<Answer> answers = ask_together(*model, prompts, generation);
// Equal pictures are cut and encoded once. With a cache that is kept, so are those of the calls before: give questions
// about one picture one after the other.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "generate/picture_cache.h"
#include "generate/session.h"
#include "preprocess/pictures.h"

namespace molmo::generate {

struct PreparedPrompt {
  std::string text;  // complete: role words and leading space are in it (text/prompt.h)
  std::vector<image::Image> images = {};
};

// One answer per prompt, in their order; timings are not measured. Throws InvalidArgument for a prompt that leaves no
// room in the context, for more than one answer or beam, and for pictures that cannot be cropped.
std::vector<Answer> ask_together(const LoadedModel& model, std::span<const PreparedPrompt> prompts,
                                 const config::GenerationConfig& generation,
                                 const preprocess::InputOptions& options = {}, PictureCache* pictures = nullptr);

}  // namespace molmo::generate
