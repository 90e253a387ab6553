#!/usr/bin/env bash
# Makes models/nano from nothing (docs/nano.md): its tokenizer, the head start of tower and decoder, the fine-tuning, crowds and
# reading. All data is drawn on the way. Called again it goes on where it was.
set -euo pipefail
cd "$(dirname "$0")/.."

molmo=build/bin/molmo
if [ ! -d runs/nano-tokenizer ]; then
  "$molmo" synth text -n 3000 --seed 5 -o runs/nano-texts difficulty=medium
  "$molmo" tokenize --train runs/nano-texts/data.jsonl --vocab-size 1024 -o runs/nano-tokenizer
fi
"$molmo" train configs/nano-pretrain.yaml "$@"
"$molmo" train configs/nano-sft.yaml "$@"
"$molmo" train configs/nano-reading.yaml "$@"
.venv/bin/python scripts/average_weights.py runs/nano-reading/final runs/nano-reading/crowds_in_crops 0.6 runs/nano-mean
"$molmo" train configs/nano-lookup.yaml "$@"
.venv/bin/python scripts/average_weights.py runs/nano-lookup/closing runs/nano-mean 0.7 runs/nano-lookup-mean
"$molmo" train configs/nano-spelling.yaml "$@"
"$molmo" train configs/nano-rereading.yaml "$@"
.venv/bin/python scripts/average_weights.py runs/nano-spelling/closing runs/nano-rereading/rereading 0.5 runs/nano-rereading-mean
"$molmo" train configs/nano-everything.yaml "$@"
[ -d runs/nano-everything-q8 ] || "$molmo" quantize -m runs/nano-everything/closing --type q8 -o runs/nano-everything-q8
"$molmo" train configs/nano-variety.yaml "$@"
.venv/bin/python scripts/average_weights.py runs/nano-variety/settling runs/nano-variety/closing 0.5 runs/nano-variety-mean
"$molmo" train configs/nano-shapes.yaml "$@"
.venv/bin/python scripts/average_weights.py runs/nano-shapes/rounding runs/nano-shapes/shapes 0.5 runs/nano-shapes-mean
.venv/bin/python scripts/average_weights.py runs/nano-shapes-mean runs/nano-variety-mean 0.85 runs/nano-shapes-end
"$molmo" train configs/nano-drawings.yaml "$@"
.venv/bin/python scripts/average_weights.py runs/nano-drawings/drawings runs/nano-shapes-end 0.7 runs/nano-drawings-mean
"$molmo" train configs/nano-strokes.yaml "$@"
.venv/bin/python scripts/average_weights.py runs/nano-strokes/strokes runs/nano-drawings-mean 0.85 runs/nano
for kind in points docs cap clocks; do
  "$molmo" synth "$kind" -n 12 -o "runs/nano-calibration/$kind" --overwrite size=256 difficulty=easy seed=77
done
"$molmo" quantize -m runs/nano --type q8 --head bf16 --calibrate runs/nano-calibration/*/images/*.jpg -o runs/nano-q8 --overwrite
echo "the model is in runs/nano, and as it ships in runs/nano-q8"
