"""What scikit-learn makes of the same scores and classes: tests/reference/curves.tsv.

    python3 tests/reference/curves.py >tests/reference/curves.tsv      # needs scikit-learn

Scores and classes come from integers, so that tests/curves.rs has the same ones. Of a case, `counts` has the samples of
the class and of the rest, `areas` those under the ROC curve and the precision-recall curve, `roc` and `pr` a point a
line (of long curves every so many): its place, threshold, x and y, the highest threshold first. Of a matrix, `class` and
`macro` have precision, recall and F1.
"""

import sys

import numpy as np
import sklearn
from sklearn import metrics

# Samples, levels of the score, samples of the class in a thousand, how a level becomes a score.
CASES = {
    "ties": (400, 7, 300, "linear"),
    "one level": (60, 1, 400, "linear"),
    "imbalanced": (3_000, 25, 10, "linear"),
    "rare": (900, 40, 2, "linear"),
    "common": (900, 40, 498, "powers"),
    "saturated": (2_000, 30, 100, "powers"),
    "distinct": (20_000, 1 << 20, 100, "linear"),
}
SAMPLES, CLASSES, NEVER_PREDICTED = 500, 6, 4


def mixed(n: int, seed: int) -> np.ndarray:
    x = np.arange(n, dtype=np.uint32) * np.uint32(2654435761) + np.uint32(seed * 2246822519 % 2**32)
    x ^= x >> np.uint32(15)
    x *= np.uint32(2246822519)
    x ^= x >> np.uint32(13)
    return x.astype(np.uint64)


def case(seed: int, n: int, levels: int, permille: int, form: str) -> tuple[np.ndarray, np.ndarray]:
    """Scores, each exact in single precision, and which samples are of the class: the likelier, the higher the level."""
    level = mixed(n, 2 * seed) % levels
    positive = mixed(n, 2 * seed + 1) % (1000 * (levels + 1)) < 2 * permille * (level + 1)
    exponents = np.minimum(0, level.astype(np.float64) - levels + 5)
    return level / 16.0 - 8.0 if form == "linear" else 2.0**exponents, positive


def classes() -> tuple[np.ndarray, np.ndarray]:
    """Classes and predictions: the last class is never there, and another is never predicted."""
    true, r = mixed(SAMPLES, 101) % (CLASSES - 1), mixed(SAMPLES, 102)
    predicted = np.where(r % 3 > 0, true, r // 3 % CLASSES)
    return true, np.where(predicted == NEVER_PREDICTED, 0, predicted)


def main() -> None:
    def line(*fields: object) -> None:
        print(*(repr(float(f)) if isinstance(f, (float, np.floating)) else f for f in fields), sep="\t")

    print(f"# scikit-learn {sklearn.__version__}")
    for seed, (name, (n, *rest)) in enumerate(CASES.items()):
        scores, positive = case(seed, n, *rest)
        line(name, "counts", positive.sum(), n - positive.sum())
        line(name, "areas", metrics.roc_auc_score(positive, scores), metrics.average_precision_score(positive, scores))
        fpr, tpr, thresholds = metrics.roc_curve(positive, scores, drop_intermediate=False)
        precision, recall, _ = metrics.precision_recall_curve(positive, scores)
        for what, x, y in ("roc", fpr, tpr), ("pr", recall[::-1], precision[::-1]):
            for i in range(0, len(x), 1 if len(x) < 100 else len(x) // 50):
                line(name, what, i, float(thresholds[i]), x[i], y[i])
    true, predicted = classes()
    labels = list(range(CLASSES))
    figures = metrics.precision_recall_fscore_support(true, predicted, labels=labels, zero_division=0.0)
    for c, (p, r, f, support) in enumerate(zip(*figures)):
        line("matrix", "class", c, support, p, r, f)
    line("matrix", "macro", *metrics.precision_recall_fscore_support(true, predicted, average="macro", zero_division=0)[:3])


if __name__ == "__main__":
    sys.exit(main())
