// bfloat16 only: products in the tiles of AMX, 16 rows of 64 bytes, and between them vectors of 16 floats. As in
// attention_simd.inc scores are kept transposed, lanes are queries. The right factor of a product holds pairs: two
// neighbours along the sum in each 32 bits.
#include <immintrin.h>
#include <string.h>

#include <utility>  // index_sequence: no code

#include "kernels/attention.h"

namespace molmo::kernels {
namespace {

using Vector = __m512;
constexpr int kLanes = 16;
constexpr int64_t kBlockQueries = 64, kBlockKeys = 64;

Vector broadcast(float value) {
  return _mm512_set1_ps(value);
}
Vector fma(Vector a, Vector b, Vector c) {
  return _mm512_fmadd_ps(a, b, c);
}

#include "kernels/attention_vectors.inc"

constexpr int64_t kTile = 16;     // rows, and columns of floats or pairs
constexpr int64_t kTileSum = 32;  // neighbours along the sum

#include "kernels/amx_tiles.inc"

enum class Result { Set, Add };

// kRows x kColumns tiles of c, with `steps` of kTileSum along the sum.
template <Result kResult, int kRows, int kColumns>
MOLMO_INLINE void product_tiles(const uint16_t* a, int64_t a_stride, const uint32_t* b, int64_t b_stride, int64_t steps,
                                float* c, int64_t c_stride) {
  const int64_t a_bytes = 2 * a_stride, b_bytes = 4 * b_stride, c_bytes = 4 * c_stride;
  if constexpr (kResult == Result::Add) {
    _tile_loadd(0, c, c_bytes);
    if constexpr (kColumns > 1) _tile_loadd(1, c + kTile, c_bytes);
    if constexpr (kRows > 1) _tile_loadd(2, c + kTile * c_stride, c_bytes);
    if constexpr (kRows > 1 && kColumns > 1) _tile_loadd(3, c + kTile * c_stride + kTile, c_bytes);
  } else {
    _tile_zero(0);
    if constexpr (kColumns > 1) _tile_zero(1);
    if constexpr (kRows > 1) _tile_zero(2);
    if constexpr (kRows > 1 && kColumns > 1) _tile_zero(3);
  }
  for (int64_t step = 0; step < steps; ++step) {
    const uint16_t* left = a + step * kTileSum;
    const uint32_t* right = b + step * kTile * b_stride;
    _tile_loadd(4, left, a_bytes);
    _tile_loadd(6, right, b_bytes);
    _tile_dpbf16ps(0, 4, 6);
    if constexpr (kColumns > 1) {
      _tile_loadd(7, right + kTile, b_bytes);
      _tile_dpbf16ps(1, 4, 7);
    }
    if constexpr (kRows > 1) {
      _tile_loadd(5, left + kTile * a_stride, a_bytes);
      _tile_dpbf16ps(2, 5, 6);
    }
    if constexpr (kRows > 1 && kColumns > 1) _tile_dpbf16ps(3, 5, 7);
  }
  _tile_stored(0, c, c_bytes);
  if constexpr (kColumns > 1) _tile_stored(1, c + kTile, c_bytes);
  if constexpr (kRows > 1) _tile_stored(2, c + kTile * c_stride, c_bytes);
  if constexpr (kRows > 1 && kColumns > 1) _tile_stored(3, c + kTile * c_stride + kTile, c_bytes);
}

// c [rows, columns] = (or +=) a b, with a [rows, sum], b [sum / 2, columns] pairs; sizes in tiles, strides in elements.
template <Result kResult>
void product(const uint16_t* a, int64_t a_stride, int64_t rows, const uint32_t* b, int64_t b_stride, int64_t columns,
             int64_t steps, float* c, int64_t c_stride) {
  __asm__ volatile("" ::: "memory");  // GCC does not know that loading a tile reads memory
  for (int64_t row = 0; row < rows; row += 2) {
    const uint16_t* left = a + row * kTile * a_stride;
    for (int64_t column = 0; column < columns; column += 2) {
      const uint32_t* right = b + column * kTile;
      float* to = c + row * kTile * c_stride + column * kTile;
      if (rows - row > 1 && columns - column > 1) {
        product_tiles<kResult, 2, 2>(left, a_stride, right, b_stride, steps, to, c_stride);
      } else if (rows - row > 1) {
        product_tiles<kResult, 2, 1>(left, a_stride, right, b_stride, steps, to, c_stride);
      } else if (columns - column > 1) {
        product_tiles<kResult, 1, 2>(left, a_stride, right, b_stride, steps, to, c_stride);
      } else {
        product_tiles<kResult, 1, 1>(left, a_stride, right, b_stride, steps, to, c_stride);
      }
    }
  }
}

// ---- Layouts ----

// Rows in memory -> [padded_rows, padded_width], zeros around.
void copy_rows(const HeadRows& from, int64_t head, int64_t first, int64_t num_rows, int64_t width, uint16_t* to,
               int64_t padded_rows, int64_t padded_width) {
  const uint16_t* values =
      static_cast<const uint16_t*>(from.values) + head * from.head_stride + first * from.row_stride;
  for (int64_t row = 0; row < num_rows; ++row, to += padded_width, values += from.row_stride) {
    memcpy(to, values, static_cast<size_t>(width) * sizeof(uint16_t));
    memset(to + width, 0, static_cast<size_t>(padded_width - width) * sizeof(uint16_t));
  }
  memset(to, 0, static_cast<size_t>((padded_rows - num_rows) * padded_width) * sizeof(uint16_t));
}

// Neighbouring rows of x [num_rows, stride] -> pairs [num_rows / 2, width].
void pair_rows(const uint16_t* x, int64_t stride, int64_t num_rows, int64_t width, uint32_t* pairs) {
  for (int64_t row = 0; row < num_rows; row += 2, x += 2 * stride, pairs += width) {
    for (int64_t i = 0; i < width; i += kLanes) {
      const __m512i even = _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(x + i)));
      const __m512i odd = _mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(x + stride + i)));
      _mm512_storeu_si512(pairs + i, _mm512_or_si512(even, _mm512_slli_epi32(odd, 16)));
    }
  }
}

// x [rows, columns] of 32 bits -> y [columns, rows].
void transpose_pairs(const void* x, int64_t x_stride, int64_t rows, int64_t columns, void* y, int64_t y_stride) {
  transpose<Scaling::None>(static_cast<const float*>(x), x_stride, rows, columns, 1, static_cast<float*>(y), y_stride);
}

// Two vectors of floats -> bfloat16, those of `even` in the lower half.
__m512i to_halves(Vector even, Vector odd) {
  return reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(odd, even));
}
// -> pairs (even, odd).
__m512i to_pairs(__m512i halves) {
  const __m512i order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8,  //
                                         23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  return _mm512_permutexvar_epi16(order, halves);
}

struct Sizes {
  Sizes(int64_t keys, int64_t head_width)
      : num_keys(round_up(keys, kBlockKeys)),
        width(round_up(head_width, kTile)),
        sum_width(round_up(head_width, kTileSum)) {}
  int64_t num_keys;          // padded
  int64_t width, sum_width;  // of a head, where it is a side of a result or what is summed over
};

// Parts of memory, one after the other, each from a multiple of 64 bytes.
struct Memory {
  float* next;
  template <class Value>
  Value* take(int64_t count) {
    Value* part = reinterpret_cast<Value*>(next);
    next += round_up(count * static_cast<int64_t>(sizeof(Value)), 64) / static_cast<int64_t>(sizeof(float));
    return part;
  }
};

// Keys or values, transposed: [width, num_keys].
void transpose_keys(const uint16_t* rows, const Sizes& sizes, uint32_t* pairs, uint16_t* to) {
  for (int64_t first = 0; first < sizes.num_keys; first += kBlockKeys) {
    pair_rows(rows + first * sizes.sum_width, sizes.sum_width, kBlockKeys, sizes.width, pairs);
    transpose_pairs(pairs, sizes.width, kBlockKeys / 2, sizes.width, to + first, sizes.num_keys / 2);
  }
}

// ---- Forward ----

struct ForwardScratch {
  ForwardScratch(Memory memory, const Sizes& sizes)
      : k(memory.take<uint16_t>(sizes.num_keys * sizes.sum_width)),
        v(memory.take<uint16_t>(sizes.num_keys * sizes.sum_width)),
        q_rows(memory.take<uint16_t>(kBlockQueries * sizes.sum_width)),
        q(memory.take<uint32_t>(kBlockQueries * sizes.sum_width / 2)),
        pairs(memory.take<uint32_t>(kBlockKeys / 2 * (sizes.width > kBlockQueries ? sizes.width : kBlockQueries))),
        scores(memory.take<float>(kBlockKeys * kBlockQueries)),
        y(memory.take<float>(kBlockQueries * sizes.width)),
        rows(memory.take<float>(kBlockQueries * sizes.width)),
        end(memory.next) {}
  uint16_t *k, *v;   // [num_keys, sum_width], [width, num_keys]
  uint16_t* q_rows;  // [kBlockQueries, sum_width]
  uint32_t* q;       // [sum_width / 2, kBlockQueries]
  uint32_t* pairs;   // [kBlockKeys / 2, kBlockQueries]: probabilities
  float* scores;     // [kBlockKeys, kBlockQueries]
  float* y;          // [width, kBlockQueries]
  float* rows;       // [kBlockQueries, width]
  float* end;
};

// Of 16 queries: raw scores -> probabilities to the base of the largest so far. Returns what earlier sums are to be
// multiplied with.
Vector softmax_columns(float* scores, const float* tile, int64_t num_keys, float scale, uint32_t* pairs, Vector& most,
                       Vector& sum) {
  const Vector infinity = broadcast(__builtin_inff());
  Vector largest = -infinity;
  for (int64_t key = 0; key < num_keys; ++key) {
    float* place = scores + key * kBlockQueries;
    Vector score = load(place);
    if (tile) {
      score = fma(score, broadcast(scale), load(tile + key * kBlockQueries));
      store(place, score);
    }
    largest = _mm512_max_ps(score, largest);
  }
  const Vector factor = broadcast(tile ? 1 : scale);
  largest = _mm512_max_ps(largest * factor, most);
  // Of a query that has seen nothing yet: infinity less infinity is not a number.
  const Vector base = largest == -infinity ? Vector{} : largest;
  const Vector of_before = power_of_two(most - base);
  most = largest;
  Vector sums[2] = {sum * of_before, Vector{}};
  int64_t key = 0;
  for (; key + 1 < num_keys; key += 2) {
    const Vector even = power_of_two(fma(load(scores + key * kBlockQueries), factor, -base));
    const Vector odd = power_of_two(fma(load(scores + (key + 1) * kBlockQueries), factor, -base));
    sums[0] += even;
    sums[1] += odd;
    _mm512_storeu_si512(pairs + key / 2 * kBlockQueries, to_pairs(to_halves(even, odd)));
  }
  if (key < num_keys) {
    const Vector even = power_of_two(fma(load(scores + key * kBlockQueries), factor, -base));
    sums[0] += even;
    _mm512_storeu_si512(pairs + key / 2 * kBlockQueries, to_pairs(to_halves(even, Vector{})));
    key += 2;
  }
  for (; key < round_up(num_keys, kTileSum); key += 2) {
    _mm512_storeu_si512(pairs + key / 2 * kBlockQueries, _mm512_setzero_si512());
  }
  sum = sums[0] + sums[1];
  return of_before;
}

template <int kCount>
void forward_block(const AttentionWork& work, const Sizes& sizes, const ForwardScratch& scratch, const Part& part) {
  const float scale = work.scale * kLog2E;
  copy_rows(work.q, part.head, part.first, part.count, work.width, scratch.q_rows, kCount * kTile, sizes.sum_width);
  transpose_pairs(scratch.q_rows, sizes.sum_width / 2, kCount * kTile, sizes.sum_width / 2, scratch.q, kBlockQueries);
  fill(scratch.y, kBlockQueries * sizes.width);
  Vector most[kCount], sums[kCount] = {};
  for (Vector& v : most) v = broadcast(-__builtin_inff());

  over_seen_keys(work, part, [&](int64_t first, int64_t num_keys, const float* tile) {
    product<Result::Set>(scratch.k + first * sizes.sum_width, sizes.sum_width, round_up(num_keys, kTile) / kTile,
                         scratch.q, kBlockQueries, kCount, sizes.sum_width / kTileSum, scratch.scores, kBlockQueries);
    for (int c = 0; c < kCount; ++c) {
      const int64_t column = c * kLanes;
      const Vector factor = softmax_columns(scratch.scores + column, tile ? tile + column : nullptr, num_keys, scale,
                                            scratch.pairs + column, most[c], sums[c]);
      if (_mm512_cmp_ps_mask(factor, broadcast(1), _CMP_NEQ_UQ) == 0) continue;
      for (int64_t i = 0; i < sizes.width; ++i) {
        float* place = scratch.y + i * kBlockQueries + column;
        store(place, load(place) * factor);
      }
    }
    product<Result::Add>(scratch.v + first, sizes.num_keys, sizes.width / kTile, scratch.pairs, kBlockQueries, kCount,
                         round_up(num_keys, kTileSum) / kTileSum, scratch.y, kBlockQueries);
  });
  finish_forward<kCount>(work, part, most, sums, scratch.y, sizes.width, scratch.rows);
}

template <int kValue>
struct Count {};

// block(part, Count<vectors of queries in it>).
template <class Block>
void over_blocks(const AttentionWork& work, const Block& block) {
  for (int64_t index = work.first_block; index < work.last_block; ++index) {
    const Part part(work, index);
    switch (round_up(part.count, kLanes) / kLanes) {
      case 1:
        block(part, Count<1>());
        break;
      case 2:
        block(part, Count<2>());
        break;
      case 3:
        block(part, Count<3>());
        break;
      default:
        block(part, Count<4>());
    }
  }
}

void forward(const AttentionWork& work, float* memory) {
  const TileScope tiles;
  const Sizes sizes(work.num_keys, work.width);
  const ForwardScratch scratch({memory}, sizes);
  // Values first where the keys go.
  copy_rows(work.v, 0, 0, work.num_keys, work.width, scratch.k, sizes.num_keys, sizes.sum_width);
  transpose_keys(scratch.k, sizes, scratch.pairs, scratch.v);
  copy_rows(work.k, 0, 0, work.num_keys, work.width, scratch.k, sizes.num_keys, sizes.sum_width);
  over_blocks(work,
              [&]<int kCount>(const Part& part, Count<kCount>) { forward_block<kCount>(work, sizes, scratch, part); });
}

// ---- Backward ----

struct BackwardScratch {
  BackwardScratch(Memory memory, const Sizes& sizes)
      : k(memory.take<uint16_t>(sizes.num_keys * sizes.sum_width)),
        v(memory.take<uint16_t>(sizes.num_keys * sizes.sum_width)),
        k_columns(memory.take<uint16_t>(sizes.num_keys * sizes.width)),
        dk(memory.take<float>(sizes.num_keys * sizes.width)),
        dv(memory.take<float>(sizes.num_keys * sizes.width)),
        q_rows(memory.take<uint16_t>(kBlockQueries * sizes.sum_width)),
        dy_rows(memory.take<uint16_t>(kBlockQueries * sizes.sum_width)),
        y_rows(memory.take<uint16_t>(kBlockQueries * sizes.sum_width)),
        q(memory.take<uint32_t>(kBlockQueries * sizes.sum_width / 2)),
        dy(memory.take<uint32_t>(kBlockQueries * sizes.sum_width / 2)),
        q_pairs(memory.take<uint32_t>(kBlockQueries / 2 * sizes.width)),
        dy_pairs(memory.take<uint32_t>(kBlockQueries / 2 * sizes.width)),
        scores(memory.take<float>(kBlockKeys * kBlockQueries)),
        dp(memory.take<float>(kBlockKeys * kBlockQueries)),
        p(memory.take<uint16_t>(kBlockKeys * kBlockQueries)),
        ds(memory.take<uint16_t>(kBlockKeys * kBlockQueries)),
        ds_pairs(memory.take<uint32_t>(kBlockKeys / 2 * kBlockQueries)),
        dq(memory.take<float>(kBlockQueries * sizes.width)),
        rows(memory.take<float>(kBlockQueries * sizes.width)),
        end(memory.next) {}
  uint16_t *k, *v;                      // [num_keys, sum_width]
  uint16_t* k_columns;                  // [width, num_keys]
  float *dk, *dv;                       // [num_keys, width]
  uint16_t *q_rows, *dy_rows, *y_rows;  // [kBlockQueries, sum_width]
  uint32_t *q, *dy;                     // [sum_width / 2, kBlockQueries]
  uint32_t *q_pairs, *dy_pairs;         // [kBlockQueries / 2, width]
  float *scores, *dp;                   // [kBlockKeys, kBlockQueries]
  uint16_t *p, *ds;                     // [kBlockKeys, kBlockQueries]
  uint32_t* ds_pairs;                   // [kBlockKeys / 2, kBlockQueries]
  float *dq, *rows;                     // [width, kBlockQueries], [kBlockQueries, width]
  float* end;
};

float dot(const uint16_t* a, const uint16_t* b, int64_t width) {
  const auto wide = [](const uint16_t* p) {
    const __m256i halves = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
  };
  Vector sums = {};
  for (int64_t i = 0; i < width; i += kLanes) sums = fma(wide(a + i), wide(b + i), sums);
  return _mm512_reduce_add_ps(sums);
}

void store_halves(uint16_t* even, uint16_t* odd, __m512i halves) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(even), _mm512_castsi512_si256(halves));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(odd), _mm512_extracti64x4_epi64(halves, 1));
}

struct QueryStatistics {
  Vector log_sum, mean;  // of 16 queries; the mean of dP under P is that of dy y
};

// Of 16 queries: raw scores and gradients of probabilities -> probabilities and gradients of raw scores but for a
// factor. Keys that do not exist get zeros.
void softmax_gradient_columns(const BackwardScratch& scratch, int64_t column, const float* tile, int64_t num_keys,
                              float scale, const QueryStatistics& of_query) {
  const Vector factor = broadcast(scale);
  const auto probability = [&](int64_t key) {
    const int64_t place = key * kBlockQueries + column;
    const Vector added = tile ? load(tile + place) - of_query.log_sum : -of_query.log_sum;
    return power_of_two(fma(load(scratch.scores + place), factor, added));
  };
  const auto gradient = [&](int64_t key, Vector p) {
    return p * (load(scratch.dp + key * kBlockQueries + column) - of_query.mean);
  };
  for (int64_t key = 0; key < round_up(num_keys, kTileSum); key += 2) {
    const Vector even = key < num_keys ? probability(key) : Vector{};
    const Vector odd = key + 1 < num_keys ? probability(key + 1) : Vector{};
    const Vector even_gradient = key < num_keys ? gradient(key, even) : Vector{};
    const Vector odd_gradient = key + 1 < num_keys ? gradient(key + 1, odd) : Vector{};
    const int64_t place = key * kBlockQueries + column;
    store_halves(scratch.p + place, scratch.p + place + kBlockQueries, to_halves(even, odd));
    const __m512i halves = to_halves(even_gradient, odd_gradient);
    store_halves(scratch.ds + place, scratch.ds + place + kBlockQueries, halves);
    _mm512_storeu_si512(scratch.ds_pairs + key / 2 * kBlockQueries + column, to_pairs(halves));
  }
}

template <int kCount>
void backward_block(const AttentionBackwardWork& work, const Sizes& sizes, const BackwardScratch& scratch,
                    const Part& part) {
  const AttentionWork& of = work.forward;
  const float scale = of.scale * kLog2E;
  const int64_t sum_width = sizes.sum_width, width = sizes.width;
  constexpr int64_t kSums = (kCount + 1) / 2;  // of kTileSum queries
  copy_rows(of.q, part.head, part.first, part.count, of.width, scratch.q_rows, kSums * kTileSum, sum_width);
  copy_rows(work.dy, part.head, part.first, part.count, of.width, scratch.dy_rows, kSums * kTileSum, sum_width);
  copy_rows(of.y, part.head, part.first, part.count, of.width, scratch.y_rows, part.count, sum_width);
  transpose_pairs(scratch.q_rows, sum_width / 2, kCount * kTile, sum_width / 2, scratch.q, kBlockQueries);
  transpose_pairs(scratch.dy_rows, sum_width / 2, kCount * kTile, sum_width / 2, scratch.dy, kBlockQueries);
  pair_rows(scratch.q_rows, sum_width, kSums * kTileSum, width, scratch.q_pairs);
  pair_rows(scratch.dy_rows, sum_width, kSums * kTileSum, width, scratch.dy_pairs);
  fill(scratch.dq, kBlockQueries * width);
  float means[kBlockQueries] = {}, log_sums[kBlockQueries] = {};
  for (int64_t i = 0; i < part.count; ++i) {
    means[i] = dot(scratch.dy_rows + i * sum_width, scratch.y_rows + i * sum_width, sum_width);
    log_sums[i] = of.log_sums[part.head * of.num_queries + part.first + i];
  }
  if constexpr (kCount % 2 != 0) {  // queries that do not exist, in sums
    for (int64_t key = 0; key < kBlockKeys; ++key) {
      memset(scratch.p + key * kBlockQueries + kCount * kTile, 0, kTile * sizeof(uint16_t));
      memset(scratch.ds + key * kBlockQueries + kCount * kTile, 0, kTile * sizeof(uint16_t));
    }
  }

  over_seen_keys(of, part, [&](int64_t first, int64_t num_keys, const float* tile) {
    const int64_t key_tiles = round_up(num_keys, kTile) / kTile, row = first * sum_width;
    product<Result::Set>(scratch.k + row, sum_width, key_tiles, scratch.q, kBlockQueries, kCount, sum_width / kTileSum,
                         scratch.scores, kBlockQueries);
    product<Result::Set>(scratch.v + row, sum_width, key_tiles, scratch.dy, kBlockQueries, kCount, sum_width / kTileSum,
                         scratch.dp, kBlockQueries);
    for (int c = 0; c < kCount; ++c) {
      const QueryStatistics of_query{.log_sum = load(log_sums + c * kLanes), .mean = load(means + c * kLanes)};
      softmax_gradient_columns(scratch, c * kLanes, tile, num_keys, scale, of_query);
    }
    product<Result::Add>(scratch.p, kBlockQueries, key_tiles, scratch.dy_pairs, width, width / kTile, kSums,
                         scratch.dv + first * width, width);
    product<Result::Add>(scratch.ds, kBlockQueries, key_tiles, scratch.q_pairs, width, width / kTile, kSums,
                         scratch.dk + first * width, width);
    product<Result::Add>(scratch.k_columns + first, sizes.num_keys, width / kTile, scratch.ds_pairs, kBlockQueries,
                         kCount, round_up(num_keys, kTileSum) / kTileSum, scratch.dq, kBlockQueries);
  });
  transpose<Scaling::Factor>(scratch.dq, kBlockQueries, width, kCount * kLanes, of.scale, scratch.rows, width);
  write_rows(of.type, work.dq, part.head, part.first, part.count, of.width, scratch.rows, width, 1);
}

void backward(const AttentionBackwardWork& work, float* memory) {
  const TileScope tiles;
  const AttentionWork& of = work.forward;
  const Sizes sizes(of.num_keys, of.width);
  const BackwardScratch scratch({memory}, sizes);
  copy_rows(of.k, 0, 0, of.num_keys, of.width, scratch.k, sizes.num_keys, sizes.sum_width);
  copy_rows(of.v, 0, 0, of.num_keys, of.width, scratch.v, sizes.num_keys, sizes.sum_width);
  transpose_keys(scratch.k, sizes, scratch.q_pairs, scratch.k_columns);
  fill(scratch.dk, sizes.num_keys * sizes.width);
  fill(scratch.dv, sizes.num_keys * sizes.width);
  over_blocks(of,
              [&]<int kCount>(const Part& part, Count<kCount>) { backward_block<kCount>(work, sizes, scratch, part); });
  write_rows(work.key_gradient_type, work.dk, 0, 0, of.num_keys, of.width, scratch.dk, sizes.width, of.scale);
  write_rows(work.key_gradient_type, work.dv, 0, 0, of.num_keys, of.width, scratch.dv, sizes.width, 1);
}

template <class Scratch>
int64_t scratch_size(int64_t num_keys, int64_t width) {
  return Scratch({nullptr}, Sizes(num_keys, width)).end - static_cast<float*>(nullptr);
}

#undef MOLMO_INLINE

}  // namespace

const AttentionKernel kAttentionAmx = {
    .block_queries = kBlockQueries,
    .block_keys = kBlockKeys,
    .forward_scratch = scratch_size<ForwardScratch>,
    .backward_scratch = scratch_size<BackwardScratch>,
    .forward = forward,
    .backward = backward,
    .tile_kind = tile_kind,
};

}  // namespace molmo::kernels
