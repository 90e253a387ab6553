#!/usr/bin/env bash
# Trains a tiny model on 64 pictures with an arbitrary number each, until it knows them, and asks for the numbers again;
# then teaches it other numbers by a low-rank update and checks that the weights below it are untouched.
#   tests/train/overfit.sh build
set -euo pipefail
molmo=$(realpath "$1")/bin/molmo
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export OMP_NUM_THREADS=1

"$molmo" init molmo-7b-d -o "$work/model" --dtype f32 --seed 3 \
  'vision.input_size=[28,28]' vision.patch_size=7 vision.width=64 vision.num_layers=2 vision.num_heads=2 \
  vision.head_dim=32 vision.mlp_width=128 vision.num_positions=17 'connector.feature_layers=[-1,-2]' \
  connector.mlp_width=128 decoder.width=96 decoder.num_layers=2 decoder.num_heads=4 decoder.num_kv_heads=2 \
  decoder.head_dim=24 decoder.mlp_width=192 decoder.vocab_size=272 decoder.embedding_size=272 \
  image_input.crop_mode=resize 2> "$work/init.log"
"$molmo" synth points -n 64 --seed 5 -o "$work/pictures" size=56 difficulty=easy > "$work/synth.log" 2>&1

# number FACTOR I: three digits that say nothing about the picture.
number() { printf '%03d' $(($2 * $1 % 1000)); }
data() {  # FACTOR FILE
  for i in $(seq 0 63); do
    printf '{"id": "%d", "image": "%s/pictures/images/points-%07d.jpg", "annotations": [{"style": "user_qa", "question": "Which?", "answer": "%s"}]}\n' \
      "$i" "$work" "$i" "$(number "$1" "$i")"
  done > "$2"
}
train() {  # NAME MODEL STEPS KEY=VALUE...
  local name=$1 model=$2 steps=$3
  shift 3
  cat > "$work/$name.yaml" <<YAML
output: $work/$name
init: {model: $model}
num_workers: 1
log_every: 50
save_every: 100000
stages:
  - {name: learnt, steps: $steps, global_batch: 16, micro_batch: 16, sequence_length: 64,
     data: [{sources: [{name: jsonl, path: $work/$name.jsonl}]}],
     prompt: {templates: none, system_prompt: none, message_format: role},
     vision: {learning_rate: 2e-3, warmup_steps: 20}, connector: {learning_rate: 2e-3, warmup_steps: 20},
     language: {learning_rate: 2e-3, warmup_steps: 20}}
YAML
  "$molmo" train "$work/$name.yaml" -t 1 "$@" 2> "$work/$name.log" || { cat "$work/$name.log" >&2; exit 1; }
}
# How many of the 64 pictures are answered with their number.
count_right() {  # FACTOR FLAG...
  local factor=$1 right=0
  shift
  for i in $(seq 0 63); do
    local answer
    answer=$("$molmo" run "$@" -q -p "Which?" --image "$(printf '%s/pictures/images/points-%07d.jpg' "$work" "$i")" -n 5 < /dev/null)
    [[ ${answer// /} == "$(number "$factor" "$i")" ]] && right=$((right + 1))
  done
  echo "$right"
}
last_loss() { tail -n 1 "$work/$1/metrics.jsonl" | sed 's/.*"loss":\([0-9.e-]*\).*/\1/'; }
digest() { cat "$work/full/learnt/"*.safetensors | sha256sum; }

data 367 "$work/full.jsonl"
data 741 "$work/lora.jsonl"
train full "$work/model" "${STEPS:-2000}"
right=$(count_right 367 -m "$work/full/learnt")
echo "all weights: loss $(last_loss full), $right of 64 answers"
[[ $right == 64 ]]

before=$(digest)
train lora "$work/full/learnt" "${STEPS:-2000}" stages.0.lora.rank=16 stages.0.lora.alpha=32
right=$(count_right 741 -m "$work/full/learnt" --lora "$work/lora/learnt")
echo "low-rank update: loss $(last_loss lora), $right of 64 answers"
[[ $right == 64 && $(digest) == "$before" ]]
right=$(count_right 367 -m "$work/full/learnt")
echo "the model below it: $right of 64 answers"
[[ $right == 64 ]]
