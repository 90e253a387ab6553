#include "synth/questions.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>

#include "base/error.h"
#include "base/nearest.h"
#include "synth/caption.h"
#include "synth/draws.h"
#include "synth/scene_truth.h"
#include "synth/targets.h"

namespace molmo::synth {
namespace {

std::string plural_verb(size_t count) {
  return count == 1 ? "is" : "are";
}

double percent(double value, int64_t side) {
  return 100 * value / static_cast<double>(side);
}

class Asker {
 public:
  Asker(const Scene& scene, const SceneRules& rules, const SynthOptions& options, RandomStream& draws)
      : scene_(scene),
        rules_(rules),
        options_(options),
        draws_(draws),
        forms_(chosen_forms(options)),
        present_(present_targets(scene, forms_)) {}

  using Form = std::optional<QuestionAnswer> (Asker::*)();

  struct FormEntry {
    std::string_view name;
    Form ask;
    double weight;         // how often, among those that are asked
    bool is_usual = true;  // asked unless others are named
  };
  static std::span<const FormEntry> entries();

  // A question of a random form; empty when the scene has nothing for it.
  std::optional<QuestionAnswer> ask() {
    std::vector<double> weights;
    for (const FormEntry& entry : entries()) weights.push_back(is_asked(entry) ? entry.weight : 0);
    return (this->*entries()[pick_weighted(draws_, weights)].ask)();
  }

  // One that every scene has.
  QuestionAnswer ask_simply() {
    for (;;) {
      if (auto question = exists()) return *std::move(question);
    }
  }

 private:
  bool is_asked(const FormEntry& entry) const {
    const auto& wanted = options_.question_forms;
    return wanted.empty() ? entry.is_usual : std::find(wanted.begin(), wanted.end(), entry.name) != wanted.end();
  }

  std::string choose(std::initializer_list<std::string_view> options) {
    return std::string(options.begin()[draws_.below(options.size())]);
  }

  std::optional<QuestionAnswer> exists() {
    const bool is_there = !present_.empty() && chance(draws_, 0.5);
    const Target target = is_there ? pick(draws_, present_) : absent_target(scene_, rules_, forms_, draws_);
    if (target.form == "extreme") return std::nullopt;
    const std::string thing = with_article(target.noun.singular);
    const bool has_tail = target.form == "side" || target.form == "relation";
    const std::string question = choose({"Is there ", "Can you see ", "Do you see "}) + thing +
                                 (has_tail ? "?" : choose({"?", " in the image?", " in the picture?"}));
    const size_t count = target.objects.size();
    if (count == 0) return QuestionAnswer{question, "no", "No, there is no " + target.noun.singular + " in the image."};
    return QuestionAnswer{question, "yes",
                          "Yes, there " + plural_verb(count) + " " + counted(static_cast<int64_t>(count), target.noun) +
                              " in the image."};
  }

  std::optional<QuestionAnswer> count() {
    const bool is_there = !present_.empty() && chance(draws_, 1 - options_.absent_share * 0.6);
    const Target target = is_there ? pick(draws_, present_) : absent_target(scene_, rules_, forms_, draws_);
    if (target.form == "extreme") return std::nullopt;
    const size_t count = target.objects.size();
    const bool has_tail = target.form == "side" || target.form == "relation";
    const std::string question =
        "How many " + target.noun.plural +
        (has_tail ? " are there?" : choose({" are there?", " are in the image?", " do you see?"}));
    return QuestionAnswer{
        question, std::to_string(count),
        "There " + plural_verb(count) + " " + counted(static_cast<int64_t>(count), target.noun) + " in the image."};
  }

  // Of kinds that come in every colour, and of which one object or one colour is there.
  std::optional<QuestionAnswer> color() {
    std::map<size_t, std::set<std::string>> colors;
    for (const SceneObject& object : scene_.objects) {
      if (vocabulary().kinds[object.kind].has_any_color) colors[object.kind].insert(object.color);
    }
    std::vector<std::pair<size_t, std::string>> clear;
    for (const auto& [kind, words] : colors) {
      if (words.size() == 1) clear.push_back({kind, *words.begin()});
    }
    if (clear.empty()) return std::nullopt;
    const auto& [kind, word] = pick(draws_, clear);
    const auto count = std::count_if(scene_.objects.begin(), scene_.objects.end(),
                                     [&](const SceneObject& o) { return o.kind == kind; });
    const Noun noun = kind_noun(kind);
    const std::string thing = "the " + (count == 1 ? noun.singular : noun.plural);
    return QuestionAnswer{"What color " + plural_verb(static_cast<size_t>(count)) + " " + thing + "?", word,
                          capitalized(thing) + " " + plural_verb(static_cast<size_t>(count)) + " " + word + "."};
  }

  const Target* single_target() {
    std::vector<size_t> singles;
    for (size_t i = 0; i < present_.size(); ++i) {
      const Target& target = present_[i];
      if (target.objects.size() == 1 && (target.form == "kind" || target.form == "color")) singles.push_back(i);
    }
    return singles.empty() ? nullptr : &present_[pick(draws_, singles)];
  }

  std::optional<QuestionAnswer> place() {
    const Target* target = single_target();
    if (!target) return std::nullopt;
    const std::string where = place_of(scene_.objects[target->objects[0]].center, scene_.size);
    return QuestionAnswer{"Where is the " + target->noun.singular + "?", where,
                          "The " + target->noun.singular + " is " + where + " of the image."};
  }

  std::optional<QuestionAnswer> relation() {
    const Target *a = single_target(), *b = single_target();
    if (!a || !b || a->objects == b->objects) return std::nullopt;
    const PointPx at = scene_.objects[a->objects[0]].center, other = scene_.objects[b->objects[0]].center;
    const bool is_horizontal = chance(draws_, 0.5), is_flipped = chance(draws_, 0.5);
    const double apart = is_horizontal ? (at.x - other.x) / static_cast<double>(scene_.size.width)
                                       : (at.y - other.y) / static_cast<double>(scene_.size.height);
    if (std::abs(apart) < 0.08) return std::nullopt;
    const std::string words =
        is_horizontal ? (is_flipped ? "to the right of" : "to the left of") : (is_flipped ? "below" : "above");
    const bool holds = is_flipped ? apart > 0 : apart < 0;
    const std::string rest =
        "the " + a->noun.singular + " " + (holds ? "is " : "is not ") + words + " the " + b->noun.singular + ".";
    return QuestionAnswer{"Is the " + a->noun.singular + " " + words + " the " + b->noun.singular + "?",
                          holds ? "yes" : "no", (holds ? "Yes, " : "No, ") + rest};
  }

  // "What is the leftmost object?"
  std::optional<QuestionAnswer> which() {
    if (scene_.objects.size() < 2) return std::nullopt;
    struct Question {
      std::string_view word;
      double (*key)(const SceneObject&);
      double lead;  // by which the first must win, as a share of the side, or of the value for lengths
    };
    static constexpr Question kQuestions[] = {{"leftmost", [](const SceneObject& o) { return -o.center.x; }, 0.05},
                                              {"rightmost", [](const SceneObject& o) { return o.center.x; }, 0.05},
                                              {"topmost", [](const SceneObject& o) { return -o.center.y; }, 0.05},
                                              {"lowest", [](const SceneObject& o) { return o.center.y; }, 0.05},
                                              {"largest", [](const SceneObject& o) { return o.length; }, 0.06}};
    const Question& question = pick(draws_, kQuestions);
    std::vector<size_t> order(scene_.objects.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::sort(order.begin(), order.end(),
              [&](size_t a, size_t b) { return question.key(scene_.objects[a]) > question.key(scene_.objects[b]); });
    const double lead = question.key(scene_.objects[order[0]]) - question.key(scene_.objects[order[1]]);
    if (lead < question.lead * static_cast<double>(std::min(scene_.size.width, scene_.size.height)))
      return std::nullopt;
    const std::string name = colored_noun(scene_.objects[order[0]], false).singular;
    const std::string word(question.word);
    return QuestionAnswer{"What is the " + word + " object?", name,
                          "The " + word + " object is " + with_article(name) + "."};
  }

  std::optional<QuestionAnswer> most() {
    std::map<size_t, int64_t> counts;
    for (const SceneObject& object : scene_.objects) ++counts[object.kind];
    if (counts.size() < 2) return std::nullopt;
    std::vector<std::pair<int64_t, size_t>> order;
    for (const auto& [kind, count] : counts) order.push_back({count, kind});
    std::sort(order.rbegin(), order.rend());
    if (order[0].first == order[1].first) return std::nullopt;
    const Noun noun = kind_noun(order[0].second);
    return QuestionAnswer{"What is there most of?", noun.plural,
                          "There are mostly " + noun.plural + ": " + std::to_string(order[0].first) + " of them."};
  }

  std::optional<QuestionAnswer> background() {
    const std::string& what = scene_.background.description;
    return QuestionAnswer{choose({"What is the background?", "What is in the background?"}), what,
                          "The background is " + what + "."};
  }

  std::optional<QuestionAnswer> list() {
    std::vector<std::string> names;
    for (const NamedGroup& group : named_groups(scene_))
      names.push_back(counted(static_cast<int64_t>(group.objects.size()), group.noun));
    if (names.empty()) return std::nullopt;
    return QuestionAnswer{choose({"What is in the image?", "What do you see?", "Which objects are shown?"}),
                          join(names), "The image shows " + join(names) + "."};
  }

  // The other way round of pointing: from a place to what is there.
  std::optional<QuestionAnswer> at() {
    if (scene_.objects.empty()) return std::nullopt;
    const SceneObject& object = pick(draws_, scene_.objects);
    const std::string name = colored_noun(object, false).singular;
    return QuestionAnswer{
        fmt::format("What is at x=\"{:.1f}\" y=\"{:.1f}\"?", percent(object.center.x, scene_.size.width),
                    percent(object.center.y, scene_.size.height)),
        name, "There is " + with_article(name) + "."};
  }

  // The coarsest place, in one word: what teaches that a place belongs to a thing.
  std::optional<QuestionAnswer> side() {
    constexpr double kLeastOffset = 0.06;  // from the middle, of a side of the picture
    const Target* target = single_target();
    if (!target) return std::nullopt;
    const PointPx center = scene_.objects[target->objects[0]].center;
    const bool is_horizontal = chance(draws_, 0.5);
    const double offset = is_horizontal ? center.x / static_cast<double>(scene_.size.width) - 0.5
                                        : center.y / static_cast<double>(scene_.size.height) - 0.5;
    if (std::abs(offset) < kLeastOffset) return std::nullopt;
    const std::string thing = "the " + target->noun.singular;
    if (is_horizontal) {
      const std::string word = offset < 0 ? "left" : "right";
      return QuestionAnswer{"Is " + thing + " on the left or on the right?", word,
                            capitalized(thing) + " is on the " + word + "."};
    }
    const std::string word = offset < 0 ? "top" : "bottom";
    return QuestionAnswer{"Is " + thing + " at the top or at the bottom?", word,
                          capitalized(thing) + " is at the " + word + "."};
  }

  // Pointing in few words: each digit of the answer is worth a look.
  std::optional<QuestionAnswer> coordinates() {
    const Target* target = single_target();
    if (!target) return std::nullopt;
    const PointPx center = scene_.objects[target->objects[0]].center;
    const std::string where = fmt::format("at x=\"{:.0f}\" y=\"{:.0f}\"", percent(center.x, scene_.size.width),
                                          percent(center.y, scene_.size.height));
    return QuestionAnswer{"What are the coordinates of the " + target->noun.singular + "?", where,
                          "The " + target->noun.singular + " is " + where + "."};
  }

  // What covers most of each cell of a grid, row by row: a word for every few patches of the picture, so that a decoder
  // learns to read image tokens long before it can look for anything among them.
  std::optional<QuestionAnswer> map() {
    constexpr int64_t kCells = 6;
    constexpr double kLeastCover = 0.2;  // of a cell that counts as taken
    std::vector<std::vector<int64_t>> covers(kCells * kCells, std::vector<int64_t>(scene_.objects.size(), 0));
    size_t i = 0;
    for (int64_t y = 0; y < scene_.size.height; ++y) {
      for (int64_t x = 0; x < scene_.size.width; ++x, ++i) {
        const auto cell =
            static_cast<size_t>(y * kCells / scene_.size.height * kCells + x * kCells / scene_.size.width);
        if (scene_.owner[i] != Scene::kNobody) ++covers[cell][scene_.owner[i]];
      }
    }
    const double cell_area = static_cast<double>(scene_.owner.size()) / (kCells * kCells);
    std::string rows;
    for (size_t cell = 0; cell < covers.size(); ++cell) {
      const auto most = std::max_element(covers[cell].begin(), covers[cell].end());
      const bool is_taken = most != covers[cell].end() && static_cast<double>(*most) >= kLeastCover * cell_area;
      if (cell > 0) rows += cell % kCells == 0 ? "\n" : " ";
      rows +=
          is_taken ? kind_noun(scene_.objects[static_cast<size_t>(most - covers[cell].begin())].kind).singular : "none";
    }
    return QuestionAnswer{"What is where?", rows, rows};
  }

  const Scene& scene_;
  const SceneRules& rules_;
  const SynthOptions& options_;
  RandomStream& draws_;
  std::vector<std::string> forms_;
  std::vector<Target> present_;
};

std::span<const Asker::FormEntry> Asker::entries() {
  static constexpr FormEntry kEntries[] = {{"exists", &Asker::exists, 3},
                                           {"count", &Asker::count, 2.5},
                                           {"color", &Asker::color, 1.5},
                                           {"place", &Asker::place, 1.2},
                                           {"relation", &Asker::relation, 1.2},
                                           {"which", &Asker::which, 0.8},
                                           {"most", &Asker::most, 0.6},
                                           {"background", &Asker::background, 0.4},
                                           {"list", &Asker::list, 0.5},
                                           {"at", &Asker::at, 2, false},
                                           {"coordinates", &Asker::coordinates, 6, false},
                                           {"side", &Asker::side, 4, false},
                                           {"map", &Asker::map, 1, false}};
  return kEntries;
}

void check_question_forms(const SynthOptions& options) {
  std::vector<std::string> names;
  for (const Asker::FormEntry& entry : Asker::entries()) names.emplace_back(entry.name);
  for (const std::string& form : options.question_forms) {
    if (std::find(names.begin(), names.end(), form) == names.end()) {
      fail(ErrorCategory::InvalidArgument, "question_forms: '{}' is not a form of question, expected {}.{}", form,
           join(names, " or "), did_you_mean(form, names));
    }
  }
}

}  // namespace

std::vector<QuestionAnswer> ask_questions(const Scene& scene, const SceneRules& rules, const SynthOptions& options,
                                          int64_t most, RandomStream& draws) {
  check_question_forms(options);
  Asker asker(scene, rules, options, draws);
  std::vector<QuestionAnswer> questions;
  std::set<std::string> asked;
  for (int64_t attempt = 0; attempt < 6 * most && std::ssize(questions) < most; ++attempt) {
    auto question = asker.ask();
    if (question && asked.insert(question->question).second) questions.push_back(std::move(*question));
  }
  if (questions.empty()) questions.push_back(asker.ask_simply());
  return questions;
}

void add_questions(text::Example& example, const std::vector<QuestionAnswer>& questions) {
  for (const QuestionAnswer& qa : questions) {
    text::Annotation annotation;
    annotation.style = "user_qa";
    annotation.question = qa.question;
    annotation.answer = capitalized(qa.brief) + ".";
    example.annotations.push_back(std::move(annotation));
  }
}

}  // namespace molmo::synth
