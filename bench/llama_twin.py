"""Writes Qwen2-7B, the decoder of Molmo-7B-D, with random weights as a GGUF file of type Q4_0 for llama.cpp's own measure.

    pip install gguf
    python bench/llama_twin.py qwen2-7b-q4_0.gguf [layers]
    llama-bench -m qwen2-7b-q4_0.gguf -t 2 -p 512 -n 32

The peer of `molmo bench -m molmo-7b-d:q4 --image-crops 0 --prompt-tokens 512`. Embeddings and output matrix are Q4_0 as well.
"""

import sys

import gguf
import numpy

from twin_measures import HEAD, HEADS, KV_HEADS, LAYERS, MLP, VOCABULARY, WIDTH


def main():
    path, layers = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else LAYERS
    random = numpy.random.default_rng(0)
    writer = gguf.GGUFWriter(path, "qwen2")
    writer.add_block_count(layers)
    writer.add_context_length(4096)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(MLP)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_rope_freq_base(1e6)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_vocab_size(VOCABULARY)
    writer.add_tokenizer_model("none")
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q4_0)

    def matrix(name, rows, columns):
        blocks = random.integers(0, 256, (rows, columns // 32, 18), dtype=numpy.uint8)
        blocks[:, :, :2] = numpy.frombuffer(numpy.float16(0.004).tobytes(), dtype=numpy.uint8)
        writer.add_tensor(name + ".weight", blocks.reshape(rows, -1), raw_dtype=gguf.GGMLQuantizationType.Q4_0)

    def vector(name, value, size):
        writer.add_tensor(name, numpy.full(size, value, dtype=numpy.float32))

    matrix("token_embd", VOCABULARY, WIDTH)
    for layer in range(layers):
        block = f"blk.{layer}."
        vector(block + "attn_norm.weight", 1, WIDTH)
        for name, rows in (("attn_q", HEADS * HEAD), ("attn_k", KV_HEADS * HEAD), ("attn_v", KV_HEADS * HEAD)):
            matrix(block + name, rows, WIDTH)
            vector(block + name + ".bias", 0, rows)
        matrix(block + "attn_output", WIDTH, HEADS * HEAD)
        vector(block + "ffn_norm.weight", 1, WIDTH)
        matrix(block + "ffn_gate", MLP, WIDTH)
        matrix(block + "ffn_up", MLP, WIDTH)
        matrix(block + "ffn_down", WIDTH, MLP)
    vector("output_norm.weight", 1, WIDTH)
    matrix("output", VOCABULARY, WIDTH)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


main()
