// The kinds `capqa`, `ask` and `text`: questions whose answers follow from the truth about a scene
// (PixMo-CapQA, PixMo-AskModelAnything), and text alone.
#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>

#include "synth/caption.h"
#include "synth/draws.h"
#include "synth/scene_truth.h"
#include "synth/targets.h"
#include "text/prompt.h"

namespace molmo::synth {
namespace {

struct QuestionAnswer {
  std::string question, brief, sentence;  // the answer in a word or two, and as a sentence
};

std::string plural_verb(size_t count) {
  return count == 1 ? "is" : "are";
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

  // A question of a random form; empty when the scene has nothing for it.
  std::optional<QuestionAnswer> ask() {
    using Form = std::optional<QuestionAnswer> (Asker::*)();
    static constexpr Form kForms[] = {&Asker::exists, &Asker::count,      &Asker::color,
                                      &Asker::place,  &Asker::relation,   &Asker::which,
                                      &Asker::most,   &Asker::background, &Asker::list};
    static constexpr double kWeights[] = {3, 2.5, 1.5, 1.2, 1.2, 0.8, 0.6, 0.4, 0.5};
    return (this->*kForms[pick_weighted(draws_, kWeights)])();
  }

 private:
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

  const Scene& scene_;
  const SceneRules& rules_;
  const SynthOptions& options_;
  RandomStream& draws_;
  std::vector<std::string> forms_;
  std::vector<Target> present_;
};

// Different questions, at most as many as the options say.
std::vector<QuestionAnswer> ask_all(const Scene& scene, const SceneRules& rules, const SynthOptions& options,
                                    RandomStream& draws) {
  Asker asker(scene, rules, options, draws);
  std::vector<QuestionAnswer> questions;
  std::set<std::string> asked;
  for (int64_t attempt = 0; attempt < 6 * options.questions && std::ssize(questions) < options.questions; ++attempt) {
    auto question = asker.ask();
    if (question && asked.insert(question->question).second) questions.push_back(std::move(*question));
  }
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

void add_conversation(text::Example& example, const std::vector<QuestionAnswer>& questions) {
  text::Annotation annotation;
  annotation.style = "synthetic_qa";
  annotation.messages.emplace();
  for (const QuestionAnswer& qa : questions) {
    annotation.messages->push_back(qa.question);
    annotation.messages->push_back(qa.sentence);
  }
  if (!questions.empty()) example.annotations.push_back(std::move(annotation));
}

}  // namespace

SynthSample make_questions(const SynthOptions& options, RandomStream& draws) {
  const SceneRules rules = scene_rules(options, draws);
  const Scene scene = draw_scene(rules, plan_scene(rules, draws), draws);
  SynthSample sample = scene_sample(scene, options);
  add_questions(sample.text, ask_all(scene, rules, options, draws));
  return sample;
}

SynthSample make_caption_questions(const SynthOptions& options, RandomStream& draws) {
  const SceneRules rules = scene_rules(options, draws);
  const Scene scene = draw_scene(rules, plan_scene(rules, draws), draws);
  SynthSample sample = scene_sample(scene, options);
  std::vector<QuestionAnswer> questions = ask_all(scene, rules, options, draws);
  // Conversations of one to three turns.
  while (!questions.empty()) {
    const auto turns = std::min<size_t>(questions.size(), 1 + draws.below(3));
    add_conversation(sample.text, {questions.begin(), questions.begin() + static_cast<std::ptrdiff_t>(turns)});
    questions.erase(questions.begin(), questions.begin() + static_cast<std::ptrdiff_t>(turns));
  }
  return sample;
}

SynthSample make_text(const SynthOptions& options, RandomStream& draws) {
  // A scene that is small enough to cost nothing; its words are those of a large one.
  SynthOptions small = options;
  small.size = 96;
  small.vary_aspect = false;
  small.labels = LabelMap::None;
  const double kind = draws.uniform();
  text::Example example;
  if (kind < 0.3) {
    example = make_points(small, draws).text;
  } else if (kind < 0.6) {
    const SceneRules rules = scene_rules(small, draws);
    const Scene scene = draw_scene(rules, plan_scene(rules, draws), draws);
    add_questions(example, ask_all(scene, rules, small, draws));
  } else {
    example = make_caption(small, draws).text;
  }
  example.is_list = true;
  SynthSample sample;
  static const text::PromptFormatter formatter{config::PromptConfig{}};
  text::StreamDraws chances(draws);
  std::string text;
  for (const text::Conversation& conversation : formatter.format(example, text::Purpose::Training, chances)) {
    if (!text.empty()) text += "\n";
    for (const std::string& message : conversation.messages) text += message;
  }
  sample.plain_text = std::move(text);
  return sample;
}

}  // namespace molmo::synth
