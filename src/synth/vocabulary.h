// The things that scenes are made of, from vocabulary.yaml.
//   const Vocabulary& all = vocabulary();   const Kind& mug = all.kinds[all.find("mug")];
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace molmo::synth {

struct Kind {
  std::string name, plural;
  char32_t emoji = 0;  // code point, or 0 where `shape` is drawn
  std::string shape;
  std::string color;                // the word for the whole thing; empty where there is none
  bool has_any_color = false;       // painted in every colour
  std::vector<std::string> groups;  // "animal", "bird"
  std::vector<std::string> like;    // kinds that some people would call the same
  int level = 3;                    // 1 easy, 2 medium, 3 hard
};

struct Group {
  std::string name;              // as kinds refer to it
  std::string singular, plural;  // "piece of food", "pieces of food"
};

struct Vocabulary {
  std::vector<Kind> kinds;  // class of a label map = index + 1
  std::vector<Group> groups;

  // Throws InvalidArgument naming the nearest name.
  size_t find(std::string_view name) const;
  const Group& group(std::string_view name) const;
};

const Vocabulary& vocabulary();

// "a mug", "an apple".
std::string with_article(std::string_view noun);

}  // namespace molmo::synth
