// The truth: what every other version is compared with, and the fallback. A query at a time, over all keys.
#include <bit>
#include <cmath>
#include <limits>
#include <numbers>

#include "kernels/attention.h"

namespace molmo::kernels {
namespace {

constexpr int64_t kBlockQueries = 16, kBlockKeys = 16;
constexpr float kLog2E = std::numbers::log2e_v<float>;

float read(AttentionType type, const HeadRows& rows, int64_t head, int64_t row, int64_t i) {
  const int64_t place = head * rows.head_stride + row * rows.row_stride + i;
  if (type == AttentionType::Float32) return static_cast<const float*>(rows.values)[place];
  return std::bit_cast<float>(static_cast<uint32_t>(static_cast<const uint16_t*>(rows.values)[place]) << 16);
}

void write(AttentionType type, const HeadRows& rows, int64_t head, int64_t row, int64_t i, float value) {
  const int64_t place = head * rows.head_stride + row * rows.row_stride + i;
  if (type == AttentionType::Float32) {
    static_cast<float*>(rows.values)[place] = value;
    return;
  }
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  static_cast<uint16_t*>(rows.values)[place] = static_cast<uint16_t>(std::isnan(value) ? 0x7fc0 : rounded);
}

float dot(AttentionType type, const HeadRows& a, int64_t a_head, int64_t a_row, const HeadRows& b, int64_t b_head,
          int64_t b_row, int64_t width) {
  float sum = 0;
  for (int64_t i = 0; i < width; ++i) sum += read(type, a, a_head, a_row, i) * read(type, b, b_head, b_row, i);
  return sum;
}

// Base 2, all keys of one query; -infinity where hidden.
void scores(const AttentionWork& work, int64_t head, int64_t query, float* to) {
  const int64_t blocks_of_keys = (work.num_keys + kBlockKeys - 1) / kBlockKeys;
  for (int64_t key = 0; key < work.num_keys; ++key) {
    const int32_t tile =
        work.tile_table ? work.tile_table[query / kBlockQueries * blocks_of_keys + key / kBlockKeys] : kTilePlain;
    to[key] = -std::numeric_limits<float>::infinity();
    if (tile == kTileHidden) continue;
    to[key] = dot(work.type, work.q, head, query, work.k, 0, key, work.width) * (work.scale * kLog2E);
    if (tile == kTilePlain) continue;
    to[key] += work.tiles[(tile * kBlockKeys + key % kBlockKeys) * kBlockQueries + query % kBlockQueries];
  }
}

template <class Body>
void over_queries(const AttentionWork& work, const Body& body) {
  const int64_t per_head = (work.num_queries + kBlockQueries - 1) / kBlockQueries;
  for (int64_t block = work.first_block; block < work.last_block; ++block) {
    const int64_t first = block % per_head * kBlockQueries;
    for (int64_t query = first; query < first + kBlockQueries && query < work.num_queries; ++query) {
      body(block / per_head, query);
    }
  }
}

void forward(const AttentionWork& work, float* p) {
  over_queries(work, [&](int64_t head, int64_t query) {
    scores(work, head, query, p);
    float most = -std::numeric_limits<float>::infinity(), sum = 0;
    for (int64_t key = 0; key < work.num_keys; ++key) most = p[key] > most ? p[key] : most;
    const bool sees_something = !std::isinf(most) || most > 0;
    for (int64_t key = 0; key < work.num_keys; ++key) {
      p[key] = std::exp2(p[key] - (sees_something ? most : 0));
      sum += p[key];
    }
    work.log_sums[head * work.num_queries + query] =
        sum == 0 ? std::numeric_limits<float>::infinity() : most + std::log2(sum);
    for (int64_t i = 0; i < work.width; ++i) {
      float y = 0;
      for (int64_t key = 0; key < work.num_keys; ++key) y += p[key] * read(work.type, work.v, 0, key, i);
      write(work.type, work.y, head, query, i, sum == 0 ? 0 : y / sum);
    }
  });
}

void backward(const AttentionBackwardWork& work, float* scratch) {
  const AttentionWork& of = work.forward;
  const int64_t num_keys = of.num_keys, width = of.width;
  float *dk = scratch, *dv = dk + num_keys * width, *p = dv + num_keys * width, *ds = p + num_keys;
  for (int64_t i = 0; i < num_keys * width; ++i) dk[i] = dv[i] = 0;
  over_queries(of, [&](int64_t head, int64_t query) {
    scores(of, head, query, p);
    const float mean = dot(of.type, work.dy, head, query, of.y, head, query, width);
    for (int64_t key = 0; key < num_keys; ++key) {
      p[key] = std::exp2(p[key] - of.log_sums[head * of.num_queries + query]);
      ds[key] = p[key] * (dot(of.type, work.dy, head, query, of.v, 0, key, width) - mean);
    }
    for (int64_t i = 0; i < width; ++i) {
      const float q = read(of.type, of.q, head, query, i), dy = read(of.type, work.dy, head, query, i);
      float dq = 0;
      for (int64_t key = 0; key < num_keys; ++key) {
        dq += ds[key] * read(of.type, of.k, 0, key, i);
        dk[key * width + i] += ds[key] * q;
        dv[key * width + i] += p[key] * dy;
      }
      write(of.type, work.dq, head, query, i, dq * of.scale);
    }
  });
  for (int64_t key = 0; key < num_keys; ++key) {
    for (int64_t i = 0; i < width; ++i) {
      write(work.key_gradient_type, work.dk, 0, key, i, dk[key * width + i] * of.scale);
      write(work.key_gradient_type, work.dv, 0, key, i, dv[key * width + i]);
    }
  }
}

int32_t tile_kind(const BiasCorner& corner) {
  bool is_seen = false, is_plain = true;
  for (int64_t i = 0; i < corner.num_queries; ++i) {
    for (int64_t j = 0; j < corner.num_keys; ++j) {
      const float bias = corner.bias ? corner.bias[i * corner.row_stride + j] : 0;
      const bool is_hidden = j > i + corner.diagonal || bias <= kHiddenBias;
      is_seen = is_seen || !is_hidden;
      is_plain = is_plain && !is_hidden && bias == 0;
    }
  }
  return !is_seen ? kTileHidden : is_plain ? kTilePlain : 0;
}

}  // namespace

void store_tile(const AttentionKernel& kernel, const BiasCorner& corner, float* tile) {
  for (int64_t i = 0; i < kernel.block_keys * kernel.block_queries; ++i) tile[i] = 0;
  for (int64_t i = 0; i < corner.num_queries; ++i) {
    for (int64_t j = 0; j < corner.num_keys; ++j) {
      const float bias = corner.bias ? corner.bias[i * corner.row_stride + j] : 0;
      const bool is_hidden = j > i + corner.diagonal || bias <= kHiddenBias;
      tile[j * kernel.block_queries + i] = is_hidden ? -std::numeric_limits<float>::infinity() : bias * kLog2E;
    }
  }
}

const AttentionKernel kAttentionScalar = {
    .block_queries = kBlockQueries,
    .block_keys = kBlockKeys,
    .forward_scratch = [](int64_t num_keys, int64_t) { return num_keys; },
    .backward_scratch = [](int64_t num_keys, int64_t width) { return 2 * num_keys * (width + 1); },
    .forward = forward,
    .backward = backward,
    .tile_kind = tile_kind,
};

}  // namespace molmo::kernels
