#include "kernels/packed_weight.h"

#include <string.h>

#include <initializer_list>

namespace molmo::kernels {
namespace {

struct Nibble {
  int64_t byte;
  int shift;
};

int64_t q8_offset(int64_t lane, int64_t column) {
  return column / 4 * 64 + lane * 4 + column % 4;
}

Nibble q4_code(int64_t lane, int64_t column) {
  return {column / 8 * 64 + lane * 4 + column % 4, static_cast<int>(column / 4 % 2) * 4};
}

Nibble q4_group_scale(int64_t lane, int64_t group) {
  return {group * 8 + lane / 2, static_cast<int>(lane % 2) * 4};
}

void put(uint8_t* bytes, Nibble at, int value) {
  bytes[at.byte] = static_cast<uint8_t>((bytes[at.byte] & ~(0xF << at.shift)) | (value << at.shift));
}

int get(const uint8_t* bytes, Nibble at) {
  return (bytes[at.byte] >> at.shift) & 0xF;
}

}  // namespace

std::optional<PackedType> packed_type(int64_t out_features, int64_t in_features, int64_t num_panels,
                                      int64_t panel_bytes) {
  if (out_features <= 0 || in_features <= 0) return std::nullopt;
  for (const auto type : {PackedType::Q8, PackedType::Q4}) {
    const PackedShape shape{type, out_features, in_features};
    if (shape.num_panels() == num_panels && shape.panel_bytes() == panel_bytes) return type;
  }
  return std::nullopt;
}

void zero_packed(const PackedShape& shape, uint8_t* matrix) {
  const bool is_q8 = shape.type == PackedType::Q8;
  for (int64_t panel = 0; panel < shape.num_panels(); ++panel) {
    uint8_t* bytes = matrix + panel * shape.panel_bytes();
    memset(bytes, 0, static_cast<size_t>(shape.header_bytes()));
    memset(bytes + shape.header_bytes(), is_q8 ? 128 : 0x88,
           static_cast<size_t>(shape.panel_bytes() - shape.header_bytes()));
  }
}

void write_packed_row(const PackedShape& shape, uint8_t* matrix, int64_t row, const PackedRow& values) {
  uint8_t* panel = matrix + row / kPanelRows * shape.panel_bytes();
  uint8_t* codes = panel + shape.header_bytes();
  const int64_t lane = row % kPanelRows;
  memcpy(panel + lane * 4, &values.row_scale, sizeof(float));
  if (shape.type == PackedType::Q8) {
    for (int64_t k = 0; k < shape.padded_in(); ++k)
      codes[q8_offset(lane, k)] = static_cast<uint8_t>(values.codes[k] + 128);
    return;
  }
  for (int64_t group = 0; group < shape.padded_in() / kPackedGroup; ++group)
    put(panel + 64, q4_group_scale(lane, group), values.group_scales[group]);
  for (int64_t k = 0; k < shape.padded_in(); ++k) put(codes, q4_code(lane, k), values.codes[k] + 8);
}

void read_packed_row(const PackedShape& shape, const uint8_t* matrix, int64_t row, float* values) {
  const uint8_t* panel = matrix + row / kPanelRows * shape.panel_bytes();
  const uint8_t* codes = panel + shape.header_bytes();
  const int64_t lane = row % kPanelRows;
  float row_scale;
  memcpy(&row_scale, panel + lane * 4, sizeof row_scale);
  for (int64_t k = 0; k < shape.in_features; ++k) {
    const int weight = shape.type == PackedType::Q8 ? codes[q8_offset(lane, k)] - 128
                                                    : (get(codes, q4_code(lane, k)) - 8) *
                                                          get(panel + 64, q4_group_scale(lane, k / kPackedGroup));
    values[k] = row_scale * static_cast<float>(weight);
  }
}

}  // namespace molmo::kernels
