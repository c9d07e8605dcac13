#!/usr/bin/env python3
"""script/lib/recording.py <TRANSCRIPT >FILE.svg

Makes an animated picture of a terminal with the output of script/demo.  Values that differ between runs
(pids, times, delays) are replaced, and tables are laid out again: the same demonstration gives the same
bytes.  The picture follows the reader's light or dark scheme.  It is not animated if the reader prefers
that, or if animations are not supported.
"""
import re
import sys
from html import escape

COLUMNS, ROWS, CELL = 100, 26, 32  # of the terminal, and the longest cell of a table
CHARACTER, LINE, MARGIN = 7.3, 16, 12  # pixels
REST, READ = 0.9, 0.13  # seconds: after each command, and for each of its lines

TIME = re.compile(r"\b(?:\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d\.\d+(?:[+-]\d\d)?")
RULE = re.compile(r"^-+(\+-+)*$")
STYLE = """
  text { font: 12px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; fill: #1f2933; white-space: pre; }
  .screen { fill: #f6f8fa; stroke: #cbd2d9; } .cover { fill: #f6f8fa; } .p { fill: #2b6cb0; } .h { fill: #276749; font-weight: 700; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e4e7eb; } .screen { fill: #161b22; stroke: #52606d; } .cover { fill: #161b22; } .p { fill: #63b3ed; } .h { fill: #68d391; }
  }"""


class Constant:
    """Replacements for values that differ between runs."""

    def __init__(self):
        self.pids = {}

    def pid(self, text):
        return self.pids.setdefault(text, str(4001 + len(self.pids)))

    def cell(self, column, text):
        if re.fullmatch(r"(.*_)?pid", column) and text:
            return self.pid(text)
        if column == "beats":
            return "2"
        text = re.sub(r"\bpid (\d+)", lambda match: "pid " + self.pid(match[1]), text)
        text = re.sub(r"\brestart in \d+ ms", "restart in 100 ms", text)
        text = TIME.sub("12:00:00.000", text)
        return text if len(text) <= CELL else text[: CELL - 1] + "\u2026"


def table(lines, constant):
    """The lines of a psql table, with other content."""
    head = [name.strip() for name in lines[0].split("|")]
    body = [[cell.strip() for cell in line.split(" | ")] if len(head) > 1 else [line.strip()] for line in lines[2:]]
    if any(len(row) != len(head) for row in body) or any(line.endswith("+") for line in lines[2:]):
        return lines  # cells with line breaks
    body = [[constant.cell(name, cell) for name, cell in zip(head, row)] for row in body]
    widths = [max(len(row[n]) for row in [head, *body]) for n in range(len(head))]
    right = [any(row[n] for row in body) and all(re.fullmatch(r"\d*", row[n]) for row in body) for n in range(len(head))]

    def line(cells):
        return " " + " | ".join(cells).rstrip()

    return [line(f"{name:^{width}}" for name, width in zip(head, widths)), "-" + "-+-".join("-" * width for width in widths) + "-",
            *(line(cell.rjust(width) if aligned else cell.ljust(width) for cell, width, aligned in zip(row, widths, right)) for row in body)]


def wrapped(line):
    """Wrapped at blanks, to the width of a terminal."""
    while len(line) > COLUMNS:
        place = line.rfind(" ", 4, COLUMNS)
        yield line[:place]
        line = "  " + line[place + 1:]
    yield line


def frames(text):
    """The lines that each command adds to the screen; the first line shows the command."""
    constant, lines, shown = Constant(), text.rstrip("\n").split("\n"), []
    while lines:
        if len(lines) > 1 and RULE.match(lines[1]):
            end = next(n for n, line in enumerate(lines) if re.fullmatch(r"\(\d+ rows?\)", line))
            shown[-1] += table(lines[:end], constant)
            del lines[:end]
            continue
        line = lines.pop(0)
        if line.startswith(("--- ", "=> ")) or re.match(r"(\w+=#|\$) ", line):
            shown.append([])
        if shown and (line or (shown[-1] and shown[-1][-1])):
            shown[-1] += wrapped(line)
    return shown


def draw(shown):
    total, count, out, moments = 0.0, 0, [], []
    for lines in shown:
        for line in lines:
            count += 1
            kind = ' class="h"' if line.startswith("--- ") else ""
            prompt = re.match(r"(\w+=#|\$) ", line)
            inner = f'<tspan class="p">{escape(prompt[0], quote=False)}</tspan>{escape(line[prompt.end():], quote=False)}' if prompt \
                else escape(line.removeprefix("--- "), quote=False)
            if line:
                out.append(f'<text y="{count * LINE}"{kind}>{inner}</text>')
        moments.append((total, count))
        total += REST + READ * len(lines)
    total += 4  # at the end
    scroll = [f"{at * 100 / total:.2f}% {{ transform: translateY({-max(seen - ROWS, 0) * LINE}px); }}" for at, seen in moments]
    cover = [f"{at * 100 / total:.2f}% {{ transform: translateY({min(seen, ROWS) * LINE}px); }}" for at, seen in moments if seen < ROWS]
    cover.append(f"{next(at for at, seen in moments if seen >= ROWS) * 100 / total:.2f}%, 100% {{ transform: translateY({ROWS * LINE}px); }}")
    scroll.append(f"100% {{ transform: translateY({-(count - ROWS) * LINE}px); }}")
    width, height = round(COLUMNS * CHARACTER) + 2 * MARGIN, ROWS * LINE + 2 * MARGIN
    motion = (f"\n  .text {{ animation: scroll {total:.1f}s step-end infinite; }} .cover {{ animation: cover {total:.1f}s step-end infinite; }}"
              f"\n  .cover {{ transform: translateY({ROWS * LINE}px); }}"
              "\n  @media (prefers-reduced-motion: reduce) { .text, .cover { animation: none; } }"
              "\n  @keyframes scroll {\n    " + "\n    ".join(scroll) + "\n  }\n  @keyframes cover {\n    " + "\n    ".join(cover) + "\n  }")
    return "\n".join([
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img"'
        ' aria-labelledby="title" xml:space="preserve">',
        '<title id="title">A recording of script/demo</title>', f"<style>{STYLE}{motion}\n</style>",
        f'<rect class="screen" x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="8"/>',
        f'<svg x="{MARGIN}" y="{MARGIN - 4}" width="{width - 2 * MARGIN}" height="{ROWS * LINE + 8}">', '<g class="text">', *out, "</g>",
        f'<rect class="cover" y="5" width="{width - 2 * MARGIN}" height="{ROWS * LINE}"/>', "</svg>", "</svg>", ""])


sys.stdout.write(draw(frames(sys.stdin.read())))
