#include "synth/targets.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include "synth/draws.h"

namespace molmo::synth {
namespace {

constexpr std::string_view kForms[] = {"kind", "color", "group", "side", "extreme", "pattern", "size", "relation"};

using Objects = std::vector<size_t>;

class Finder {
 public:
  explicit Finder(const Scene& scene) : scene_(scene) {
    for (size_t i = 0; i < scene.objects.size(); ++i) {
      const SceneObject& object = scene.objects[i];
      by_kind_[object.kind].push_back(i);
      if (!object.color.empty()) by_color_[colored_noun(object, false).singular].push_back(i);
    }
  }

  std::vector<Target> find(std::string_view form) const {
    std::vector<Target> targets;
    if (form == "kind") {
      for (const auto& [kind, objects] : by_kind_) {
        if (!is_part_of_other_name(kind)) targets.push_back({"kind", kind_noun(kind), objects});
      }
    } else if (form == "color") {
      for (const auto& [name, objects] : by_color_) {
        const Noun noun = colored_noun(scene_.objects[objects[0]], false);
        if (noun.singular != kind_noun(scene_.objects[objects[0]].kind).singular)
          targets.push_back({"color", noun, objects});
      }
      add_colored_shapes(targets);
    } else if (form == "group") {
      add_groups(targets);
    } else if (form == "pattern") {
      add_patterns(targets);
    } else if (form == "size") {
      add_sizes(targets);
    } else if (form == "side") {
      for_each_class([&](const Noun& noun, const Objects& objects) { add_sides(noun, objects, targets); });
    } else if (form == "extreme") {
      for_each_class([&](const Noun& noun, const Objects& objects) { add_extremes(noun, objects, targets); });
    } else if (form == "relation") {
      for_each_class([&](const Noun& noun, const Objects& objects) { add_relations(noun, objects, targets); });
    }
    return targets;
  }

 private:
  // "tree" where there are palm trees.
  bool is_part_of_other_name(size_t kind) const {
    const std::string tail = " " + vocabulary().kinds[kind].name;
    return std::any_of(by_kind_.begin(), by_kind_.end(),
                       [&](const auto& entry) { return vocabulary().kinds[entry.first].name.ends_with(tail); });
  }

  // Things one has a word for: kinds, and kinds in a colour where a kind comes in several.
  void for_each_class(const std::function<void(const Noun&, const Objects&)>& visit) const {
    for (const auto& [kind, objects] : by_kind_) visit(kind_noun(kind), objects);
    for (const auto& [name, objects] : by_color_) {
      const SceneObject& first = scene_.objects[objects[0]];
      if (objects.size() < by_kind_.at(first.kind).size()) visit(colored_noun(first, false), objects);
    }
  }

  void add_colored_shapes(std::vector<Target>& targets) const {
    std::map<std::string, Objects> shapes;
    for (size_t i = 0; i < scene_.objects.size(); ++i) {
      const auto& groups = vocabulary().kinds[scene_.objects[i].kind].groups;
      if (std::find(groups.begin(), groups.end(), "shape") != groups.end())
        shapes[scene_.objects[i].color].push_back(i);
    }
    for (const auto& [color, objects] : shapes) {
      targets.push_back({"color", {color + " shape", color + " shapes"}, objects});
    }
  }

  void add_groups(std::vector<Target>& targets) const {
    for (const Group& group : vocabulary().groups) {
      Objects members;
      for (size_t i = 0; i < scene_.objects.size(); ++i) {
        const auto& groups = vocabulary().kinds[scene_.objects[i].kind].groups;
        if (std::find(groups.begin(), groups.end(), group.name) != groups.end()) members.push_back(i);
      }
      // "tree" names a kind as well: then the kind's members count too, and the kind's own form says so.
      const bool is_also_kind =
          std::any_of(scene_.objects.begin(), scene_.objects.end(),
                      [&](const SceneObject& object) { return vocabulary().kinds[object.kind].name == group.name; });
      if (!members.empty() && !is_also_kind) targets.push_back({"group", {group.singular, group.plural}, members});
    }
  }

  void add_patterns(std::vector<Target>& targets) const {
    std::map<std::string, std::pair<Noun, Objects>> found;
    for (size_t i = 0; i < scene_.objects.size(); ++i) {
      const SceneObject& object = scene_.objects[i];
      if (object.pattern == Pattern::Solid || object.pattern == Pattern::Shaded) continue;
      const Noun full = colored_noun(object, true);
      found[full.singular].first = full;
      found[full.singular].second.push_back(i);
      const std::string pattern(enum_name(object.pattern));
      const Noun kind = kind_noun(object.kind);
      auto& entry = found[pattern + " " + kind.singular];
      entry.first = {pattern + " " + kind.singular, pattern + " " + kind.plural};
      entry.second.push_back(i);
    }
    for (const auto& [name, entry] : found) targets.push_back({"pattern", entry.first, entry.second});
  }

  // Within a kind that has two clearly different sizes.
  void add_sizes(std::vector<Target>& targets) const {
    for (const auto& [kind, objects] : by_kind_) {
      Objects sorted = objects;
      std::sort(sorted.begin(), sorted.end(), [&](size_t a, size_t b) { return length(a) < length(b); });
      for (size_t cut = 1; cut < sorted.size(); ++cut) {
        if (length(sorted[cut]) < 1.5 * length(sorted[cut - 1])) continue;
        const bool is_only_gap =
            length(sorted[cut - 1]) < 1.4 * length(sorted[0]) && length(sorted.back()) < 1.4 * length(sorted[cut]);
        if (!is_only_gap) continue;
        const Noun noun = kind_noun(kind);
        Objects small(sorted.begin(), sorted.begin() + static_cast<ptrdiff_t>(cut));
        Objects large(sorted.begin() + static_cast<ptrdiff_t>(cut), sorted.end());
        std::sort(small.begin(), small.end());
        std::sort(large.begin(), large.end());
        targets.push_back({"size", {"small " + noun.singular, "small " + noun.plural}, small});
        targets.push_back({"size", {"large " + noun.singular, "large " + noun.plural}, large});
      }
    }
  }

  void add_sides(const Noun& noun, const Objects& objects, std::vector<Target>& targets) const {
    const double width = static_cast<double>(scene_.size.width), height = static_cast<double>(scene_.size.height);
    struct Side {
      std::string_view words;
      double x, y;  // direction
    };
    static constexpr Side kSides[] = {{" in the left half", -1, 0},
                                      {" in the right half", 1, 0},
                                      {" in the upper half", 0, -1},
                                      {" in the lower half", 0, 1}};
    for (const Side& side : kSides) {
      add_if_clear("side", noun, side.words, objects, targets, [&](size_t i) {
        const PointPx center = scene_.objects[i].center;
        return (center.x / width - 0.5) * side.x + (center.y / height - 0.5) * side.y;
      });
    }
  }

  void add_extremes(const Noun& noun, const Objects& objects, std::vector<Target>& targets) const {
    if (objects.size() < 2) return;
    const double side = static_cast<double>(std::min(scene_.size.width, scene_.size.height));
    const auto add = [&](std::string_view word, const std::function<double(size_t)>& key, double least_lead) {
      Objects sorted = objects;
      std::sort(sorted.begin(), sorted.end(), [&](size_t a, size_t b) { return key(a) > key(b); });
      if (key(sorted[0]) - key(sorted[1]) < least_lead) return;
      const std::string words = std::string(word) + " ";
      targets.push_back({"extreme", {words + noun.singular, words + noun.singular}, {sorted[0]}});
    };
    const double lead = 0.05 * side;
    add(
        "leftmost", [&](size_t i) { return -scene_.objects[i].center.x; }, lead);
    add(
        "rightmost", [&](size_t i) { return scene_.objects[i].center.x; }, lead);
    add(
        "topmost", [&](size_t i) { return -scene_.objects[i].center.y; }, lead);
    add(
        "lowest", [&](size_t i) { return scene_.objects[i].center.y; }, lead);
    add(
        "largest", [&](size_t i) { return std::log(length(i)); }, std::log(1.25));
    add(
        "smallest", [&](size_t i) { return -std::log(length(i)); }, std::log(1.25));
  }

  void add_relations(const Noun& noun, const Objects& objects, std::vector<Target>& targets) const {
    const double width = static_cast<double>(scene_.size.width), height = static_cast<double>(scene_.size.height);
    struct Relation {
      std::string_view words;
      double x, y;
    };
    static constexpr Relation kRelations[] = {
        {" left of the ", -1, 0}, {" right of the ", 1, 0}, {" above the ", 0, -1}, {" below the ", 0, 1}};
    for_each_class([&](const Noun& anchor_noun, const Objects& anchors) {
      if (anchors.size() != 1 || std::find(objects.begin(), objects.end(), anchors[0]) != objects.end()) return;
      const PointPx anchor = scene_.objects[anchors[0]].center;
      for (const Relation& relation : kRelations) {
        add_if_clear("relation", noun, std::string(relation.words) + anchor_noun.singular, objects, targets,
                     [&](size_t i) {
                       const PointPx center = scene_.objects[i].center;
                       return (center.x - anchor.x) / width * relation.x + (center.y - anchor.y) / height * relation.y;
                     });
      }
    });
  }

  // The objects with a positive `score`, unless one is too near to zero to say.
  void add_if_clear(std::string_view form, const Noun& noun, std::string_view words, const Objects& objects,
                    std::vector<Target>& targets, const std::function<double(size_t)>& score) const {
    constexpr double kUnclear = 0.06;  // of the side
    Objects chosen;
    for (size_t i : objects) {
      const double value = score(i);
      if (std::abs(value) < kUnclear) return;
      if (value > 0) chosen.push_back(i);
    }
    if (chosen.empty()) return;
    const std::string tail(words);
    targets.push_back({std::string(form), {noun.singular + tail, noun.plural + tail}, chosen});
  }

  double length(size_t i) const { return scene_.objects[i].length; }

  const Scene& scene_;
  std::map<size_t, Objects> by_kind_;
  std::map<std::string, Objects> by_color_;  // "red circle"
};

bool contains(std::span<const std::string> items, std::string_view item) {
  return std::find(items.begin(), items.end(), item) != items.end();
}

}  // namespace

std::span<const std::string_view> target_forms() {
  return kForms;
}

std::vector<Target> present_targets(const Scene& scene, std::span<const std::string> forms) {
  const Finder finder(scene);
  std::vector<Target> targets;
  for (const std::string& form : forms) {
    for (Target& target : finder.find(form)) targets.push_back(std::move(target));
  }
  return targets;
}

Target absent_target(const Scene& scene, const SceneRules& rules, std::span<const std::string> forms,
                     RandomStream& draws) {
  const auto is_there = [&](const Noun& noun) {
    return std::any_of(scene.objects.begin(), scene.objects.end(), [&](const SceneObject& object) {
      return kind_noun(object.kind) == noun || colored_noun(object, false) == noun;
    });
  };
  const auto is_like_something = [&](size_t index) {
    const Kind& kind = vocabulary().kinds[index];
    return std::any_of(scene.objects.begin(), scene.objects.end(), [&](const SceneObject& object) {
      const Kind& other = vocabulary().kinds[object.kind];
      return contains(kind.like, other.name) || contains(other.like, kind.name);
    });
  };
  // A colour that none of a kind has is the harder question: one must look at both.
  if (contains(forms, "color") && !scene.objects.empty() && chance(draws, 0.4)) {
    for (int attempt = 0; attempt < 8; ++attempt) {
      SceneObject object;
      object.kind = scene.objects[draws.below(scene.objects.size())].kind;
      object.color = pick(draws, color_names());
      const Kind& kind = vocabulary().kinds[object.kind];
      const Noun noun = colored_noun(object, false);
      if ((kind.has_any_color || !kind.color.empty()) && object.color != kind.name && !is_there(noun)) {
        return {"color", noun, {}};
      }
    }
  }
  if (contains(forms, "group") && chance(draws, 0.2)) {
    std::vector<Target> groups;
    for (const Group& group : vocabulary().groups) {
      const bool is_absent = std::none_of(scene.objects.begin(), scene.objects.end(), [&](const SceneObject& object) {
        const Kind& kind = vocabulary().kinds[object.kind];
        return contains(kind.groups, group.name) || kind.name == group.name;
      });
      if (is_absent) groups.push_back({"group", {group.singular, group.plural}, {}});
    }
    if (!groups.empty()) return pick(draws, groups);
  }
  // A kind, sometimes in a colour.
  for (int attempt = 0; attempt < 64; ++attempt) {
    SceneObject object;
    object.kind = pick(draws, rules.kinds);
    Noun noun = kind_noun(object.kind);
    std::string form = "kind";
    if (contains(forms, "color") && vocabulary().kinds[object.kind].has_any_color && chance(draws, 0.3)) {
      object.color = pick(draws, color_names());
      noun = colored_noun(object, false);
      form = "color";
    }
    if (!is_there(noun) && !is_like_something(object.kind)) return {form, noun, {}};
  }
  // Every kind that one may expect is there.
  for (size_t kind = 0; kind < vocabulary().kinds.size(); ++kind) {
    if (!is_there(kind_noun(kind)) && !is_like_something(kind)) return {"kind", kind_noun(kind), {}};
  }
  return {"kind", {"unicorn", "unicorns"}, {}};
}

}  // namespace molmo::synth
