#include "synth/phrases.h"

#include <array>
#include <cctype>

#include "base/enum_names.h"
#include "text/number_words.h"

namespace molmo::synth {

Noun kind_noun(size_t kind) {
  const Kind& entry = vocabulary().kinds[kind];
  return {entry.name, entry.plural};
}

Noun colored_noun(const SceneObject& object, bool with_pattern) {
  Noun noun = kind_noun(object.kind);
  std::string words;
  if (with_pattern && object.pattern != Pattern::Solid && object.pattern != Pattern::Shaded) {
    words += std::string(enum_name(object.pattern)) + " ";
  }
  if (!object.color.empty() && object.color != noun.singular) words += object.color + " ";
  return {words + noun.singular, words + noun.plural};
}

std::string number_word(int64_t count) {
  return count == 0 ? "no" : text::number_word(count);
}

std::string counted(int64_t count, const Noun& noun) {
  return number_word(count) + " " + (count == 1 ? noun.singular : noun.plural);
}

std::string join(const std::vector<std::string>& parts, std::string_view last) {
  std::string text;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) text += i + 1 == parts.size() ? last : ", ";
    text += parts[i];
  }
  return text;
}

std::string capitalized(std::string text) {
  if (!text.empty()) text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  return text;
}

std::string place_of(PointPx point, ImageSize size) {
  static constexpr std::array<std::string_view, 9> kPlaces = {
      "in the upper left", "at the top",        "in the upper right", "on the left",       "in the middle",
      "on the right",      "in the lower left", "at the bottom",      "in the lower right"};
  const auto third = [](double position, int64_t side) {
    const double share = position / static_cast<double>(side);
    return share < 0.36 ? 0 : share > 0.64 ? 2 : 1;
  };
  return std::string(kPlaces[static_cast<size_t>(3 * third(point.y, size.height) + third(point.x, size.width))]);
}

}  // namespace molmo::synth
