"""Recall of a rare class with `cygnet train --class-weight balanced` beside scikit-learn, on tables of 59 rows to 1.

    python3 benches/tables/balanced.py CYGNET [--seeds 10] [--more='']

Each seed draws a table of 6,000 rows and 10 numbers in 4 overlapping clusters (`make_classification`), 100 rows of them of
the rare class, and splits it in two halves by class. The reference is `MLPClassifier()` behind `StandardScaler`, fitted with
`sample_weight` of `compute_sample_weight("balanced")`. Like it, `cygnet` trains on all training rows, for 32 epochs, which are
3,000 updates, its usual budget; with `--more=''` it holds rows out for early stopping. It needs scikit-learn 1.7 or later,
and pandas.

A difference is cygnet minus the reference on the same half; SE is the standard error of its mean over the seeds.
"""

import argparse
import pathlib
import tempfile
import warnings

import numpy
import pandas
from compare import paired, run
from sklearn.datasets import make_classification
from sklearn.metrics import recall_score
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.class_weight import compute_sample_weight


def halves(seed):
    """Training and test rows."""
    shape = {"n_samples": 20_000, "n_features": 10, "n_informative": 6, "n_clusters_per_class": 2, "class_sep": 0.8}
    x, y = make_classification(**shape, weights=[0.9], random_state=seed)
    often, rare = (numpy.flatnonzero(y == label)[:count] for label, count in ((0, 5900), (1, 100)))
    rows = numpy.concatenate([often, rare])
    return train_test_split(x[rows], y[rows], test_size=0.5, stratify=y[rows], random_state=seed)


def recalls(y, found):
    """Of the rare class, and the mean of both."""
    return recall_score(y, found), recall_score(y, found, average="macro")


def reference(x, u, y, seed, weights):
    """What the reference takes the test rows for."""
    model = make_pipeline(StandardScaler(), MLPClassifier(random_state=seed))
    return model.fit(x, y, mlpclassifier__sample_weight=weights).predict(u)


def cygnet(program, directory, x, u, y, v, more):
    """What cygnet's average takes the test rows for."""
    for name, rows, labels in (("train", x, y), ("test", u, v)):
        pandas.DataFrame(rows).assign(target=labels).to_csv(directory / f"{name}.csv", index=False)
    data = ["--data", directory / "train.csv", "--test", directory / "test.csv", "--out", directory / "run"]
    run([program, "train", *data, "--quiet", *more])
    found = run([program, "predict", directory / "run" / "average.cygnet", directory / "test.csv", "--format", "csv"])
    (directory / "found.csv").write_text(found)
    return pandas.read_csv(directory / "found.csv")["class"].to_numpy()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cygnet", help="the program")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--more", default="--validation 0 --epochs 32", help="more arguments of `cygnet train`, in one word")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    for kind, options in (("balanced", ["--class-weight", "balanced"]), ("none", [])):
        mine, others = [], []
        for seed in range(1, arguments.seeds + 1):
            x, u, y, v = halves(seed)
            weights = compute_sample_weight("balanced", y) if options else None
            others.append(recalls(v, reference(x, u, y, seed, weights)))
            with tempfile.TemporaryDirectory() as directory:
                more = [*options, *arguments.more.split()]
                mine.append(recalls(v, cygnet(arguments.cygnet, pathlib.Path(directory), x, u, y, v, more)))
        for k, what in enumerate(("recall of the rare class", "mean recall")):
            ours, theirs = ([each[k] for each in all_] for all_ in (mine, others))
            mean, error, ratio = paired(ours, theirs)
            print(f"{kind:9} {what:25} cygnet {numpy.mean(ours):.4f} sklearn {numpy.mean(theirs):.4f} "
                  f"difference {mean:+.4f} ± {error:.4f} ({ratio:+.2f} SE)", flush=True)


if __name__ == "__main__":
    main()
