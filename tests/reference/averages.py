"""What torch.optim.swa_utils makes of 1,000 snapshots of 50,890 parameters: tests/reference/averages.tsv.

    python3 tests/reference/averages.py >tests/reference/averages.tsv      # needs torch and numpy

Snapshots come from integers, so that tests/averages.rs has the same ones: with r a 24-bit number mixed of place and
time, w = 0.5 + r·2⁻²⁵ + t·2⁻¹². A line has the kind, the largest relative error and the root mean square error
against f64 over all parameters, and the averages of every 1,000th parameter as bits.
"""

import sys

import numpy as np
import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn, get_swa_multi_avg_fn

PARAMS, SNAPSHOTS = 50_890, 1_000


def snapshot(t: int) -> np.ndarray:
    i = np.arange(PARAMS, dtype=np.uint32)
    x = i * np.uint32(2654435761) + np.uint32(t * 2246822519 % 2**32)
    x ^= x >> np.uint32(15)
    x *= np.uint32(2246822519)
    x ^= x >> np.uint32(13)
    r = (x >> np.uint32(8)).astype(np.float64)
    return (0.5 + r * 2.0**-25 + t * 2.0**-12).astype(np.float32)


class Flat(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.w = torch.nn.Parameter(torch.zeros(PARAMS))


def main() -> None:
    model = Flat()
    kinds = {"mean": get_swa_multi_avg_fn()}
    decays = [0.9, 0.999, 0.9999]
    kinds |= {f"ema {decay}": get_ema_multi_avg_fn(decay) for decay in decays}
    averages = {kind: AveragedModel(model, multi_avg_fn=fn) for kind, fn in kinds.items()}
    exact = {kind: np.zeros(PARAMS) for kind in kinds}
    for t in range(SNAPSHOTS):
        w = snapshot(t)
        with torch.no_grad():
            model.w.copy_(torch.from_numpy(w))
        wide = w.astype(np.float64)
        for kind, average in averages.items():
            average.update_parameters(model)
            gain = 1.0 / (t + 1) if kind == "mean" else (1.0 if t == 0 else 1.0 - float(kind.split()[1]))
            exact[kind] += (wide - exact[kind]) * gain
    print(f"# torch {torch.__version__}, {SNAPSHOTS} snapshots of {PARAMS} parameters")
    for kind, average in averages.items():
        ours = average.module.w.detach().numpy()
        error = ours.astype(np.float64) - exact[kind]
        bits = " ".join(f"{x:08x}" for x in ours[::1000].view(np.uint32))
        print(kind, f"{np.abs(error / exact[kind]).max():.4e}", f"{np.sqrt((error**2).mean()):.4e}", bits, sep="\t")


if __name__ == "__main__":
    sys.exit(main())
