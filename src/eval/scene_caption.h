// What a caption says about a synthetic scene, against the truth about it: which kinds of things are named, and in
// which colours.
//   const CaptionScore score = score_caption(caption, truth);
// A stand-in for the paper's caption F1 (appendix C) that needs no judge, because the words of our scenes are known.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "base/json.h"

namespace molmo::eval {

struct SceneStatements {
  std::set<std::string> kinds;                           // "circle" is there
  std::set<std::pair<std::string, std::string>> colors;  // a "circle" that is "red" is there
};

// Names and plurals of the vocabulary, the longest that fits; a colour is the word right before, patterns aside.
// Sentences about the background say nothing about things.
SceneStatements said_in(std::string_view caption);

// `truth` as synth/scene_truth.h writes it, or with `objects` of `name` and `color` alone.
SceneStatements true_of(const Json& truth);

// Of a share without a denominator (an empty picture, a caption that names nothing) there is none.
struct CaptionScore {
  std::optional<double> recall, precision;  // of kinds and colours together
  std::optional<double> kind_recall, kind_precision, color_recall, color_precision;
};
// A colour that is said of a kind which is there, but whose colour is anybody's guess, does not count.
CaptionScore score_caption(std::string_view caption, const Json& truth);

}  // namespace molmo::eval
