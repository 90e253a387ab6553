// How synthetic data is drawn; the same settings for files (`molmo synth`) and for pictures drawn on the fly.
//   SynthOptions options;   set_field(options, "difficulty=easy");   options.validate();
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/enum_names.h"
#include "synth/background.h"

namespace molmo::synth {

enum class Difficulty { Easy, Medium, Hard };
enum class CaptionLength { Short, Medium, Long };
enum class Renderer { Page, Graphviz, Gnuplot, Chromium };  // Page: this process
enum class LabelMap {
  None,
  Kinds,
  Colors,
  Offsets,
  KindColors,
  KindOffsets,
  Time,
  Hands,
  All,
  Characters,
  Objects,
  Places,
  Words
};

struct SynthOptions {
  uint64_t seed = 0;
  int64_t size = 448;
  bool vary_aspect = false;
  int64_t quality = 90;
  Difficulty difficulty = Difficulty::Medium;
  std::vector<std::string> kinds;
  std::optional<int64_t> num_kinds, min_objects, max_objects, max_groups, max_colors;
  std::optional<double> min_object_size, max_object_size;
  std::optional<BackgroundRange> background;
  int64_t questions = 4;
  double hand_drawn = 0, absent_share = 0.25, invented_words = 0, common_words = 0;
  std::optional<int64_t> max_value;
  std::vector<std::string> forms, question_forms, figures;
  std::vector<Renderer> renderers = {Renderer::Page};
  std::optional<CaptionLength> caption_length;
  int64_t transcripts = 3;
  int64_t minute_step = 1;
  std::string style;
  LabelMap labels = LabelMap::None;
  int64_t examples = 1'000'000;

  // Throws InvalidArgument naming the field, its value and what is allowed.
  void validate() const;

  template <class Visitor>
  void fields(Visitor& visit) {
    visit("seed", seed, "of all draws");
    visit("size", size, "longer side of a picture in pixels");
    visit("vary_aspect", vary_aspect, "pictures are not only squares");
    visit("quality", quality, "of JPEG files, 1 to 100");
    visit("difficulty", difficulty, "easy, medium or hard: how many kinds and objects, how small, what background");
    visit("kinds", kinds, "names or groups of things to draw; empty for those of the difficulty");
    visit("num_kinds", num_kinds, "only the first of these kinds; null for all");
    visit("min_objects", min_objects, "least objects of a scene; null for the difficulty's");
    visit("max_objects", max_objects, "most objects of a scene; null for the difficulty's");
    visit("max_groups", max_groups, "most kinds, or colors of a kind, of a scene; null for the difficulty's");
    visit("max_colors", max_colors, "most colors of what may have any, in a scene; null for all");
    visit("min_object_size", min_object_size, "smallest object, as a share of the picture's side");
    visit("max_object_size", max_object_size, "largest object, as a share of the picture's side");
    visit("hand_drawn", hand_drawn, "share of scenes that are drawn by hand, with pens on paper");
    visit("background", background, "plain, simple or all; null for the difficulty's");
    visit("questions", questions, "most annotations of a picture");
    visit("absent_share", absent_share, "share of questions about things that are not there");
    visit("forms", forms, "how things are described, as docs/synth.md lists it; empty for the difficulty's");
    visit("question_forms", question_forms, "what `ask` and `capqa` ask, as docs/synth.md lists it; empty for all");
    visit("figures", figures, "of `docs`: figures or parts, as docs/synth.md lists them; empty for all");
    visit("invented_words", invented_words, "of `docs`: share of names that are invented, so that they must be read");
    visit("common_words", common_words,
          "of `docs`: share of the other names that are common words, whatever the topic");
    visit("max_value", max_value, "of `docs`: largest number of charts and tables; null for the difficulty's");
    visit("renderers", renderers,
          "of `docs`: page (this process), and programs that draw: graphviz, gnuplot, chromium");
    visit("caption_length", caption_length, "short, medium or long; null for all of them");
    visit("transcripts", transcripts, "most transcripts of a caption");
    visit("minute_step", minute_step, "clocks show minutes that are multiples of this");
    visit("style", style,
          "of every annotation instead of the data set's, as `user_qa` for questions without a tag; empty for that");
    visit("labels", labels, "class of each pixel, as docs/synth.md lists them; none for no label map");
    visit("examples", examples, "size of a data set that is drawn on the fly");
  }
};

}  // namespace molmo::synth

template <>
struct molmo::EnumNames<molmo::synth::Difficulty> {
  using enum synth::Difficulty;
  static constexpr EnumName<synth::Difficulty> kValues[] = {{Easy, "easy"}, {Medium, "medium"}, {Hard, "hard"}};
};

template <>
struct molmo::EnumNames<molmo::synth::Renderer> {
  using enum synth::Renderer;
  static constexpr EnumName<synth::Renderer> kValues[] = {
      {Page, "page"}, {Graphviz, "graphviz"}, {Gnuplot, "gnuplot"}, {Chromium, "chromium"}};
};

template <>
struct molmo::EnumNames<molmo::synth::LabelMap> {
  using enum synth::LabelMap;
  static constexpr EnumName<synth::LabelMap> kValues[] = {{None, "none"},
                                                          {Kinds, "kinds"},
                                                          {Colors, "colors"},
                                                          {Offsets, "offsets"},
                                                          {KindColors, "kind_colors"},
                                                          {KindOffsets, "kind_offsets"},
                                                          {Time, "time"},
                                                          {Hands, "hands"},
                                                          {Characters, "characters"},
                                                          {Objects, "objects"},
                                                          {Places, "places"},
                                                          {Words, "words"},
                                                          {All, "all"}};
};

template <>
struct molmo::EnumNames<molmo::synth::CaptionLength> {
  using enum synth::CaptionLength;
  static constexpr EnumName<synth::CaptionLength> kValues[] = {{Short, "short"}, {Medium, "medium"}, {Long, "long"}};
};
