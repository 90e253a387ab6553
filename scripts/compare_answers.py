"""How far a quantised model answers as its float one does, from two runs of `molmo eval run` on the same examples.

    .venv/bin/python scripts/compare_answers.py FLOAT QUANTISED

Top-1 agreement: of the tokens of FLOAT's answers up to the first that QUANTISED says differently, the share that is the same.
Shift: how far along x and y, in percent of the picture, each point of FLOAT's answers is from the nearest of QUANTISED's.
"""

import json
import math
import os.path
import pathlib
import re
import sys


def answers(folder):
    """{(set, id): (text, number of tokens)} of a run."""
    found = {}
    for file in sorted(pathlib.Path(folder).glob("*/predictions.jsonl")):
        for line in file.read_text().splitlines():
            answer = json.loads(line)
            found[file.parent.name, answer["id"]] = answer["prediction"], answer["tokens"]
    return found


def points_of(text):
    return [(float(x), float(y)) for x, y in re.findall(r'x\d*="(\d+(?:\.\d+)?)" y\d*="(\d+(?:\.\d+)?)"', text)]


def main():
    first, second = answers(sys.argv[1]), answers(sys.argv[2])
    if not first or first.keys() != second.keys():
        sys.exit(f"{sys.argv[1]} and {sys.argv[2]}: expected predictions of the same examples")
    agreed = differing = 0
    shifts = []
    for key, (text, tokens) in first.items():
        other = second[key][0]
        if text == other:
            agreed += tokens
        else:
            differing += 1
            agreed += tokens * len(os.path.commonprefix((text, other))) / len(text)
        others = points_of(other)
        for x, y in points_of(text) if others else ():
            near_x, near_y = min(others, key=lambda point: math.dist(point, (x, y)))
            shifts += [abs(near_x - x), abs(near_y - y)]
    print(f"answers {len(first)}, {len(first) - differing} the same; top-1 agreement {agreed / (agreed + differing):.4f}")
    if shifts:
        shifts.sort()
        of = " ".join(f"{share} % {shifts[min(len(shifts) - 1, len(shifts) * share // 100)]:.1f}" for share in (50, 90, 99))
        print(f"points {len(shifts) // 2}: mean shift {sum(shifts) / len(shifts):.3f}, at most {of}")


main()
