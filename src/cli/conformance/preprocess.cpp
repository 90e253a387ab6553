// preprocess.json and preprocess.safetensors: pictures -> decoded pixels, tiling, crops, masks, tokens and their
// positions.
#include <ATen/ops/cat.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/tensor.h>
#include <fmt/core.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "cli/conformance/case_inputs.h"
#include "cli/conformance/kind.h"
#include "cli/conformance/model_case.h"
#include "cli/conformance/tensor_fixture.h"
#include "image/crops.h"
#include "preprocess/build_input.h"
#include "preprocess/image_tokens.h"

namespace molmo::conformance {
namespace {

using config::PixelNormalization;
using config::ResizeMode;

constexpr int64_t kMostCrops = 1024;

std::string sha256_hex(const std::vector<uint8_t>& bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned int size = 0;
  check_internal(EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(), nullptr) == 1,
                 "SHA-256 failed");
  std::string hex;
  for (unsigned int i = 0; i < size; ++i) hex += fmt::format("{:02x}", digest[i]);
  return hex;
}

// The reference's names of its settings.
std::string normalization_name(PixelNormalization normalization) {
  switch (normalization) {
    case PixelNormalization::Clip:
      return "openai";
    case PixelNormalization::SigLip:
      return "siglip";
    case PixelNormalization::ImageNet:
      return "dino";
  }
  return "";
}

std::string resize_name(const config::ImageInputConfig& config) {
  if (config.resize_mode == ResizeMode::PadBilinear) return "default";
  if (config.resize_mode == ResizeMode::StretchBilinear) return "siglip";
  return config.normalization == PixelNormalization::ImageNet ? "dino" : "metaclip";
}

// One picture at one crop limit. Letters as in image/crops.h.
struct Picture {
  image::Image image;
  image::ImageCrops crops;
  preprocess::ImageTokens tokens;
  at::Tensor patches;  // [C, P, patch_dim]
};

Picture prepare(const ModelCase& model_case, const std::string& name, int64_t max_crops) {
  config::ModelConfig config = model_case.config();
  config.image_input.max_crops = max_crops;
  Picture picture;
  picture.image = model_case.image(name);
  picture.crops = image::make_crops(picture.image, config);
  picture.tokens = preprocess::make_image_tokens(picture.crops, config);
  picture.patches =
      at::from_blob(picture.crops.patches.get(),
                    {picture.crops.num_crops, config.vision.num_patches(), config.vision.patch_dim()}, at::kFloat);
  return picture;
}

// How far computed pixels may lie from the expected ones.
struct PixelTolerances {
  Tolerance values, means, masks;
};

PixelTolerances pixel_tolerances(const ModelCase& model_case) {
  const double masks = model_case.tolerance("image_masks", 1e-6);
  if (model_case.config().image_input.resize_mode == ResizeMode::PadBilinear) {
    return {.values = {.absolute = model_case.tolerance("crop_values_float_path", 2e-4)},
            .means = {.absolute = 2e-4},
            .masks = {.absolute = masks}};
  }
  // Values that were rounded to 8 bits: rounding ties may differ by one level, after division by a deviation of at
  // least 0.22.
  return {.values = {.absolute = 1e-5, .outlier_share = 0.01, .outlier_absolute = 1 / 255.0 / 0.22},
          .means = {.absolute = 1e-3},
          .masks = {.absolute = masks}};
}

// The rows of a crop that a fixture holds: its first, middle and last patches.
Json default_ranges(int64_t num_patches) {
  return {{0, 40}, {num_patches / 2 - 20, num_patches / 2 + 20}, {num_patches - 20, num_patches}};
}

at::Tensor crop_rows(const at::Tensor& crop, const Json& ranges) {
  std::vector<at::Tensor> rows;
  for (const auto& range : ranges)
    rows.push_back(crop.slice(0, range.at(0).get<int64_t>(), range.at(1).get<int64_t>()));
  return at::cat(rows);
}

// Normalized values back to 0..255. patches: [P, patch_dim], colours last.
at::Tensor to_8_bit(const at::Tensor& patches, PixelNormalization normalization) {
  const bool is_siglip = normalization == PixelNormalization::SigLip;
  const bool is_clip = normalization == PixelNormalization::Clip;
  const std::vector<float> mean = is_siglip ? std::vector<float>{0.5f, 0.5f, 0.5f}
                                  : is_clip ? std::vector<float>{0.48145466f, 0.4578275f, 0.40821073f}
                                            : std::vector<float>{0.485f, 0.456f, 0.406f};
  const std::vector<float> deviation = is_siglip ? std::vector<float>{0.5f, 0.5f, 0.5f}
                                       : is_clip ? std::vector<float>{0.26862954f, 0.26130258f, 0.27577711f}
                                                 : std::vector<float>{0.229f, 0.224f, 0.225f};
  at::Tensor values = patches.reshape({patches.size(0), -1, 3}).mul(at::tensor(deviation)).add(at::tensor(mean));
  return values.mul(255).round().clamp(0, 255).reshape(patches.sizes());
}

// sum_k x_k (k + 1) / n / n over the n values of each patch: a checksum that notices any reordering.
at::Tensor ramp_sums(const at::Tensor& patches) {
  const int64_t n = patches.size(-1);
  std::vector<double> ramp(static_cast<size_t>(n));
  for (int64_t k = 0; k < n; ++k) ramp[static_cast<size_t>(k)] = static_cast<double>(k + 1) / static_cast<double>(n);
  return patches.to(at::kDouble).mul(at::tensor(ramp, at::kDouble)).sum(-1).div(n);
}

// The number of the crop in the name of a tensor "<key>/crop<N><suffix>", if the file has one.
std::optional<int64_t> crop_in_name(const TensorFixture& tensors, const std::string& key, const std::string& suffix) {
  const std::string begin = key + "/crop";
  for (const auto& name : tensors.names()) {
    if (name.starts_with(begin) && name.ends_with(suffix)) return std::stoll(name.substr(begin.size()));
  }
  return std::nullopt;
}

void answer_tensors(TensorFixture& tensors, const std::string& key, const Picture& picture, const Json& ranges,
                    const ModelCase& model_case) {
  const PixelTolerances tolerances = pixel_tolerances(model_case);
  const int64_t num_crops = picture.crops.num_crops;
  tensors.answer(key + "/image_input_idx",
                 at::tensor(picture.tokens.feature_positions, at::kLong).view({num_crops, -1}));
  tensors.answer(key + "/image_masks", at::tensor(picture.crops.masks, at::kFloat).view({num_crops, -1}),
                 tolerances.masks);
  tensors.answer(key + "/patch_mean", picture.patches.mean(-1), tolerances.means);
  tensors.answer(key + "/patch_ramp", ramp_sums(picture.patches), tolerances.means);
  if (const auto crop = crop_in_name(tensors, key, "_f32_rows")) {
    tensors.answer(fmt::format("{}/crop{}_f32_rows", key, *crop), crop_rows(picture.patches[*crop], ranges),
                   tolerances.values);
  }
  if (const auto crop = crop_in_name(tensors, key, "_u8")) {
    const Tolerance one_level = {.outlier_share = 0.01, .outlier_absolute = 1};
    tensors.answer(fmt::format("{}/crop{}_u8", key, *crop),
                   to_8_bit(picture.patches[*crop], model_case.config().image_input.normalization), one_level);
  }
}

void answer_picture(const Place& place, const Picture& picture, const ModelCase& model_case) {
  const auto& crops = picture.crops;
  const PixelTolerances tolerances = pixel_tolerances(model_case);
  place.answer_field("decoded_hw", {picture.image.size.height, picture.image.size.width});
  place.answer_field("decoded_rgb_sha256", sha256_hex(picture.image.pixels));
  place.answer_field("tiling_hw", {crops.tiling.rows, crops.tiling.columns});
  place.answer_field("n_crops", crops.num_crops);
  place.answer_field("crops_shape", picture.patches.sizes().vec());
  place.answer_field("n_tokens", picture.tokens.ids.size());
  place.answer_field("token_rle", run_lengths(picture.tokens.ids));
  place.answer_field("global_min", picture.patches.min().item<float>(), tolerances.values);
  place.answer_field("global_max", picture.patches.max().item<float>(), tolerances.values);

  const auto prompt_ids = model_case.tokenizer().encode(CaseInputs(model_case).prompt("img_prompt"));
  auto layout =
      preprocess::lay_out_tokens(prompt_ids, std::span(&picture.tokens, 1), model_case.config().image_placeholder_id());
  layout.prepend(preprocess::bos_id(model_case.tokenizer()));
  place.answer_field("inference_input_ids_rle", run_lengths(layout.ids));
  place.answer_field("inference_len", layout.ids.size());
  // BOS stands in front of the picture's tokens.
  place.answer_field("inference_image_input_idx_offset",
                     std::ranges::max(layout.image_input_idx) - std::ranges::max(picture.tokens.feature_positions));
}

// One entry of the list of pictures. tensors: where the fixture has them.
void answer_listed(const Place& place, const Json& item, const ModelCase& model_case,
                   std::optional<TensorFixture>& tensors) {
  const auto name = item.at("image").get<std::string>();
  const auto max_crops = item.at("max_crops").get<int64_t>();
  if (max_crops < 1 || max_crops > kMostCrops)
    fail(ErrorCategory::BadData, "max_crops is {}, expected 1 to {}", max_crops, kMostCrops);
  const std::string key = fmt::format("mc{}/{}", max_crops, name);
  const Picture picture = prepare(model_case, name, max_crops);
  answer_picture(place, picture, model_case);
  place.answer_field("key", key);
  if (!tensors) return;
  // Which rows and which crop the tensors hold is an input; it is derived where it was emptied.
  const Json stored = item.value("f32_rows", Json());
  const bool is_stored = stored.is_object() && stored.contains("patches") && stored["patches"].is_array();
  const Json ranges = is_stored ? stored["patches"] : default_ranges(model_case.config().vision.num_patches());
  const auto rows_crop = crop_in_name(*tensors, key, "_f32_rows"), whole_crop = crop_in_name(*tensors, key, "_u8");
  if (rows_crop && item.contains("f32_rows"))
    place["f32_rows"].answer(Json::object({{"crop", *rows_crop}, {"patches", ranges}}));
  if (whole_crop && item.contains("u8_crop")) place["u8_crop"].answer(*whole_crop);
  answer_tensors(*tensors, key, picture, ranges, model_case);
}

}  // namespace

void answer_preprocess(Run& run, const std::filesystem::path& file) {
  const ModelCase& model_case = run.model_case(file);
  const std::filesystem::path tensor_file = file.parent_path() / "preprocess.safetensors";
  std::optional<TensorFixture> tensors;
  if (std::filesystem::exists(tensor_file)) tensors.emplace(run.report(), run.name(tensor_file), tensor_file);
  run.answer_json(file, [&](const Place& root, const Json& document) {
    root.answer_field("normalize", normalization_name(model_case.config().image_input.normalization));
    root.answer_field("resize_mode", resize_name(model_case.config().image_input));
    const Json& images = document.at("images");
    for (size_t i = 0; i < images.size(); ++i) {
      const Place place = root["images"][i];
      place.attempt([&] { answer_listed(place, images[i], model_case, tensors); });
    }
  });
  if (tensors) tensors->finish(run.output(tensor_file));
}

}  // namespace molmo::conformance
