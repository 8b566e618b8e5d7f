#!/usr/bin/env python3
"""Writes what fuzzing starts from into fuzz/corpus: files of every kind that the crate reads, small, and made of real ones.

`.ci/fuzz` goes on from there; `cargo fuzz cmin` keeps of what it finds one input for each behaviour.
"""

import gzip
import json
import pathlib
import struct
import zlib

ROOT = pathlib.Path(__file__).parent.parent
CORPUS = pathlib.Path(__file__).parent / "corpus"


def put(target, name, content):
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


def idx(kind, sizes, data):
    return bytes([0, 0, kind, len(sizes)]) + struct.pack(f">{len(sizes)}I", *sizes) + data


def idx_files():
    elements = {8: "B", 9: "b", 11: "h", 12: "i", 13: "f", 14: "d"}
    for kind, code in elements.items():
        images = idx(kind, [2, 2, 3], struct.pack(f">12{code}", *range(12)))
        put("idx", f"images-{kind}", images)
        put("idx", f"labels-{kind}", idx(kind, [5], struct.pack(f">5{code}", *range(5))))
        put("idx", f"images-{kind}.gz", gzip.compress(images, mtime=0))
    put("idx", "shares", idx(13, [1, 1, 4], struct.pack(">4f", 0, 0.25, 0.5, 1)))
    put("idx", "channels", idx(8, [2, 1, 2, 2], bytes(8)))
    put("idx", "members.gz", gzip.compress(idx(8, [2, 2], b""), mtime=0) + gzip.compress(bytes(4), mtime=0))


# How the bytes before a table choose its plan: see `any_plan` of the target. A ratio holds where its byte is 0.
PLAIN = [0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 3]


def tables():
    pump = (ROOT / "examples/pump.csv").read_bytes().split(b"\n")
    rows = [line.split(b",") for line in pump[:13]]
    classes = b"\n".join(b",".join(row[1:5]) for row in rows)
    numbers = b"\n".join(b",".join(row[1:4] + row[5:]) for row in rows)
    words = b"n,w,y\n" + b"".join(b"%d,%s,%s\n" % (i, [b"red", b"blue", b""][i % 3], b"ab"[i % 2:][:1]) for i in range(12))
    texts = {
        "classes": classes,
        "semicolons": classes.replace(b",", b";"),
        "blanks": classes.replace(b",", b"  "),
        "numbers": numbers,
        "words": words,
        "gaps": classes.replace(b"61", b"NA").replace(b"ok\n", b"\n"),
        "quotes": b'"a","b ""c""",y\r\n' + b'"1","2",x\r\n" 3 ",4,"z\n"\r\n' * 4,
        "bare": b"1,2,0\n3,4,1\n5,6,0\n7,9,1\n" * 3,
        "index": b",a,b,y\n" + b"".join(b"%d,%d,%d,%d\n" % (i, i * i, i % 3, i % 2) for i in range(12)),
        "hint": b"sep=;\n# of a pump\n" + classes.replace(b",", b";"),
        "dates": b"d,x,y\n" + b"2024-05-01,1,a\n2024-05-02,2,b\n" * 5,
        "grouped": b"x;y\n" + b'"1,234.5";a\n2;b\n' * 5,
    }
    for name, text in texts.items():
        put("table", name, bytes(PLAIN) + text)
        put("table", name + ".gz", bytes(PLAIN) + gzip.compress(text, mtime=0))
        put("table", name + "-filled", bytes(PLAIN[:10] + [1, 2, 1, 1, 3]) + text)
    for name in ["numbers", "bare"]:
        put("table", name + "-regression", bytes(PLAIN[:8] + [1] + PLAIN[9:]) + texts[name])
    decimals = numbers.replace(b",", b";").replace(b".", b",")
    put("table", "commas", bytes([0, 0, 0] + PLAIN[3:8] + [1] + PLAIN[9:]) + decimals)


def png(width, height, kind, depth, samples, palette=b"", interlaced=0):
    def chunk(tag, data):
        return struct.pack(">I", len(data)) + tag + data + struct.pack(">I", zlib.crc32(tag + data))

    line = len(samples) // height
    lines = b"".join(b"\0" + samples[i * line:][:line] for i in range(height))
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, interlaced)
    middle = chunk(b"PLTE", palette) if palette else b""
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + middle + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")


def pictures():
    for name, kind, depth, size in [
        ("gray", 0, 8, 1), ("gray16", 0, 16, 2), ("rgb", 2, 8, 3), ("palette", 3, 8, 1), ("alpha", 4, 8, 2), ("rgba", 6, 8, 4),
    ]:
        samples = bytes((37 * i) % 251 for i in range(9 * 7 * size))
        palette = bytes(range(0, 253)) + bytes(3) if kind == 3 else b""
        put("picture", name, png(9, 7, kind, depth, samples, palette[: 3 * 85] * 3 if kind == 3 else b""))
    put("picture", "bits", png(8, 3, 0, 1, bytes([0x18, 0x3C, 0x18])))
    put("picture", "blank", png(4, 4, 0, 8, bytes(16)))
    put("picture", "interlaced", png(1, 1, 0, 8, b"\x80", interlaced=1))
    put("picture", "photograph", (ROOT / "tests/reference/turned.jpg").read_bytes())


def safetensors(tensors, metadata=None):
    header, data = {}, b""
    if metadata:
        header["__metadata__"] = {"cygnet": metadata}
    for name, (kind, shape, content) in tensors.items():
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(header, separators=(",", ":")).encode()
    return struct.pack("<Q", len(text)) + text + data


def imports():
    def floats(n):
        return struct.pack(f"<{n}f", *(0.25 * i for i in range(n)))

    def dense(stem, n, m):
        return {f"{stem}.weight": ("F32", [m, n], floats(n * m)), f"{stem}.bias": ("F32", [m], floats(m))}

    def norm(stem, n, batch):
        parts = ["weight", "bias"] + (["running_mean", "running_var"] if batch else [])
        return {f"{stem}.{part}": ("F32", [n], floats(n)) for part in parts}

    put("safetensors", "one", safetensors(dense("0", 2, 2)))
    put("safetensors", "two", safetensors({**dense("net.0", 2, 3), **dense("net.2", 3, 2)}))
    put("safetensors", "widths", safetensors({**dense("first", 2, 3), **dense("last", 3, 4)}))
    put("safetensors", "batch", safetensors({**dense("0", 2, 3), **norm("1", 3, True), **dense("3", 3, 2)}))
    put("safetensors", "layer", safetensors({**dense("fc1", 2, 3), **norm("bn1", 3, False), **dense("fc2", 3, 2)}))
    put("safetensors", "average", safetensors({"n_averaged": ("I64", [], struct.pack("<q", 3)), **dense("module.0", 2, 2)}))
    halves = {"0.weight": ("F16", [2, 2], struct.pack("<4e", 1, 2, 3, 4))}
    put("safetensors", "halves", safetensors(halves))
    put("safetensors", "bf16", safetensors({"0.weight": ("BF16", [2, 1], bytes([128, 63, 0, 64]))}))
    put("safetensors", "doubles", safetensors({"0.weight": ("F64", [2, 1], struct.pack("<2d", 1, 2))}))


def models():
    pump = (ROOT / "examples/pump.cygnet").read_bytes()
    preprocessing, columns, data = (pump.index(b"\x89CYG" + tag) for tag in (b"PRE", b"COL", b"DAT"))
    put("checkpoint", "network", pump[:preprocessing])
    put("checkpoint", "file", pump)
    put("checkpoint", "preprocessing", pump[preprocessing:columns])
    json_of = pump[columns + 12 : data - 4]
    # Three inputs, three outputs, a preparation of which nothing is changed, columns, no record of the data.
    put("model", "classes", bytes([2, 1, 1, 1, 1, 0]) + json_of)
    words = {
        "header": True,
        "separator": None,
        "inputs": ["a", "b"],
        "encodings": [{}, {"levels": ["x", "y"], "other": True, "missing": True}],
        "targets": ["t", "u"],
        "classes": [],
        "drops_missing": False,
    }
    put("model", "words", bytes([4, 0, 1, 1, 1, 0]) + json.dumps(words, separators=(",", ":")).encode())


def main():
    for make in (idx_files, tables, pictures, imports, models):
        make()


main()
