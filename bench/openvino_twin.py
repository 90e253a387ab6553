"""Decoding and prefill of Qwen2-7B, the decoder of Molmo-7B-D, in OpenVINO with 4-bit weights, symmetric, groups of 128.

    pip install openvino
    python bench/openvino_twin.py [layers] [prompt tokens] [repetitions]

The peer of `molmo bench -m molmo-7b-d:q4 --layers 8 --image-crops 0 --prompt-tokens 512`. The graph keeps no keys and values: decoding is
one position without any before it, which is less work than ours. Random weights, without embedding and output matrix; times are
scaled from `layers` blocks to 28. All settings are OpenVINO's own but two threads and one stream.
"""

import sys

import numpy
import openvino as ov
from openvino import opset13 as op

from twin_measures import HEAD, HEADS, KV_HEADS, LAYERS, MLP, WIDTH, seconds

GROUP = 128
random = numpy.random.default_rng(0)


def constant(values, kind=numpy.float32):
    return op.constant(numpy.array(values, dtype=kind))


def linear(x, rows, columns):
    shape = [rows, columns // GROUP, GROUP]
    codes = random.integers(0, 256, rows * columns // 2, dtype=numpy.uint8)
    weight = op.convert(op.constant(ov.Tensor(codes, ov.Shape(shape), ov.Type.i4), shared_memory=False), "f16")
    scales = numpy.full([rows, columns // GROUP, 1], 0.003, dtype=numpy.float16)
    weight = op.reshape(op.multiply(weight, op.constant(scales)), constant([rows, columns], numpy.int64), False)
    return op.matmul(x, op.convert(weight, "f32"), False, True)


def norm(x):
    square = op.reduce_mean(op.multiply(x, x), constant([-1], numpy.int64), True)
    scaled = op.divide(x, op.sqrt(op.add(square, constant([1e-6]))))
    return op.multiply(scaled, op.constant(random.uniform(0.9, 1.1, WIDTH).astype(numpy.float32)))


def heads_of(x, count):
    x = op.reshape(x, constant([1, -1, count, HEAD], numpy.int64), False)
    return op.transpose(x, constant([0, 2, 1, 3], numpy.int64))


def rotate(x, cos, sin):
    first, second = op.split(x, constant(3, numpy.int64), 2).outputs()
    turned = op.concat([op.negative(second), first], -1)
    return op.add(op.multiply(x, cos), op.multiply(turned, sin))


def block(x, cos, sin):
    y = norm(x)
    q = rotate(heads_of(linear(y, HEADS * HEAD, WIDTH), HEADS), cos, sin)
    k = rotate(heads_of(linear(y, KV_HEADS * HEAD, WIDTH), KV_HEADS), cos, sin)
    v = heads_of(linear(y, KV_HEADS * HEAD, WIDTH), KV_HEADS)
    repeat = constant(numpy.repeat(numpy.arange(KV_HEADS), HEADS // KV_HEADS), numpy.int64)
    axis = constant(1, numpy.int64)
    y = op.scaled_dot_product_attention(q, op.gather(k, repeat, axis), op.gather(v, repeat, axis), causal=True)
    y = op.reshape(op.transpose(y, constant([0, 2, 1, 3], numpy.int64)), constant([1, -1, HEADS * HEAD], numpy.int64), False)
    x = op.add(x, linear(y, WIDTH, HEADS * HEAD))
    y = norm(x)
    return op.add(x, linear(op.multiply(op.swish(linear(y, MLP, WIDTH)), linear(y, MLP, WIDTH)), WIDTH, MLP))


def main():
    layers, tokens, repetitions = (int(sys.argv[i]) if len(sys.argv) > i else (8, 512, 5)[i - 1] for i in (1, 2, 3))
    x = op.parameter([1, -1, WIDTH], ov.Type.f32, name="x")
    cos = op.parameter([1, 1, -1, HEAD], ov.Type.f32, name="cos")
    sin = op.parameter([1, 1, -1, HEAD], ov.Type.f32, name="sin")
    y = x
    for _ in range(layers):
        y = block(y, cos, sin)
    model = ov.Model([op.result(y)], [x, cos, sin])
    compiled = ov.compile_model(model, "CPU", {"INFERENCE_NUM_THREADS": 2, "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY"})
    request = compiled.create_infer_request()

    def seconds_of_tokens(count, repetitions):
        angles = numpy.outer(numpy.arange(count), 1e6 ** (-numpy.arange(0, HEAD, 2) / HEAD)).astype(numpy.float32)
        angles = numpy.tile(angles, 2)[None, None]
        inputs = [random.standard_normal((1, count, WIDTH), dtype=numpy.float32), numpy.cos(angles), numpy.sin(angles)]
        return seconds(lambda: request.infer(inputs), repetitions)

    weights = layers * (WIDTH * HEAD * (2 * HEADS + 2 * KV_HEADS) + 3 * WIDTH * MLP)
    decode, prefill = seconds_of_tokens(1, 4 * repetitions), seconds_of_tokens(tokens, repetitions)
    gigabytes = weights * (0.5 + 2 / GROUP) / 1e9
    print(
        f"{layers} layers, medians of {repetitions}: decoding {decode * 1e3:.1f} ms, {gigabytes / decode:.1f} GB/s; "
        f"prefill of {tokens} {prefill:.2f} s, {2 * weights * tokens / prefill / 1e9:.0f} GOP/s; "
        f"of {LAYERS} layers {decode / layers * LAYERS * 1e3:.0f} ms and {prefill / layers * LAYERS:.1f} s"
    )


main()
