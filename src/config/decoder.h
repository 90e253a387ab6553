// Decoder: a causal transformer, dense or with a mixture of experts (reference: olmo/model.py).
#pragma once

#include <cstdint>

namespace molmo::config {

struct DecoderConfig {
  int64_t width = 3584;
  int64_t num_layers = 28;
  int64_t num_heads = 28;
  int64_t num_kv_heads = 4;
  int64_t head_dim = 128;
  int64_t mlp_width = 18944;            // hidden width of the gated MLP, or of one expert
  int64_t vocab_size = 152064;          // token ids of the tokenizer; image token ids follow
  int64_t embedding_size = 152064;      // rows of the embedding and of the output head, at least vocab_size
  int64_t additional_vocab_size = 128;  // extra embedding rows for image tokens; they have no logits
  double rope_theta = 1e6;
  double norm_eps = 1e-6;
  bool has_qkv_bias = true;
  bool has_qk_norm = false;     // RMS norm over the whole q and k projections, before the split into heads
  bool has_norm_after = false;  // norm after each sublayer instead of before it (OLMo-1024)
  bool has_tied_head = false;   // the output head is the embedding
  int64_t max_sequence_length = 4096;
  int64_t num_experts = 0;         // 0: dense MLP
  int64_t num_active_experts = 0;  // experts per token

  bool has_experts() const { return num_experts > 0; }
  int64_t kv_width() const { return num_kv_heads * head_dim; }

  void validate() const;

  template <class Visitor>
  void fields(Visitor& visit) {
    visit("width", width, "width of the residual stream");
    visit("num_layers", num_layers, "transformer blocks");
    visit("num_heads", num_heads, "query heads");
    visit("num_kv_heads", num_kv_heads, "key and value heads");
    visit("head_dim", head_dim, "width of a head");
    visit("mlp_width", mlp_width, "hidden width of the MLP, or of one expert");
    visit("vocab_size", vocab_size, "token ids of the tokenizer");
    visit("embedding_size", embedding_size, "rows of the embedding and of the output head");
    visit("additional_vocab_size", additional_vocab_size, "extra embedding rows for image tokens");
    visit("rope_theta", rope_theta, "base of the rotary position angles");
    visit("norm_eps", norm_eps, "epsilon of the RMS norms");
    visit("has_qkv_bias", has_qkv_bias, "query, key and value projections have a bias");
    visit("has_qk_norm", has_qk_norm, "RMS norm of the query and key projections");
    visit("has_norm_after", has_norm_after, "norm after each sublayer instead of before");
    visit("has_tied_head", has_tied_head, "the output head is the embedding");
    visit("max_sequence_length", max_sequence_length, "longest sequence, tokens");
    visit("num_experts", num_experts, "experts per block, 0 for a dense MLP");
    visit("num_active_experts", num_active_experts, "experts per token");
  }
};

DecoderConfig qwen2_7b();
DecoderConfig qwen2_72b();
DecoderConfig olmo_7b_1024();
DecoderConfig olmoe_1b_7b();

}  // namespace molmo::config
