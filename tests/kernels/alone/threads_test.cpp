// Every version of every kernel family with its work divided among threads that nothing else synchronises: the same
// bits as from one thread. Knows no torch, so that ThreadSanitizer sees all of it (docs/building.md).
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <memory>
#include <new>
#include <random>
#include <thread>
#include <type_traits>
#include <vector>

#include "kernels/cpu_dispatch.h"
#include "kernels/task_queue.h"

namespace molmo::kernels {
namespace {

constexpr int kThreads = 4;

void run_on_threads(int num_threads, int64_t num_tasks, const std::function<Task()>& make_task) {
  std::atomic<int64_t> next = 0;
  std::vector<std::thread> threads;
  for (int i = 1; i < num_threads; ++i) threads.emplace_back([&] { take_tasks(next, num_tasks, make_task); });
  take_tasks(next, num_tasks, make_task);
  for (std::thread& thread : threads) thread.join();
}

// Aligned to 64 bytes, as kernels ask for.
template <class Value>
class Scratch {
 public:
  explicit Scratch(int64_t size) : values_(static_cast<size_t>(size) + 64 / sizeof(Value)) {}
  Value* data() {
    void* start = values_.data();
    size_t space = values_.size() * sizeof(Value);
    return static_cast<Value*>(std::align(64, 1, start, space));
  }

 private:
  std::vector<Value> values_;
};

std::vector<float> random_floats(int64_t size, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(static_cast<size_t>(size));
  for (float& value : values) value = normal(random);
  return values;
}

std::vector<uint16_t> random_bfloat16(int64_t size, uint32_t seed) {
  std::vector<uint16_t> halves;
  for (float value : random_floats(size, seed)) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    halves.push_back(static_cast<uint16_t>(bits >> 16));
  }
  return halves;
}

// `compute` of each version that this CPU runs, on one thread and on several.
template <class Kernel, class Compute>
void expect_same_on_threads(std::span<const Version<Kernel>> versions, Compute compute) {
  for (const auto& version : versions) {
    if (!version.runs_on(cpu_features())) continue;
    const auto alone = compute(*version.kernel, 1);
    const auto divided = compute(*version.kernel, kThreads);
    ASSERT_EQ(alone.size(), divided.size()) << version.name;
    EXPECT_EQ(std::memcmp(alone.data(), divided.data(), alone.size() * sizeof alone[0]), 0) << version.name;
    EXPECT_TRUE(std::ranges::any_of(alone, [](auto value) { return value != 0; })) << version.name;
  }
}

TEST(Threads, PackedLinear) {
  for (const PackedType type : {PackedType::Q8, PackedType::Q4}) {
    for (const int64_t num_tokens : {1, 37}) {
      const PackedShape shape{type, 150, 288};
      std::vector<uint8_t> weight(static_cast<size_t>(shape.num_bytes()));
      zero_packed(shape, weight.data());
      std::mt19937 random(3);
      std::vector<int8_t> codes(static_cast<size_t>(shape.padded_in()));
      const std::vector<uint8_t> group_scales(codes.size() / kPackedGroup, 5);
      for (int64_t row = 0; row < shape.out_features; ++row) {
        for (auto& code : codes) code = static_cast<int8_t>(static_cast<int>(random() % 15) - 7);
        write_packed_row(shape, weight.data(), row,
                         {0.01f, type == PackedType::Q8 ? nullptr : group_scales.data(), codes.data()});
      }
      const auto x = random_floats(num_tokens * shape.in_features, 4);
      expect_same_on_threads(packed_linear_versions(), [&](const PackedLinearKernel& kernel, int num_threads) {
        const int64_t rows = num_tokens + kSpareTokens, stride = 384, num_starts = 9,
                      num_groups = (shape.in_features + kActivationGroup - 1) / kActivationGroup;
        std::vector<int8_t> x_codes(static_cast<size_t>(rows * stride));
        std::vector<float> scales(static_cast<size_t>(rows * num_groups));
        std::vector<int32_t> starts(static_cast<size_t>(rows * num_starts));
        std::vector<int32_t> wide_starts(static_cast<size_t>(rows * num_groups));
        const QuantizedRows quantized{x_codes.data(),     stride,    scales.data(), starts.data(),
                                      wide_starts.data(), num_groups};
        run_on_threads(num_threads, num_tokens, [&] {
          return
              [&](int64_t t) { kernel.quantize(x.data(), shape.in_features, shape.in_features, quantized, t, t + 1); };
        });
        std::vector<float> y(static_cast<size_t>(num_tokens * shape.out_features));
        const PackedLinear problem{shape, weight.data(), nullptr, quantized, num_tokens, y.data(), shape.out_features};
        run_on_threads(num_threads, shape.num_panels(), [&] {
          return [&, scratch = std::make_shared<Scratch<uint8_t>>(kernel.scratch_bytes)](int64_t panel) {
            kernel.panels(problem, scratch->data(), panel, panel + 1, nullptr);
          };
        });
        return y;
      });
    }
  }
}

TEST(Threads, DenseLinear) {
  constexpr int64_t kIn = 70, kOut = 130;
  for (const int64_t num_tokens : {1, 45}) {
    const auto x = random_floats(num_tokens * kIn, 5);
    const auto weight = random_bfloat16(kOut * kIn, 6);
    expect_same_on_threads(dense_linear_versions(), [&](const DenseLinearKernel& kernel, int num_threads) {
      std::vector<float> y(static_cast<size_t>(num_tokens * kOut));
      const DenseLinear problem{.x = x.data(),
                                .x_stride = kIn,
                                .weight = weight.data(),
                                .weight_stride = kIn,
                                .weight_type = HalfType::BF16,
                                .y = y.data(),
                                .y_stride = kOut,
                                .num_tokens = num_tokens,
                                .in_features = kIn,
                                .out_features = kOut};
      const int64_t packed_size = kernel.packed_x_size(num_tokens, kIn);
      Scratch<float> packed(packed_size);
      float* packed_x = packed.data();
      if (packed_size > 0) {
        run_on_threads(num_threads, kernel.num_tiles(num_tokens),
                       [&] { return [&](int64_t tile) { kernel.pack_x(problem, packed_x, tile, tile + 1); }; });
      }
      run_on_threads(num_threads, kOut / 10, [&] {
        return [&, scratch = std::make_shared<Scratch<float>>(kernel.scratch_size)](int64_t task) {
          kernel.rows(problem, packed_x, scratch->data(), task * 10, task * 10 + 10);
        };
      });
      return y;
    });
  }
}

TEST(Threads, DecodeAttention) {
  constexpr int64_t kHeads = 3, kWidth = 64, kKeys = 200, kPairs = 12;
  const auto keys = random_bfloat16(kPairs * kKeys * kWidth, 7), values = random_bfloat16(kPairs * kKeys * kWidth, 8);
  const auto q = random_floats(kPairs * kHeads * kWidth, 9);
  expect_same_on_threads(decode_attention_versions(), [&](const DecodeAttentionKernel& kernel, int num_threads) {
    std::vector<float> y(static_cast<size_t>(kPairs * kHeads * kWidth));
    std::vector<float> largest(static_cast<size_t>(kPairs * kHeads)), sums(largest.size());
    run_on_threads(num_threads, kPairs, [&] {
      return [&, scratch = std::make_shared<Scratch<float>>(kernel.scratch(kWidth))](int64_t pair) {
        kernel.range({.type = CacheType::BFloat16,
                      .keys = keys.data() + pair * kKeys * kWidth,
                      .values = values.data() + pair * kKeys * kWidth,
                      .key_stride = kWidth,
                      .value_stride = kWidth,
                      .num_keys = kKeys,
                      .width = kWidth,
                      .num_heads = kHeads,
                      .q = q.data() + pair * kHeads * kWidth,
                      .q_stride = kWidth,
                      .scale = 0.125f,
                      .bias = nullptr,
                      .y = y.data() + pair * kHeads * kWidth,
                      .largest = largest.data() + pair * kHeads,
                      .sums = sums.data() + pair * kHeads},
                     scratch->data());
      };
    });
    return y;
  });
}

// Queries, keys, values, their gradients and those of the result, of a number of heads.
template <class Value>
struct AttentionMemory {
  static constexpr int64_t kHeads = 6, kQueries = 70, kKeys = 90, kWidth = 32;

  static std::vector<Value> draw(int64_t rows, uint32_t seed) {
    if constexpr (std::is_same_v<Value, float>) {
      return random_floats(kHeads * rows * kWidth, seed);
    } else {
      return random_bfloat16(kHeads * rows * kWidth, seed);
    }
  }

  std::vector<Value> q = draw(kQueries, 10), k = draw(kKeys, 11), v = draw(kKeys, 12), dy = draw(kQueries, 13);
  std::vector<Value> y = std::vector<Value>(q.size()), dq = y, dk = std::vector<Value>(k.size()), dv = dk;
  std::vector<float> log_sums = std::vector<float>(kHeads * kQueries);

  static HeadRows of(std::vector<Value>& values, int64_t head, int64_t rows) {
    return {values.data() + head * rows * kWidth, rows * kWidth, kWidth};
  }
};

template <class Value>
std::vector<Value> attend_and_go_back(const AttentionKernel& kernel, int num_threads) {
  using Memory = AttentionMemory<Value>;
  const auto type = std::is_same_v<Value, float> ? AttentionType::Float32 : AttentionType::BFloat16;
  Memory memory;
  const int64_t num_blocks = (Memory::kQueries + kernel.block_queries - 1) / kernel.block_queries;
  const auto work_of = [&](int64_t head, int64_t first, int64_t last) {
    return AttentionWork{.type = type,
                         .num_queries = Memory::kQueries,
                         .num_keys = Memory::kKeys,
                         .width = Memory::kWidth,
                         .num_heads = 1,
                         .first_block = first,
                         .last_block = last,
                         .scale = 0.17f,
                         .tile_table = nullptr,
                         .tiles = nullptr,
                         .q = Memory::of(memory.q, head, Memory::kQueries),
                         .k = Memory::of(memory.k, head, Memory::kKeys),
                         .v = Memory::of(memory.v, head, Memory::kKeys),
                         .y = Memory::of(memory.y, head, Memory::kQueries),
                         .log_sums = memory.log_sums.data() + head * Memory::kQueries};
  };
  run_on_threads(num_threads, Memory::kHeads * num_blocks, [&] {
    const int64_t size = kernel.forward_scratch(Memory::kKeys, Memory::kWidth);
    return [&, scratch = std::make_shared<Scratch<float>>(size)](int64_t task) {
      const int64_t block = task % num_blocks;
      kernel.forward(work_of(task / num_blocks, block, block + 1), scratch->data());
    };
  });
  run_on_threads(num_threads, Memory::kHeads, [&] {
    const int64_t size = kernel.backward_scratch(Memory::kKeys, Memory::kWidth);
    return [&, scratch = std::make_shared<Scratch<float>>(size)](int64_t head) {
      kernel.backward({.forward = work_of(head, 0, num_blocks),
                       .dy = Memory::of(memory.dy, head, Memory::kQueries),
                       .dq = Memory::of(memory.dq, head, Memory::kQueries),
                       .dk = Memory::of(memory.dk, head, Memory::kKeys),
                       .dv = Memory::of(memory.dv, head, Memory::kKeys),
                       .key_gradient_type = type},
                      scratch->data());
    };
  });
  std::vector<Value> all = memory.y;
  for (const auto* part : {&memory.dq, &memory.dk, &memory.dv}) all.insert(all.end(), part->begin(), part->end());
  return all;
}

TEST(Threads, Attention) {
  expect_same_on_threads(attention_versions(), attend_and_go_back<float>);
  expect_same_on_threads(attention_bfloat16_versions(), attend_and_go_back<uint16_t>);
}

TEST(Threads, TrainingPasses) {
  constexpr int64_t kRows = 24, kWidth = 100;
  const auto x = random_floats(kRows * 2 * kWidth, 14), weight = random_floats(kWidth, 15);
  expect_same_on_threads(training_passes_versions(), [&](const TrainingPasses& passes, int num_threads) {
    std::vector<float> y(x.size()), inverse(kRows);
    run_on_threads(num_threads, kRows, [&] {
      return [&](int64_t row) {
        float* gated = y.data() + row * 2 * kWidth;
        passes.float32.gated(x.data() + row * 2 * kWidth, gated, 1, kWidth);
        passes.rms_norm(gated, weight.data(), 1e-6f, gated + kWidth, inverse.data() + row, 1, kWidth);
      };
    });
    return y;
  });
}

// The tables of versions are made at their first use, by whoever comes first.
TEST(Threads, ChooseVersionsTogether) {
  std::vector<std::string> answers(kThreads);
  run_on_threads(kThreads, kThreads,
                 [&] { return [&](int64_t i) { answers[static_cast<size_t>(i)] = describe_kernels(); }; });
  EXPECT_EQ(answers, std::vector<std::string>(kThreads, answers[0]));
}

}  // namespace
}  // namespace molmo::kernels
