"""Mean of two checkpoints of the same model in the Hugging Face layout, float32: SHARE of the first and the rest of the second.

    .venv/bin/python scripts/average_weights.py FIRST SECOND SHARE OUTPUT

The other files are those of the first. What OUTPUT held before is replaced.
"""

import json
import pathlib
import shutil
import struct
import sys

import torch


def read(folder):
    """(header, first bytes up to the weights, bytes of the weights) of model.safetensors."""
    data = (folder / "model.safetensors").read_bytes()
    begin = 8 + struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:begin])
    header.pop("__metadata__", None)
    return header, data[:begin], bytearray(data[begin:])


def main():
    first, second, share, output = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), float(sys.argv[3]), pathlib.Path(sys.argv[4])
    header, start, weights = read(first)
    others, _, other_weights = read(second)
    if header != others:
        sys.exit(f"{first} and {second} hold different tensors, expected the same names, shapes and order")
    if any(entry["dtype"] != "F32" for entry in header.values()):
        sys.exit(f"{first} is not float32: molmo convert -m {first} --dtype float32 -o DIR makes it so")
    mean = torch.frombuffer(weights, dtype=torch.float32)
    mean.lerp_(torch.frombuffer(other_weights, dtype=torch.float32), 1 - share)
    shutil.copytree(first, output, dirs_exist_ok=True)
    (output / "model.safetensors").write_bytes(start + weights)


main()
