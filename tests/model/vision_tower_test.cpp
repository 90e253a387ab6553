#include "model/vision_tower.h"

#include <ATen/ops/cat.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "golden_case.h"
#include "model/position_table.h"
#include "slow_twin.h"
#include "tiny_model.h"

namespace molmo::model {
namespace {

using test::Row;
using test::Rows;

// Antialiased cubic resampling (a = -0.5) of one line: every output is the weighted mean of the inputs below a kernel
// that widens when the line shrinks.
Row slow_resample(const Row& line, int64_t size) {
  const auto kernel = [](double x) {
    x = std::abs(x);
    if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
    if (x < 2) return ((-0.5 * x + 2.5) * x - 4) * x + 2;
    return 0.0;
  };
  const double scale = static_cast<double>(line.size()) / static_cast<double>(size), width = std::max(scale, 1.0);
  Row out;
  for (int64_t i = 0; i < size; ++i) {
    const double centre = scale * (static_cast<double>(i) + 0.5);
    double sum = 0, total = 0;
    for (size_t j = 0; j < line.size(); ++j) {
      const double weight = kernel((static_cast<double>(j) + 0.5 - centre) / width);
      sum += weight * line[j];
      total += weight;
    }
    out.push_back(sum / total);
  }
  return out;
}

// table: [side * side, width] -> [rows * columns][width].
Rows slow_interpolate(const at::Tensor& table, int64_t side, int64_t rows, int64_t columns) {
  const Rows from = test::to_rows(table);
  Rows to(rows * columns, Row(from[0].size()));
  for (size_t channel = 0; channel < from[0].size(); ++channel) {
    Rows wide;  // [side][columns]
    for (int64_t row = 0; row < side; ++row) {
      Row line;
      for (int64_t column = 0; column < side; ++column) line.push_back(from[row * side + column][channel]);
      wide.push_back(slow_resample(line, columns));
    }
    for (int64_t column = 0; column < columns; ++column) {
      Row line;
      for (int64_t row = 0; row < side; ++row) line.push_back(wide[row][column]);
      const Row resampled = slow_resample(line, rows);
      for (int64_t row = 0; row < rows; ++row) to[row * columns + column][channel] = resampled[row];
    }
  }
  return to;
}

TEST(PositionTable, EqualsPlainResamplingOnEveryGrid) {
  const at::Tensor table = test::random_tensor({25, 6}, 1);
  for (const auto& [rows, columns] : {std::pair{7, 7}, {3, 3}, {2, 9}, {12, 5}, {1, 4}}) {
    const at::Tensor actual = positions_for_grid(table, rows, columns);
    const Rows slow = slow_interpolate(table, 5, rows, columns);
    ASSERT_EQ(actual.sizes(), (std::vector<int64_t>{rows * columns, 6}));
    for (size_t i = 0; i < slow.size(); ++i) {
      test::expect_close(actual[static_cast<int64_t>(i)], at::tensor(slow[i], at::kDouble), 1e-5, "position");
    }
  }
  EXPECT_TRUE(positions_for_grid(table, 5, 5).is_same(table));
  EXPECT_THROW(positions_for_grid(table.slice(0, 1), 5, 5), Error);
}

class VisionTowerTest : public testing::Test {
 protected:
  std::vector<at::Tensor> block_outputs(const std::vector<int64_t>& layers) const {
    return VisionTower(WeightScope(weights_, none_).child("vision_backbone.image_vit"), config_.vision, layers)
        .block_outputs(patches_, layers);
  }

  config::ModelConfig config_ = test::tiny_config();
  Weights weights_ = test::random_weights(config_);
  const Adapter none_;
  at::Tensor patches_ = test::random_tensor({2, 16, 12}, 3);
};

TEST_F(VisionTowerTest, InterpolatesItsPositions) {
  const std::string name = "vision_backbone.image_vit.positional_embedding";
  config_.vision.num_positions = 26;
  weights_[name] = test::random_tensor({26, config_.vision.width}, 4);
  const at::Tensor interpolated = block_outputs({0})[0];
  const at::Tensor table = weights_[name];
  weights_[name] = at::cat({table.narrow(0, 0, 1), positions_for_grid(table.slice(0, 1), 4, 4)});
  config_.vision.num_positions = 17;
  test::expect_close(block_outputs({0})[0], interpolated, 0, "block output");
}

TEST_F(VisionTowerTest, NeedsNoWeightsBehindTheLastUsedBlock) {
  const at::Tensor expected = block_outputs({-2})[0];
  std::erase_if(weights_, [](const auto& row) { return row.first.find("resblocks.2") != std::string::npos; });
  test::expect_close(block_outputs({-2})[0], expected, 0, "block output");
  EXPECT_THROW(block_outputs({-1}), Error);
  EXPECT_THROW(block_outputs({3}), Error);
  EXPECT_THROW(block_outputs({-4}), Error);
}

TEST_F(VisionTowerTest, GivesLayersInTheOrderAskedFor) {
  const auto outputs = block_outputs({2, 0, -1});
  ASSERT_EQ(outputs.size(), 3u);
  test::expect_close(outputs[0], outputs[2], 0, "last block twice");
  EXPECT_GT((outputs[0] - outputs[1]).abs().max().item<double>(), 0.1);
}

TEST_F(VisionTowerTest, GivesZerosForCropsThatAreAllMinusOne) {
  const Molmo molmo(config_, weights_);
  at::Tensor images = patches_.unsqueeze(0).clone();
  const at::Tensor alone = molmo.vision_features(images.narrow(1, 1, 1));
  images[0][0].fill_(-1);
  const at::Tensor features = molmo.vision_features(images);
  EXPECT_EQ(features[0][0].abs().max().item<double>(), 0);
  test::expect_close(features[0][1], alone[0][0], 1e-6, "the other crop");
  images[0][0][3][4] = -0.5;
  EXPECT_GT(molmo.vision_features(images)[0][0].abs().max().item<double>(), 0.1);
  images.fill_(-1);
  EXPECT_EQ(molmo.vision_features(images).abs().max().item<double>(), 0);
}

}  // namespace
}  // namespace molmo::model
