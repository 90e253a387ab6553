// resize.json and resize.safetensors: the four resize paths on small pictures, and the rule for the size of a scaled
// picture.
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <nlohmann/json.hpp>
#include <regex>
#include <set>

#include "base/error.h"
#include "cli/conformance/kind.h"
#include "cli/conformance/tensor_fixture.h"
#include "image/resize.h"

namespace molmo::conformance {
namespace {

using config::ResizeMode;

constexpr int64_t kMostPixels = 4096;                                             // of a side
constexpr std::string_view kModes[] = {"default", "siglip", "dino", "metaclip"};  // the reference's names

// "default/37x23_to_28x28": a mode, and heights x widths.
struct ResizeKey {
  std::string mode;
  ImageSize from, to;

  std::string input() const { return fmt::format("in/{}x{}", from.height, from.width); }
  std::string name() const {
    return fmt::format("{}/{}x{}_to_{}x{}", mode, from.height, from.width, to.height, to.width);
  }
};

std::optional<ResizeKey> parse_key(const std::string& name) {
  static const std::regex kPattern(R"((\w+)/(\d+)x(\d+)_to_(\d+)x(\d+))");
  std::smatch match;
  if (!std::regex_match(name, match, kPattern)) return std::nullopt;
  const auto side = [&](size_t group) {
    const int64_t pixels = match.length(group) < 9 ? std::stoll(match[group]) : kMostPixels + 1;
    if (pixels < 1 || pixels > kMostPixels)
      fail(ErrorCategory::BadData, "{}: a side of {} pixels, expected 1 to {}", name, match.str(group), kMostPixels);
    return pixels;
  };
  return ResizeKey{match[1], {side(2), side(3)}, {side(4), side(5)}};
}

bool keeps_aspect_ratio(const ResizeKey& key) {
  return key.mode == "default";
}

image::Image read_input(const TensorFixture& tensors, const ResizeKey& key) {
  const at::Tensor pixels = tensors.input(key.input()).contiguous();
  if (pixels.numel() != key.from.height * key.from.width * 3)
    fail(ErrorCategory::BadData, "{} has {} values, expected three a pixel", key.input(), pixels.numel());
  const uint8_t* first = pixels.const_data_ptr<uint8_t>();
  return {key.from, std::vector<uint8_t>(first, first + pixels.numel())};
}

// The resized picture, [height, width, 3] in 0..1, and where it is not padding, [height, width].
struct Resized {
  at::Tensor pixels, mask;
};

Resized resize(const image::Image& picture, const ResizeKey& key) {
  const ResizeMode mode = keeps_aspect_ratio(key) ? ResizeMode::PadBilinear
                          : key.mode == "siglip"  ? ResizeMode::StretchBilinear
                                                  : ResizeMode::StretchBicubic;
  const ImageSize size = keeps_aspect_ratio(key) ? image::fit_size(key.from, key.to) : key.to;
  Resized resized = {at::zeros({key.to.height, key.to.width, 3}, at::kFloat),
                     at::zeros({key.to.height, key.to.width}, at::kByte)};
  const int64_t top = (key.to.height - size.height) / 2, left = (key.to.width - size.width) / 2;
  const image::Resizer resizer(picture, size, mode);
  const at::Tensor row = at::empty({size.width, 3}, at::kFloat);
  resizer.resize_rows(0, size.height, row.mutable_data_ptr<float>(), [&](int64_t y) {
    resized.pixels[top + y].slice(0, left, left + size.width).copy_(row);
    resized.mask[top + y].slice(0, left, left + size.width).fill_(1);
  });
  return resized;
}

// Values rounded to 8 bits may differ by one level where the unrounded value lies half-way.
Tolerance tolerance_of(const ResizeKey& key) {
  if (keeps_aspect_ratio(key)) return {.absolute = 1e-5};
  return {.absolute = 1e-6, .outlier_share = 0.01, .outlier_absolute = 1.001 / 255};
}

// Every mode, size and target that the fixture knows, in the reference's order: by size, by target, by mode.
std::vector<ResizeKey> all_keys(const Json& document, const TensorFixture& tensors) {
  std::vector<ImageSize> sizes, targets;
  const auto add = [](std::vector<ImageSize>& list, ImageSize size) {
    if (std::ranges::find(list, size) == list.end()) list.push_back(size);
  };
  std::vector<std::string> names = tensors.names();
  if (document.contains("keys") && document["keys"].is_array()) {
    const auto listed = document["keys"].get<std::vector<std::string>>();
    names.insert(names.begin(), listed.begin(), listed.end());
  }
  for (const auto& name : names) {
    if (const auto key = parse_key(name)) {
      add(sizes, key->from);
      add(targets, key->to);
    }
  }
  std::vector<ResizeKey> keys;
  for (const auto& size : sizes) {
    for (const auto& target : targets) {
      for (std::string_view mode : kModes) keys.push_back({std::string(mode), size, target});
    }
  }
  return keys;
}

enum class Outcome { Resized, ZeroSize, WidthOne };

// The reference raises an error for a side of zero. Width one is left out: its library repeats the first row there.
Outcome outcome_of(const ResizeKey& key) {
  if (!keeps_aspect_ratio(key)) return Outcome::Resized;
  const ImageSize size = image::fit_size(key.from, key.to);
  if (size.height == 0 || size.width == 0) return Outcome::ZeroSize;
  return size.width == 1 && key.from != size ? Outcome::WidthOne : Outcome::Resized;
}

Json names_with(const std::vector<ResizeKey>& keys, Outcome outcome) {
  Json names = Json::array();
  for (const auto& key : keys) {
    if (outcome_of(key) == outcome) names.push_back(key.name());
  }
  return names;
}

void answer_scaled_sizes(const Place& place, const Json& table) {
  const Json& rows = table.at("rows");
  for (size_t i = 0; i < rows.size(); ++i) {
    const auto side = [&](size_t column) { return rows[i].at(column).get<int64_t>(); };
    const ImageSize size = image::fit_size({side(0), side(1)}, {side(2), side(3)});
    const Place row = place["rows"][i];
    row[4].answer(size.height);
    row[5].answer(size.width);
  }
}

}  // namespace

void answer_resize(Run& run, const std::filesystem::path& file) {
  const std::filesystem::path tensor_file = file.parent_path() / "resize.safetensors";
  TensorFixture tensors(run.report(), run.name(tensor_file), tensor_file);
  for (const auto& name : tensors.names()) {
    if (name.starts_with("in/")) tensors.keep(name);
    run.report().attempt(run.name(tensor_file) + ":" + name, [&] {
      const auto key = parse_key(name);
      if (!key) return;
      const Resized resized = resize(read_input(tensors, *key), *key);
      tensors.answer(name, resized.pixels, tolerance_of(*key));
      tensors.answer(name + "/mask", resized.mask);
    });
  }
  tensors.finish(run.output(tensor_file));

  run.answer_json(file, [&](const Place& root, const Json& document) {
    const auto keys = all_keys(document, tensors);
    root.answer_field("keys", names_with(keys, Outcome::Resized));
    root.answer_field("reference_raises_zero_size", names_with(keys, Outcome::ZeroSize));
    root.answer_field("left_out_width_one", names_with(keys, Outcome::WidthOne));
    if (document.contains("scaled_size_rows"))
      answer_scaled_sizes(root["scaled_size_rows"], document["scaled_size_rows"]);
  });
}

}  // namespace molmo::conformance
