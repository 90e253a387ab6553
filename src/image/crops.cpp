#include "image/crops.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>

#include "base/large_pages.h"
#include "base/threads.h"
#include "image/crop_grid.h"
#include "image/resize.h"

namespace molmo::image {
namespace {

using config::ModelConfig;
using config::PixelNormalization;
using config::Quirks;

// One row of the canvas at a time is normalized and cut into patches, for a band of rows per task.
constexpr int64_t kRowsPerTask = 56;

Normalization normalization_of(PixelNormalization kind) {
  switch (kind) {
    case PixelNormalization::Clip:
      return {{0.48145466f, 0.4578275f, 0.40821073f}, {0.26862954f, 0.26130258f, 0.27577711f}};
    case PixelNormalization::ImageNet:
      return {{0.485f, 0.456f, 0.406f}, {0.229f, 0.224f, 0.225f}};
    case PixelNormalization::SigLip:
      break;
  }
  return {{0.5f, 0.5f, 0.5f}, {0.5f, 0.5f, 0.5f}};
}

// Copies one row of a canvas to the patches of all crops that hold it.
void scatter_row(const CropGrid& grid, int64_t y, const float* row, float* patches) {
  const int64_t segment = grid.patch * 3, patch_dim = grid.patch * segment;
  const int64_t crop_dim = grid.patches_per_crop() * patch_dim;
  for (int64_t i = std::min(y / grid.window, grid.tiling.rows - 1); i >= 0 && y - i * grid.window < grid.crop.height;
       --i) {
    const int64_t crop_y = y - i * grid.window;
    const int64_t offset = crop_y / grid.patch * grid.patch_columns() * patch_dim + crop_y % grid.patch * segment;
    for (int64_t j = 0; j < grid.tiling.columns; ++j) {
      float* to = patches + (i * grid.tiling.columns + j) * crop_dim + offset;
      const float* from = row + j * grid.window * 3;
      for (int64_t column = 0; column < grid.patch_columns(); ++column, to += patch_dim, from += segment) {
        std::memcpy(to, from, segment * sizeof(float));
      }
    }
  }
}

// Resizes the picture onto the grid's canvas and writes its normalized patches: [num_crops, patches_per_crop,
// patch_dim].
Placement write_patches(const Image& image, const CropGrid& grid, const config::ImageInputConfig& config,
                        float* patches) {
  const ImageSize canvas = grid.canvas();
  const Placement placement = place(image.size, canvas, config.resize_mode);
  const Normalization normalization = normalization_of(config.normalization);
  const Resizer resizer(image, placement.size, config.resize_mode, normalization);
  std::vector<float> padding(canvas.width * 3);
  for (size_t i = 0; i < padding.size(); ++i) {
    padding[i] = (static_cast<float>(config.pad_value) - normalization.mean[i % 3]) / normalization.deviation[i % 3];
  }

  parallel_for(canvas.height, kRowsPerTask, [&](int64_t begin, int64_t end) {
    const int64_t first = std::clamp(placement.top, begin, end);
    const int64_t last = std::clamp(placement.top + placement.size.height, begin, end);
    for (int64_t y = begin; y < first; ++y) scatter_row(grid, y, padding.data(), patches);
    std::vector<float> row = padding;
    resizer.resize_rows(first - placement.top, last - placement.top, row.data() + placement.left * 3,
                        [&](int64_t y) { scatter_row(grid, y + placement.top, row.data(), patches); });
    for (int64_t y = last; y < end; ++y) scatter_row(grid, y, padding.data(), patches);
  });
  return placement;
}

// Pixels of [begin, begin + count) that lie in [0, size).
int64_t overlap(int64_t begin, int64_t count, int64_t size) {
  return std::max<int64_t>(std::min(begin + count, size) - std::max<int64_t>(begin, 0), 0);
}

// Appends the share of each patch that is picture: [num_crops, patches_per_crop].
void append_masks(const CropGrid& grid, const Placement& placement, std::vector<float>& masks) {
  const float patch_pixels = static_cast<float>(grid.patch * grid.patch);
  for (int64_t i = 0; i < grid.tiling.rows; ++i) {
    for (int64_t j = 0; j < grid.tiling.columns; ++j) {
      for (int64_t y = 0; y < grid.crop.height; y += grid.patch) {
        const int64_t height = overlap(i * grid.window + y - placement.top, grid.patch, placement.size.height);
        for (int64_t x = 0; x < grid.crop.width; x += grid.patch) {
          const int64_t width = overlap(j * grid.window + x - placement.left, grid.patch, placement.size.width);
          masks.push_back(static_cast<float>(height * width) / patch_pixels);
        }
      }
    }
  }
}

// One axis of the grid of image tokens: what each crop contributes when overlaps are counted once.
struct TokenAxis {
  std::vector<int64_t> first;     // [crops], the crop's first token of its own
  std::vector<int64_t> count;     // [crops], tokens of its own
  std::vector<int64_t> position;  // [crops], place of the first one on the whole axis
  int64_t size = 0;               // tokens of the whole axis
};

TokenAxis make_token_axis(int64_t num_crops, int64_t num_patches, int64_t pooling,
                          const std::array<int64_t, 2>& margins) {
  const auto [left, right] = margins;
  TokenAxis axis;
  for (int64_t i = 0; i < num_crops; ++i) {
    const bool is_first = i == 0, is_last = i == num_crops - 1;
    const int64_t patches = num_patches - (is_first ? 0 : left) - (is_last ? 0 : right);
    axis.first.push_back(is_first ? 0 : left / pooling);
    axis.count.push_back((patches + pooling - 1) / pooling);
    axis.position.push_back(axis.size);
    axis.size += axis.count.back();
  }
  return axis;
}

// Appends the places of a high-resolution grid's tokens, which run in reading order over the whole picture.
void append_token_index(const TokenAxis& rows, const TokenAxis& columns, const std::array<int64_t, 2>& token_grid,
                        ImageCrops& crops) {
  const int64_t start = crops.low_resolution_rows * crops.low_resolution_columns;
  for (int64_t i = 0; i < crops.tiling.rows; ++i) {
    for (int64_t j = 0; j < crops.tiling.columns; ++j) {
      for (int64_t y = 0; y < token_grid[0]; ++y) {
        for (int64_t x = 0; x < token_grid[1]; ++x) {
          const int64_t own_y = y - rows.first[i], own_x = x - columns.first[j];
          const bool is_own = own_y >= 0 && own_y < rows.count[i] && own_x >= 0 && own_x < columns.count[j];
          const int64_t place = start + (rows.position[i] + own_y) * columns.size + columns.position[j] + own_x;
          crops.token_index.push_back(is_own ? static_cast<int32_t>(place) : -1);
        }
      }
    }
  }
}

void add_high_resolution(const Image& image, const ModelConfig& config, const CropGrid& grid, Quirks quirks,
                         ImageCrops& crops) {
  const int64_t crop_dim = grid.patches_per_crop() * config.vision.patch_dim();
  const Placement placement = write_patches(image, grid, config.image_input, crops.patches.get() + crop_dim);
  // The reference forgets the low-resolution crop: every mask stands one crop too early, and the last crop has none.
  if (quirks == Quirks::Reference) crops.masks.clear();
  append_masks(grid, placement, crops.masks);
  if (quirks == Quirks::Reference) crops.masks.insert(crops.masks.end(), grid.patches_per_crop(), -1.0f);

  const auto patch_grid = config.vision.patch_grid();
  const auto& pooling = config.connector.pooling_window;
  const auto& margins = config.image_input.overlap_margins;
  const TokenAxis rows = make_token_axis(grid.tiling.rows, patch_grid[0], pooling[0], margins);
  const TokenAxis columns = make_token_axis(grid.tiling.columns, patch_grid[1], pooling[1], margins);
  crops.tiling = grid.tiling;
  append_token_index(rows, columns, config.token_grid(), crops);
  crops.rows = rows.size;
  crops.columns = columns.size;
}

// Not initialized. Crops are tens of megabytes that are written once: page faults would cost as much as the resize.
std::shared_ptr<float[]> allocate_floats(int64_t count) {
  const auto memory = allocate_on_large_pages(static_cast<size_t>(count) * sizeof(float), "crops");
  return {memory, reinterpret_cast<float*>(memory.get())};
}

}  // namespace

ImageCrops make_crops(const Image& image, const ModelConfig& config, Quirks quirks) {
  const auto token_grid = config.token_grid();
  const auto [low, high] = crop_grids(image.size, config);

  ImageCrops crops;
  crops.num_crops = 1 + high.num_crops();
  crops.tiling = {0, 0};
  crops.patches = allocate_floats(crops.num_crops * low.patches_per_crop() * config.vision.patch_dim());
  append_masks(low, write_patches(image, low, config.image_input, crops.patches.get()), crops.masks);
  crops.low_resolution_rows = token_grid[0];
  crops.low_resolution_columns = token_grid[1];
  for (int64_t i = 0; i < token_grid[0] * token_grid[1]; ++i) crops.token_index.push_back(static_cast<int32_t>(i));
  if (high.num_crops() > 0) add_high_resolution(image, config, high, quirks, crops);
  return crops;
}

}  // namespace molmo::image
