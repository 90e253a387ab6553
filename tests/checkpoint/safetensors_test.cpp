#include "checkpoint/safetensors.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "checkpoint/safetensors_header.h"
#include "checkpoint/tensor_dtype.h"
#include "fixtures.h"

namespace molmo::checkpoint {
namespace {

using ::testing::HasSubstr;

TEST(Safetensors, ReadsTheGoldenTensorsAsTheirManifestSays) {
  int num_files = 0;
  for (const std::string& name : test::model_cases()) {
    const Json files = read_json_file(test::fixture_path("model/" + name + "/expected.json")).at("files");
    for (const auto& [path, manifest] : files.items()) {
      // The copies of the other files are shortened.
      const bool is_whole = path.starts_with("forward/") || path.starts_with("hf");
      if (!path.ends_with(".safetensors") || !is_whole || !test::has_fixture("model/" + name + "/" + path)) continue;
      ++num_files;
      const SafetensorsFile file = SafetensorsFile::open(test::fixture_path("model/" + name + "/" + path));
      const Json expected = manifest.at("tensors");
      ASSERT_EQ(file.entries().size(), expected.size()) << name << "/" << path;
      for (const auto& [key, type_and_shape] : expected.items()) {
        const at::Tensor tensor = file.tensor(key);
        EXPECT_EQ(safetensors_dtype_name(to_dtype(tensor.scalar_type())), type_and_shape[0].get<std::string>()) << key;
        EXPECT_EQ(tensor.sizes().vec(), type_and_shape[1].get<std::vector<int64_t>>()) << key;
      }
    }
  }
  EXPECT_GE(num_files, 12);
}

TEST(Safetensors, GivesViewsThatOutliveTheFile) {
  test::TemporaryFolder folder;
  const auto path = folder.path() / "a.safetensors";
  write_safetensors(path, {{"x", at::arange(6, at::kFloat).reshape({2, 3})}, {"y", at::full({4}, 7, at::kLong)}},
                    {{"format", "pt"}});
  at::Tensor x;
  {
    const SafetensorsFile file = SafetensorsFile::open(path);
    EXPECT_EQ(file.metadata().at("format"), "pt");
    x = file.tensor("x");
    EXPECT_EQ(x.const_data_ptr(), file.tensor("x").const_data_ptr());  // no copy
    EXPECT_TRUE(at::equal(file.tensor("y"), at::full({4}, 7, at::kLong)));
  }
  std::filesystem::remove(path);
  EXPECT_TRUE(at::equal(x, at::arange(6, at::kFloat).reshape({2, 3})));
}

TEST(Safetensors, RoundTripsEveryElementTypeAligned) {
  test::TemporaryFolder folder;
  const auto path = folder.path() / "a.safetensors";
  std::map<std::string, at::Tensor> tensors;
  for (const auto& row : EnumNames<DType>::kValues) {
    tensors[std::string(row.name)] = at::arange(3).remainder(2).to(to_scalar_type(row.value));
  }
  tensors["scalar"] = at::full({}, 2.5, at::kDouble);
  tensors["empty"] = at::empty({0, 5}, at::kHalf);
  write_safetensors(path, tensors);
  const SafetensorsFile file = SafetensorsFile::open(path);
  ASSERT_EQ(file.entries().size(), tensors.size());
  for (const auto& [name, tensor] : tensors) {
    EXPECT_TRUE(at::equal(file.tensor(name), tensor)) << name;
    EXPECT_EQ(file.entries().at(name).offset % dtype_bytes(file.entries().at(name).dtype), 0) << name;
  }
}

TEST(Safetensors, CopiesWhatIsNotAligned) {
  test::TemporaryFolder folder;
  const auto path = folder.path() / "a.safetensors";
  const std::string header =
      R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"F32","shape":[1],"data_offsets":[1,5]}})";
  const uint64_t header_bytes = header.size();
  const float value = 1.5f;
  std::ofstream(path, std::ios::binary)
      .write(reinterpret_cast<const char*>(&header_bytes), 8)
      .write(header.data(), header.size())
      .put('\1')
      .write(reinterpret_cast<const char*>(&value), 4);
  const at::Tensor tensor = SafetensorsFile::open(path).tensor("b");
  EXPECT_EQ(reinterpret_cast<uintptr_t>(tensor.const_data_ptr()) % 4, 0u);
  EXPECT_EQ(tensor.item<float>(), 1.5f);
}

TEST(Safetensors, UnknownNameIsAnErrorThatHelps) {
  test::TemporaryFolder folder;
  const auto path = folder.path() / "a.safetensors";
  write_safetensors(path, {{"ln_f.weight", at::arange(3)}});
  try {
    SafetensorsFile::open(path).tensor("ln_f.wieght");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.category(), ErrorCategory::NotFound);
    EXPECT_THAT(error.what(), HasSubstr("Did you mean 'ln_f.weight'?"));
  }
}

TEST(Safetensors, AFailedWriteLeavesNothingBehind) {
  test::TemporaryFolder folder;
  const auto path = folder.path() / "a.safetensors";
  const std::vector<std::pair<std::string, TensorEntry>> entries = {{"x", {DType::F32, {2, 3}}}};
  EXPECT_THROW(write_safetensors(path, entries, {}, [](const std::string&) { return at::arange(6, at::kFloat); }),
               Error);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

}  // namespace
}  // namespace molmo::checkpoint
