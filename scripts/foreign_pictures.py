"""How a model does on pictures that the project did not draw: SVG of shapes, emoji, drawings by hand, clocks and bar charts as a newcomer
would make them, rendered by a headless Chromium or Chrome.

    .venv/bin/python scripts/foreign_pictures.py MODEL [FOLDER]

Pictures, answers.jsonl and the page sheet.html go into FOLDER (foreign-pictures). A point is right within 8 percent of the picture's sides
of a thing that no other point has; a clock within five minutes; a word or number of a chart if it is the answer's last.
"""

import html
import json
import math
import pathlib
import random
import re
import shutil
import subprocess
import sys

COLORS = {"red": "#e02020", "blue": "#2050d0", "green": "#209030", "yellow": "#f0d020", "orange": "#f08010", "purple": "#8030a0",
          "black": "#101010", "pink": "#f090b0"}
EMOJI = {"dog": "🐕", "cat": "🐈", "apple": "🍎", "car": "🚗", "house": "🏠", "fish": "🐟"}
SHAPES = ("circle", "square", "triangle", "star")
PAPERS = ("#ffffff", "#ffffff", "#f0f0f0", "#e8f4ff", "#fff8e0")
SIZES = ((500, 400), (640, 480), (400, 400), (800, 600))
WORDS = ("Tea", "Milk", "Rice", "Oil", "Cats", "Dogs", "Rome", "Oslo", "Mon", "Tue", "Red", "Blue", "Ann", "Tom", "Jan", "May")
RARE_WORDS = ("Quartz", "Velvet", "Ember", "Lotus", "Gizmo", "Pixel", "Rhubarb", "Umbra", "Falcon", "Dune", "Nomad", "Zephyr", "Brook", "Tango",
              "Vortex", "Plaza")  # not in the project's lists


def polygon(color, points):
    return f'<polygon points="{" ".join(f"{x:.1f},{y:.1f}" for x, y in points)}" fill="{color}"/>'


def shape(kind, color, x, y, radius):
    if kind == "circle":
        return f'<circle cx="{x}" cy="{y}" r="{radius}" fill="{color}"/>'
    if kind == "square":
        corners = ((-1, -1), (1, -1), (1, 1), (-1, 1))
        return polygon(color, [(x + 0.9 * radius * a, y + 0.9 * radius * b) for a, b in corners])
    count = 3 if kind == "triangle" else 10
    length = [radius if kind == "triangle" or i % 2 == 0 else 0.42 * radius for i in range(count)]
    turn = 2 * math.pi / count
    return polygon(color, [(x + r * math.sin(turn * i), y - r * math.cos(turn * i)) for i, r in enumerate(length)])


def text(words, x, y, size):
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:.1f}" font-family="sans-serif" text-anchor="middle" '
            f'dominant-baseline="central">{words}</text>')


def places(draws, count, width, height, radius):
    found, tries = [], 0
    while len(found) < count:
        tries += 1
        if tries % 2000 == 0:
            found = []  # the first ones leave no room for all
        place = draws.uniform(radius, width - radius), draws.uniform(radius, height - radius)
        if all(math.dist(place, other) > 2.2 * radius for other in found):
            found.append(place)
    return found


def scene(draws, kinds, draw):
    """(size, paper, SVG, [(name, position in shares of the sides)]) of two to six things."""
    width, height = draws.choice(SIZES)
    radius = draws.uniform(0.09, 0.14) * height
    things = [draws.choice(kinds) for _ in range(draws.randint(2, 6))]
    spots = places(draws, len(things), width, height, 1.1 * radius)
    body = "".join(draw(name, x, y, radius) for name, (x, y) in zip(things, spots))
    return (width, height), draws.choice(PAPERS), body, [(name, (x / width, y / height)) for name, (x, y) in zip(things, spots)]


def plural(name):
    return name if name.endswith("fish") else name + "s"


def about_the_first(things):
    """All things of its color and kind, and all of its kind."""
    first = things[0][0]
    asked = [plural(first), plural(first.split()[1])]
    return [("points", name, [at for thing, at in things if plural(thing).endswith(name)]) for name in asked]


def shape_picture(draws):
    colors, favourite = draws.sample(sorted(COLORS), 3), draws.choice(SHAPES)
    kinds = [f"{color} {kind}" for color in colors for kind in (*SHAPES, favourite, favourite)]
    def draw(name, x, y, radius):
        color, kind = name.split()
        return shape(kind, COLORS[color], x, y, radius * draws.uniform(0.8, 1))
    size, paper, body, things = scene(draws, kinds, draw)
    return size, paper, body, about_the_first(things)


def emoji_picture(draws):
    favourite = draws.choice(sorted(EMOJI))
    size, paper, body, things = scene(draws, [*EMOJI, favourite, favourite, favourite, favourite, favourite, favourite],
                                      lambda name, x, y, radius: text(EMOJI[name], x, y, 1.6 * radius))
    asked = sorted({things[0][0], favourite, draws.choice(sorted(EMOJI))})
    return size, paper, body, [("points", plural(name), [at for thing, at in things if thing == name]) for name in asked]


def unsteady(draws, corners, radius):
    """Points along a line that a hand draws through these corners."""
    found, drift = [], [0.0, 0.0]
    for (x, y), (next_x, next_y) in zip(corners, corners[1:]):
        steps = max(2, round(math.dist((x, y), (next_x, next_y)) / 6))
        for i in range(steps):
            drift = [0.9 * value + draws.gauss(0, 0.008 * radius) for value in drift]
            found.append((x + (next_x - x) * i / steps + drift[0], y + (next_y - y) * i / steps + drift[1]))
    return [*found, corners[-1]]


def round_line(x, y, radius_x, radius_y):
    return [(x + radius_x * math.cos(a / 6), y + radius_y * math.sin(a / 6)) for a in range(39)]


def pen_lines(kind):
    """Lines in a square from -1 to 1, the first of them around the thing."""
    if kind == "circle":
        return [round_line(0, 0, 1, 1)]
    if kind == "fish":
        return [round_line(-0.2, 0, 0.75, 0.45), [(0.5, 0), (1, -0.45), (1, 0.45), (0.5, 0)], [(-0.6, -0.1), (-0.55, -0.1)]]
    if kind == "house":
        return [[(-0.8, -0.1), (-0.8, 0.9), (0.8, 0.9), (0.8, -0.1), (-0.8, -0.1)], [(-0.95, -0.1), (0, -0.95), (0.95, -0.1)],
                [(-0.2, 0.9), (-0.2, 0.35), (0.2, 0.35), (0.2, 0.9)]]
    corners = {"square": [(-0.85, -0.85), (0.85, -0.85), (0.85, 0.85), (-0.85, 0.85)], "triangle": [(0, -1), (0.9, 0.75), (-0.9, 0.75)],
               "star": [(r * math.sin(math.pi / 5 * i), -r * math.cos(math.pi / 5 * i)) for i in range(10) for r in [0.42 if i % 2 else 1]]}[kind]
    return [[*corners, corners[0]]]


def pen_picture(draws):
    colors = {name: COLORS[name] for name in ("red", "blue", "green", "black", "orange", "purple")}
    kinds = (*SHAPES, "house", "fish")
    favourite, fill, width = draws.choice(kinds), draws.choice(("none", "none", "hatched", "painted")), draws.uniform(0.04, 0.09)
    def draw(name, x, y, radius):
        color, kind = name.split()
        lines = [unsteady(draws, [(x + radius * a, y + radius * b) for a, b in line], radius) for line in pen_lines(kind)]
        def path(line, inside):
            return (f'<polyline points="{" ".join(f"{a:.1f},{b:.1f}" for a, b in line)}" fill="{inside}" stroke="{colors[color]}" '
                    f'stroke-width="{width * 2 * radius:.1f}" stroke-linecap="round" stroke-linejoin="round"/>')
        mark = f"h{x:.0f}-{y:.0f}"
        hatching = (f'<pattern id="{mark}" width="{0.3 * radius:.1f}" height="9" patternUnits="userSpaceOnUse" patternTransform="rotate(35)">'
                    f'<rect width="{0.1 * radius:.1f}" height="9" fill="{colors[color]}"/></pattern>')
        inside = {"none": "none", "hatched": f"url(#{mark})", "painted": colors[color]}[fill]
        return hatching + path(lines[0], inside) + "".join(path(line, "none") for line in lines[1:])
    names = [f"{color} {kind}" for color in draws.sample(sorted(colors), 3) for kind in (*kinds, favourite, favourite)]
    size, paper, body, things = scene(draws, names, draw)
    return size, paper, body, about_the_first(things)


def clock_picture(draws):
    side, hour, minute = draws.choice((300, 400)), draws.randrange(12), draws.randrange(60)
    center, radius = side / 2, 0.44 * side
    body = f'<circle cx="{center}" cy="{center}" r="{radius}" fill="white" stroke="black" stroke-width="6"/>'
    def along(degrees, share):
        return center + share * radius * math.sin(math.radians(degrees)), center - share * radius * math.cos(math.radians(degrees))
    for number in range(1, 13):
        body += text(number, *along(30 * number, 0.82), 0.17 * radius)
    for degrees, share, width in ((30 * (hour + minute / 60), 0.5, 10), (6 * minute, 0.72, 6)):
        x, y = along(degrees, share)
        body += f'<line x1="{center}" y1="{center}" x2="{x:.1f}" y2="{y:.1f}" stroke="black" stroke-width="{width}" stroke-linecap="round"/>'
    return (side, side), "#ffffff", body, [("clock", "What time is it?", 60 * hour + minute)]


def chart_picture(draws, names=WORDS):
    count, side = draws.randint(2, 3), 400
    words, values = draws.sample(names, count), draws.sample(range(2, 21), count)
    color, slot, bottom, size = draws.choice(("#4878cf", "#d65f5f", "#6acc65", "#f0a030")), 340 / count, 345, 38
    body = f'<line x1="30" y1="{bottom}" x2="370" y2="{bottom}" stroke="black" stroke-width="2"/>'
    for i, (word, value) in enumerate(zip(words, values)):
        high, middle = 270 * value / max(values), 30 + (i + 0.5) * slot
        body += f'<rect x="{middle - 0.35 * slot}" y="{bottom - high}" width="{0.7 * slot}" height="{high}" fill="{color}"/>'
        body += text(value, middle, bottom - high - 22, size) + text(word, middle, bottom + 26, size)
    i = draws.randrange(count)
    return (side, side), "#ffffff", body, [("value", f"What is the value of {words[i]}?", str(values[i])),
                                           ("word", "Which category has the highest value?", words[values.index(max(values))])]


def rare_chart_picture(draws):
    return chart_picture(draws, RARE_WORDS)


def are_right(points, truth):
    left = list(truth)
    for point in points:
        near = min(left, key=lambda other: math.dist(other, point), default=None)
        if near is None or math.dist(near, point) > 0.08:
            return False
        left.remove(near)
    return not left


def ask(program, model, picture, kind, question, truth):
    """(answer, whether it is right)"""
    if kind == "points":
        answer = json.loads(subprocess.run([*program, "point", question, picture, "-m", model, "--json"], check=True, capture_output=True).stdout)
        points = [(point["x"] / 100, point["y"] / 100) for point in answer["points"]]
        return points, are_right(points, truth)
    command = [*program, "run", "--image", picture, "-p", question, "-m", model]
    answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    if kind != "clock":
        return answer, answer.rstrip(".").split()[-1:] == [truth]
    time = re.search(r"(\d+):(\d\d)", answer)
    apart = abs(int(time[1]) % 12 * 60 + int(time[2]) - truth) if time else 360
    return answer, min(apart, 720 - apart) <= 5


def draw(browser, folder, name, size, paper, body):
    page = folder / f"{name}.html"
    page.write_text(f'<body style="margin:0;background:{paper}"><svg xmlns="http://www.w3.org/2000/svg" width="{size[0]}" height="{size[1]}">{body}</svg>')
    picture = folder / f"{name}.png"
    subprocess.run([browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--window-size={size[0]},{size[1]}",
                    f"--screenshot={picture}", str(page)], check=True, capture_output=True)
    page.unlink()
    return picture


def cell(picture, kind, question, truth, answer, is_right):
    dots = answer if kind == "points" else []
    marks = "".join(f'<circle cx="{100 * x:.1f}%" cy="{100 * y:.1f}%" r="5" fill="none" stroke="#e0007a" stroke-width="3"/>' for x, y in dots)
    said = f"{len(answer)} points, {len(truth)} things" if kind == "points" else html.escape(answer)
    return (f'<div><span><img src="{picture.name}"><svg>{marks}</svg></span><p style="color:{"#106010" if is_right else "#c00000"}">'
            f"{html.escape(question)}<br>{said}</p></div>")


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if not browser:
        sys.exit("chromium: is missing; install Chromium or Chrome")
    model, folder = sys.argv[1], pathlib.Path(sys.argv[2] if len(sys.argv) == 3 else "foreign-pictures")
    program = [str(pathlib.Path(__file__).parent.parent / "build/bin/molmo")]
    folder.mkdir(parents=True, exist_ok=True)
    scores, cells, records = {}, [], []
    for name, make, count in (("shapes", shape_picture, 20), ("emoji", emoji_picture, 16), ("drawings", pen_picture, 20),
                              ("clocks", clock_picture, 16), ("charts", chart_picture, 16), ("rare words", rare_chart_picture, 16)):
        for i in range(count):
            size, paper, body, questions = make(random.Random(f"{name} {i}"))
            picture = draw(browser, folder, f"{name.replace(' ', '-')}-{i:02}", size, paper, body)
            for kind, question, truth in questions:
                answer, is_right = ask(program, model, str(picture), kind, question, truth)
                scores.setdefault(f"{name}, {kind}" if kind in ("value", "word") else name, []).append(is_right)
                cells.append(cell(picture, kind, question, truth, answer, is_right))
                records.append(json.dumps({"picture": picture.name, "question": question, "truth": truth, "answer": answer, "is_right": is_right}))
    (folder / "answers.jsonl").write_text("\n".join(records) + "\n")
    style = "body{font:14px sans-serif}div{display:inline-block;margin:4px;vertical-align:top}span{position:relative;display:inline-block}img{height:150px}svg{position:absolute;left:0;top:0;width:100%;height:100%}p{margin:0;max-width:200px}"
    (folder / "sheet.html").write_text(f"<!doctype html><meta charset=utf-8><style>{style}</style>" + "".join(cells))
    for name, right in scores.items():
        print(f"{name}: {sum(right)} of {len(right)} right")


main()
