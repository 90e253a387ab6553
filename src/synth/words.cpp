#include "synth/words.h"

#include <fmt/core.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "synth/draws.h"

namespace molmo::synth {
namespace {

constexpr std::string_view kWordsYaml =
#include "embedded/synth/words.yaml.inc"
    ;

using List = std::vector<std::string>;

struct AllWords {
  std::map<std::string, List, std::less<>> lists;  // "fruits", "screens.apps"
  std::vector<Topic> topics, series_topics;
};

std::vector<Topic> read_topics(const Json& entries) {
  std::vector<Topic> topics;
  for (const Json& entry : entries) {
    topics.push_back({entry.at("categories").get<std::string>(), entry.at("word").get<std::string>(),
                      entry.at("measures").get<List>(), entry.at("titles").get<List>()});
  }
  return topics;
}

AllWords read_words() {
  const Json document = parse_yaml(kWordsYaml, "words.yaml");
  AllWords words;
  for (const auto& [name, value] : document.items()) {
    if (name == "topics" || name == "series_topics") {
      (name == "topics" ? words.topics : words.series_topics) = read_topics(value);
    } else if (value.is_object()) {
      for (const auto& [part, list] : value.items()) words.lists[name + "." + part] = list.get<List>();
    } else if (value.at(0).is_string()) {
      words.lists[name] = value.get<List>();
    } else {
      for (const Json& pair : value)
        words.lists[name].push_back(pair.at(0).get<std::string>() + "/" + pair.at(1).get<std::string>());
    }
  }
  return words;
}

const AllWords& all_words() {
  static const AllWords instance = read_words();
  return instance;
}

const List& find_list(std::string_view name) {
  const auto& lists = all_words().lists;
  const auto found = lists.find(name);
  if (found == lists.end()) fail(ErrorCategory::Internal, "words.yaml has no list '{}'", name);
  return found->second;
}

// Two to seven letters that can be pronounced: "Tarvo", "Ud".
std::string invented_word(RandomStream& draws) {
  static constexpr std::string_view kConsonants = "bcdfghjklmnprstvwxyzbdlmnrst", kVowels = "aeiouaeioy";
  const auto length = static_cast<size_t>(whole(draws, 2, 7));
  std::string word;
  bool is_vowel = chance(draws, 0.3);
  while (word.size() < length) {
    word += synth::pick(draws, is_vowel ? kVowels : kConsonants);
    if (!chance(draws, 0.15)) is_vowel = !is_vowel;
  }
  word[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(word[0])));
  return word;
}

bool is_letter(char character) {
  return std::isalpha(static_cast<unsigned char>(character)) != 0;
}

// Not "Age/Height", not "Ready?".
bool is_name(std::string_view words) {
  return std::ranges::all_of(words, [](char c) { return is_letter(c) || c == ' ' || c == '&'; });
}

}  // namespace

std::string Words::maybe_other(const std::string& name, RandomStream& draws) const {
  // Without a share nothing is drawn, so that pictures stay what they were.
  const auto happens = [&](double share) { return share > 0 && chance(draws, share); };
  if (!is_name(name)) return name;
  const bool is_invented = happens(others_.invented);
  if (!is_invented && !happens(others_.common)) return name;
  const bool is_upper = std::ranges::none_of(name, [](char c) { return c >= 'a' && c <= 'z'; });
  std::string other;
  for (size_t at = 0; at < name.size();) {
    if (!is_letter(name[at])) {
      other += name[at++];
      continue;
    }
    while (at < name.size() && is_letter(name[at])) ++at;
    std::string word = is_invented ? invented_word(draws) : synth::pick(draws, find_list("common"));
    if (is_upper) std::ranges::transform(word, word.begin(), [](unsigned char c) { return std::toupper(c); });
    other += word;
  }
  return other;
}

std::string Words::pick(std::string_view list, RandomStream& draws) const {
  const List& words = find_list(list);
  return maybe_other(words[draws.below(usable(words.size()))], draws);
}

std::string Words::title(const Topic& topic, RandomStream& draws) const {
  return maybe_other(synth::pick(draws, topic.titles), draws);
}

std::vector<std::string> Words::pick_some(std::string_view list, size_t count, RandomStream& draws) const {
  const List& words = find_list(list);
  List some(words.begin(),
            words.begin() + static_cast<std::ptrdiff_t>(std::max(usable(words.size()), std::min(count, words.size()))));
  shuffle(draws, some);
  if (some.size() > count) some.resize(count);
  for (std::string& word : some) {
    const std::string other = maybe_other(word, draws);
    if (std::ranges::find(some, other) == some.end()) word = other;
  }
  return some;
}

std::vector<std::string> Words::pick_run(std::string_view list, size_t count, RandomStream& draws) const {
  List run;
  if (list == "years") {
    const int64_t first = whole(draws, 1990, 2020);
    for (size_t i = 0; i < count; ++i) run.push_back(std::to_string(first + static_cast<int64_t>(i)));
    return run;
  }
  const List& words = find_list(list);
  count = std::min(count, words.size());
  const size_t first = draws.below(words.size() - count + 1);
  run.assign(words.begin() + static_cast<std::ptrdiff_t>(first),
             words.begin() + static_cast<std::ptrdiff_t>(first + count));
  return run;
}

const Topic& Words::topic(RandomStream& draws) const {
  return synth::pick(draws, all_words().topics);
}

const Topic& Words::series_topic(RandomStream& draws) const {
  return synth::pick(draws, all_words().series_topics);
}

std::string Words::person(RandomStream& draws) const {
  const std::string first = pick("first_names", draws);
  return first + " " + pick("last_names", draws);
}

std::string Words::date(RandomStream& draws) const {
  const int64_t day = whole(draws, 1, 28), month = whole(draws, 1, 12), year = whole(draws, 2000, 2029);
  if (!is_easy_ && chance(draws, 0.3)) return fmt::format("{}-{:02}-{:02}", year, month, day);
  const std::string& name = find_list("months")[static_cast<size_t>(month - 1)];
  return is_easy_ ? fmt::format("{} {}", day, name) : fmt::format("{} {} {}", day, name, year);
}

std::string Words::time(RandomStream& draws) const {
  const int64_t hour = whole(draws, 7, 21), quarter = whole(draws, 0, 3);
  return fmt::format("{}:{:02}", hour, 15 * quarter);
}

}  // namespace molmo::synth
