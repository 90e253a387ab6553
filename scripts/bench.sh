#!/usr/bin/env bash
# Runs every benchmark program of the build. Figures and their commands: docs/performance.md.
set -euo pipefail
cd "$(dirname "$0")/.."
for program in build/bin/*_bench; do
  printf '\n== %s\n' "$(basename "$program")"
  "$program" "$@"
done
