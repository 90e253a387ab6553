// Questions about drawn pictures on their way into the columns of a published benchmark (eval/counterparts.h): their
// answers as people write them, and wrong options beside the right one.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/random.h"
#include "data/dataset.h"

namespace molmo::eval {

struct Drawn {
  data::Example example;
  size_t index;
  RandomStream draws;            // of what is asked beside what was drawn: wrong options
  std::string question, answer;  // of the first annotation

  const Json& truth() const { return *example.metadata; }
  const std::string& where() const { return example.id; }
  std::vector<std::string> people(size_t count) const { return std::vector<std::string>(count, answer); }
};

// "red mug", not "Red mug.", which is how scenes are answered.
std::string plain_answer(const text::Annotation& annotation);

bool is_whole_number(const std::string& text);

struct Choice {
  std::vector<std::string> options;
  int64_t right = 0;
};
// Two to four options, one of them the answer: other colours, kinds or numbers, or what else is written on the page.
Choice offer_options(Drawn& drawn);

// "A" of 0.
std::string option_letter(int64_t index);

}  // namespace molmo::eval
