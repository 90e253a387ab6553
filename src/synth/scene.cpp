#include "synth/scene.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>

#include "base/error.h"
#include "synth/canvas.h"
#include "synth/draws.h"
#include "synth/emoji.h"

namespace molmo::synth {
namespace {

class Placer {
 public:
  Placer(Scene& scene, const SceneRules& rules, const ScenePlan& plan, RandomStream& draws)
      : scene_(scene),
        rules_(rules),
        hand_(plan.hand),
        draws_(draws),
        width_(static_cast<int>(scene.size.width)),
        height_(static_cast<int>(scene.size.height)) {
    if (plan.arrangement == Arrangement::Grid) {
      int64_t total = 0;
      for (const PlannedGroup& group : plan.groups) total += group.count;
      const auto columns = std::max<int64_t>(1, std::lround(std::ceil(std::sqrt(static_cast<double>(total)))));
      const int64_t rows = (total + columns - 1) / columns;
      for (int64_t i = 0; i < rows * columns; ++i) {
        spots_.push_back({(static_cast<double>(i % columns) + 0.5) / static_cast<double>(columns) * width_,
                          (static_cast<double>(i / columns) + 0.5) / static_cast<double>(rows) * height_});
      }
      shuffle(draws, spots_);
    } else if (plan.arrangement == Arrangement::Row) {
      row_y_ = between(draws, 0.3, 0.7) * height_;
      row_slope_ = between(draws, -0.3, 0.3);
    } else if (plan.arrangement == Arrangement::Clusters) {
      for (size_t i = 0; i < plan.groups.size(); ++i) {
        const double x = between(draws, 0.2, 0.8) * width_, y = between(draws, 0.2, 0.8) * height_;
        spots_.push_back({x, y});
      }
    }
  }

  // Whether a place was found.
  bool place(const PlannedGroup& group, size_t group_index, Arrangement arrangement) {
    double length = group.length * std::min(width_, height_) * between(draws_, 0.88, 1.12);
    for (int size = 0; size < 3; ++size, length *= 0.75) {
      SceneObject object = draw_object(group, length);
      if (object.area < 12) return false;
      for (int attempt = 0; attempt < 14; ++attempt) {
        const PointPx spot = propose(arrangement, group_index, object, attempt);
        object.left = static_cast<int>(std::lround(spot.x)) - object.drawing.picture.width / 2;
        object.top = static_cast<int>(std::lround(spot.y)) - object.drawing.picture.height / 2;
        if (visible_share(object) < rules_.min_visible) continue;
        if (claim(object)) return true;
      }
    }
    return false;
  }

 private:
  SceneObject draw_object(const PlannedGroup& group, double length) {
    const Kind& kind = vocabulary().kinds[group.kind];
    SceneObject object;
    object.kind = group.kind;
    object.color = group.color.empty() ? kind.color : group.color;
    object.pattern = group.pattern;
    object.length = length;
    SpritePose pose{length, 0, chance(draws_, 0.5)};
    const double turn = draws_.uniform();
    if (kind.shape == "arrow" || kind.shape == "crescent") {
      pose.angle = between(draws_, 0, 2 * kPi);
    } else if (turn < rules_.look_variety) {
      // Turned squares are diamonds and turned crosses are the letter X: only a little.
      const double most = hand_                                               ? 0.2
                          : kind.emoji                                        ? 0.6
                          : kind.shape == "square" || kind.shape == "diamond" ? 0.15
                                                                              : 0.3;
      pose.angle = between(draws_, -most, most);
    } else {
      pose.angle = between(draws_, -0.08, 0.08);
    }
    if (hand_) {
      const PenLook look = hand_->look(shade(group.color, draws_), draws_);
      object.drawing = draw_with_pen(kind.name, pose, look, hand_->wobble, draws_);
    } else if (kind.emoji) {
      const SpritePyramid& pyramid = group.color.empty() ? emoji(kind.emoji) : painted_emoji(kind.emoji, group.color);
      object.drawing.picture = pose_sprite(pyramid, pose);
      object.drawing.mask = opaque_mask(object.drawing.picture.pixels);
    } else {
      ShapeLook look;
      look.pattern = group.pattern;
      look.color = shade(group.color, draws_);
      look.second = luminance(look.color) > 0.75 ? Color{0.3, 0.3, 0.3} : Color{1, 1, 1};
      if (look.pattern == Pattern::Outlined) {
        look.border = between(draws_, 0.1, 0.2);
      } else if (chance(draws_, rules_.look_variety * 0.5)) {
        look.border = between(draws_, 0.03, 0.07);
      }
      if (chance(draws_, rules_.look_variety * 0.7)) look.wobble = between(draws_, 0.015, 0.06);
      object.drawing = draw_shape(kind.shape, pose, look, draws_);
    }
    object.area = std::count(object.drawing.mask.begin(), object.drawing.mask.end(), 255);
    return object;
  }

  PointPx propose(Arrangement arrangement, size_t group_index, const SceneObject& object, int attempt) {
    const double margin = object.length * 0.5 * (rules_.min_visible > 0.9 ? 1 : 0.7);
    const auto anywhere = [&] {
      const double x = between(draws_, std::min(margin, width_ / 2.0), std::max(width_ - margin, width_ / 2.0));
      const double y = between(draws_, std::min(margin, height_ / 2.0), std::max(height_ - margin, height_ / 2.0));
      return PointPx{x, y};
    };
    if (attempt > 8) return anywhere();
    const auto near = [&](PointPx spot, double reach) {
      const double dx = draws_.normal() * reach, dy = draws_.normal() * reach;
      return PointPx{std::clamp(spot.x + dx, margin, std::max(margin, width_ - margin)),
                     std::clamp(spot.y + dy, margin, std::max(margin, height_ - margin))};
    };
    switch (arrangement) {
      case Arrangement::Scattered:
        return anywhere();
      case Arrangement::Grid:
        return near(spots_[next_spot_++ % spots_.size()], object.length * 0.06);
      case Arrangement::Row: {
        const double x = between(draws_, std::min(margin, width_ / 2.0), std::max(width_ - margin, width_ / 2.0));
        return near({x, row_y_ + (x - width_ / 2.0) * row_slope_}, object.length * 0.08);
      }
      case Arrangement::Clusters:
        return near(spots_[group_index], std::min(width_, height_) * (0.08 + 0.03 * attempt));
    }
    return anywhere();
  }

  template <class Visit>
  void for_each_pixel(const SceneObject& object, int step, Visit visit) const {
    const Sprite& picture = object.drawing.picture;
    for (int y = std::max(0, -object.top); y < std::min(picture.height, height_ - object.top); y += step) {
      const uint8_t* mask = object.drawing.mask.data() + static_cast<ptrdiff_t>(y) * picture.width;
      for (int x = std::max(0, -object.left); x < std::min(picture.width, width_ - object.left); x += step) {
        if (mask[x]) visit(object.left + x, object.top + y);
      }
    }
  }

  double visible_share(const SceneObject& object) const {
    const int step = object.length > 40 ? 2 : 1;
    int64_t visible = 0;
    for_each_pixel(object, step, [&](int x, int y) {
      visible += scene_.owner[static_cast<size_t>(y) * width_ + x] == Scene::kNobody;
    });
    return static_cast<double>(visible * step * step) / static_cast<double>(object.area) * (step == 1 ? 1 : 1.01);
  }

  // Measures what shows and takes the pixels. Refuses what is too small to be found.
  bool claim(SceneObject& object) {
    std::array<int, 4> box{width_, height_, 0, 0};
    int64_t visible = 0, sum_x = 0, sum_y = 0;
    const auto index = static_cast<uint8_t>(scene_.objects.size());
    for_each_pixel(object, 1, [&](int x, int y) {
      uint8_t& owner = scene_.owner[static_cast<size_t>(y) * width_ + x];
      if (owner != Scene::kNobody) return;
      owner = index;
      ++visible, sum_x += x, sum_y += y;
      box = {std::min(box[0], x), std::min(box[1], y), std::max(box[2], x + 1), std::max(box[3], y + 1)};
    });
    if (visible < 12) {
      std::replace(scene_.owner.begin(), scene_.owner.end(), index, Scene::kNobody);
      return false;
    }
    object.visible_area = visible;
    object.box = box;
    object.center = {static_cast<double>(sum_x) / static_cast<double>(visible) + 0.5,
                     static_cast<double>(sum_y) / static_cast<double>(visible) + 0.5};
    if (!is_owned(index, static_cast<int>(object.center.x), static_cast<int>(object.center.y))) {
      object.center = deepest_pixel(index, box);
    }
    scene_.objects.push_back(std::move(object));
    return true;
  }

  bool is_owned(uint8_t index, int x, int y) const {
    return x >= 0 && y >= 0 && x < width_ && y < height_ && scene_.owner[static_cast<size_t>(y) * width_ + x] == index;
  }

  // The pixel of the object that is farthest from everything else, by city block distance.
  PointPx deepest_pixel(uint8_t index, const std::array<int, 4>& box) const {
    const int columns = box[2] - box[0] + 2, rows = box[3] - box[1] + 2;
    std::vector<int> depth(static_cast<size_t>(columns) * rows, 0);
    const auto at = [&](int x, int y) -> int& { return depth[static_cast<size_t>(y) * columns + x]; };
    for (int y = 1; y < rows - 1; ++y) {
      for (int x = 1; x < columns - 1; ++x) {
        if (is_owned(index, box[0] + x - 1, box[1] + y - 1)) at(x, y) = std::min(at(x - 1, y), at(x, y - 1)) + 1;
      }
    }
    int best = 0;
    PointPx place;
    for (int y = rows - 2; y >= 1; --y) {
      for (int x = columns - 2; x >= 1; --x) {
        at(x, y) = std::min({at(x, y), at(x + 1, y) + 1, at(x, y + 1) + 1});
        if (at(x, y) > best) {
          best = at(x, y);
          place = {box[0] + x - 0.5, box[1] + y - 0.5};
        }
      }
    }
    return place;
  }

  Scene& scene_;
  const SceneRules& rules_;
  const std::optional<Hand>& hand_;
  RandomStream& draws_;
  int width_, height_;
  std::vector<PointPx> spots_;
  size_t next_spot_ = 0;
  double row_y_ = 0, row_slope_ = 0;
};

void blend_drawing(std::span<uint32_t> pixels, ImageSize size, const SceneObject& object) {
  const Sprite& picture = object.drawing.picture;
  const int width = static_cast<int>(size.width), height = static_cast<int>(size.height);
  for (int y = std::max(0, -object.top); y < std::min(picture.height, height - object.top); ++y) {
    for (int x = std::max(0, -object.left); x < std::min(picture.width, width - object.left); ++x) {
      const uint32_t from = picture.pixels[static_cast<size_t>(y) * picture.width + x];
      const uint32_t alpha = from >> 24;
      if (alpha == 0) continue;
      uint32_t& to = pixels[static_cast<size_t>(object.top + y) * width + object.left + x];
      uint32_t result = 0xFF000000u;
      for (int shift = 0; shift < 24; shift += 8) {
        const uint32_t value = (from >> shift & 255) + ((to >> shift & 255) * (255 - alpha) + 127) / 255;
        result |= std::min(value, 255u) << shift;
      }
      to = result;
    }
  }
}

// A soft dark ellipse under the lower edge.
void blend_shadow(std::span<uint32_t> pixels, ImageSize size, const SceneObject& object) {
  const Sprite& picture = object.drawing.picture;
  const double radius_x = picture.width * 0.42, radius_y = std::max(2.0, picture.height * 0.1);
  const double center_x = object.left + picture.width / 2.0, center_y = object.top + picture.height * 0.93;
  const auto clamp_to = [](double value, int64_t limit) {
    return std::clamp<int64_t>(static_cast<int64_t>(value), 0, limit);
  };
  for (int64_t y = clamp_to(center_y - radius_y, size.height); y < clamp_to(center_y + radius_y + 1, size.height);
       ++y) {
    for (int64_t x = clamp_to(center_x - radius_x, size.width); x < clamp_to(center_x + radius_x + 1, size.width);
         ++x) {
      const double dx = (static_cast<double>(x) - center_x) / radius_x,
                   dy = (static_cast<double>(y) - center_y) / radius_y;
      const double inside = 1 - dx * dx - dy * dy;
      if (inside <= 0) continue;
      const auto keep = static_cast<uint32_t>(256 - 100 * inside);
      uint32_t& to = pixels[static_cast<size_t>(y * size.width + x)];
      uint32_t result = 0xFF000000u;
      for (int shift = 0; shift < 24; shift += 8) result |= ((to >> shift & 255) * keep >> 8) << shift;
      to = result;
    }
  }
}

}  // namespace

Scene draw_scene(const SceneRules& rules, const ScenePlan& plan, RandomStream& draws) {
  Scene scene;
  scene.size = rules.size;
  scene.background = plan.background;
  scene.arrangement = plan.arrangement;
  scene.backdrop = plan.backdrop;
  scene.photo = chance(draws, rules.photo) ? draws.uniform() : 0;
  scene.photo_draws = RandomStream(draws.next(), "photo");
  scene.has_shadows = chance(draws, rules.look_variety * 0.6) && !plan.hand;
  scene.owner.assign(static_cast<size_t>(rules.size.height * rules.size.width), Scene::kNobody);
  Placer placer(scene, rules, plan, draws);
  std::vector<size_t> order;
  for (size_t i = 0; i < plan.groups.size(); ++i)
    order.insert(order.end(), static_cast<size_t>(plan.groups[i].count), i);
  shuffle(draws, order);
  for (size_t group : order) placer.place(plan.groups[group], group, plan.arrangement);
  return scene;
}

image::Image render(const Scene& scene, std::optional<size_t> without) {
  Canvas canvas(scene.size);
  const std::span<uint32_t> pixels = canvas.pixels();
  std::copy(scene.backdrop.begin(), scene.backdrop.end(), pixels.begin());
  for (size_t i = scene.objects.size(); i-- > 0;) {
    if (i == without) continue;
    if (scene.has_shadows) blend_shadow(pixels, scene.size, scene.objects[i]);
    blend_drawing(pixels, scene.size, scene.objects[i]);
  }
  canvas.pixels_changed();
  if (scene.photo > 0) {
    RandomStream draws = scene.photo_draws;
    photograph(canvas, scene.photo, draws);
  }
  return canvas.image();
}

}  // namespace molmo::synth
