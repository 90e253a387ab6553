"""Molmo's blocks in eager PyTorch, as one would write them: what the twins of our benches are made of."""

import torch
from torch import nn
from torch.nn import functional as F


class RmsNorm(nn.Module):
    def __init__(self, width, eps=1e-6):
        super().__init__()
        self.weight, self.eps = nn.Parameter(torch.ones(width)), eps

    def forward(self, x):
        return self.weight * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps))


def rotate(x, cos, sin):
    first, second = x.chunk(2, -1)
    return x * cos + torch.cat((-second, first), -1) * sin


class DecoderBlock(nn.Module):
    def __init__(self, width, heads, kv_heads, head_dim, mlp):
        super().__init__()
        self.heads, self.kv_heads, self.head_dim = heads, kv_heads, head_dim
        self.attn_norm, self.ff_norm = RmsNorm(width), RmsNorm(width)
        self.qkv = nn.Linear(width, (heads + 2 * kv_heads) * head_dim)
        self.out = nn.Linear(heads * head_dim, width, bias=False)
        self.up_gate, self.down = nn.Linear(width, 2 * mlp, bias=False), nn.Linear(mlp, width, bias=False)

    def forward(self, x, cos, sin):
        batch, length, _ = x.shape
        sizes = [self.heads * self.head_dim, self.kv_heads * self.head_dim, self.kv_heads * self.head_dim]
        q, k, v = self.qkv(self.attn_norm(x)).split(sizes, -1)
        q = rotate(q.view(batch, length, self.heads, self.head_dim).transpose(1, 2), cos, sin)
        k = rotate(k.view(batch, length, self.kv_heads, self.head_dim).transpose(1, 2), cos, sin)
        v = v.view(batch, length, self.kv_heads, self.head_dim).transpose(1, 2)
        group = self.heads // self.kv_heads
        if group > 1:
            k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
        attended = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(attended.transpose(1, 2).reshape(batch, length, -1))
        up, gate = self.up_gate(self.ff_norm(x)).chunk(2, -1)
        return x + self.down(F.silu(gate) * up)


class Attention(nn.Module):
    def __init__(self, inner, heads, head_dim, out):
        super().__init__()
        self.heads = heads
        self.wq, self.wk, self.wv = (nn.Linear(inner, heads * head_dim) for _ in range(3))
        self.wo = nn.Linear(heads * head_dim, out)

    def forward(self, query, source):
        split = lambda x: x.view(x.shape[0], x.shape[1], self.heads, -1).transpose(1, 2)
        y = F.scaled_dot_product_attention(split(self.wq(query)), split(self.wk(source)), split(self.wv(source)))
        return self.wo(y.transpose(1, 2).reshape(query.shape[0], query.shape[1], -1))


class VisionBlock(nn.Module):
    def __init__(self, width, heads, mlp):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = Attention(width, heads, width // heads, width)
        self.w1, self.w2 = nn.Linear(width, mlp), nn.Linear(mlp, width)

    def forward(self, x):
        normed = self.norm1(x)
        x = x + self.attention(normed, normed)
        hidden = self.w1(self.norm2(x))
        return x + self.w2(hidden * torch.sigmoid(1.702 * hidden))
