#!/usr/bin/env bash
# What `make demo` shows: the shipped small model points, counts, describes, and reads a clock and a chart.
set -euo pipefail
cd "$(dirname "$0")/.."

molmo=build/bin/molmo
images=examples/images
mkdir -p out

show() { printf '\n$ %s\n' "$*"; "$@"; printf '\n'; }
show "$molmo" point "apples" "$images/apples.png" --overlay out/apples.png
show "$molmo" point "red circles" "$images/shapes.png" --overlay out/circles.png
show "$molmo" count "apples" "$images/apples.png"
show "$molmo" caption "$images/apples.png"
show "$molmo" run --image "$images/clock.png" -p "What time is shown on the clock?"
show "$molmo" run --image "$images/chart.png" -p "What is the value of Ben?"

echo "demo: look at out/apples.png and out/circles.png, and try pictures of your own: $molmo point \"stars\" picture.png --overlay out/stars.png"
echo "demo: models/nano has 9 million parameters and knows simple drawn scenes (docs/nano.md). The released models are"
echo "demo: run the same way: $molmo run -m FOLDER --image photo.jpg -p \"What is on the desk?\""
