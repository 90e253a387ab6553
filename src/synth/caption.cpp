#include "synth/caption.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "synth/draws.h"
#include "synth/scene_truth.h"

namespace molmo::synth {
namespace {

constexpr std::array<std::string_view, 3> kPlaceOpenings = {"The scene is ", "The setting is ", "Behind it all is "};
constexpr std::array<std::string_view, 2> kGroundOpenings = {"Everything is shown on ", "It is all on "};
constexpr std::string_view kEmptyEnding = " with nothing on it";

// Where all of a group are, when one phrase says it; else "".
std::string shared_place(const Scene& scene, const std::vector<size_t>& objects) {
  if (objects.size() == 1) return place_of(scene.objects[objects[0]].center, scene.size);
  double low_x = 1, high_x = 0, low_y = 1, high_y = 0;
  for (size_t i : objects) {
    const double x = scene.objects[i].center.x / static_cast<double>(scene.size.width);
    const double y = scene.objects[i].center.y / static_cast<double>(scene.size.height);
    low_x = std::min(low_x, x), high_x = std::max(high_x, x);
    low_y = std::min(low_y, y), high_y = std::max(high_y, y);
  }
  if (high_x < 0.45) return "on the left";
  if (low_x > 0.55) return "on the right";
  if (high_y < 0.45) return "in the upper half";
  if (low_y > 0.55) return "in the lower half";
  if (low_x > 0.28 && high_x < 0.72 && low_y > 0.28 && high_y < 0.72) return "around the middle";
  return "";
}

std::string size_word(const Scene& scene, const NamedGroup& group) {
  const double side = static_cast<double>(std::min(scene.size.width, scene.size.height));
  double least = 1, most = 0;
  for (size_t i : group.objects) {
    least = std::min(least, scene.objects[i].length / side);
    most = std::max(most, scene.objects[i].length / side);
  }
  return least > 0.27 ? "large " : most < 0.12 ? "small " : "";
}

class CaptionWriter {
 public:
  CaptionWriter(const Scene& scene, RandomStream& draws) : scene_(scene), draws_(draws), groups_(named_groups(scene)) {}

  std::string write(CaptionLength length) {
    if (groups_.empty()) return capitalized(scene_.background.description) + std::string(kEmptyEnding) + ".";
    if (length == CaptionLength::Short) {
      return choose({"The image shows ", "This is a picture of ", "In this image: "}) + list_all(false) + ".";
    }
    std::string text = overview();
    if (length == CaptionLength::Medium) return text + " " + ground();
    for (const NamedGroup& group : groups_) text += " " + where(group);
    text += relations();
    return text + " " + ground() + style();
  }

 private:
  std::string choose(std::initializer_list<std::string_view> options) {
    return std::string(options.begin()[draws_.below(options.size())]);
  }

  // "two large red circles, a dog and three apples"
  std::string list_all(bool with_places) {
    std::vector<std::string> parts;
    for (const NamedGroup& group : groups_) {
      const std::string size = size_word(scene_, group);
      const auto count = static_cast<int64_t>(group.objects.size());
      std::string part =
          count == 1 ? with_article(size + group.noun.singular) : number_word(count) + " " + size + group.noun.plural;
      const std::string place = with_places ? shared_place(scene_, group.objects) : "";
      if (!place.empty()) part += " " + place;
      parts.push_back(std::move(part));
    }
    return join(parts);
  }

  std::string overview() {
    const std::string list = list_all(true);
    switch (draws_.below(3)) {
      case 0:
        return "The image shows " + list + ".";
      case 1:
        return "In this picture there " + std::string(is_one_first() ? "is " : "are ") + list + ".";
      default: {
        const auto total = static_cast<int64_t>(scene_.objects.size());
        return capitalized(counted(total, {"object", "objects"})) + (total == 1 ? " is" : " are") + " shown: " + list +
               ".";
      }
    }
  }

  bool is_one_first() const { return groups_[0].objects.size() == 1; }

  std::string ground() {
    const std::string& what = scene_.background.description;
    if (scene_.background.style == "place") return std::string(pick(draws_, kPlaceOpenings)) + what + ".";
    return std::string(pick(draws_, kGroundOpenings)) + what + ".";
  }

  std::string where(const NamedGroup& group) {
    const std::string place = shared_place(scene_, group.objects);
    const bool is_one = group.objects.size() == 1;
    const std::string subject = "The " + (is_one ? group.noun.singular : group.noun.plural);
    if (place.empty()) {
      if (group.objects.size() > 3) return subject + " are spread over the picture.";
      std::vector<std::string> places;
      for (size_t i : group.objects) places.push_back("one " + place_of(scene_.objects[i].center, scene_.size));
      return "Of the " + group.noun.plural + ", " + join(places) + ".";
    }
    return subject + (is_one ? " is " : " are ") + place + ".";
  }

  // Up to two clear relations between single objects.
  std::string relations() {
    std::vector<size_t> singles;
    for (const NamedGroup& group : groups_) {
      if (group.objects.size() == 1) singles.push_back(group.objects[0]);
    }
    std::string text;
    shuffle(draws_, singles);
    for (size_t i = 0; i + 1 < singles.size() && i < 4; i += 2) {
      const SceneObject &a = scene_.objects[singles[i]], &b = scene_.objects[singles[i + 1]];
      const double dx = (a.center.x - b.center.x) / static_cast<double>(scene_.size.width);
      const double dy = (a.center.y - b.center.y) / static_cast<double>(scene_.size.height);
      if (std::max(std::abs(dx), std::abs(dy)) < 0.1) continue;
      const std::string_view relation =
          std::abs(dx) > std::abs(dy) ? (dx < 0 ? "to the left of" : "to the right of") : (dy < 0 ? "above" : "below");
      text += " The " + colored_noun(a, true).singular + " is " + std::string(relation) + " the " +
              colored_noun(b, true).singular + ".";
    }
    return text;
  }

  std::string style() {
    std::string text;
    if (scene_.arrangement == Arrangement::Grid && scene_.objects.size() > 3)
      text += " The objects are arranged in a grid.";
    if (scene_.arrangement == Arrangement::Row && scene_.objects.size() > 2) text += " The objects stand in a row.";
    if (scene_.has_shadows) text += " Each object casts a soft shadow.";
    return text;
  }

  const Scene& scene_;
  RandomStream& draws_;
  std::vector<NamedGroup> groups_;
};

}  // namespace

std::vector<NamedGroup> named_groups(const Scene& scene) {
  std::vector<NamedGroup> groups;
  for (size_t i = 0; i < scene.objects.size(); ++i) {
    const Noun noun = colored_noun(scene.objects[i], true);
    const auto found =
        std::find_if(groups.begin(), groups.end(), [&](const NamedGroup& group) { return group.noun == noun; });
    if (found == groups.end()) {
      groups.push_back({noun, {i}});
    } else {
      found->objects.push_back(i);
    }
  }
  // The larger ones first, as people tell them.
  std::stable_sort(groups.begin(), groups.end(), [&](const NamedGroup& a, const NamedGroup& b) {
    const auto size = [&](const NamedGroup& group) {
      double sum = 0;
      for (size_t i : group.objects) sum += static_cast<double>(scene.objects[i].visible_area);
      return sum;
    };
    return size(a) > size(b);
  });
  return groups;
}

std::string write_caption(const Scene& scene, CaptionLength length, RandomStream& draws) {
  return CaptionWriter(scene, draws).write(length);
}

bool is_about_background(std::string_view sentence) {
  const auto opens = [&](std::string_view opening) { return sentence.starts_with(opening); };
  return std::any_of(kPlaceOpenings.begin(), kPlaceOpenings.end(), opens) ||
         std::any_of(kGroundOpenings.begin(), kGroundOpenings.end(), opens) || sentence.ends_with(kEmptyEnding);
}

std::string write_transcript(const Scene& scene, RandomStream& draws) {
  static constexpr std::array<std::string_view, 7> kOpenings = {"okay so ",         "so in this picture i see ",
                                                                "um so there is ",  "alright let's see ",
                                                                "this looks like ", "so uh we have ",
                                                                "i can see "};
  static constexpr std::array<std::string_view, 6> kLinks = {" and then ",     " um and also ",  " and uh ",
                                                             " there's also ", " next there's ", " and i think "};
  static constexpr std::array<std::string_view, 5> kFillers = {"um ", "uh ", "you know ", "let me see ", "like "};
  const std::vector<NamedGroup> groups = named_groups(scene);
  std::string text(pick(draws, kOpenings));
  for (size_t i = 0; i < groups.size(); ++i) {
    const NamedGroup& group = groups[i];
    if (i > 0) text += pick(draws, kLinks);
    if (chance(draws, 0.3)) text += pick(draws, kFillers);
    const auto count = static_cast<int64_t>(group.objects.size());
    if (count > 2 && chance(draws, 0.25)) text += number_word(count - 1) + " no wait ";
    text += count == 1 ? with_article(group.noun.singular) : number_word(count) + " " + group.noun.plural;
    const std::string place = shared_place(scene, group.objects);
    if (!place.empty() && chance(draws, 0.7)) text += " " + place;
  }
  if (groups.empty())
    text += "nothing really just " + scene.background.description;
  else
    text += std::string(chance(draws, 0.5) ? " and it's all on " : " and the background is um ") +
            scene.background.description;
  if (chance(draws, 0.4)) text += " and that's about it";
  return text;
}

void add_caption(text::Example& example, const Scene& scene, const SynthOptions& options, RandomStream& draws) {
  static constexpr double kWeights[] = {0.25, 0.4, 0.35};
  const auto length = static_cast<CaptionLength>(pick_weighted(draws, kWeights));
  text::Annotation caption;
  caption.style = "long_caption";
  caption.text = write_caption(scene, options.caption_length.value_or(length), draws);
  example.annotations.push_back(std::move(caption));
}

SynthSample make_caption(const SynthOptions& options, RandomStream& draws) {
  const SceneRules rules = scene_rules(options, draws);
  const Scene scene = draw_scene(rules, plan_scene(rules, draws), draws);
  SynthSample sample = scene_sample(scene, rules, options);
  add_caption(sample.text, scene, options, draws);
  const int64_t num_transcripts = whole(draws, std::min<int64_t>(1, options.transcripts), options.transcripts);
  for (int64_t i = 0; i < num_transcripts; ++i) {
    text::Annotation transcript;
    transcript.style = "transcript";
    transcript.text = write_transcript(scene, draws);
    sample.text.annotations.push_back(std::move(transcript));
  }
  return sample;
}

}  // namespace molmo::synth
