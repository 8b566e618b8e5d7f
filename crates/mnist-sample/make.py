"""Writes the sample into data/ beside this script: a class-balanced part of MNIST.

usage: make.py DIR      DIR holds the four MNIST files as .gz
"""

import gzip
import pathlib
import random
import struct
import sys

SEED = 20260101
SETS = {"train": 1000, "t10k": 200}  # images per class


def read(path, dimensions):
    data = gzip.decompress(path.read_bytes())
    header = 4 + 4 * dimensions
    magic, *sizes = struct.unpack_from(f">{1 + dimensions}I", data)
    if magic != 0x800 + dimensions:
        sys.exit(f"{path}: expected magic {0x800 + dimensions:#010x}, found {magic:#010x}")
    return sizes, data[header:]


def write(path, sizes, data):
    header = struct.pack(f">{1 + len(sizes)}I", 0x800 + len(sizes), *sizes)
    path.write_bytes(gzip.compress(header + data, 9, mtime=0))


def choose(labels, per_class, draw):
    """Indices of `per_class` images of each class, in the order of the file."""
    # random() is the one method whose values Python promises to keep
    order = sorted(range(len(labels)), key=lambda _: draw.random())
    left = dict.fromkeys(set(labels), per_class)
    chosen = []
    for index in order:
        if left[labels[index]]:
            left[labels[index]] -= 1
            chosen.append(index)
    return sorted(chosen)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    source = pathlib.Path(sys.argv[1])
    target = pathlib.Path(__file__).parent / "data"
    draw = random.Random(SEED)
    for name, per_class in SETS.items():
        images_name = f"{name}-images-idx3-ubyte.gz"
        labels_name = f"{name}-labels-idx1-ubyte.gz"
        (_, rows, cols), images = read(source / images_name, 3)
        _, labels = read(source / labels_name, 1)
        area = rows * cols
        chosen = choose(labels, per_class, draw)
        pixels = b"".join(images[i * area : (i + 1) * area] for i in chosen)
        write(target / images_name, [len(chosen), rows, cols], pixels)
        write(target / labels_name, [len(chosen)], bytes(labels[i] for i in chosen))


main()
