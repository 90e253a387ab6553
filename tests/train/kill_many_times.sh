#!/usr/bin/env bash
# Kills training at random instants, many of them inside of a save, and checks that it always ends with the weights, the
# optimizer and the loss log of the run that was left alone. The short form is in tests/cli/train_test.cpp.
#   tests/train/kill_many_times.sh build [KILLS] [OF THEM IN A SAVE] [RANKS]
# Of several ranks every other kill takes one of them, and the others have to end by themselves; the rest take all.
set -euo pipefail
build=$(realpath "$1")
num_kills=${2:-100}
num_in_save=${3:-30}
num_ranks=${4:-1}
molmo=$build/bin/molmo
here=$(dirname "$(realpath "$0")")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export OMP_NUM_THREADS=1
RANDOM=${SEED:-7}

"$molmo" init molmo-7b-d -o "$work/model" --dtype f32 --seed 3 \
  'vision.input_size=[28,28]' vision.patch_size=7 vision.width=32 vision.num_layers=2 vision.num_heads=2 \
  vision.head_dim=16 vision.mlp_width=64 vision.num_positions=17 'connector.feature_layers=[-1,-2]' \
  connector.mlp_width=64 decoder.width=48 decoder.num_layers=2 decoder.num_heads=4 decoder.num_kv_heads=2 \
  decoder.head_dim=12 decoder.mlp_width=96 decoder.vocab_size=272 decoder.embedding_size=272 \
  image_input.crop_mode=resize
number=0
for picture in "$here"/../fixtures/model/images/*_*.png; do
  number=$((number + 1))
  echo "{\"id\": \"$number\", \"image\": \"$picture\", \"annotations\": [{\"style\": \"user_qa\", \"question\": \"Which?\", \"answer\": \"number $number\"}]}"
done > "$work/data.jsonl"
cat > "$work/run.yaml" <<YAML
output: unset
init: {model: $work/model}
save_every: 2
num_workers: 1
stages:
  - {name: tuning, steps: 120, global_batch: 4, micro_batch: 2, sequence_length: 128, residual_dropout: 0.1,
     data: [{sources: [{name: jsonl, path: $work/data.jsonl}]}]}
YAML

train() { exec "$molmo" train "$work/run.yaml" -o "$1" -t 1 --nproc "$num_ranks" 2> "$1.log"; }
# What is killed of a run: the process, or ranks that it started.
victims() {
  if ((num_ranks == 1)); then echo "$1"; return; fi
  if ((kills % 4 < 2)); then pgrep -P "$1" | shuf -n 1 --random-source=<(yes $RANDOM); else pgrep -P "$1"; fi
}
# What has to be the same: the newest state, the log, the model.
digest() {
  (cd "$1" && cat "checkpoints/$(cat checkpoints/latest)"/*.safetensors metrics.jsonl tuning/model.safetensors | sha256sum)
}
# Of the process that was started last: what the one before it left unfinished does not count.
is_saving() {
  local folder
  for folder in "$1"/checkpoints/*.tmp; do
    if [[ $folder -nt $work/started ]]; then return; fi
  done
  false
}
exec {silence}<> <(:)  # reading from it is a short sleep that starts no process
pause() { read -rt "$1" -u $silence || true; }
# Until the first, second or third save from now has begun, and some milliseconds more.
wait_for_save() {
  local count
  for ((count = RANDOM % 3; count >= 0; count--)); do
    while kill -0 "$2" 2> /dev/null && ! is_saving "$1"; do pause 0.001; done
    if ((count > 0)); then
      while kill -0 "$2" 2> /dev/null && is_saving "$1"; do pause 0.001; done
    fi
  done
  pause "0.00$((RANDOM % 8))"
}

(train "$work/unbroken")
expected=$(digest "$work/unbroken")
kills=0 in_save=0 round=0 finished=0
while ((kills < num_kills || in_save < num_in_save)); do
  output=$work/killed-$round
  touch "$work/started"
  (train "$output") &
  process=$!
  if ((kills % 2 == 0)); then
    wait_for_save "$output" $process
  else
    sleep "$((RANDOM % 3)).$((RANDOM % 1000))"
  fi
  # shellcheck disable=SC2046  # several numbers
  if kill -9 $(victims $process) 2> /dev/null; then
    if is_saving "$output"; then was_saving=1; else was_saving=0; fi
    if ! wait $process 2> /dev/null; then
      kills=$((kills + 1)) in_save=$((in_save + was_saving))
      continue
    fi  # else it had ended before: the bytes say whether it should have
  else
    wait $process || { cat "$output.log"; echo "run $round failed" >&2; exit 1; }
  fi
  [[ $(digest "$output") == "$expected" ]] || { echo "run $round ended with other bytes" >&2; exit 1; }
  finished=$((finished + 1)) round=$((round + 1))
done
(train "$work/killed-$round")
[[ $(digest "$work/killed-$round") == "$expected" ]] || { echo "run $round ended with other bytes" >&2; exit 1; }
echo "$kills kills, $in_save of them in a save: $((finished + 1)) runs ended with the same weights, optimizer and loss log"
