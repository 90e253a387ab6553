// Words and values of charts, tables and documents, from words.yaml.
//   Words words(/*is_easy=*/true);   std::string name = words.pick("first_names", draws);
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"

namespace molmo::synth {

struct Topic {
  std::string categories;  // the list that they come from
  std::string word;        // for one of them: "fruit"
  std::vector<std::string> measures, titles;
};

// What stands in the place of a name, so that it must be read, not guessed.
struct OtherWords {
  double invented = 0;  // pronounceable letters
  double common = 0;    // of the names that are not invented: any word of the list `common`
};

class Words {
 public:
  // Easy ones are short: the first half of each list.
  explicit Words(bool is_easy, OtherWords others = {}) : is_easy_(is_easy), others_(others) {}

  std::string pick(std::string_view list, RandomStream& draws) const;
  // Different ones, in the order of the list where `is_ordered`; fewer where the list is shorter.
  std::vector<std::string> pick_some(std::string_view list, size_t count, RandomStream& draws) const;
  // `count` neighbours of an ordered list: months, days, hours; or years.
  std::vector<std::string> pick_run(std::string_view list, size_t count, RandomStream& draws) const;
  const Topic& topic(RandomStream& draws) const;
  std::string title(const Topic& topic, RandomStream& draws) const;
  const Topic& series_topic(RandomStream& draws) const;

  std::string person(RandomStream& draws) const;  // "Amy Bell"
  std::string date(RandomStream& draws) const;    // "3 May 2024" or "2024-05-03"
  std::string time(RandomStream& draws) const;    // "14:30"

 private:
  size_t usable(size_t size) const { return is_easy_ ? (size + 1) / 2 : size; }

  // `name`, or with the shares of others as many words in its place: "Old Mill" -> "Tarvo Bim", "Soup Zinc".
  std::string maybe_other(const std::string& name, RandomStream& draws) const;

  bool is_easy_;
  OtherWords others_;
};

}  // namespace molmo::synth
