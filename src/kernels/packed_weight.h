// Packed weights: matrices W [O, I] of 8 or 4 bits, in the order in which every kernel reads them in place. The bytes
// are described in docs/quantised-format.md, too.
//
// Rows come in panels of 16; the last panel is filled up with zero rows. Columns are filled up with zeros to K, the
// next multiple of 32. A panel is `panel_bytes` long, a multiple of 64, and panels follow each other without gaps:
//
//   q8   64 bytes     row_scale[16], float32
//        16 K bytes   codes: that of row r and column k at (k / 4) * 64 + r * 4 + k % 4
//        W[r, k] = row_scale[r] * (code - 128), code in 1..255
//
//   q4   64 bytes     row_scale[16], float32
//        K / 4 bytes  group scales of 32 columns each, 4 bits: that of row r in byte (k / 32) * 8 + r / 2, even rows in
//                     the low half; zeros up to the next multiple of 64
//        8 K bytes    codes of 4 bits: that of row r and column k in byte (k / 8) * 64 + r * 4 + k % 4, in the low half
//                     when k / 4 is even
//        W[r, k] = row_scale[r] * group_scale[r, k / 32] * (code - 8)
//
// Why two levels in q4: group_scale * (code - 8) is an integer from -120 to 105, so that 4-bit weights multiply as
// 8-bit ones with a scale per row, and the finest step of a row is that of 8 bits. 4.125 bits per weight.
#pragma once

#include <stdint.h>

#include <optional>

namespace molmo::kernels {

enum class PackedType { Q8, Q4 };

inline constexpr int64_t kPanelRows = 16;
inline constexpr int64_t kPackedGroup = 32;  // columns that share a group scale, and of which K is a multiple

struct PackedShape {
  PackedType type;
  int64_t out_features;  // O
  int64_t in_features;   // I

  int64_t num_panels() const { return (out_features + kPanelRows - 1) / kPanelRows; }
  int64_t padded_in() const { return (in_features + kPackedGroup - 1) / kPackedGroup * kPackedGroup; }  // K
  // Offset of the codes in a panel.
  int64_t header_bytes() const { return type == PackedType::Q8 ? 64 : 64 + (padded_in() / 4 + 63) / 64 * 64; }
  int64_t panel_bytes() const { return header_bytes() + padded_in() * (type == PackedType::Q8 ? 16 : 8); }
  int64_t num_bytes() const { return num_panels() * panel_bytes(); }
};

// Which type a matrix [out_features, in_features] has that is stored as `num_panels` panels of `panel_bytes`; empty
// where neither fits.
std::optional<PackedType> packed_type(int64_t out_features, int64_t in_features, int64_t num_panels,
                                      int64_t panel_bytes);

// What one row is made of; the quantiser's answer. Codes are signed here.
struct PackedRow {
  float row_scale;
  const uint8_t* group_scales;  // q4: [K / 32], 0..15; q8: null
  const int8_t* codes;          // [K]: q8 -127..127, q4 -8..7; zero behind in_features
};

// Writes row `row` into `matrix` [num_bytes], which begins as zero_packed() left it.
void write_packed_row(const PackedShape& shape, uint8_t* matrix, int64_t row, const PackedRow& values);
// Fills a matrix with zero weights.
void zero_packed(const PackedShape& shape, uint8_t* matrix);

// W[row, 0..in_features) as float32.
void read_packed_row(const PackedShape& shape, const uint8_t* matrix, int64_t row, float* values);

}  // namespace molmo::kernels
