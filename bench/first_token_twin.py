"""Time from 13 crops to the first token of Molmo-7B-D in eager PyTorch, float32, beside `molmo bench -m molmo-7b-d:q4`.

    python bench/first_token_twin.py [repetitions]

The shapes of the released model and the operators of its PyTorch code, with random weights. 30 GB of float32 do not fit into the
memory of a small machine, so that two layers of the vision tower and of the decoder are timed and multiplied by their number;
the connector is whole.
"""

import sys

import torch
from torch import nn
from torch.nn import functional as F

from eager_blocks import Attention, DecoderBlock, VisionBlock
from twin_measures import HEAD, HEADS, KV_HEADS, LAYERS, MLP, WIDTH, seconds

CROPS, PATCHES, TOKENS = 13, 577, 1236
VISION_LAYERS, VISION_WIDTH, VISION_HEADS, VISION_MLP = 23, 1024, 16, 4096
TIMED_LAYERS = 2


class Connector(nn.Module):
    """Attention pooling of 2 x 2 patches of two layers' features, then the gated MLP."""

    def __init__(self):
        super().__init__()
        self.pooling = Attention(2 * VISION_WIDTH, VISION_HEADS, VISION_WIDTH // VISION_HEADS, VISION_WIDTH)
        self.w1, self.w3 = (nn.Linear(VISION_WIDTH, MLP, bias=False) for _ in range(2))
        self.w2 = nn.Linear(MLP, WIDTH, bias=False)

    def forward(self, features):
        windows = features.reshape(-1, 4, 2 * VISION_WIDTH)
        x = self.pooling(windows.mean(1, keepdim=True), windows)
        return self.w2(F.silu(self.w1(x)) * self.w3(x))


def main():
    repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    torch.set_num_threads(2)
    torch.manual_seed(0)
    with torch.inference_mode():
        patches = torch.randn(CROPS, PATCHES, VISION_WIDTH)
        tower = nn.Sequential(*(VisionBlock(VISION_WIDTH, VISION_HEADS, VISION_MLP) for _ in range(TIMED_LAYERS)))
        vision = seconds(lambda: tower(patches), repetitions) / TIMED_LAYERS * VISION_LAYERS
        features = torch.randn(CROPS * 144, 4, 2 * VISION_WIDTH)
        pooling = Connector()
        connector = seconds(lambda: pooling(features), repetitions)
        del tower, pooling
        angles = torch.outer(torch.arange(TOKENS), 1e6 ** (-torch.arange(0, HEAD, 2) / HEAD)).repeat(1, 2)
        cos, sin = angles.cos(), angles.sin()
        blocks = [DecoderBlock(WIDTH, HEADS, KV_HEADS, HEAD, MLP) for _ in range(TIMED_LAYERS)]
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
