// Checkpoints with packed weights: what is accepted, what it unpacks to, and what is refused.
#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/convert.h"
#include "checkpoint/initial_model.h"
#include "checkpoint/safetensors.h"
#include "fixtures.h"

namespace molmo::checkpoint {
namespace {

namespace fs = std::filesystem;
using kernels::PackedShape;
using kernels::PackedType;
using ::testing::AllOf;
using ::testing::HasSubstr;
using TensorMap = std::map<std::string, at::Tensor>;

const std::string kMatrix = "transformer.blocks.0.attn_out.weight", kStoredMatrix = "model." + kMatrix;

// Row r, column k is scale(r) * (r + k) % 5 * group scale 3.
at::Tensor packed_matrix(const PackedShape& shape) {
  at::Tensor bytes = at::empty({shape.num_panels(), shape.panel_bytes()}, at::kByte);
  kernels::zero_packed(shape, bytes.mutable_data_ptr<uint8_t>());
  for (int64_t row = 0; row < shape.out_features; ++row) {
    std::vector<int8_t> codes(static_cast<size_t>(shape.padded_in()));
    for (int64_t k = 0; k < shape.in_features; ++k) codes[k] = static_cast<int8_t>((row + k) % 5);
    const std::vector<uint8_t> scales(codes.size() / kernels::kPackedGroup, 3);
    kernels::write_packed_row(shape, bytes.mutable_data_ptr<uint8_t>(), row,
                              {std::ldexp(1.f, -static_cast<int>(row % 4)), scales.data(), codes.data()});
  }
  return bytes;
}

float packed_value(PackedType type, int64_t row, int64_t k) {
  return std::ldexp(static_cast<float>((row + k) % 5 * (type == PackedType::Q4 ? 3 : 1)), -static_cast<int>(row % 4));
}

// A copy of a miniature model in which a test may change tensors.
class PackedCopy {
 public:
  PackedCopy() { fs::copy(test::checkpoint_path("P6-qwen2-metaclip"), path()); }
  fs::path path() const { return folder_.path() / "model"; }
  fs::path other_path() const { return folder_.path() / "other"; }

  void change(const std::function<void(TensorMap&)>& change) const {
    TensorMap tensors;
    {
      const SafetensorsFile stored = SafetensorsFile::open(path() / "model.safetensors");
      for (const auto& [name, entry] : stored.entries()) tensors[name] = stored.tensor(name).clone();
    }
    change(tensors);
    write_safetensors(path() / "model.safetensors", tensors);
  }
  // Packs one matrix; returns its shape.
  PackedShape pack(PackedType type, const std::string& name = kStoredMatrix) const {
    PackedShape shape{type, 0, 0};
    change([&](TensorMap& tensors) {
      at::Tensor& tensor = tensors.at(name);
      shape = {type, tensor.size(0), tensor.size(1)};
      tensor = packed_matrix(shape);
    });
    return shape;
  }

 private:
  test::TemporaryFolder folder_;
};

std::string refusal_of(const std::function<void()>& action, ErrorCategory category = ErrorCategory::BadData) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(to_string(error.category()), to_string(category)) << error.what();
    return error.what();
  }
  return "accepted";
}

TEST(PackedWeights, AreBytesOrUnpacked) {
  for (const PackedType type : {PackedType::Q8, PackedType::Q4}) {
    const PackedCopy copy;
    const PackedShape shape = copy.pack(type);
    const Checkpoint checkpoint = Checkpoint::open(copy.path());
    const WeightInfo& weight = checkpoint.weights().at(kMatrix);
    EXPECT_EQ(weight.type, type == PackedType::Q8 ? StoredType::Q8 : StoredType::Q4);
    EXPECT_EQ(weight.shape, std::vector<int64_t>({shape.out_features, shape.in_features}));
    EXPECT_EQ(weight.num_bytes, static_cast<uint64_t>(shape.num_bytes()));
    EXPECT_TRUE(at::equal(checkpoint.load_weight(kMatrix), packed_matrix(shape)));
    const at::Tensor unpacked = checkpoint.load_weight(kMatrix, {DType::F32});
    ASSERT_EQ(unpacked.sizes(), at::IntArrayRef({shape.out_features, shape.in_features}));
    const float* value = unpacked.const_data_ptr<float>();
    for (int64_t row = 0; row < shape.out_features; ++row) {
      for (int64_t k = 0; k < shape.in_features; ++k)
        ASSERT_EQ(*value++, packed_value(type, row, k)) << row << ", " << k;
    }
    EXPECT_TRUE(at::equal(checkpoint.load_weights({DType::BF16}).at(kMatrix), unpacked.to(at::kBFloat16)));
    // Training begins with values that can be trained.
    config::InitialWeights init;
    init.model = copy.path().string();
    EXPECT_TRUE(at::equal(open_initial_model(init).load(kMatrix), unpacked));
  }
}

TEST(PackedWeights, AreAlignedWhereverOtherToolsPutThem) {
  const PackedCopy copy;
  const PackedShape shape = copy.pack(PackedType::Q4);
  // One more byte in the header moves all data by one.
  std::string text = read_file(copy.path() / "model.safetensors");
  uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, text.data(), sizeof header_bytes);
  text.insert(8 + header_bytes, " ");
  ++header_bytes;
  std::memcpy(text.data(), &header_bytes, sizeof header_bytes);
  write_file_atomic(copy.path() / "model.safetensors", text);
  const at::Tensor bytes = Checkpoint::open(copy.path()).load_weight(kMatrix);
  EXPECT_TRUE(at::equal(bytes, packed_matrix(shape)));
  EXPECT_EQ(reinterpret_cast<uintptr_t>(bytes.const_data_ptr()) % 64, 0u);
}

TEST(PackedWeights, AnAdapterCannotBeMergedIntoThem) {
  const PackedCopy copy;
  const PackedShape shape = copy.pack(PackedType::Q8);
  write_safetensors(copy.path() / "adapter_model.safetensors",
                    {{"base_model.model." + kStoredMatrix.substr(0, kStoredMatrix.size() - 7) + ".lora_A.weight",
                      at::zeros({2, shape.in_features})},
                     {"base_model.model." + kStoredMatrix.substr(0, kStoredMatrix.size() - 7) + ".lora_B.weight",
                      at::zeros({shape.out_features, 2})}});
  write_json_file(copy.path() / "adapter_config.json",
                  {{"peft_type", "LORA"}, {"r", 2}, {"lora_alpha", 4}, {"target_modules", {"attn_out"}}});
  const auto convert = [&](std::optional<DType> dtype) {
    convert_checkpoint(copy.path(), copy.other_path(), {.dtype = dtype, .adapter = copy.path()});
  };
  EXPECT_THAT(refusal_of([&] { convert(std::nullopt); }, ErrorCategory::InvalidArgument),
              AllOf(HasSubstr(kMatrix), HasSubstr("is packed as q8"), HasSubstr("--dtype bf16")));
  convert(DType::F32);
  EXPECT_TRUE(at::equal(Checkpoint::open(copy.other_path()).load_weight(kMatrix),
                        Checkpoint::open(copy.path()).load_weight(kMatrix, {DType::F32})));
}

TEST(PackedWeights, BytesOfAnotherShapeAreRefused) {
  const PackedCopy copy;
  const PackedShape shape = copy.pack(PackedType::Q4);
  const auto with_bytes = [&](at::IntArrayRef sizes) {
    copy.change([&](TensorMap& tensors) { tensors.at(kStoredMatrix) = at::zeros(sizes, at::kByte); });
    return refusal_of([&] { Checkpoint::open(copy.path()); });
  };
  for (const std::vector<int64_t>& sizes :
       std::vector<std::vector<int64_t>>{{shape.num_panels(), shape.panel_bytes() + 64},
                                         {shape.num_panels(), shape.panel_bytes() - 1},
                                         {shape.num_panels() + 1, shape.panel_bytes()},
                                         {shape.num_panels() * shape.panel_bytes()},
                                         {shape.out_features, shape.in_features},
                                         {0, shape.panel_bytes()}}) {
    EXPECT_THAT(with_bytes(sizes), AllOf(HasSubstr("'" + kStoredMatrix + "' is u8 ["), HasSubstr("as q8 ["),
                                         HasSubstr("or as q4 ["), HasSubstr(kMatrix)));
  }
}

TEST(PackedWeights, BytesBelongToMatricesOnly) {
  for (const std::string name : {"model.transformer.ln_f.weight", "model.transformer.blocks.0.att_proj.bias",
                                 "model.vision_backbone.image_vit.positional_embedding"}) {
    const PackedCopy copy;
    copy.change([&](TensorMap& tensors) { tensors.at(name) = tensors.at(name).to(at::kByte); });
    EXPECT_THAT(refusal_of([&] { Checkpoint::open(copy.path()); }, ErrorCategory::Unsupported),
                AllOf(HasSubstr(name), HasSubstr("is stored as u8, expected f32, bf16 or f16")));
  }
  const PackedCopy table;  // of the right number of bytes, but it is added to activations
  const std::string positions = "model.vision_backbone.image_vit.positional_embedding";
  table.pack(PackedType::Q8, positions);
  EXPECT_THAT(refusal_of([&] { Checkpoint::open(table.path()); }), HasSubstr(positions));
}

TEST(PackedWeights, ScalesAreFiniteAndNotNegative) {
  const PackedCopy copy;
  const PackedShape shape = copy.pack(PackedType::Q4);
  for (const float scale : {std::nanf(""), HUGE_VALF, -1.f, 1e38f}) {
    copy.change([&](TensorMap& tensors) {
      uint8_t* bytes = tensors.at(kStoredMatrix).mutable_data_ptr<uint8_t>();
      std::memcpy(bytes + shape.panel_bytes() + 3 * sizeof scale, &scale, sizeof scale);
    });
    const Checkpoint checkpoint = Checkpoint::open(copy.path());  // reads headers only
    for (const LoadOptions& options : {LoadOptions{}, LoadOptions{DType::F32}}) {
      EXPECT_THAT(refusal_of([&] { checkpoint.load_weight(kMatrix, options); }),
                  AllOf(HasSubstr(kStoredMatrix), HasSubstr("in row 19, expected 0 to "), HasSubstr("damaged?")));
    }
  }
}

TEST(PackedWeights, OtherQuantisersAreRefusedByName) {
  const PackedCopy copy;
  const auto with_quantization = [&](const Json& settings) {
    Json config = read_json_file(copy.path() / "config.json");
    config["quantization_config"] = settings;
    write_json_file(copy.path() / "config.json", config);
    return refusal_of([&] { Checkpoint::open(copy.path()); }, ErrorCategory::Unsupported);
  };
  EXPECT_THAT(with_quantization({{"quant_method", "gptq"}, {"bits", 4}}),
              AllOf(HasSubstr("quant_method is \"gptq\", expected \"molmo\""), HasSubstr("molmo quantize")));
  EXPECT_THAT(with_quantization({{"load_in_4bit", true}}), HasSubstr("quant_method is null"));
  EXPECT_THAT(with_quantization("q4"), HasSubstr("quant_method is null"));
  EXPECT_EQ(with_quantization({{"quant_method", "molmo"}}), "accepted");
  EXPECT_EQ(with_quantization(nullptr), "accepted");
}

}  // namespace
}  // namespace molmo::checkpoint
