// MathVista without a language model that extracts the answer (reference: math_vista_score of olmo/eval/vqa.py,
// olmo/eval/math_vista_utils.py).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/quirks.h"

namespace molmo::eval {

struct MathVistaQuestion {
  std::string question_type;              // "multi_choice" or "free_form"
  std::string answer_type;                // "text", "integer", "float", "list"
  std::vector<std::string> choices = {};  // of "multi_choice"
  std::optional<int64_t> precision = {};  // decimals of floats
  bool is_precision_float = false;        // the data set writes 1.0; the reference cannot round with it and scores 0
};

// What is taken from the response before a language model would be asked: nothing to take from, a choice word by word,
// a whole number, a number. Empty where the model would be asked.
std::optional<std::string> extract_shortcut(std::string_view response, const MathVistaQuestion& question);

// The form in which an extraction is compared with the answer; empty where it cannot be one.
std::optional<std::string> normalize_extraction(std::string_view extraction, const MathVistaQuestion& question,
                                                config::Quirks quirks);

// Choices by eval/answers.h's select_option on their letters, numbers as they are read, and then normalised.
bool math_vista_match(std::string_view response, const MathVistaQuestion& question, std::string_view answer,
                      config::Quirks quirks);

}  // namespace molmo::eval
