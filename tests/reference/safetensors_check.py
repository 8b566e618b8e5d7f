"""Exchanges models with PyTorch, by hand: python3 safetensors_check.py MNIST_DIR [CYGNET]

1. `cygnet train` writes a model; torch loads it strictly into the Sequential that its metadata describe.
2. torch trains a model and saves it; `cygnet eval` reads it back.
Both ways, the test error and loss of both programs are printed and must be equal as printed.
Needs torch, numpy and safetensors. CYGNET is the binary, `cygnet` on the path unless given.
"""

import gzip
import pathlib
import re
import subprocess
import sys
import tempfile

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import nn

FLAGS = ["--epochs", "3", "--swa-start", "0", "--quiet"]
NETWORKS = [
    [],
    ["--hidden", "48,32", "--activation", "leaky-relu:0.2", "--dropout", "0.25"],
    ["--hidden", "none"],
    ["--hidden", "40,30", "--activation", "tanh", "--loss", "mse", "--dropout", "0"],
    ["--hidden", "40", "--activation", "sigmoid", "--loss", "bce"],
    ["--hidden", "40", "--activation", "identity", "--loss", "huber:0.5"],
    ["--hidden", "48,32", "--batch-norm"],
]


def read_idx(directory, name, dimensions):
    path = directory / name
    data = path.read_bytes() if path.exists() else gzip.decompress((directory / f"{name}.gz").read_bytes())
    header = 4 + 4 * dimensions
    shape = np.frombuffer(data[4:header], ">u4").astype(int)
    return np.frombuffer(data[header:], np.uint8).reshape(shape)


def samples(directory, part):
    images = read_idx(directory, f"{part}-images-idx3-ubyte", 3)
    labels = read_idx(directory, f"{part}-labels-idx1-ubyte", 1)
    inputs = images.reshape(len(images), -1).astype(np.float32) * np.float32(1 / 255)
    return torch.from_numpy(inputs), torch.from_numpy(labels.astype(np.int64))


def activation(name):
    kind, _, slope = name.partition(":")
    return {
        "identity": lambda: None,
        "relu": nn.ReLU,
        "leaky-relu": lambda: nn.LeakyReLU(float(slope)),
        "tanh": nn.Tanh,
        "sigmoid": nn.Sigmoid,
    }[kind]()


def from_file(path):
    """The Sequential that the metadata describe, with the file's weights, and the name of its loss."""
    with safe_open(path, framework="pt") as file:
        description = file.metadata()["cygnet"]
    layers, loss, _ = re.fullmatch(r"(.*); loss (.*); math (.*)", description).groups()
    tensors = load_file(path)
    weights = sorted((name for name in tensors if name.endswith(".weight")), key=lambda name: int(name.split(".")[0]))
    weights = [name for name in weights if tensors[name].dim() == 2]
    modules = []
    for layer, weight in zip(layers.split(", "), weights, strict=True):
        outputs, inputs = tensors[weight].shape
        name, dropout = layer.split(" dropout ")
        norm = f"{int(weight.split('.')[0]) + 1}.running_var" in tensors
        modules += [nn.Linear(inputs, outputs), nn.BatchNorm1d(outputs) if norm else None, activation(name)]
        modules += [nn.Dropout(float(dropout))] if float(dropout) > 0 else []
    network = nn.Sequential(*(module for module in modules if module is not None))
    # Torch counts batches, which we do not.
    tensors |= {name: t for name, t in network.state_dict().items() if name.endswith("num_batches_tracked")}
    network.load_state_dict(tensors, strict=True)
    return network, loss


def criterion(name):
    kind, _, delta = name.partition(":")

    def loss(outputs, labels):
        one_hot = nn.functional.one_hot(labels, outputs.shape[1]).to(outputs.dtype)
        return {
            "cross-entropy": lambda: nn.functional.cross_entropy(outputs, labels),
            "mse": lambda: nn.functional.mse_loss(outputs, one_hot),
            "bce": lambda: nn.functional.binary_cross_entropy_with_logits(outputs, one_hot),
            "huber": lambda: nn.functional.huber_loss(outputs, one_hot, delta=float(delta)),
        }[kind]()

    return loss


def torch_score(network, loss, data):
    inputs, labels = data
    network.eval()
    with torch.no_grad():
        outputs = network(inputs)
        wrong = (outputs.argmax(1) != labels).double().mean().item()
        return 100 * wrong, criterion(loss)(outputs.double(), labels).item()


def cygnet_score(cygnet, path, directory):
    table = subprocess.run([cygnet, "eval", path, "--data", directory], check=True, capture_output=True, text=True)
    row = next(line.split() for line in table.stdout.splitlines() if line.split()[:1] == ["test"])
    return float(row[2]), float(row[4])


def compare(what, ours, theirs):
    equal = abs(ours[0] - theirs[0]) < 0.0051 and abs(ours[1] - theirs[1]) < 0.000_051
    print(f"{what}: cygnet {ours[0]:.2f} % {ours[1]:.4f}, torch {theirs[0]:.4f} % {theirs[1]:.6f}", end="")
    print("" if equal else "  DIFFERENT")
    return equal


def train_in_torch(data):
    torch.manual_seed(1)
    inputs, labels = data
    norm = nn.BatchNorm1d(50)
    network = nn.Sequential(nn.Linear(784, 100), nn.ReLU(), nn.Linear(100, 50), norm, nn.ReLU(), nn.Linear(50, 10))
    adam = torch.optim.Adam(network.parameters())
    for batch in torch.randperm(len(labels)).split(64):
        adam.zero_grad()
        nn.functional.cross_entropy(network(inputs[batch]), labels[batch]).backward()
        adam.step()
    return network


def main():
    directory, cygnet = pathlib.Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "cygnet"
    test = samples(directory, "t10k")
    equal = True
    with tempfile.TemporaryDirectory() as out:
        out = pathlib.Path(out)
        for flags in NETWORKS:
            subprocess.run([cygnet, "train", "--out", out, *FLAGS, *flags], check=True, stdout=subprocess.DEVNULL)
            for name in ["last", "average"]:
                path = out / f"{name}.safetensors"
                what = f"cygnet to torch, {' '.join(flags) or 'default'}, {name}"
                equal &= compare(what, cygnet_score(cygnet, path, directory), torch_score(*from_file(path), test))
        network = train_in_torch(samples(directory, "train"))
        save_file(network.state_dict(), out / "torch.safetensors")
        ours = cygnet_score(cygnet, out / "torch.safetensors", directory)
        equal &= compare("torch to cygnet", ours, torch_score(network, "cross-entropy", test))
    sys.exit(not equal)


main()
