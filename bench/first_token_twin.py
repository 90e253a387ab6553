"""Time from 13 crops to the first token of Molmo-7B-D in eager PyTorch, float32, beside `molmo bench -m molmo-7b-d:q4`.

    python bench/first_token_twin.py [repetitions]

The shapes of the released model and the operators of its PyTorch code, with random weights. 30 GB of float32 do not fit into the
memory of a small machine, so that two layers of the vision tower and of the decoder are timed and multiplied by their number;
the connector is whole.
"""

import statistics
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

CROPS, PATCHES, TOKENS = 13, 577, 1236
VISION_LAYERS, VISION_WIDTH, VISION_HEADS, VISION_MLP = 23, 1024, 16, 4096
LAYERS, WIDTH, HEADS, KV_HEADS, HEAD, MLP = 28, 3584, 28, 4, 128, 18944
TIMED_LAYERS = 2


class VisionBlock(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(VISION_WIDTH), nn.LayerNorm(VISION_WIDTH)
        self.q, self.k, self.v, self.out = (nn.Linear(VISION_WIDTH, VISION_WIDTH) for _ in range(4))
        self.w1, self.w2 = nn.Linear(VISION_WIDTH, VISION_MLP), nn.Linear(VISION_MLP, VISION_WIDTH)

    def forward(self, x):
        y = self.norm1(x)
        q, k, v = (p(y).unflatten(2, (VISION_HEADS, -1)).transpose(1, 2) for p in (self.q, self.k, self.v))
        x = x + self.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
        y = self.w1(self.norm2(x))
        return x + self.w2(y * torch.sigmoid(1.702 * y))


class Connector(nn.Module):
    """Attention pooling of 2 x 2 patches of two layers' features, then the gated MLP."""

    def __init__(self):
        super().__init__()
        self.q, self.k, self.v = (nn.Linear(2 * VISION_WIDTH, VISION_WIDTH) for _ in range(3))
        self.out = nn.Linear(VISION_WIDTH, VISION_WIDTH)
        self.w1, self.w3 = (nn.Linear(VISION_WIDTH, MLP, bias=False) for _ in range(2))
        self.w2 = nn.Linear(MLP, WIDTH, bias=False)

    def forward(self, features):
        windows = features.reshape(-1, 4, 2 * VISION_WIDTH)
        q, k, v = (
            p(z).unflatten(2, (VISION_HEADS, -1)).transpose(1, 2)
            for p, z in ((self.q, windows.mean(1, keepdim=True)), (self.k, windows), (self.v, windows))
        )
        x = self.out(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2))
        return self.w2(F.silu(self.w1(x)) * self.w3(x))


class DecoderBlock(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = nn.RMSNorm(WIDTH), nn.RMSNorm(WIDTH)
        self.qkv = nn.Linear(WIDTH, (HEADS + 2 * KV_HEADS) * HEAD)
        self.out = nn.Linear(WIDTH, WIDTH, bias=False)
        self.up_gate, self.down = nn.Linear(WIDTH, 2 * MLP, bias=False), nn.Linear(MLP, WIDTH, bias=False)

    def forward(self, x, cos, sin):
        qkv = self.qkv(self.norm1(x)).unflatten(2, (HEADS + 2 * KV_HEADS, HEAD)).transpose(1, 2)
        q, k, v = qkv.split((HEADS, KV_HEADS, KV_HEADS), 1)
        q, k = (z * cos + torch.cat((-z[..., HEAD // 2 :], z[..., : HEAD // 2]), -1) * sin for z in (q, k))
        k, v = (z.repeat_interleave(HEADS // KV_HEADS, 1) for z in (k, v))
        x = x + self.out(F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2))
        up, gate = self.up_gate(self.norm2(x)).chunk(2, -1)
        return x + self.down(F.silu(gate) * up)


def seconds(run, repetitions):
    run()
    times = []
    for _ in range(repetitions):
        begin = time.perf_counter()
        run()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def main():
    repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    torch.set_num_threads(2)
    torch.manual_seed(0)
    with torch.inference_mode():
        patches = torch.randn(CROPS, PATCHES, VISION_WIDTH)
        tower = nn.Sequential(*(VisionBlock() for _ in range(TIMED_LAYERS)))
        vision = seconds(lambda: tower(patches), repetitions) / TIMED_LAYERS * VISION_LAYERS
        features = torch.randn(CROPS * 144, 4, 2 * VISION_WIDTH)
        pooling = Connector()
        connector = seconds(lambda: pooling(features), repetitions)
        del tower, pooling
        angles = torch.outer(torch.arange(TOKENS), 1e6 ** (-torch.arange(0, HEAD, 2) / HEAD)).repeat(1, 2)
        cos, sin = angles.cos(), angles.sin()
        blocks = [DecoderBlock() for _ in range(TIMED_LAYERS)]
        x = torch.randn(1, TOKENS, WIDTH)

        def prefill():
            y = x
            for block in blocks:
                y = block(y, cos, sin)
            return y

        decoder = seconds(prefill, repetitions) / TIMED_LAYERS * LAYERS
    print(
        f"{torch.get_num_threads()} threads, float32, medians of {repetitions}: vision tower {vision:.1f} s, "
        f"connector {connector:.1f} s, prefill {decoder:.1f} s, to the first token {vision + connector + decoder:.1f} s"
    )


main()
