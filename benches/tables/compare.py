"""Accuracy and R² of `cygnet train` beside scikit-learn, on equal folds of tables: 5 folds, several seeds.

    python3 benches/tables/compare.py CYGNET TABLES-DIR [--seeds 3] [--only iris,wine] [--cache FILE]

Each fold's training and test rows are written as CSV files, which both read. `cygnet` gets the column to predict and the
columns to ignore, all else are its defaults. The reference is `MLPClassifier()`, for numbers `MLPRegressor(max_iter=1000)`
with a standardised target, behind mean imputation, standardised numbers and one-hot text; `RidgeCV` is a second line for
numbers. It needs scikit-learn and pandas. With --cache, what the reference scored is kept in a file and computed once.

A difference is cygnet minus the reference on the same fold; SE is the standard error of its mean over all folds and seeds.
"""

import argparse
import json
import math
import pathlib
import subprocess
import sys
import tempfile
import warnings

import numpy
import pandas
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_selector
from sklearn.impute import SimpleImputer
from sklearn.linear_model import RidgeCV
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

FOLDS = 5
# Name: the column to predict, whether it is a number, the columns to ignore.
TABLES = {
    "iris": ("target", False, []),
    "wine": ("target", False, []),
    "breast_cancer": ("target", False, []),
    "penguins": ("species", False, []),
    "penguins_raw": ("Species", False, ["Comments", "Individual ID", "Sample Number", "Date Egg"]),
    "titanic": ("survived", False, []),
    "diabetes": ("target", True, []),
    "diamonds": ("price", True, []),
    "mtcars": ("mpg", True, ["1"]),  # The names of the cars stand in the first column, which has no name.
}


def pipeline(model):
    """A model behind the usual preparation of numbers and text."""
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    text = make_pipeline(
        SimpleImputer(strategy="constant", fill_value="missing"), OneHotEncoder(handle_unknown="ignore")
    )
    number = make_column_selector(dtype_include="number")
    other = make_column_selector(dtype_exclude="number")
    prepare = ColumnTransformer([("numbers", numbers, number), ("text", text, other)], sparse_threshold=0)
    return make_pipeline(prepare, model)


def reference(is_number, train, test, label, seed):
    """The scores of the reference on the test rows: the network, and for numbers ridge regression."""
    (x, y), (u, v) = ((rows.drop(columns=label), rows[label]) for rows in (train, test))
    if not is_number:
        return [accuracy_score(v, pipeline(MLPClassifier(random_state=seed)).fit(x, y).predict(u))]
    network = TransformedTargetRegressor(MLPRegressor(max_iter=1000, random_state=seed), transformer=StandardScaler())
    models = [network, RidgeCV(alphas=numpy.logspace(-3, 3, 13))]
    return [r2_score(v, pipeline(model).fit(x, y).predict(u)) for model in models]


def run(command):
    """What a command prints; its complaint ends this program."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stderr}")
    return done.stdout


def cygnet(program, files, label, is_number, ignored, more):
    """The score of cygnet's average on the test rows."""
    train, test = files
    out = train.with_name("run")
    data = ["--data", train, "--test", test]
    kind = ["--regression"] if is_number else []
    kind += ["--ignore", ",".join(ignored)] if ignored else []
    run([program, "train", *data, "--label", label, *kind, "--quiet", "--out", out, *more])
    found = json.loads(run([program, "eval", out / "average.cygnet", *data, "--json"]))
    return found["targets"][0]["test"]["r2"] if is_number else found["test"]["accuracy"]


def folds(table, label, is_number, seed):
    """Training and test rows of every fold."""
    kind = KFold if is_number else StratifiedKFold
    cut = kind(FOLDS, shuffle=True, random_state=seed).split(table, table[label])
    return [(table.iloc[train], table.iloc[test]) for train, test in cut]


def paired(mine, other):
    """Mean difference, its standard error, and their ratio."""
    differences = numpy.array(mine) - numpy.array(other)
    mean, error = differences.mean(), differences.std(ddof=1) / math.sqrt(len(differences))
    return mean, error, mean / error if error > 0 else 0.0


def load(directory, name):
    """A table, its label a name or a number, without the columns that are ignored."""
    label, is_number, ignored = TABLES[name]
    table = pandas.read_csv(directory / f"{name}.csv", keep_default_na=True)
    names = [table.columns[int(i) - 1] if i.isdigit() else i for i in ignored]
    return table, table.drop(columns=names), label, is_number, ignored


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cygnet", help="the program")
    parser.add_argument("tables", type=pathlib.Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", default=",".join(TABLES))
    parser.add_argument("--cache", type=pathlib.Path)
    parser.add_argument("--reference", action="store_true", help="fill the cache and nothing else")
    parser.add_argument("--more", default="", help="more arguments of `cygnet train`, in one word: --more='--hidden 100'")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    cache = arguments.cache
    known = json.loads(cache.read_text()) if cache and cache.exists() else {}
    ratios = []
    print(f"{'table':14} {'cygnet':>8} {'sklearn':>8} {'difference':>17} {'diff/SE':>8} {'ridge':>8} {'difference':>17}")
    for name in arguments.only.split(","):
        whole, table, label, is_number, ignored = load(arguments.tables, name)
        mine, others = [], []
        for seed in range(1, arguments.seeds + 1):
            for fold, (train, test) in enumerate(folds(table, label, is_number, seed)):
                key = f"{name} {seed} {fold}"
                if key not in known:
                    known[key] = reference(is_number, train, test, label, seed)
                    if cache:
                        cache.write_text(json.dumps(known))
                others.append(known[key])
                if arguments.reference:
                    continue
                with tempfile.TemporaryDirectory() as directory:
                    files = [pathlib.Path(directory) / f"{part}.csv" for part in ("train", "test")]
                    for rows, file in zip((train, test), files):
                        whole.loc[rows.index].to_csv(file, index=False)
                    mine.append(cygnet(arguments.cygnet, files, label, is_number, ignored, arguments.more.split()))
        if arguments.reference:
            continue
        mean, error, ratio = paired(mine, [scores[0] for scores in others])
        ratios.append(ratio)
        ridge = ""
        if is_number:
            lines = [scores[1] for scores in others]
            ridge = "{:8.4f} {:+8.4f} ± {:.4f}".format(numpy.mean(lines), *paired(mine, lines)[:2])
        known_mean = numpy.mean([scores[0] for scores in others])
        print(f"{name:14} {numpy.mean(mine):8.4f} {known_mean:8.4f} {mean:+8.4f} ± {error:.4f} {ratio:+8.2f} {ridge}", flush=True)
    if ratios:
        print(f"mean of difference/SE: {numpy.mean(ratios):+.2f}, least {min(ratios):+.2f}")


if __name__ == "__main__":
    main()
