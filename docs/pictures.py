"""Makes README's pictures from real runs: docs/src/pictures/terminal.svg and report.png. Needs Chromium
and the Python package Pillow.

    docs/pictures.py CYGNET MNIST-FOLDER
"""

import os
import subprocess
import sys
import tempfile
import textwrap
import time
from html import escape
from pathlib import Path

from PIL import Image

PICTURES = Path(__file__).resolve().parent / "src/pictures"
ROWS, COLUMNS, LINE, CHARACTER, MARGIN = 24, 84, 19, 8.4, 16
# The least that the recording takes.
SECONDS = 7.0
STYLE = "font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace; fill: #d7dde5"
REPORT = """train --data mnist --optimizer sgd --rate 0.05 --momentum 0.9 --weight-decay 1e-4 --dropout 0 --epochs 30
    --average polynomial,swa --baseline --out full""".split()


def record(command, folder):
    """Each line that a command prints, with the seconds until then."""
    start, lines = time.monotonic(), []
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            at, line = time.monotonic() - start, line.rstrip("\n")
            # As in a terminal: a line of a table begins with a blank and fits, other text wraps at words.
            wraps = len(line) > COLUMNS and not line.startswith(" ")
            lines.extend((at, part) for part in (textwrap.wrap(line, COLUMNS) if wraps else [line]))
    if process.returncode:
        sys.exit(f"{command} failed")
    return lines


def terminal(prompt, lines):
    """A terminal as SVG, which shows the lines one after the other, slowly enough to be read, and then stays."""
    slower = max(1.0, SECONDS / lines[-1][0])
    lines = [(0.0, prompt), *((1.0 + slower * at, line) for at, line in lines)]
    end = lines[-1][0]
    shown, moves = [], ["0% { transform: translateY(0) }"]
    for i, (at, line) in enumerate(lines):
        y = MARGIN + 14 + i * LINE
        words = line.strip()
        if words:
            x = MARGIN + CHARACTER * (len(line) - len(line.lstrip()))
            size = f'textLength="{CHARACTER * len(words):.1f}" lengthAdjust="spacingAndGlyphs"'
            kind = ' class="p"' if i == 0 else ""
            shown.append(f'<text{kind} x="{x:.1f}" y="{y}" {size} style="animation-delay:{at:.2f}s">{escape(words)}</text>')
        if i >= ROWS:
            moves.append(f"{100 * at / end:.2f}% {{ transform: translateY({(ROWS - 1 - i) * LINE}px) }}")
    last = (ROWS - len(lines)) * LINE
    width, height = 2 * MARGIN + COLUMNS * CHARACTER, 2 * MARGIN + ROWS * LINE
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height}" width="{width:.0f}" height="{height}" role="img" aria-label="cygnet train in a terminal">
<style>
text {{ {STYLE}; white-space: pre; animation: line 1ms backwards }}
.p {{ fill: #7fd1a6 }}
.lines {{ transform: translateY({last}px); animation: lines {end:.2f}s step-end }}
@keyframes line {{ from {{ opacity: 0 }} }}
@keyframes lines {{ {' '.join(moves)} }}
@media (prefers-reduced-motion: reduce) {{ text, .lines {{ animation: none }} }}
</style>
<rect width="100%" height="100%" rx="8" fill="#1b1f27"/>
<svg x="0" y="{MARGIN - 4}" width="100%" height="{height - 2 * MARGIN + 8}"><g transform="translate(0 {4 - MARGIN})"><g class="lines">
{chr(10).join(shown)}
</g></g></svg>
</svg>
"""


def main(cygnet, mnist):
    cygnet = Path(cygnet).resolve()
    with tempfile.TemporaryDirectory() as folder:
        lines = record([cygnet, "train"], folder)
        (PICTURES / "terminal.svg").write_text(terminal("$ cygnet train", lines))
        os.symlink(Path(mnist).resolve(), Path(folder) / "mnist")
        record([cygnet, *REPORT], folder)
        page = (Path(folder) / "full/report.html").as_uri()
        browser = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        shot = PICTURES / "report.png"
        subprocess.run([*browser, "--window-size=1240,1230", f"--screenshot={shot}", page], check=True, capture_output=True)
        Image.open(shot).convert("RGB").quantize(96).save(shot, optimize=True)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
