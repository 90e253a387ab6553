#!/usr/bin/env bash
# What `make demo` shows: questions about a photo-sized picture, answered by the shipped small model.
set -euo pipefail
cd "$(dirname "$0")/.."

molmo=build/bin/molmo
picture=examples/images/desk.jpg
mkdir -p out

if [ -d models/nano ]; then
  model=models/nano
else
  model=tests/fixtures/model/P1-qwen2-clip/hf
  echo "demo: no trained small model ships yet. This run uses a miniature checkpoint with random weights: the whole way from"
  echo "demo: the JPEG to the streamed answer is real, the words are not. Use your own checkpoint with: molmo run -m FOLDER ..."
fi

show() { printf '\n$ %s\n' "$*"; "$@"; printf '\n'; }
show "$molmo" inspect "$model"
show "$molmo" run -m "$model" --image "$picture" -p "What is on the desk?" -n 32
show "$molmo" caption -m "$model" "$picture" -n 32
rm -f out/mugs.png
# Random weights give no points and name no number, which is a failure of the verbs but not of the demo.
show "$molmo" point -m "$model" "mug" "$picture" -n 32 --overlay out/mugs.png || true
show "$molmo" count -m "$model" "apples" "$picture" -n 32 || true

if [ -f out/mugs.png ]; then echo "demo: the overlay is out/mugs.png."; fi
echo "demo: next: $molmo --help"
