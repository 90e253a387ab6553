// Words for what is in a scene.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "synth/scene.h"

namespace molmo::synth {

// A noun with both numbers.
struct Noun {
  std::string singular, plural;
  bool operator==(const Noun&) const = default;
};

Noun kind_noun(size_t kind);
// "red circle", "striped blue square", "red apple"; the plain name where there is no word for the colour, or where the
// name says it already.
Noun colored_noun(const SceneObject& object, bool with_pattern);

// "no", "one" ... "twenty", then digits.
std::string number_word(int64_t count);
// "one red circle", "three apples".
std::string counted(int64_t count, const Noun& noun);
// "a", "a and b", "a, b and c".
std::string join(const std::vector<std::string>& parts, std::string_view last = " and ");
std::string capitalized(std::string text);

// One of nine places: "in the upper left", "in the middle", "on the right".
std::string place_of(PointPx point, ImageSize size);

}  // namespace molmo::synth
