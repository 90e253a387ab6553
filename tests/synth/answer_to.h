#pragma once

#include <string>

#include "synth/generator.h"

namespace molmo::synth::test {

// Empty where the question is not asked.
inline std::string answer_to(const SynthSample& sample, const std::string& question) {
  for (const text::Annotation& annotation : sample.text.annotations) {
    if (annotation.question == question) return *annotation.answer;
  }
  return "";
}

}  // namespace molmo::synth::test
