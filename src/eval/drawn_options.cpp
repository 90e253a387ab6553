#include "eval/drawn_options.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "synth/color.h"
#include "synth/draws.h"
#include "synth/vocabulary.h"
#include "text/lower_case.h"

namespace molmo::eval {
namespace {

// Other answers that the question could have had.
std::vector<std::string> other_answers(Drawn& drawn) {
  std::vector<std::string> others;
  for (const auto& [yes, no] : {std::pair("yes", "no"), std::pair("Yes", "No")}) {
    if (drawn.answer == yes) return {no};
    if (drawn.answer == no) return {yes};
  }
  if (is_whole_number(drawn.answer)) {
    const int64_t right = std::stoll(drawn.answer);
    for (int64_t other = std::max<int64_t>(0, right - 2); other <= right + 3; ++other) {
      if (other != right) others.push_back(std::to_string(other));
    }
    return others;
  }
  const auto colors = synth::color_names();
  if (std::find(colors.begin(), colors.end(), drawn.answer) != colors.end()) {
    others.assign(colors.begin(), colors.end());
  } else if (drawn.truth().contains("texts")) {  // of a page: what else is written there
    for (const Json& text : drawn.truth()["texts"]) others.push_back(text.at("text").get<std::string>());
  } else {
    for (const synth::Kind& kind : synth::vocabulary().kinds) others.push_back(kind.plural);
  }
  return others;
}

}  // namespace

std::string plain_answer(const text::Annotation& annotation) {
  std::string answer = annotation.answer.value_or("");
  if (annotation.style != "user_qa" || answer.empty()) return answer;
  if (answer.ends_with('.')) answer.pop_back();
  answer[0] = text::to_lower(answer.substr(0, 1))[0];
  return answer;
}

bool is_whole_number(const std::string& text) {
  return !text.empty() && text.size() < 10 && text.find_first_not_of("0123456789") == std::string::npos;
}

Choice offer_options(Drawn& drawn) {
  constexpr size_t kMostOptions = 4;
  std::vector<std::string> others = other_answers(drawn);
  synth::shuffle(drawn.draws, others);
  Choice choice{{drawn.answer}, 0};
  for (const std::string& other : others) {
    const bool is_new = std::find(choice.options.begin(), choice.options.end(), other) == choice.options.end();
    if (is_new && choice.options.size() < kMostOptions) choice.options.push_back(other);
  }
  if (choice.options.size() == 1) choice.options.push_back("none of these");
  synth::shuffle(drawn.draws, choice.options);
  choice.right = std::find(choice.options.begin(), choice.options.end(), drawn.answer) - choice.options.begin();
  return choice;
}

std::string option_letter(int64_t index) {
  return std::string(1, static_cast<char>('A' + index));
}

}  // namespace molmo::eval
