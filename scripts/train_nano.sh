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
rm -rf runs/nano
cp -r runs/nano-everything/closing runs/nano
echo "the model is in runs/nano"
