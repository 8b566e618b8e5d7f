#!/usr/bin/env python3
"""Makes one Markdown table of the lines that the peers printed: `table.py LINES ROUNDS COMMAND`."""

import datetime
import platform
import re
import subprocess
import sys
from statistics import median

COLUMNS = ["cygnet", "burn", "candle", "ndarray", "NumPy", "JAX", "PyTorch best", "PyTorch default", "scikit-learn", "C"]
NAMES = {"c": "C", "numpy": "NumPy", "jax": "JAX", "sklearn": "scikit-learn", "torch": "PyTorch default",
         "torch-fused": "PyTorch fused", "torch-compile": "PyTorch compile"}
BEST = ("PyTorch fused", "PyTorch compile")
DENSE, DENSE_FLOP = "784-800-800-10, batch 128, SGD, 6,400 dense", 6_400 * 2 * (3 * 1_275_200 - 784 * 800)
NOT_TIMES = ("loss of ", "test error", "bandwidth of ", "multiply and add")


def read(path):
    """Medians over the rounds by work and peer, units by work, versions, and what went wrong."""
    values, units, versions, faults = {}, {}, {}, {}
    for line in open(path, encoding="utf-8"):
        peer, work, value, unit, version = line.rstrip("\n").split("\t")
        peer = NAMES.get(peer, peer)
        if value == "-":
            faults[f"{peer}: {work}: {unit}"] = None
            continue
        values.setdefault(work, {}).setdefault(peer, []).append(float(value))
        units[work], versions[version] = unit, None
    table = {work: {peer: median(v) for peer, v in peers.items()} for work, peers in values.items()}
    for work, row in table.items():
        variants = [row[v] for v in BEST if v in row]
        if variants:
            row["PyTorch best"] = (max if work.startswith(NOT_TIMES) else min)(variants)
    return table, units, versions, faults


def digits(value):
    return f"{value:.3g}" if value < 1_000 else f"{value:.0f}"


def markdown(head, rows):
    print("| " + " | ".join(head) + " |\n|" + "---|" * len(head))
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print()


def processor():
    text = subprocess.run(["lscpu"], capture_output=True, text=True).stdout
    field = lambda name: (re.search(rf"^{name}:\s*(.*)$", text, re.M) or [0, "?"])[1]
    caches = ", ".join(f"{c} {field(f'{c}.*?cache')}" for c in ("L1d", "L2", "L3"))
    return f"{field('Model name')}, family {field('CPU family')} model {field('Model')}, {field(r'CPU.s.')} CPUs, {caches}"


def main(path, rounds, command):
    table, units, versions, faults = read(path)
    kinds = ("784", "evaluate", "one", "average")
    times = sorted((w for w in table if not w.startswith(NOT_TIMES)), key=lambda w: kinds.index(re.match(r"\w+", w)[0]))
    known = [c for c in COLUMNS if any(c in row for row in table.values())]
    rows = []
    for work in times:
        row = table[work]
        rivals = {peer: row[peer] for peer in known if peer in row and peer not in ("cygnet", "C")}
        best = min(rivals, key=rivals.get, default=None)
        cell = lambda c: "–" if c not in row else f"**{digits(row[c])}**" if c == best else digits(row[c])
        ratio = f"{rivals[best] / row['cygnet']:.2f}" if best and "cygnet" in row else "–"
        rows.append([f"{work} ({units[work]})", *map(cell, known), ratio])
    print(f"Medians of {rounds} round(s), one thread on one core, smaller is better; the fastest peer in bold.\n")
    markdown(["work", *known, "fastest peer / cygnet"], rows)

    losses = [w for w in table if w.startswith(("loss of ", "test error"))]
    known = [c for c in known if c != "C"]
    print("That they learn the same: mean loss of the last epoch, and errors on the test set.\n")
    markdown(["", *known], [[w, *(f"{table[w][c]:.4f}" if c in table[w] else "–" for c in known)] for w in losses])

    peak = table.get("multiply and add", {}).get("C")
    if peak and "cygnet" in table.get(DENSE, {}):
        rate = DENSE_FLOP / table[DENSE]["cygnet"] * 1e-9
        print(f"- Dense training: {rate:.1f} of {peak:.1f} GFLOP/s, {100 * rate / peak:.0f} % of the multiply-then-add peak.")
    for work in (w for w in times if w.startswith("average ") and {"C", "cygnet"} <= table[w].keys()):
        bandwidth = table[f"bandwidth of {work.split()[1]}"]["C"]
        share = 100 * table[work]["C"] / table[work]["cygnet"]
        print(f"- {work}: {share:.0f} % of the C loop's bandwidth ({bandwidth:.0f} GB/s).")
    for fault in faults:
        print(f"- Missing: {fault}.")
    print(f"- Versions: {'; '.join(versions)}; {subprocess.run(['rustc', '--version'], capture_output=True, text=True).stdout.strip()}; "
          f"Python {platform.python_version()}.")
    print(f"- Processor: {processor()}.")
    print(f"- Date: {datetime.date.today()}. Command: `{command.strip()}`.")


main(*sys.argv[1:])
