// Every version of the inner loops that this CPU can run against the scalar one, and the rules of the resize that need
// no golden numbers.
#include "image/resize.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>

#include "base/cpu_features.h"
#include "base/random.h"
#include "base/threads.h"
#include "image/resize_kernels.h"

namespace molmo::image {
namespace {

struct Version {
  std::string name;
  const ResizeKernels* kernels;
};

std::vector<Version> versions() {
  std::vector<Version> found = {{"chosen", &resize_kernels()}};
#if defined(__x86_64__)
  if (cpu_features().avx2) found.push_back({"avx2", &kResizeAvx2});
  if (cpu_features().avx512) found.push_back({"avx512", &kResizeAvx512});
#endif
  return found;
}

constexpr int64_t kWidths[] = {1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 33, 100, 336};

std::vector<float> random_floats(int64_t count, double low, double high) {
  RandomStream random(7, "resize_test", count);
  std::vector<float> values(count);
  for (float& value : values) value = static_cast<float>(low + (high - low) * random.uniform());
  return values;
}

std::vector<uint8_t> random_bytes(int64_t count) {
  RandomStream random(8, "resize_test", count);
  std::vector<uint8_t> values(count);
  for (uint8_t& value : values) value = static_cast<uint8_t>(random.next());
  return values;
}

// A row with room for what the loops may touch behind it.
std::vector<float> output_row(int64_t width) {
  return std::vector<float>(width * 3 + kRowPadding);
}

void expect_equal_rows(const std::vector<float>& found, const std::vector<float>& expected, int64_t width,
                       const std::string& what) {
  for (int64_t i = 0; i < width * 3; ++i)
    ASSERT_EQ(found[i], expected[i]) << what << ", width " << width << ", value " << i;
}

TEST(ResizeKernels, ConvertRowDividesEveryByteExactly) {
  std::vector<uint8_t> bytes(256 + 3);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i);
  for (const Version& version : versions()) {
    for (const float divisor : {1.0f, 255.0f}) {
      for (int64_t count = 1; count <= static_cast<int64_t>(bytes.size()); count += 17) {
        std::vector<float> row(count + kRowPadding);
        version.kernels->convert_row(bytes.data(), count, divisor, row.data());
        for (int64_t i = 0; i < count; ++i) ASSERT_EQ(row[i], static_cast<float>(bytes[i]) / divisor) << version.name;
      }
    }
  }
}

TEST(ResizeKernels, ResampleColumnsEqualsScalar) {
  for (const Version& version : versions()) {
    for (const int64_t input_width : kWidths) {
      std::vector<float> input = random_floats(input_width * 3 + kRowPadding, 0, 255);
      for (const int64_t width : kWidths) {
        for (const ResizeAxis& axis :
             {antialiased_linear_axis(input_width, width), antialiased_cubic_axis(input_width, width)}) {
          std::vector<float> found = output_row(width), expected = output_row(width);
          const auto run = [&](const ResizeKernels& kernels, std::vector<float>& out) {
            kernels.resample_columns(input.data(), axis.first.data(), axis.num_taps.data(), axis.weights.data(),
                                     axis.max_taps, width, out.data());
          };
          run(*version.kernels, found);
          run(kResizeScalar, expected);
          expect_equal_rows(found, expected, width, version.name);
        }
      }
    }
  }
}

TEST(ResizeKernels, CombineRowsEqualsScalar) {
  for (const Version& version : versions()) {
    for (const int64_t width : kWidths) {
      for (int64_t num_rows = 1; num_rows <= 14; ++num_rows) {
        const int64_t stride = width * 3 + kRowPadding;
        const std::vector<float> values = random_floats(num_rows * stride, -1, 255),
                                 weights = random_floats(num_rows, -0.1, 0.5);
        std::vector<const float*> rows;
        for (int64_t t = 0; t < num_rows; ++t) rows.push_back(values.data() + t * stride);
        std::vector<float> found = output_row(width), expected = output_row(width);
        version.kernels->combine_rows(rows.data(), weights.data(), num_rows, width * 3, found.data());
        kResizeScalar.combine_rows(rows.data(), weights.data(), num_rows, width * 3, expected.data());
        expect_equal_rows(found, expected, width, version.name + ", rows " + std::to_string(num_rows));
      }
    }
  }
}

TEST(ResizeKernels, BlendRowsEqualsScalar) {
  for (const Version& version : versions()) {
    for (const int64_t input_width : kWidths) {
      const std::vector<float> upper = random_floats(input_width * 3 + kRowPadding, 0, 255);
      const std::vector<float> lower = random_floats(input_width * 3 + kRowPadding + 1, 0, 255);
      for (const int64_t width : kWidths) {
        const ResizeAxis axis = linear_axis(input_width, width);
        const float row_weights[2] = {0.3f, 0.7f};
        std::vector<float> found = output_row(width), expected = output_row(width);
        const auto run = [&](const ResizeKernels& kernels, std::vector<float>& out) {
          kernels.blend_rows(upper.data(), lower.data(), row_weights, axis.first.data(), axis.num_taps.data(),
                             axis.weights.data(), width, out.data());
        };
        run(*version.kernels, found);
        run(kResizeScalar, expected);
        expect_equal_rows(found, expected, width, version.name);
      }
    }
  }
}

TEST(ResizeKernels, FinishRowEqualsScalarAndStopsAtTheEnd) {
  const float mean[3] = {0.48f, 0.45f, 0.4f}, deviation[3] = {0.26f, 0.27f, 0.28f};
  for (const Version& version : versions()) {
    for (const int64_t width : kWidths) {
      for (const bool has_levels : {false, true}) {
        std::vector<float> input =
            has_levels ? random_floats(width * 3, -20, 280) : random_floats(width * 3, -0.2, 1.2);
        if (has_levels && width > 2) input[0] = 0.5f, input[1] = 1.5f, input[2] = 254.5f;  // ties go to the even level
        constexpr float kUntouched = 12345;
        std::vector<float> found(width * 3 + 50, kUntouched), expected = found;
        version.kernels->finish_row(input.data(), width, has_levels, mean, deviation, found.data());
        kResizeScalar.finish_row(input.data(), width, has_levels, mean, deviation, expected.data());
        EXPECT_EQ(found, expected) << version.name << ", width " << width;
        EXPECT_EQ(found[width * 3], kUntouched) << version.name;
      }
    }
  }
}

TEST(ResizeAxis, WeightsAreAPartitionOfOne) {
  for (const int64_t input_size : {1, 2, 3, 10, 99, 1000, 20000}) {
    for (const int64_t output_size : {1, 2, 5, 28, 336, 1008}) {
      for (const ResizeAxis& axis :
           {antialiased_linear_axis(input_size, output_size), antialiased_cubic_axis(input_size, output_size),
            linear_axis(input_size, output_size)}) {
        for (int64_t i = 0; i < output_size; ++i) {
          ASSERT_GE(axis.first[i], 0);
          ASSERT_GE(axis.num_taps[i], 1);
          ASSERT_LE(axis.first[i] + axis.num_taps[i], input_size);
          double sum = 0;
          for (int64_t t = 0; t < axis.max_taps; ++t) sum += axis.weights[i * axis.max_taps + t];
          ASSERT_NEAR(sum, 1, 1e-5) << input_size << " to " << output_size << " at " << i;
        }
      }
    }
  }
}

TEST(Resizer, ConstantPicturesStayConstant) {
  const Image image{{37, 53}, std::vector<uint8_t>(37 * 53 * 3, 51)};
  for (const auto mode :
       {config::ResizeMode::PadBilinear, config::ResizeMode::StretchBilinear, config::ResizeMode::StretchBicubic}) {
    std::vector<float> row(61 * 3);
    Resizer(image, {20, 61}, mode).resize_rows(0, 20, row.data(), [&](int64_t) {
      for (float value : row) ASSERT_NEAR(value, 0.2f, 1e-6f);
    });
  }
}

TEST(Resizer, EqualSizesCopy) {
  const Image image{{9, 14}, random_bytes(9 * 14 * 3)};
  for (const auto mode :
       {config::ResizeMode::PadBilinear, config::ResizeMode::StretchBilinear, config::ResizeMode::StretchBicubic}) {
    std::vector<float> row(14 * 3);
    Resizer(image, image.size, mode).resize_rows(0, 9, row.data(), [&](int64_t y) {
      for (size_t i = 0; i < row.size(); ++i) ASSERT_EQ(row[i], static_cast<float>(image.pixels[y * 14 * 3 + i]) / 255);
    });
  }
}

TEST(Resizer, BandsEqualTheWhole) {
  const Image image{{91, 40}, random_bytes(91 * 40 * 3)};
  for (const auto mode :
       {config::ResizeMode::PadBilinear, config::ResizeMode::StretchBilinear, config::ResizeMode::StretchBicubic}) {
    const Resizer resizer(image, {50, 33}, mode);
    std::vector<float> row(33 * 3), whole;
    const auto append = [&](std::vector<float>& to) {
      return [&](int64_t) { to.insert(to.end(), row.begin(), row.end()); };
    };
    resizer.resize_rows(0, 50, row.data(), append(whole));
    std::vector<float> bands;
    for (int64_t begin = 0; begin < 50; begin += 7)
      resizer.resize_rows(begin, std::min<int64_t>(begin + 7, 50), row.data(), append(bands));
    EXPECT_EQ(bands, whole);
  }
}

TEST(FitSize, KeepsTheRatioAndTruncates) {
  EXPECT_EQ(fit_size({1500, 2000}, {336, 336}), (ImageSize{252, 336}));
  EXPECT_EQ(fit_size({10, 10000}, {336, 336}), (ImageSize{0, 336}));
}

}  // namespace
}  // namespace molmo::image
