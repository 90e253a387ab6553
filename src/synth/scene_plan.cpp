#include <algorithm>
#include <cmath>
#include <span>
#include <string_view>

#include "base/error.h"
#include "synth/draws.h"
#include "synth/scene.h"

namespace molmo::synth {
namespace {

std::vector<size_t> chosen_kinds(const SynthOptions& options, int level) {
  const Vocabulary& all = vocabulary();
  std::vector<size_t> kinds;
  if (options.kinds.empty()) {
    for (size_t i = 0; i < all.kinds.size(); ++i) {
      if (all.kinds[i].level <= level) kinds.push_back(i);
    }
    // Easy kinds first, so that `num_kinds` begins with them.
    std::stable_sort(kinds.begin(), kinds.end(),
                     [&](size_t a, size_t b) { return all.kinds[a].level < all.kinds[b].level; });
  }
  for (const std::string& name : options.kinds) {
    const auto is_group = [&](const Group& group) { return group.name == name || group.plural == name; };
    const auto group = std::find_if(all.groups.begin(), all.groups.end(), is_group);
    const size_t before = kinds.size();
    if (group != all.groups.end()) {
      for (size_t i = 0; i < all.kinds.size(); ++i) {
        const auto& groups = all.kinds[i].groups;
        if (std::find(groups.begin(), groups.end(), group->name) != groups.end()) kinds.push_back(i);
      }
    }
    // "tree" is a kind and a group of other kinds.
    const auto is_kind = [&](const Kind& kind) { return kind.name == name; };
    if (kinds.size() == before || std::any_of(all.kinds.begin(), all.kinds.end(), is_kind))
      kinds.push_back(all.find(name));
  }
  if (options.num_kinds && kinds.size() > static_cast<size_t>(*options.num_kinds)) kinds.resize(*options.num_kinds);
  return kinds;
}

// Splits `total` into `parts` shares of at least one.
std::vector<int64_t> split(int64_t total, int64_t parts, RandomStream& draws) {
  std::vector<int64_t> shares(static_cast<size_t>(parts), 1);
  for (int64_t i = parts; i < total; ++i) ++shares[draws.below(shares.size())];
  return shares;
}

bool shows_on(Color color, const Background& background) {
  return std::all_of(background.colors.begin(), background.colors.end(),
                     [&](Color other) { return distance(color, other) > 0.2; });
}

// A colour word of `words` whose shades show on the background, not one of `taken` if that can be had.
std::string draw_color(std::span<const std::string_view> words, const Background& background,
                       const std::vector<std::string>& taken, bool is_emoji, RandomStream& draws) {
  std::string color;
  for (int attempt = 0; attempt < 24; ++attempt) {
    color = pick(draws, words);
    // Lines and shine of an emoji are lost in these.
    if (is_emoji && (color == "white" || color == "gray" || color == "black")) continue;
    if (std::find(taken.begin(), taken.end(), color) == taken.end() && shows_on(typical(color), background)) break;
  }
  return color;
}

Pattern draw_pattern(const SceneRules& rules, const std::string& color, RandomStream& draws) {
  const double roll = draws.uniform();
  if (roll > rules.look_variety) return Pattern::Solid;
  static constexpr Pattern kPatterns[] = {Pattern::Shaded,  Pattern::Shaded, Pattern::Outlined,
                                          Pattern::Striped, Pattern::Dotted, Pattern::Checkered};
  const Pattern pattern = pick(draws, kPatterns);
  // Stripes of a second colour leave it open what "white" is.
  const bool is_plain = color == "white" || color == "gray";
  return is_plain && pattern != Pattern::Outlined ? Pattern::Solid : pattern;
}

class Planner {
 public:
  Planner(const SceneRules& rules, RandomStream& draws) : rules_(rules), draws_(draws) {
    Canvas canvas(rules.size);
    plan_.background =
        rules.is_hand_drawn ? paint_paper(canvas, draws) : paint_background(canvas, rules.background, draws);
    plan_.backdrop.assign(canvas.pixels().begin(), canvas.pixels().end());
    static constexpr double kWeights[] = {0.6, 0.16, 0.08, 0.16};
    plan_.arrangement = static_cast<Arrangement>(pick_weighted(draws, kWeights));
    max_colors_ = rules.max_colors;
    if (!rules.is_hand_drawn) return;
    plan_.hand.emplace(draws);
    if (chance(draws, 0.3)) max_colors_ = 1;  // one pen
  }

  // A group of a kind that is new, or sometimes of a kind that is there in another colour or size.
  void add_group(int64_t count, double repeat_chance) {
    PlannedGroup group;
    group.count = count;
    const bool repeats = !plan_.groups.empty() && chance(draws_, repeat_chance);
    if (repeats) {
      group.kind = pick(draws_, plan_.groups).kind;
    } else {
      for (int attempt = 0; attempt < 12; ++attempt) {
        group.kind = pick(draws_, rules_.drawn_kinds);
        if (!is_planned(group.kind)) break;
      }
    }
    const Kind& kind = vocabulary().kinds[group.kind];
    if (kind.has_any_color || plan_.hand) {
      std::vector<std::string> taken;
      std::vector<std::string_view> planned;
      for (const PlannedGroup& other : plan_.groups) {
        if (other.kind == group.kind) taken.push_back(other.color);
        if (!other.color.empty() && std::ranges::find(planned, other.color) == planned.end())
          planned.push_back(other.color);
      }
      const bool is_full = max_colors_ && std::ssize(planned) >= *max_colors_;
      group.color = draw_color(is_full ? std::span<const std::string_view>(planned) : color_names(), plan_.background,
                               taken, kind.emoji != 0 && !plan_.hand, draws_);
      if (kind.emoji == 0 && !plan_.hand) group.pattern = draw_pattern(rules_, group.color, draws_);
    }
    // Small ones are as likely as large ones: evenly in the logarithm.
    group.length = rules_.min_size * std::pow(rules_.max_size / rules_.min_size, draws_.uniform());
    plan_.groups.push_back(std::move(group));
  }

  ScenePlan finish() {
    // All objects together cover at most a part of the picture, so that most find a place.
    double covered = 0;
    for (const PlannedGroup& group : plan_.groups)
      covered += static_cast<double>(group.count) * group.length * group.length;
    constexpr double kMostCovered = 0.42;
    const double shrink = std::min(1.0, std::sqrt(kMostCovered / std::max(covered, 1e-9)));
    for (PlannedGroup& group : plan_.groups) group.length = std::max(group.length * shrink, rules_.min_size * 0.6);
    return std::move(plan_);
  }

 private:
  bool is_planned(size_t kind) const {
    return std::any_of(plan_.groups.begin(), plan_.groups.end(),
                       [&](const PlannedGroup& group) { return group.kind == kind; });
  }

  const SceneRules& rules_;
  RandomStream& draws_;
  std::optional<int64_t> max_colors_;
  ScenePlan plan_;
};

}  // namespace

SceneRules scene_rules(const SynthOptions& options, RandomStream& draws) {
  SceneRules rules;
  rules.size = {options.size, options.size};
  if (options.vary_aspect) {
    const double aspect = pick(draws, std::array{1.0, 1.0, 4.0 / 3, 3.0 / 4, 3.0 / 2, 2.0 / 3, 16.0 / 9});
    const auto shorter =
        static_cast<int64_t>(std::lround(static_cast<double>(options.size) * std::min(aspect, 1 / aspect)));
    (aspect > 1 ? rules.size.height : rules.size.width) = shorter;
  }
  switch (options.difficulty) {
    case Difficulty::Easy:
      rules.min_objects = 1, rules.max_objects = 4, rules.max_groups = 3;
      rules.min_size = 0.2, rules.max_size = 0.36, rules.min_visible = 0.999;
      rules.background = BackgroundRange::Plain, rules.look_variety = 0.1, rules.photo = 0;
      break;
    case Difficulty::Medium:
      rules.min_objects = 1, rules.max_objects = 10, rules.max_groups = 5;
      rules.min_size = 0.11, rules.max_size = 0.34, rules.min_visible = 0.75;
      rules.background = BackgroundRange::Simple, rules.look_variety = 0.35, rules.photo = 0.3;
      break;
    case Difficulty::Hard:
      rules.min_objects = 1, rules.max_objects = 20, rules.max_groups = 8;
      rules.min_size = 0.06, rules.max_size = 0.36, rules.min_visible = 0.55;
      rules.background = BackgroundRange::All, rules.look_variety = 0.5, rules.photo = 1;
      break;
  }
  rules.kinds = chosen_kinds(options, static_cast<int>(options.difficulty) + 1);
  rules.drawn_kinds = rules.kinds;
  // Without it no draw, so that all other scenes stay what they are.
  rules.is_hand_drawn = options.hand_drawn > 0 && chance(draws, options.hand_drawn);
  if (rules.is_hand_drawn) {
    std::erase_if(rules.drawn_kinds, [](size_t kind) { return !has_pen_drawing(vocabulary().kinds[kind].name); });
    if (rules.drawn_kinds.empty()) {
      fail(ErrorCategory::InvalidArgument,
           "hand_drawn={}, and there is no drawing of any of the kinds. Hint: shapes, dog, cat, fish, house, car, tree",
           options.hand_drawn);
    }
    rules.photo = std::max(rules.photo, 0.3);
  }
  if (options.min_objects) rules.min_objects = *options.min_objects;
  if (options.max_objects) rules.max_objects = *options.max_objects;
  if (options.max_groups) rules.max_groups = *options.max_groups;
  rules.max_colors = options.max_colors;
  rules.min_objects = std::min(rules.min_objects, rules.max_objects);
  if (options.min_object_size) rules.min_size = *options.min_object_size;
  if (options.max_object_size) rules.max_size = *options.max_object_size;
  if (rules.min_size > rules.max_size) {
    fail(ErrorCategory::InvalidArgument, "the smallest object ({} of the side) is larger than the largest ({})",
         rules.min_size, rules.max_size);
  }
  if (options.background) rules.background = *options.background;
  return rules;
}

ScenePlan plan_scene(const SceneRules& rules, RandomStream& draws) {
  Planner planner(rules, draws);
  const int64_t num_objects = whole(draws, rules.min_objects, rules.max_objects);
  const int64_t num_groups = num_objects == 0 ? 0 : whole(draws, 1, std::min(num_objects, rules.max_groups));
  if (num_groups > 0) {
    for (int64_t count : split(num_objects, num_groups, draws)) planner.add_group(count, /*repeat_chance=*/0.3);
  }
  return planner.finish();
}

ScenePlan plan_count(const SceneRules& rules, int64_t count, RandomStream& draws) {
  Planner planner(rules, draws);
  if (count > 0) planner.add_group(count, 0);
  const int64_t num_others = whole(draws, count == 0 ? 1 : 0, std::min<int64_t>(rules.max_groups - 1, 4));
  for (int64_t i = 0; i < num_others; ++i) planner.add_group(whole(draws, 1, 3), 0);
  return planner.finish();
}

}  // namespace molmo::synth
