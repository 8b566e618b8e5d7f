"""Rates as torch has them, step by step: tests/reference/schedules.tsv, read by tests/schedules.rs.

    python3 tests/reference/schedules.py >tests/reference/schedules.tsv      # needs torch

A line has the schedule, its constants, and the rates of steps 0, 1, 2, … in double precision.
"""

import math
import warnings

import torch
from torch.optim import lr_scheduler
from torch.optim.swa_utils import SWALR

warnings.filterwarnings("ignore")


def rates(lr: float, make, steps: int) -> list[float]:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)
    scheduler = make(optimizer)
    seen = []
    for _ in range(steps):
        seen.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return seen


def line(name: str, constants: list[float], values: list[float]) -> None:
    print(name, " ".join(f"{c!r}" for c in constants), " ".join(f"{v!r}" for v in values), sep="\t")


def main() -> None:
    print(f"# torch {torch.__version__}")
    # An epoch is a step here: anneal_epochs counts whatever calls scheduler.step().
    for strategy in ["linear", "cos"]:
        for anneal in [0, 1, 5, 10, 1000]:
            for lr, swa_lr in [(0.1, 0.05), (0.01, 0.2)]:
                make = lambda o: SWALR(o, swa_lr=swa_lr, anneal_epochs=anneal, anneal_strategy=strategy)
                count = min(anneal + 4, 40)
                line(f"swalr {strategy}", [lr, swa_lr, anneal], rates(lr, make, count))
    for first, factor, low in [(7, 1, 0.0), (5, 2, 0.001), (3, 3, 0.01)]:
        make = lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, T_0=first, T_mult=factor, eta_min=low)
        line("restarts", [0.1, low, first, factor], rates(0.1, make, 60))
    for strategy in ["linear", "cos"]:
        for total, pct in [(40, 0.3), (100, 0.25)]:
            make = lambda o: lr_scheduler.OneCycleLR(
                o, max_lr=0.4, total_steps=total, pct_start=pct, anneal_strategy=strategy, cycle_momentum=False
            )
            rise = math.floor(pct * total) - 1
            assert rise == pct * total - 1
            line(f"one-cycle {strategy}", [0.4, 0.4 / 25, 0.4 / 25 / 1e4, rise, total - 1], rates(0.1, make, total - 1))


if __name__ == "__main__":
    main()
