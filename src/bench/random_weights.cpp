#include "bench/random_weights.h"

#include <ATen/ops/from_blob.h>

#include <cmath>
#include <cstring>
#include <vector>

#include "base/error.h"
#include "base/large_pages.h"
#include "base/process_memory.h"
#include "base/progress.h"
#include "base/threads.h"
#include "checkpoint/init.h"
#include "checkpoint/stored_type.h"
#include "kernels/packed_weight.h"
#include "model/parameter_table.h"
#include "quantize/quantize_checkpoint.h"

namespace molmo::bench {
namespace {

using checkpoint::StoredType;
using checkpoint::StoredTypes;
using kernels::PackedShape;
using kernels::PackedType;
using model::ParameterSpec;

constexpr uint64_t kSeed = 1;
constexpr int64_t kChunkWords = 1 << 17;  // a megabyte

// Two multiplications: bits that a product of matrices cannot tell from random ones.
uint64_t random_word(uint64_t seed, int64_t index) {
  uint64_t word = (static_cast<uint64_t>(index) + (seed << 40)) * 0x9E3779B97F4A7C15;
  word = (word ^ (word >> 32)) * 0xD6E8FEB86659FD93;
  return word ^ (word >> 32);
}

// Fills `num_bytes` with make(random word) after another.
template <class Make>
void fill(void* data, int64_t num_bytes, uint64_t seed, const Make& make) {
  auto* bytes = static_cast<char*>(data);
  const int64_t num_words = num_bytes / 8;
  parallel_for(num_words, kChunkWords, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const uint64_t word = make(random_word(seed, i));
      std::memcpy(bytes + 8 * i, &word, sizeof word);
    }
  });
  const uint64_t last = make(random_word(seed, num_words));
  std::memcpy(bytes + 8 * num_words, &last, static_cast<size_t>(num_bytes % 8));
}

// Room for all weights, one behind another as in a mapped file.
class Room {
 public:
  explicit Room(uint64_t num_bytes) : memory_(allocate_on_large_pages(num_bytes, "random weights")) {}

  at::Tensor take(at::IntArrayRef shape, at::ScalarType type) {
    std::byte* begin = memory_.get() + taken_;
    at::Tensor tensor = at::from_blob(
        begin, shape, [memory = memory_](void*) {}, type);
    taken_ += (tensor.nbytes() + kAlignment - 1) / kAlignment * kAlignment;
    return tensor;
  }

  static constexpr uint64_t kAlignment = 64;

 private:
  std::shared_ptr<std::byte[]> memory_;
  uint64_t taken_ = 0;
};

// Signs and mantissas are random; the exponent is the one that brings the root mean square nearest to `size`.
at::Tensor random_bfloat16(Room& room, const ParameterSpec& parameter, double size, uint64_t seed) {
  at::Tensor weight = room.take(parameter.shape, at::kBFloat16);
  const double of_unit_exponent = std::sqrt(7.0 / 3);  // of the values from 1 to 2
  const auto exponent = static_cast<uint64_t>(127 + std::lround(std::log2(size / of_unit_exponent)));
  const uint64_t exponents = (exponent << 7) * 0x0001000100010001;
  fill(weight.mutable_data_ptr(), static_cast<int64_t>(weight.nbytes()), seed,
       [=](uint64_t word) { return (word & 0x807F807F807F807F) | exponents; });
  return weight;
}

// Zero is no code of q8: it becomes one.
uint64_t without_zero_bytes(uint64_t word) {
  const uint64_t low = 0x7F7F7F7F7F7F7F7F, is_nonzero = ((word & low) + low) | word;
  return word | ((~is_nonzero & ~low) >> 7);
}

void fill_rows(const PackedShape& shape, uint8_t* matrix, float row_scale, uint64_t seed) {
  kernels::zero_packed(shape, matrix);
  std::vector<int8_t> codes(static_cast<size_t>(shape.padded_in()), 0);
  const std::vector<uint8_t> group_scales(static_cast<size_t>(shape.padded_in() / kernels::kPackedGroup), 8);
  for (int64_t row = 0; row < shape.out_features; ++row) {
    fill(codes.data(), shape.in_features, seed + static_cast<uint64_t>(row) * 97, without_zero_bytes);
    if (shape.type == PackedType::Q4) {
      for (int8_t& code : codes) code = static_cast<int8_t>(code >> 4);
    } else {
      for (int8_t& code : codes) code = std::max<int8_t>(code, -127);
    }
    kernels::write_packed_row(shape, matrix, row, {row_scale, group_scales.data(), codes.data()});
  }
}

void fill_panels(const PackedShape& shape, uint8_t* matrix, float row_scale, uint64_t seed) {
  const bool is_q8 = shape.type == PackedType::Q8;
  fill(matrix, shape.num_bytes(), seed, [is_q8](uint64_t word) { return is_q8 ? without_zero_bytes(word) : word; });
  const int64_t scale_bytes = is_q8 ? 0 : shape.padded_in() / 4;
  for (int64_t panel = 0; panel < shape.num_panels(); ++panel) {
    uint8_t* header = matrix + panel * shape.panel_bytes();
    for (int64_t row = 0; row < kernels::kPanelRows; ++row) {
      const bool is_there = panel * kernels::kPanelRows + row < shape.out_features;
      const float scale = is_there ? row_scale : 0;
      std::memcpy(header + row * 4, &scale, sizeof scale);
    }
    std::memset(header + 64 + scale_bytes, 0, static_cast<size_t>(shape.header_bytes() - 64 - scale_bytes));
  }
}

at::Tensor random_packed(Room& room, const ParameterSpec& parameter, PackedType type, double size, uint64_t seed) {
  const PackedShape shape{type, parameter.shape[0], parameter.shape[1]};
  at::Tensor weight = room.take({shape.num_panels(), shape.panel_bytes()}, at::kByte);
  // Standard deviations of the codes: 1..255; and -8..7 times 0..15.
  const double of_codes = type == PackedType::Q8 ? 73.6 : 40.9;
  const auto row_scale = static_cast<float>(size / of_codes);
  const auto write = shape.padded_in() == shape.in_features ? fill_panels : fill_rows;
  write(shape, weight.mutable_data_ptr<uint8_t>(), row_scale, seed);
  return weight;
}

bool is_table(const std::string& name) {
  return name.ends_with("embedding") && name.starts_with("transformer.wte.");
}

// As `molmo quantize` packs them.
StoredTypes packed_types(const config::ModelConfig& config, PackedType type) {
  StoredTypes dense;
  for (const ParameterSpec& parameter : model::parameter_table(config)) dense[parameter.name] = StoredType::BF16;
  return quantize::choose_types(config, dense, quantize::default_types(type));
}

void check_memory(uint64_t needed, StoredAs stored) {
  const uint64_t available = available_memory_bytes();
  if (available == 0 || needed <= available) return;
  fail(ErrorCategory::OutOfMemory,
       "random weights as {} need {:.1f} GiB, {:.1f} GiB are available. Hint: fewer layers, or a smaller type",
       enum_name(stored), static_cast<double>(needed) / (1 << 30), static_cast<double>(available) / (1 << 30));
}

}  // namespace

model::Weights random_weights(const config::ModelConfig& config, StoredAs stored) {
  const std::vector<ParameterSpec> parameters = model::parameter_table(config);
  const StoredTypes packed = packed_types(config, stored == StoredAs::Q4 ? PackedType::Q4 : PackedType::Q8);
  const auto type_of = [&](const ParameterSpec& parameter) {
    return stored == StoredAs::BF16 ? StoredType::BF16 : packed.at(parameter.name);
  };
  uint64_t needed = 0;
  for (const ParameterSpec& parameter : parameters)
    needed += checkpoint::stored_bytes(type_of(parameter), parameter.shape) + Room::kAlignment;
  check_memory(needed, stored);
  Room room(needed);
  Progress progress("random weights", parameters.size(), "tensors");
  model::Weights weights;
  for (const ParameterSpec& parameter : parameters) {
    const uint64_t seed = weights.size() + 1;
    const double size = is_table(parameter.name) ? 1 : 1 / std::sqrt(static_cast<double>(parameter.shape.back()));
    const StoredType type = type_of(parameter);
    at::Tensor weight;
    if (checkpoint::is_packed(type)) {
      weight = random_packed(room, parameter, type == StoredType::Q4 ? PackedType::Q4 : PackedType::Q8, size, seed);
    } else if (checkpoint::is_packed(packed.at(parameter.name))) {
      weight = random_bfloat16(room, parameter, size, seed);
    } else {
      weight = checkpoint::initial_weight(parameter, config, DType::BF16, kSeed);
    }
    weights.emplace(parameter.name, weight);
    progress.advance();
  }
  return weights;
}

}  // namespace molmo::bench
