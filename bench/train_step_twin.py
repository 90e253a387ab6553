"""The steps of src/train/step_bench.cpp in eager PyTorch, as one would write them: float32, fused AdamW.

    python bench/train_step_twin.py nano|slice [steps]

Prints the best and the median wall time of a step, its CPU time, and the peak of memory beyond weights, moments and
gradients.
"""
import resource
import statistics
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

from eager_blocks import Attention, DecoderBlock, RmsNorm, VisionBlock


class Vision(nn.Module):
    def __init__(self, width=192, layers=4, heads=3, mlp=768, grid=16, patch_dim=192, out=224, hidden=512):
        super().__init__()
        self.grid = grid
        self.patch = nn.Linear(patch_dim, width, bias=False)
        self.cls = nn.Parameter(torch.zeros(width))
        self.positions = nn.Parameter(0.02 * torch.randn(grid * grid + 1, width))
        self.pre_norm = nn.LayerNorm(width)
        self.blocks = nn.ModuleList(VisionBlock(width, heads, mlp) for _ in range(layers))
        self.pad_embed = nn.Parameter(torch.zeros(2, 2 * width))
        self.pooling = Attention(2 * width, heads, width // heads, width)
        self.w1, self.w3 = nn.Linear(width, hidden, bias=False), nn.Linear(width, hidden, bias=False)
        self.w2 = nn.Linear(hidden, out, bias=False)

    def forward(self, patches, masks):
        n = patches.shape[0]
        x = torch.cat((self.cls.expand(n, 1, -1), self.patch(patches)), 1) + self.positions
        x, outputs = self.pre_norm(x), []
        for block in self.blocks:
            x = block(x)
            outputs.append(x)
        features = torch.cat((outputs[-1], outputs[-3]), -1)[:, 1:]
        mask = masks.unsqueeze(-1)
        features = features + self.pad_embed[0] * (mask == 0) + self.pad_embed[1] * ((mask < 1) & (mask != 0))
        half = self.grid // 2
        windows = features.view(n, half, 2, half, 2, -1).permute(0, 1, 3, 2, 4, 5).reshape(n * half * half, 4, -1)
        pooled = self.pooling(windows.mean(1, keepdim=True), windows).squeeze(1)
        return self.w2(F.silu(self.w1(pooled)) * self.w3(pooled)).view(n, half * half, -1)


class Model(nn.Module):
    def __init__(self, width, layers, heads, kv_heads, head_dim, mlp, vocabulary, has_vision):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.new_embedding = nn.Embedding(128, width)
        self.blocks = nn.ModuleList(DecoderBlock(width, heads, kv_heads, head_dim, mlp) for _ in range(layers))
        self.norm, self.head = RmsNorm(width), nn.Linear(width, vocabulary, bias=False)
        self.vision = Vision(out=width) if has_vision else None
        self.inverse = 1e6 ** -(torch.arange(0, head_dim, 2) / head_dim)

    def forward(self, ids, positions, images=None, masks=None):
        x = F.embedding(ids, torch.cat((self.embedding.weight, self.new_embedding.weight)))
        if images is not None:
            features = self.vision(images, masks)
            x = torch.cat((x[:, : features.shape[1]] + features, x[:, features.shape[1] :]), 1)
        angles = positions[:, None, :, None] * self.inverse
        angles = torch.cat((angles, angles), -1)
        cos, sin = angles.cos(), angles.sin()
        for block in self.blocks:
            x = block(x, cos, sin)
        return self.head(self.norm(x))


def resident_bytes():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()


def peak_bytes():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main():
    torch.manual_seed(1)
    is_nano = sys.argv[1] == "nano"
    num_steps = int(sys.argv[2]) if len(sys.argv) > 2 else 7
    if is_nano:
        model, batch, image_tokens, text = Model(224, 6, 7, 7, 32, 512, 1024, True), 32, 64, 48
        inputs = {"images": torch.randn(batch, 256, 192), "masks": torch.ones(batch, 256)}
    else:
        model, batch, image_tokens, text, inputs = Model(3584, 2, 28, 4, 128, 18944, 8192, False), 1, 0, 512, {}
    length = image_tokens + text
    ids, labels = torch.randint(1000, (batch, length)), torch.randint(1000, (batch, length))
    ids[:, :image_tokens] = model.embedding.weight.shape[0] + 2
    weights = torch.zeros(batch, length)
    weights[:, image_tokens:] = 1
    positions = torch.arange(length).expand(batch, length).float()
    groups = [[], [], []]
    for name, parameter in model.named_parameters():
        groups[0 if "blocks" in name and "vision" in name else 1 if "vision" in name else 2].append(parameter)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5, betas=(0.9, 0.95), eps=1e-6, weight_decay=0, fused=True)
    for parameter in model.parameters():  # moments exist before the first step, as in the trainer
        state = optimizer.state[parameter]
        state["step"] = torch.tensor(0.0)
        state["exp_avg"], state["exp_avg_sq"] = torch.zeros_like(parameter), torch.zeros_like(parameter)
    count = sum(parameter.numel() for parameter in model.parameters())
    before = resident_bytes() + 4 * count

    def step():
        logits = model(ids, positions, **inputs).float().view(batch * length, -1)
        loss = F.cross_entropy(logits, labels.view(-1), reduction="none")
        z_loss = 1e-4 * logits.logsumexp(-1).pow(2)
        total = ((loss + z_loss) * weights.view(-1)).sum() / weights.sum()
        optimizer.zero_grad(set_to_none=True)
        total.backward()
        for group in groups:
            if group:
                torch.nn.utils.clip_grad_norm_(group, 1.0)
        optimizer.step()
        return total.item()

    step()
    walls, cpu = [], time.process_time()
    for _ in range(num_steps):
        start = time.perf_counter()
        step()
        walls.append(time.perf_counter() - start)
    cpu = (time.process_time() - cpu) / num_steps
    print(
        f"{sys.argv[1]}: {count / 1e6:.2f} M parameters, {torch.get_num_threads()} threads, best {min(walls) * 1e3:.0f} ms, "
        f"median {statistics.median(walls) * 1e3:.0f} ms, CPU {cpu:.3f} s, peak {(peak_bytes() - before) / 1e6:.0f} MB"
    )


main()
