// Rounding that knows its inputs: against a slow twin, and by what it does to outputs.
#include <ATen/TensorOperators.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/linalg_inv.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/outer.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/random.h"
#include "checkpoint/checkpoint.h"
#include "fixtures.h"
#include "model/linear.h"
#include "quantize/quantize_checkpoint.h"

namespace molmo::quantize {
namespace {

using kernels::PackedShape;
using kernels::PackedType;

at::Tensor random_matrix(at::IntArrayRef sizes, uint64_t seed) {
  RandomStream stream(seed, "calibration test");
  at::Tensor matrix = at::zeros(sizes, at::kFloat);
  float* values = matrix.mutable_data_ptr<float>();
  for (int64_t i = 0; i < matrix.numel(); ++i) values[i] = static_cast<float>(stream.normal());
  return matrix;
}

// Inputs of which a few directions make up most, as activations are. The same seed of the mixing, the same directions.
at::Tensor correlated_inputs(int64_t count, int64_t width, uint64_t seed) {
  const at::Tensor mixing = random_matrix({width / 4, width}, 1);
  return at::matmul(random_matrix({count, width / 4}, seed), mixing).add(random_matrix({count, width}, seed + 1), 0.5);
}

InputStatistics record(const std::string& name, const at::Tensor& weight, const at::Tensor& inputs) {
  const model::Weights weights{{name + ".weight", weight}};
  const model::Adapter no_adapter;
  const model::Linear linear(model::WeightScope(weights, no_adapter), name, weight.size(0), weight.size(1));
  InputRecorder recorder(weights);
  const model::ObserveInputs observe(recorder.observer());
  for (const at::Tensor& part : inputs.chunk(3)) linear.forward(part.unsqueeze(0));
  return recorder.statistics();
}

at::Tensor unpack(const at::Tensor& packed, const PackedShape& shape) {
  at::Tensor matrix = at::zeros({shape.out_features, shape.in_features});
  for (int64_t row = 0; row < shape.out_features; ++row) {
    kernels::read_packed_row(shape, packed.const_data_ptr<uint8_t>(), row,
                             matrix.mutable_data_ptr<float>() + row * shape.in_features);
  }
  return matrix;
}

double output_error(const at::Tensor& inputs, const at::Tensor& weight, const at::Tensor& found) {
  const at::Tensor expected = at::matmul(inputs, weight.t());
  return at::matmul(inputs, found.t()).sub(expected).norm().item<double>() / expected.norm().item<double>();
}

TEST(InputRecorder, SumsProductsInBlocks) {
  const at::Tensor inputs = correlated_inputs(50, 600, 3), weight = random_matrix({8, 600}, 4);
  const at::Tensor products =
      record("transformer.blocks.0.ff_proj", weight, inputs).at("transformer.blocks.0.ff_proj.weight");
  ASSERT_EQ(products.sizes(), at::IntArrayRef({2, 512, 512}));
  const at::Tensor expected = at::matmul(inputs.t(), inputs);
  // Sums of 50 products in float32.
  const double tolerance = 50 * 0x1p-24 * expected.abs().max().item<double>();
  const auto difference = [](const at::Tensor& one, const at::Tensor& two) {
    return one.sub(two).abs().max().item<double>();
  };
  EXPECT_LE(difference(products.select(0, 0), expected.narrow(0, 0, 512).narrow(1, 0, 512)), tolerance);
  const at::Tensor last = products.select(0, 1);
  EXPECT_LE(difference(last.narrow(0, 0, 88).narrow(1, 0, 88), expected.narrow(0, 512, 88).narrow(1, 512, 88)),
            tolerance);
  EXPECT_EQ(last.narrow(0, 88, 424).abs().max().item<double>(), 0);
  const std::string expert = "transformer.blocks.0.ffn.experts.7.up_proj";
  const at::Tensor squares = record(expert, weight, inputs).at(expert + ".weight");
  ASSERT_EQ(squares.sizes(), at::IntArrayRef({600, 1, 1}));
  EXPECT_LE(difference(squares.flatten(), expected.diagonal()), tolerance);
  EXPECT_TRUE(record("transformer.wte", weight, inputs).empty());
}

TEST(InputRecorder, ObserversEndWithTheirScope) {
  const at::Tensor weight = random_matrix({4, 32}, 5), x = random_matrix({2, 32}, 6);
  const model::Linear linear{model::Matrix(weight)};
  int num_outer = 0, num_inner = 0;
  const model::ObserveInputs outer([&](const at::Tensor& seen, const at::Tensor& input) {
    EXPECT_TRUE(seen.is_same(weight) && input.is_same(x));
    ++num_outer;
  });
  {
    const model::ObserveInputs inner([&](const at::Tensor&, const at::Tensor&) { ++num_inner; });
    linear.forward(x);
  }
  linear.forward(x);
  EXPECT_EQ(num_inner, 1);
  EXPECT_EQ(num_outer, 1);
}

// Optimal brain quantisation as its paper writes it: after each column the inverse of H loses that column.
TEST(ErrorFeedback, EqualsTheSlowTwin) {
  const int64_t width = 40;
  const at::Tensor inputs = correlated_inputs(300, width, 7), weight = random_matrix({5, width}, 8);
  const at::Tensor products =
      record("transformer.blocks.0.ff_proj", weight, inputs).at("transformer.blocks.0.ff_proj.weight");
  const ErrorFeedback feedback = make_feedback(products, width);
  const at::Tensor hessian = products.select(0, 0).narrow(0, 0, width).narrow(1, 0, width).to(at::kDouble);
  const at::Tensor inverse =
      at::linalg_inv(hessian + at::eye(width, at::kDouble) * (0.01 * hessian.diagonal().mean().item<double>()));
  for (int64_t row = 0; row < weight.size(0); ++row) {
    const float* values = weight.const_data_ptr<float>() + row * width;
    FeedbackQuantizer quantizer(PackedType::Q8, width, feedback);
    const kernels::PackedRow found = quantizer.quantize({values, static_cast<size_t>(width)});
    at::Tensor left = weight.select(0, row).to(at::kDouble) / found.row_scale, rest = inverse.clone();
    for (int64_t k = 0; k < width; ++k) {
      const double value = left.select(0, k).item<double>(), pivot = rest.select(0, k).select(0, k).item<double>();
      const double code = std::nearbyint(std::min(127.0, std::max(-127.0, value)));
      ASSERT_EQ(found.codes[k], code) << "row " << row << ", column " << k << ": " << value;
      left = left - rest.select(0, k) * ((value - code) / pivot);
      rest = rest - at::outer(rest.select(1, k), rest.select(0, k)) / pivot;
    }
  }
}

TEST(ErrorFeedback, KeepsOutputsCloserThanRoundingAlone) {
  for (const int64_t width : {192, 600}) {
    const at::Tensor inputs = correlated_inputs(2000, width, 9), held_out = correlated_inputs(500, width, 11);
    const at::Tensor weight = random_matrix({24, width}, 12);
    const at::Tensor products =
        record("transformer.blocks.0.ff_proj", weight, inputs).at("transformer.blocks.0.ff_proj.weight");
    for (const PackedType type : {PackedType::Q8, PackedType::Q4}) {
      const PackedShape shape{type, 24, width};
      const double plain = output_error(held_out, weight, unpack(pack(weight, type), shape));
      const double calibrated =
          output_error(held_out, weight, unpack(pack(weight, type, make_feedback(products, width)), shape));
      EXPECT_LT(calibrated, 0.75 * plain) << width << " columns, " << plain << " without";
    }
  }
}

TEST(ErrorFeedback, ColumnsThatMatterAloneAreWeighted) {
  const at::Tensor weight = random_matrix({16, 320}, 13);
  at::Tensor inputs = random_matrix({400, 320}, 14);
  inputs.narrow(1, 0, 20).mul_(10);
  const std::string expert = "transformer.blocks.0.ffn.experts.0.up_proj";
  const ErrorFeedback feedback = make_feedback(record(expert, weight, inputs).at(expert + ".weight"), 320);
  EXPECT_TRUE(feedback.shares.empty());
  const PackedShape shape{PackedType::Q4, 16, 320};
  EXPECT_LT(output_error(inputs, weight, unpack(pack(weight, PackedType::Q4, feedback), shape)),
            0.95 * output_error(inputs, weight, unpack(pack(weight, PackedType::Q4), shape)));
  EXPECT_TRUE(make_feedback(at::zeros({1, 512, 512}), 320).importance.empty());  // never used: nothing is known
}

// A whole model: its logits on other texts than those that it was calibrated on.
TEST(ErrorFeedback, KeepsTheLogitsOfAModelCloser) {
  const auto original = checkpoint::Checkpoint::open(test::checkpoint_path("P1-qwen2-clip"));
  const model::Weights weights = original.load_weights();
  const auto logits = [&](const model::Weights& used, uint64_t seed) {
    RandomStream stream(seed, "tokens");
    at::Tensor ids = at::zeros({4, 200}, at::kLong);
    for (int64_t i = 0; i < ids.numel(); ++i)
      ids.mutable_data_ptr<int64_t>()[i] = static_cast<int64_t>(stream.below(700));
    const model::Molmo molmo(original.config(), used);
    return molmo.logits(molmo.decode(molmo.embed(ids, {}, {}), {}));
  };
  InputRecorder recorder(weights);
  {
    const model::ObserveInputs observe(recorder.observer());
    logits(weights, 1);
  }
  EXPECT_EQ(recorder.statistics().size(), 4u * 3 + 1);  // the linear layers of three blocks, and the head
  const test::TemporaryFolder folder;
  QuantizeOptions options;
  options.types = default_types(PackedType::Q4);
  quantize_checkpoint(original.folder(), folder.path() / "plain", options);
  options.statistics = [&] { return recorder.statistics(); };
  quantize_checkpoint(original.folder(), folder.path() / "calibrated", options);
  const at::Tensor expected = logits(weights, 2);
  const auto error = [&](const char* name) {
    const auto quantised = checkpoint::Checkpoint::open(folder.path() / name).load_weights({DType::F32});
    return (logits(quantised, 2).sub(expected).norm() / expected.norm()).item<double>();
  };
  EXPECT_LT(error("calibrated"), error("plain"));
}

}  // namespace
}  // namespace molmo::quantize
