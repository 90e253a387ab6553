#include "quantize/quantize_checkpoint.h"

#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "base/error.h"
#include "base/fields.h"
#include "base/file.h"
#include "base/json.h"
#include "base/threads.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/safetensors.h"
#include "fixtures.h"

namespace molmo::quantize {
namespace {

namespace fs = std::filesystem;
using checkpoint::Checkpoint;
using checkpoint::StoredType;
using kernels::PackedType;
using ::testing::AllOf;
using ::testing::HasSubstr;

QuantizeOptions options_of(PackedType type) {
  QuantizeOptions options;
  options.types = default_types(type);
  return options;
}

// Relative to the matrix itself.
double relative_error(const at::Tensor& expected, const at::Tensor& found) {
  return found.sub(expected).norm().item().toDouble() / expected.norm().item().toDouble();
}

std::map<std::string, std::string> files_in(const fs::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::directory_iterator(folder)) files[entry.path().filename()] = read_file(entry.path());
  return files;
}

TEST(QuantizeCheckpoint, PacksEveryMatrixOfEveryModel) {
  for (const std::string& name : test::model_cases()) {
    for (const PackedType type : {PackedType::Q8, PackedType::Q4}) {
      const test::TemporaryFolder folder;
      const fs::path input = test::checkpoint_path(name), output = folder.path() / "out";
      quantize_checkpoint(input, output, options_of(type));
      const Checkpoint before = Checkpoint::open(input), after = Checkpoint::open(output);
      EXPECT_EQ(write_fields(after.config()), write_fields(before.config())) << name;
      EXPECT_EQ(read_file(after.tokenizer_folder() / "tokenizer.json"),
                read_file(before.tokenizer_folder() / "tokenizer.json"));
      for (const auto& [parameter, weight] : after.weights()) {
        const at::Tensor expected = before.load_weight(parameter, {DType::F32});
        if (!checkpoint::is_packed(weight.type)) {
          EXPECT_EQ(weight.type, before.weights().at(parameter).type) << parameter;
          EXPECT_TRUE(at::equal(after.load_weight(parameter, {DType::F32}), expected)) << parameter;
          const bool is_left = weight.shape.size() == 1 || parameter.ends_with("positional_embedding") ||
                               parameter.ends_with("pad_embed") || parameter.ends_with("router.layer.weight");
          EXPECT_TRUE(is_left) << parameter << " was not packed";
          continue;
        }
        const bool is_q4 = type == PackedType::Q4 && parameter.starts_with("transformer.blocks.");
        EXPECT_EQ(weight.type, is_q4 ? StoredType::Q4 : StoredType::Q8) << parameter;
        // Rows of these models have 8 to 588 columns of random numbers; see round_to_nearest_test.cpp for the figures.
        const double error = relative_error(expected, after.load_weight(parameter, {DType::F32}));
        EXPECT_LT(error, is_q4 ? 0.095 : 0.009) << name << " " << parameter;
        EXPECT_GT(error, is_q4 ? 0.04 : 0.002) << name << " " << parameter;
        EXPECT_EQ(reinterpret_cast<uintptr_t>(after.load_weight(parameter).const_data_ptr()) % 64, 0u) << parameter;
      }
    }
  }
}

TEST(QuantizeCheckpoint, TellsReadersWhatIsPacked) {
  const test::TemporaryFolder folder;
  const fs::path output = folder.path() / "out";
  quantize_checkpoint(test::checkpoint_path("P3-olmoe-clip"), output, options_of(PackedType::Q4));
  const Json config = read_json_file(output / "config.json");
  EXPECT_EQ(config.at("quantization_config").at("quant_method"), "molmo");
  EXPECT_EQ(config.at("torch_dtype"), "float32");
  const auto file = checkpoint::SafetensorsFile::open(output / "model.safetensors");
  EXPECT_EQ(file.metadata().at("format"), "pt");
  EXPECT_EQ(file.metadata().at("model.transformer.blocks.0.mlp.experts.3.up_proj.weight"), "q4 [32, 64]");
  EXPECT_EQ(file.metadata().at("model.vision_backbone.image_vit.patch_embedding.weight"), "q8 [32, 588]");
  size_t num_packed = 0;
  for (const auto& [name, entry] : file.entries()) {
    const bool is_bytes = entry.dtype == DType::U8;
    EXPECT_EQ(file.metadata().contains(name), is_bytes) << name;
    EXPECT_TRUE(!is_bytes || entry.offset % 64 == 0) << name;
    num_packed += is_bytes;
  }
  EXPECT_GT(num_packed, 30u);
}

TEST(QuantizeCheckpoint, EachPartHasATypeOfItsOwn) {
  const test::TemporaryFolder folder;
  const fs::path input = test::checkpoint_path("P1-qwen2-clip"), output = folder.path() / "out";
  quantize_checkpoint(input, output,
                      {.types = {.language = StoredType::Q8,
                                 .embeddings = StoredType::Q4,
                                 .head = StoredType::BF16,
                                 .vision = std::nullopt,
                                 .connector = StoredType::F16}});
  const Checkpoint after = Checkpoint::open(output);
  const auto type_of = [&](const std::string& name) { return enum_name(after.weights().at(name).type); };
  EXPECT_EQ(type_of("transformer.blocks.1.att_proj.weight"), "q8");
  EXPECT_EQ(type_of("transformer.blocks.1.att_proj.bias"), "f32");
  EXPECT_EQ(type_of("transformer.wte.embedding"), "q4");
  EXPECT_EQ(type_of("transformer.wte.new_embedding"), "q4");
  EXPECT_EQ(type_of("transformer.ff_out.weight"), "bf16");
  EXPECT_EQ(type_of("vision_backbone.image_vit.transformer.resblocks.0.attention.wq.weight"), "f32");
  EXPECT_EQ(type_of("vision_backbone.image_projector.w1.weight"), "f16");
  EXPECT_EQ(type_of("vision_backbone.pad_embed"), "f32");
  const Checkpoint before = Checkpoint::open(input);
  EXPECT_TRUE(at::equal(after.load_weight("transformer.ff_out.weight"),
                        before.load_weight("transformer.ff_out.weight", {DType::BF16})));
}

TEST(QuantizeCheckpoint, GivesTheSameBytesWhateverTheThreadsAndShards) {
  const test::TemporaryFolder folder;
  const fs::path input = test::checkpoint_path("P2-olmo-clip");
  const int threads = num_threads();
  set_num_threads(1);
  quantize_checkpoint(input, folder.path() / "one", options_of(PackedType::Q4));
  set_num_threads(3);
  quantize_checkpoint(input, folder.path() / "three", options_of(PackedType::Q4));
  set_num_threads(threads);
  EXPECT_EQ(files_in(folder.path() / "one"), files_in(folder.path() / "three"));
  QuantizeOptions shards = options_of(PackedType::Q4);
  shards.max_shard_bytes = 50'000;
  quantize_checkpoint(input, folder.path() / "shards", shards);
  EXPECT_TRUE(fs::exists(folder.path() / "shards" / "model.safetensors.index.json"));
  const auto expected = Checkpoint::open(folder.path() / "one").load_weights();
  for (const auto& [name, weight] : Checkpoint::open(folder.path() / "shards").load_weights())
    EXPECT_TRUE(at::equal(weight, expected.at(name))) << name;
}

TEST(QuantizeCheckpoint, ConvertsBackToWhatOtherToolsRead) {
  const test::TemporaryFolder folder;
  const fs::path packed = folder.path() / "packed", dense = folder.path() / "dense", copy = folder.path() / "copy";
  quantize_checkpoint(test::checkpoint_path("P6-qwen2-metaclip"), packed, options_of(PackedType::Q8));
  checkpoint::convert_checkpoint(packed, dense, {.dtype = DType::F32});
  EXPECT_FALSE(read_json_file(dense / "config.json").contains("quantization_config"));
  const auto expected = Checkpoint::open(packed).load_weights({DType::F32});
  for (const auto& [name, weight] : Checkpoint::open(dense).load_weights()) {
    EXPECT_EQ(weight.scalar_type(), at::kFloat) << name;
    EXPECT_TRUE(at::equal(weight, expected.at(name))) << name;
  }
  // What was packed once packs again to the same values: they are whole multiples of a step.
  quantize_checkpoint(dense, folder.path() / "again", options_of(PackedType::Q8));
  for (const auto& [name, weight] : Checkpoint::open(folder.path() / "again").load_weights({DType::F32}))
    EXPECT_LT(relative_error(expected.at(name), weight), 0.006) << name;
  checkpoint::convert_checkpoint(packed, copy);
  EXPECT_EQ(files_in(packed), files_in(copy));
}

TEST(QuantizeCheckpoint, RefusesWhatCannotBeDoneWell) {
  const auto refusal = [](const std::function<void()>& action) -> std::string {
    try {
      action();
    } catch (const Error& error) {
      return error.what();
    }
    return "accepted";
  };
  const test::TemporaryFolder folder;
  const fs::path input = test::checkpoint_path("P1-qwen2-clip"), packed = folder.path() / "packed";
  quantize_checkpoint(input, packed, options_of(PackedType::Q8));
  EXPECT_THAT(refusal([&] { quantize_checkpoint(packed, folder.path() / "q4", options_of(PackedType::Q4)); }),
              AllOf(HasSubstr("is packed as q8 already"), HasSubstr("transformer.blocks.0.att_proj.weight")));
  EXPECT_THAT(refusal([&] { quantize_checkpoint(packed, packed, options_of(PackedType::Q8)); }),
              HasSubstr("is the checkpoint that is read"));
  EXPECT_THAT(refusal([&] { quantize_checkpoint(input, packed, options_of(PackedType::Q8)); }),
              HasSubstr("is not empty"));
  quantize_checkpoint(packed, folder.path() / "same", options_of(PackedType::Q8));  // nothing to do but to copy
  EXPECT_EQ(files_in(packed), files_in(folder.path() / "same"));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()), 2);
}

TEST(QuantizeCheckpoint, NamesTheWeightThatIsNotFinite) {
  const test::TemporaryFolder folder;
  const fs::path input = folder.path() / "in";
  fs::copy(test::checkpoint_path("P6-qwen2-metaclip"), input);
  std::map<std::string, at::Tensor> tensors;
  {
    const auto stored = checkpoint::SafetensorsFile::open(input / "model.safetensors");
    for (const auto& [name, entry] : stored.entries()) tensors[name] = stored.tensor(name).clone();
  }
  const std::string name = "model.transformer.blocks.0.attn_out.weight";
  tensors.at(name).select(0, 17).narrow(0, 5, 1).fill_(std::numeric_limits<double>::quiet_NaN());
  checkpoint::write_safetensors(input / "model.safetensors", tensors);
  try {
    quantize_checkpoint(input, folder.path() / "out", options_of(PackedType::Q4));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.category(), ErrorCategory::BadData);
    EXPECT_THAT(error.what(), AllOf(HasSubstr(name), HasSubstr("row 17, column 5 is nan")));
  }
  EXPECT_FALSE(fs::exists(folder.path() / "out"));
}

// The lines of docs/quantised-format.md that begin with an offset, first those of q4.
TEST(QuantisedFormat, TheExampleOfTheDocumentIsTrue) {
  std::istringstream lines(read_file(fs::path(MOLMO_SOURCE_DIR) / "docs" / "quantised-format.md"));
  int num_lines = 0;
  std::vector<uint8_t> bytes;
  for (std::string line; std::getline(lines, line);) {
    const size_t colon = line.find(':');
    const bool has_offset = colon > 0 && colon <= 3 && line.find_first_not_of("0123456789") == colon;
    if (!has_offset) continue;
    const size_t offset = std::stoul(line);
    if (offset == 0) {
      const PackedType type = bytes.empty() ? PackedType::Q4 : PackedType::Q8;
      const bool is_q4 = type == PackedType::Q4;
      const kernels::PackedShape shape{type, 2, 40};
      bytes.resize(static_cast<size_t>(shape.num_bytes()));
      EXPECT_EQ(bytes.size(), is_q4 ? 640u : 1088u);
      kernels::zero_packed(shape, bytes.data());
      std::vector<int8_t> first(64), second(64);
      first[0] = is_q4 ? -8 : -24, first[1] = is_q4 ? 7 : 21, first[4] = is_q4 ? 1 : 3;
      second[33] = is_q4 ? 2 : 30;
      const uint8_t first_scales[] = {3, 0}, second_scales[] = {0, 15};
      kernels::write_packed_row(shape, bytes.data(), 0, {0.5f, first_scales, first.data()});
      kernels::write_packed_row(shape, bytes.data(), 1, {0.25f, second_scales, second.data()});
      std::vector<float> values(40);
      kernels::read_packed_row(shape, bytes.data(), 0, values.data());
      EXPECT_EQ(values[0], -12);
      EXPECT_EQ(values[1], 10.5f);
      EXPECT_EQ(values[4], 1.5f);
    }
    std::istringstream hexes(line.substr(colon + 1));
    for (size_t i = 0; i < 8; ++i) {
      unsigned value = 0;
      hexes >> std::hex >> value;
      EXPECT_EQ(bytes.at(offset + i), value) << line;
    }
    ++num_lines;
  }
  EXPECT_EQ(num_lines, 9);
}

TEST(QuantizeCheckpoint, PackTakesAnyTypeAndAnyLayout) {
  const at::Tensor matrix = Checkpoint::open(test::checkpoint_path("P1-qwen2-clip"))
                                .load_weight("vision_backbone.image_vit.patch_embedding.weight", {DType::BF16});
  int64_t num_rows = 0;
  const at::Tensor expected = pack(matrix.to(at::kFloat), PackedType::Q4);
  EXPECT_TRUE(at::equal(pack(matrix, PackedType::Q4, {}, [&](int64_t count) { num_rows += count; }), expected));
  EXPECT_EQ(num_rows, matrix.size(0));
  const at::Tensor transposed = matrix.t().contiguous().t();
  EXPECT_TRUE(at::equal(pack(transposed, PackedType::Q4), expected));
  const ErrorFeedback alike{{}, std::vector<float>(static_cast<size_t>(matrix.size(1)), 4.f)};
  EXPECT_TRUE(at::equal(pack(matrix, PackedType::Q4, alike), expected));
}

}  // namespace
}  // namespace molmo::quantize
