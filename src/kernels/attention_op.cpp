// The kernel of attention.h as a torch operator with gradients, float32 or bfloat16 on the CPU:
//   molmo::attention(Tensor q, Tensor k, Tensor v, Tensor? bias, bool is_causal) -> Tensor
//       q [B, H, T, A], k and v [B, K, S, A] with K a divisor of H, bias [B or 1, 1, T, S] -> [B, H, T, A] in the
//       memory of [B, T, H, A]. Causal: query i sees keys 0..i, and S is T. A query that sees nothing gives zeros. A
//       bias of -1e30 or less hides a key; no gradient reaches the bias.
// No result depends on the number of threads.
#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <fmt/ranges.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <tuple>
#include <vector>

#include "base/error.h"
#include "kernels/cpu_dispatch.h"

#ifndef INTRA_OP_PARALLEL
#error "built without OpenMP, at::parallel_for is a serial loop"
#endif

namespace molmo::kernels {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Below so many pairs of example and key head the queries of a pair are divided in backward, at the price of a sum.
constexpr int64_t kUndividedPairs = 16;

// Of windows of a few keys most of a tile of AMX would be empty: 4 keys took three times as long.
constexpr int64_t kFewKeys = 16;

const AttentionKernel& kernel_of(at::ScalarType type, int64_t num_keys) {
  static const AttentionKernel& of_any = *best(attention_versions()).kernel;
  static const AttentionKernel& of_bfloat16 = *best(attention_bfloat16_versions()).kernel;
  return type == at::kBFloat16 && num_keys > kFewKeys ? of_bfloat16 : of_any;
}

void check(bool condition, const char* expected, const Tensor& found) {
  if (condition) return;
  fail(ErrorCategory::InvalidArgument, "[attention] expected {}, found {} {} on {}", expected,
       toString(found.scalar_type()), fmt::join(found.sizes(), "x"), found.device().str());
}

int64_t divided(int64_t value, int64_t step) {
  return (value + step - 1) / step;
}

Tensor with_dense_heads(const Tensor& x) {
  return x.stride(3) == 1 ? x : x.contiguous();
}

AttentionType type_of(const Tensor& x) {
  return x.scalar_type() == at::kFloat ? AttentionType::Float32 : AttentionType::BFloat16;
}

HeadRows rows_of(const Tensor& x, int64_t example, int64_t head) {
  char* values = static_cast<char*>(const_cast<void*>(x.const_data_ptr()));
  return {.values = values + (example * x.stride(0) + head * x.stride(1)) * x.element_size(),
          .head_stride = x.stride(1),
          .row_stride = x.stride(2)};
}

// [B, heads, rows, A] in the memory of [B, rows, heads, A].
Tensor empty_heads(const Tensor& like, at::ScalarType type) {
  return at::empty({like.size(0), like.size(2), like.size(1), like.size(3)}, like.options().dtype(type))
      .transpose(1, 2);
}

struct Tiles {
  Tensor table;   // [B or 1, blocks of queries, blocks of keys] int32; empty: all plain
  Tensor values;  // [tiles, block_keys, block_queries]
};

Tiles make_tiles(const AttentionKernel& kernel, const Tensor& bias_or_none, bool is_causal, int64_t num_queries,
                 int64_t num_keys) {
  if (!bias_or_none.defined() && !is_causal) return {at::empty({0}, at::kInt), at::empty({0}, at::kFloat)};
  Tensor bias = bias_or_none;
  if (bias.defined()) bias = with_dense_heads(bias.detach().to(at::kFloat));
  const int64_t num_examples = bias.defined() ? bias.size(0) : 1;
  const int64_t of_queries = divided(num_queries, kernel.block_queries), of_keys = divided(num_keys, kernel.block_keys);
  const auto corner = [&](int64_t row, int64_t block) {
    const int64_t query = row % of_queries * kernel.block_queries, key = block * kernel.block_keys;
    BiasCorner result{.bias = nullptr,
                      .row_stride = 0,
                      .num_queries = std::min(kernel.block_queries, num_queries - query),
                      .num_keys = std::min(kernel.block_keys, num_keys - key),
                      .diagonal = is_causal ? query - key : num_keys};
    if (!bias.defined()) return result;
    result.bias = bias.const_data_ptr<float>() + row / of_queries * bias.stride(0) + query * bias.stride(2) + key;
    result.row_stride = bias.stride(2);
    return result;
  };
  Tiles tiles;
  tiles.table = at::empty({num_examples, of_queries, of_keys}, at::kInt);
  int32_t* table = tiles.table.mutable_data_ptr<int32_t>();
  at::parallel_for(0, num_examples * of_queries, 8, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      for (int64_t block = 0; block < of_keys; ++block)
        table[row * of_keys + block] = kernel.tile_kind(corner(row, block));
    }
  });
  int32_t count = 0;
  for (int64_t i = 0; i < tiles.table.numel(); ++i) {
    if (table[i] == 0) table[i] = count++;
  }
  tiles.values = at::empty({count, kernel.block_keys, kernel.block_queries}, at::kFloat);
  float* values = tiles.values.mutable_data_ptr<float>();
  const int64_t tile_size = kernel.block_keys * kernel.block_queries;
  at::parallel_for(0, num_examples * of_queries, 8, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      for (int64_t block = 0; block < of_keys; ++block) {
        const int32_t tile = table[row * of_keys + block];
        if (tile >= 0) store_tile(kernel, corner(row, block), values + tile * tile_size);
      }
    }
  });
  return tiles;
}

// The layers of a forward pass are called with one bias. What was made of it serves the next layer too, as long as the
// backward pass keeps it: nothing is kept alive here.
Tiles shared_tiles(const AttentionKernel& kernel, const Tensor& bias, bool is_causal, int64_t num_queries,
                   int64_t num_keys) {
  using WeakTensor = c10::weak_intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>;
  struct Made {
    WeakTensor bias, table, values;
    uint32_t bias_version;
    const AttentionKernel* kernel;
    bool is_causal;
  };
  static thread_local std::optional<Made> last;
  if (!bias.defined() || bias.is_inference()) return make_tiles(kernel, bias, is_causal, num_queries, num_keys);
  if (last && last->bias.lock() == bias.getIntrusivePtr() && last->bias_version == bias._version() &&
      last->kernel == &kernel && last->is_causal == is_causal) {
    const Tensor table(last->table.lock()), values(last->values.lock());
    if (table.defined() && values.defined()) return {table, values};
  }
  const Tiles tiles = make_tiles(kernel, bias, is_causal, num_queries, num_keys);
  const auto weak = [](const Tensor& x) { return WeakTensor(x.getIntrusivePtr()); };
  last = Made{weak(bias), weak(tiles.table), weak(tiles.values), static_cast<uint32_t>(bias._version()),
              &kernel,    is_causal};
  return tiles;
}

struct Inputs {
  Tensor q, k, v;
  Tiles tiles;

  const AttentionKernel& kernel() const { return kernel_of(q.scalar_type(), k.size(2)); }
  int64_t group() const { return q.size(1) / k.size(1); }
  int64_t num_pairs() const { return q.size(0) * k.size(1); }
  int64_t num_blocks() const { return group() * divided(q.size(2), kernel().block_queries); }  // of a pair
};

AttentionWork work_of(const Inputs& inputs, const Tensor& y, const Tensor& log_sums, int64_t pair) {
  const int64_t example = pair / inputs.k.size(1), key_head = pair % inputs.k.size(1);
  const int64_t head = key_head * inputs.group(), num_queries = inputs.q.size(2), width = inputs.q.size(3);
  AttentionWork work{.type = type_of(inputs.q),
                     .num_queries = num_queries,
                     .num_keys = inputs.k.size(2),
                     .width = width,
                     .num_heads = inputs.group(),
                     .first_block = 0,
                     .last_block = inputs.num_blocks(),
                     .scale = static_cast<float>(1 / std::sqrt(static_cast<double>(width))),
                     .tile_table = nullptr,
                     .tiles = nullptr,
                     .q = rows_of(inputs.q, example, head),
                     .k = rows_of(inputs.k, example, key_head),
                     .v = rows_of(inputs.v, example, key_head),
                     .y = rows_of(y, example, head),
                     .log_sums = log_sums.mutable_data_ptr<float>() + (example * y.size(1) + head) * num_queries};
  const Tensor& table = inputs.tiles.table;
  if (table.numel() == 0) return work;
  work.tile_table = table.const_data_ptr<int32_t>() + (table.size(0) == 1 ? 0 : example * table.stride(0));
  work.tiles = inputs.tiles.values.const_data_ptr<float>();
  return work;
}

// body(pair, part, scratch) for all parts of all pairs of example and key head.
template <class Body>
void over_parts(const Inputs& inputs, int64_t num_parts, int64_t scratch_size, const Body& body) {
  at::parallel_for(0, inputs.num_pairs() * num_parts, 1, [&](int64_t begin, int64_t end) {
    const Tensor scratch = at::empty({scratch_size}, at::kFloat);
    for (int64_t index = begin; index < end; ++index)
      body(index / num_parts, index % num_parts, scratch.mutable_data_ptr<float>());
  });
}

void take_part(AttentionWork& work, int64_t part, int64_t num_parts) {
  const int64_t num_blocks = work.last_block;
  work.first_block = num_blocks * part / num_parts;
  work.last_block = num_blocks * (part + 1) / num_parts;
}

std::tuple<Tensor, Tensor> attention_forward(const Inputs& inputs) {
  const Tensor& q = inputs.q;
  Tensor y = empty_heads(q, q.scalar_type()), log_sums = at::empty({q.size(0), q.size(1), q.size(2)}, at::kFloat);
  if (y.numel() == 0) return {y, log_sums};
  const int64_t num_parts =
      std::clamp<int64_t>(divided(4 * at::get_num_threads(), inputs.num_pairs()), 1, inputs.num_blocks());
  over_parts(inputs, num_parts, inputs.kernel().forward_scratch(inputs.k.size(2), q.size(3)),
             [&](int64_t pair, int64_t part, float* scratch) {
               AttentionWork work = work_of(inputs, y, log_sums, pair);
               take_part(work, part, num_parts);
               inputs.kernel().forward(work, scratch);
             });
  return {y, log_sums};
}

variable_list attention_backward(const Inputs& inputs, const Tensor& y, const Tensor& log_sums, const Tensor& dy) {
  const Tensor &q = inputs.q, &k = inputs.k;
  const auto type = q.scalar_type();
  const Tensor dq = empty_heads(q, type);
  const int64_t num_parts =
      q.numel() == 0 ? 1 : std::clamp<int64_t>(divided(kUndividedPairs, inputs.num_pairs()), 1, inputs.num_blocks());
  std::vector<Tensor> dk, dv;
  for (int64_t part = 0; part < num_parts; ++part) {
    dk.push_back(empty_heads(k, num_parts == 1 ? type : at::kFloat));
    dv.push_back(empty_heads(k, num_parts == 1 ? type : at::kFloat));
  }
  over_parts(inputs, num_parts, inputs.kernel().backward_scratch(k.size(2), q.size(3)),
             [&](int64_t pair, int64_t part, float* scratch) {
               const int64_t example = pair / k.size(1), key_head = pair % k.size(1);
               const Tensor &part_dk = dk[static_cast<size_t>(part)], &part_dv = dv[static_cast<size_t>(part)];
               AttentionBackwardWork work{.forward = work_of(inputs, y, log_sums, pair),
                                          .dy = rows_of(dy, example, key_head * inputs.group()),
                                          .dq = rows_of(dq, example, key_head * inputs.group()),
                                          .dk = rows_of(part_dk, example, key_head),
                                          .dv = rows_of(part_dv, example, key_head),
                                          .key_gradient_type = type_of(part_dk)};
               take_part(work.forward, part, num_parts);
               inputs.kernel().backward(work, scratch);
             });
  for (size_t part = 1; part < dk.size(); ++part) {
    dk[0].add_(dk[part]);
    dv[0].add_(dv[part]);
  }
  return {dq, dk[0].to(type), dv[0].to(type)};
}

struct Attention : torch::autograd::Function<Attention> {
  static Tensor forward(AutogradContext* context, const Tensor& q, const Tensor& k, const Tensor& v,
                        const Tensor& tile_table, const Tensor& tiles) {
    const auto [y, log_sums] = attention_forward({q, k, v, {tile_table, tiles}});
    context->save_for_backward({q, k, v, tile_table, tiles, y, log_sums});
    return y;
  }
  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const Inputs inputs{saved[0], saved[1], saved[2], {saved[3], saved[4]}};
    variable_list result = attention_backward(inputs, saved[5], saved[6], with_dense_heads(gradients[0]));
    result.resize(5);
    return result;
  }
};

Tensor attention(const Tensor& q_input, const Tensor& k_input, const Tensor& v_input,
                 const std::optional<Tensor>& bias_input, bool is_causal) {
  for (const Tensor& x : {q_input, k_input, v_input}) {
    check(x.is_cpu() && (x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16) &&
              x.scalar_type() == q_input.scalar_type() && x.dim() == 4 && x.size(3) == q_input.size(3) &&
              x.size(3) > 0 && x.size(3) <= kMaxHeadWidth,
          "[B, heads, tokens, A <= 256] of one type, float32 or bfloat16, on the CPU", x);
  }
  const Tensor q = with_dense_heads(q_input), k = with_dense_heads(k_input), v = with_dense_heads(v_input);
  check(k.size(0) == q.size(0) && k.size(1) > 0 && q.size(1) % k.size(1) == 0,
        "keys of as many examples as queries, with a divisor of their heads", k);
  check(v.sizes() == k.sizes(), "a value for each key", v);
  check(!is_causal || k.size(2) == q.size(2), "as many keys as queries, because attention is causal", k);
  const Tensor bias = bias_input.value_or(Tensor());
  if (bias.defined()) {
    check(bias.is_cpu() && bias.dim() == 4 && (bias.size(0) == 1 || bias.size(0) == q.size(0)) && bias.size(1) == 1 &&
              bias.size(2) == q.size(2) && bias.size(3) == k.size(2),
          "a bias [B or 1, 1, T, S] on the CPU", bias);
  }
  const Tiles tiles = shared_tiles(kernel_of(q.scalar_type(), k.size(2)), bias, is_causal, q.size(2), k.size(2));
  const bool needs_gradient =
      at::GradMode::is_enabled() && (q.requires_grad() || k.requires_grad() || v.requires_grad());
  if (needs_gradient) return Attention::apply(q, k, v, tiles.table, tiles.values);
  return std::get<0>(attention_forward({q, k, v, tiles}));
}

}  // namespace

TORCH_LIBRARY_FRAGMENT(molmo, library) {
  library.def("attention(Tensor q, Tensor k, Tensor v, Tensor? bias, bool is_causal) -> Tensor", attention);
}

}  // namespace molmo::kernels
