#!/usr/bin/env python3
"""Times one Python peer: `peers.py [--quick] [--data DIR] PEER`, one line a work: peer, work, value, unit, version.

Same works, rates, initial weights' distribution and data as src/main.rs. `run` pins the process to one core.
"""

import gzip
import os
import sys
import time
from pathlib import Path

for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
    os.environ.pop(name, None)
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"

try:
    import numpy as np
except ImportError:
    np = None

SMALL = (784, 64, 10)
WORKS = [  # work, widths, batch, Adam at 0.001 or SGD at 0.1
    ("784-64-10, batch 32, SGD", SMALL, 32, False),
    ("784-64-10, batch 32, Adam", SMALL, 32, True),
    ("784-64-10, batch 128, SGD", SMALL, 128, False),
    ("784-64-10, batch 128, Adam", SMALL, 128, True),
    ("784-256-128-10, batch 64, Adam", (784, 256, 128, 10), 64, True),
]
DENSE = ("784-800-800-10, batch 128, SGD, 6,400 dense", (784, 800, 800, 10), 128, False)
CHUNKS = (32, 200, 1_000, 10_000)


class Missing(Exception):
    """The peer cannot be had here, or does not do this work."""


class Peer:
    """`Net(widths, batch, adam, data)` has epoch(order) -> loss, hits(chunk) and classify(i); `averager(n)` gives a function."""

    def __init__(self, name, version, net, averager):
        self.name, self.version, self.net, self.averager = name, version, net, averager


def mnist(folder):
    def read(name, header):
        return np.frombuffer(gzip.decompress((folder / name).read_bytes()), np.uint8, offset=header)

    def part(name):
        x = read(f"{name}-images-idx3-ubyte.gz", 16).reshape(-1, 784)
        return x.astype(np.float32) / np.float32(255), read(f"{name}-labels-idx1-ubyte.gz", 8).astype(np.int64)

    return part("train") + part("t10k")


def weights(widths):
    random = np.random.default_rng(7)
    pairs = zip(widths, widths[1:])
    return [(random.standard_normal((i, o), np.float32) * np.float32((2 / i) ** 0.5)) for i, o in pairs]


def aligned(shape):
    """Zeros at a multiple of 64 bytes."""
    size = int(np.prod(shape))
    raw = np.zeros(4 * size + 64, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start:start + 4 * size].view(np.float32).reshape(shape)


def batches(order, batch):
    return (order[i:i + batch] for i in range(0, len(order), batch))


def median(values):
    return sorted(values)[len(values) // 2]


def say(peer, work, value, unit):
    print(peer.name, work, value if isinstance(value, str) else f"{value:.6f}", unit, peer.version, sep="\t", flush=True)


def per_call(blocks, calls, run):
    def block():
        start = time.perf_counter()
        for _ in range(calls):
            run()
        return (time.perf_counter() - start) / calls

    block()
    return median([block() for _ in range(blocks)])


def train(peer, job, data, epochs):
    work, widths, batch, adam = job
    net, random, times = peer.net(widths, batch, adam, data), np.random.default_rng(3), []
    for _ in range(epochs + 1):
        order = random.permutation(len(data[1]))
        start = time.perf_counter()
        loss = net.epoch(order)
        times.append(time.perf_counter() - start)
    say(peer, work, median(times[1:]), "s")
    say(peer, f"loss of {work}", loss, "nats")
    return net


def bench(peer, folder, epochs, blocks):
    data = mnist(folder)
    for job in WORKS:
        net = train(peer, job, data, epochs)
        if job is WORKS[0]:
            best = min(per_call(blocks, 1, lambda: net.hits(chunk)) for chunk in CHUNKS)
            say(peer, "evaluate 10,000", best * 1e3, "ms")
            say(peer, "test error", 100 - net.hits(1_000) / 100, "%")
            samples = iter(range(10**9))
            one = per_call(blocks, 200, lambda: net.classify(next(samples) % 1_000))
            say(peer, "one sample", one * 1e6, "µs")
    random = np.random.default_rng(1)
    n = 6_400
    dense = (1 - random.random((n, 784), np.float32), random.integers(0, 10, n), None, None)
    try:
        train(peer, DENSE, dense, epochs)
    except Missing as why:
        say(peer, DENSE[0], "-", why)
    for n in (50_890, 1_000_000):
        try:
            say(peer, f"average {n}", 1e6 * per_call(blocks, 2_000_000 // n, peer.averager(n)), "µs")
        except Missing as why:
            say(peer, f"average {n}", "-", why)


def numpy_peer():
    """By hand; parameters, gradients and moments each in one array, batches and layers in arrays made once."""
    if np is None:
        raise Missing("numpy is not installed")

    class Net:
        def __init__(self, widths, batch, adam, data):
            self.data, self.batch, self.adam, self.steps = data, batch, adam, 0
            shapes = [s for i, o in zip(widths, widths[1:]) for s in ((i, o), (o,))]
            size = sum(int(np.prod(s)) for s in shapes)
            self.p, self.g, self.m, self.v, self.t = (aligned(size) for _ in range(5))
            cut = np.cumsum([0] + [int(np.prod(s)) for s in shapes])
            view = lambda flat: [flat[a:b].reshape(s) for a, b, s in zip(cut, cut[1:], shapes)]
            self.params, self.grads = view(self.p), view(self.g)
            for w, start in zip(self.params[::2], weights(widths)):
                w[:] = start
            self.x = np.empty((batch, widths[0]), np.float32)
            self.buffers = [np.empty((batch, o), np.float32) for o in widths[1:]]

        def forward(self, x, outs):
            layers = list(zip(self.params[::2], self.params[1::2], outs))
            for i, (w, b, a) in enumerate(layers):
                np.dot(x, w, out=a)
                a += b
                if i + 1 < len(layers):
                    np.maximum(a, 0, out=a)
                x = a
            return x

        def epoch(self, order):
            x_all, y_all, total = self.data[0], self.data[1], 0.0
            for batch in batches(order, self.batch):
                n = len(batch)
                x, y, rows = self.x[:n], y_all[batch], np.arange(n)
                np.take(x_all, batch, axis=0, out=x, mode="clip")
                outs = [a[:n] for a in self.buffers]
                d = self.forward(x, outs)
                d -= d.max(axis=1, keepdims=True)
                right = d[rows, y]
                np.exp(d, out=d)
                norm = d.sum(axis=1, keepdims=True)
                total += float(np.log(norm).sum() - right.sum())
                d /= norm
                d[rows, y] -= 1
                d *= np.float32(1 / n)
                for i in reversed(range(len(outs))):
                    below = outs[i - 1] if i else x
                    np.dot(below.T, d, out=self.grads[2 * i])
                    np.sum(d, axis=0, out=self.grads[2 * i + 1])
                    if i:
                        d = np.dot(d, self.params[2 * i].T)
                        d *= below > 0
                self.step()
            return total / len(order)

        def step(self):
            p, g, m, v, t = self.p, self.g, self.m, self.v, self.t
            if not self.adam:
                g *= np.float32(0.1)
                p -= g
                return
            self.steps += 1
            m *= np.float32(0.9)
            np.multiply(g, np.float32(0.1), out=t)
            m += t
            v *= np.float32(0.999)
            g *= g
            g *= np.float32(0.001)
            v += g
            np.sqrt(v, out=t)
            t *= np.float32((1 - 0.999**self.steps) ** -0.5)
            t += np.float32(1e-8)
            np.divide(m, t, out=t)
            t *= np.float32(1e-3 / (1 - 0.9**self.steps))
            p -= t

        def logits(self, x):
            return self.forward(x, [np.empty((len(x), w.shape[1]), np.float32) for w in self.params[::2]])

        def hits(self, chunk):
            x, y = self.data[2:]
            steps = range(0, len(x), chunk)
            return sum(int((self.logits(x[i:i + chunk]).argmax(1) == y[i:i + chunk]).sum()) for i in steps)

        def classify(self, i):
            return int(self.logits(self.data[2][i:i + 1]).argmax())

    def averager(n):
        mean, params, t = aligned(n), aligned(n), aligned(n)
        params[:] = 0.5

        def update():
            np.subtract(params, mean, out=t)
            np.multiply(t, np.float32(0.01), out=t)
            np.add(mean, t, out=mean)

        return update

    try:
        from threadpoolctl import threadpool_info

        blas = ", ".join(f"{i['internal_api']} {i['version']} {i.get('architecture', '')}".strip() for i in threadpool_info())
    except ImportError:
        blas = "BLAS kernel unknown: no threadpoolctl"
    return Peer("NumPy", f"numpy {np.__version__} ({blas})", Net, averager)


def sklearn_peer():
    try:
        import sklearn
        from sklearn.neural_network import MLPClassifier
    except ImportError:
        raise Missing("scikit-learn is not installed")
    import warnings

    warnings.filterwarnings("ignore")

    class Net:
        """It shuffles by itself and starts from its own weights; `partial_fit` is one epoch."""

        def __init__(self, widths, batch, adam, data):
            rule = {"solver": "adam", "learning_rate_init": 1e-3} if adam else {"solver": "sgd", "learning_rate_init": 0.1}
            self.data = data
            self.net = MLPClassifier(widths[1:-1], alpha=0, batch_size=batch, momentum=0, random_state=7, **rule)

        def epoch(self, _):
            self.net.partial_fit(self.data[0], self.data[1], classes=range(10))
            return self.net.loss_

        def hits(self, chunk):
            x, y = self.data[2:]
            return sum(int((self.net.predict(x[i:i + chunk]) == y[i:i + chunk]).sum()) for i in range(0, len(x), chunk))

        def classify(self, i):
            return int(self.net.predict(self.data[2][i:i + 1])[0])

    def averager(_):
        raise Missing("has no averaging")

    return Peer("scikit-learn", f"scikit-learn {sklearn.__version__}", Net, averager)


def torch_peer(best):
    """The default loop, or `best`: fused optimizers, with or without torch.compile; `table.py` shows the faster."""
    try:
        import torch
    except ImportError:
        raise Missing("torch is not installed")
    from torch import nn
    from torch.optim.swa_utils import AveragedModel

    torch.set_num_threads(1)
    compiled = best == "compile"

    class Net:
        def __init__(self, widths, batch, adam, data):
            as_tensor = lambda a: None if a is None else torch.from_numpy(np.ascontiguousarray(a))
            self.data, self.batch = [as_tensor(a) for a in data], batch
            layers = [m for i, o in zip(widths, widths[1:]) for m in (nn.Linear(i, o), nn.ReLU())][:-1]
            self.net, self.cost = nn.Sequential(*layers), nn.CrossEntropyLoss()
            with torch.no_grad():
                for layer, w in zip(layers[::2], weights(widths)):
                    layer.weight.copy_(torch.from_numpy(w.T))
                    layer.bias.zero_()
            rule, rate = (torch.optim.Adam, 1e-3) if adam else (torch.optim.SGD, 0.1)
            self.rule = rule(self.net.parameters(), lr=rate, **({"fused": True} if best else {}))
            self.loss = lambda x, y: self.cost(self.net(x), y)
            if compiled:
                self.loss = torch.compile(self.loss, dynamic=False)
            self.logits = torch.compile(self.net, dynamic=False) if compiled else self.net

        def epoch(self, order):
            x, y, total = self.data[0], self.data[1], 0.0
            for batch in torch.from_numpy(order).split(self.batch):
                loss = self.loss(*((t.index_select(0, batch) if best else t[batch]) for t in (x, y)))
                self.rule.zero_grad()
                loss.backward()
                self.rule.step()
                total += loss.item() * len(batch)
            return total / len(order)

        @torch.inference_mode()
        def hits(self, chunk):
            pairs = zip(self.data[2].split(chunk), self.data[3].split(chunk))
            return sum(int((self.logits(x).argmax(1) == y).sum()) for x, y in pairs)

        @torch.inference_mode()
        def classify(self, i):
            return int(self.logits(self.data[2][i:i + 1]).argmax())

    def averager(n):
        # 784-64-10 has 50,890 parameters
        net = nn.Sequential(nn.Linear(784, 64), nn.Linear(64, 10)) if n == 50_890 else nn.Linear(1_000, 1_000, bias=False)
        assert sum(p.numel() for p in net.parameters()) == n
        if not best:
            mean = AveragedModel(net)
            return lambda: mean.update_parameters(net)
        params = [p.detach() for p in net.parameters()]
        mean = [torch.zeros_like(p) for p in params]
        if compiled:
            return lambda: [m.lerp_(p, 0.01) for m, p in zip(mean, params)]
        return lambda: torch._foreach_lerp_(mean, params, 0.01)

    return Peer(f"PyTorch {best or 'default'}", f"torch {torch.__version__}", Net, averager)


def jax_peer():
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    os.environ["JAX_PLATFORMS"] = "cpu"
    try:
        import jax
        import jax.numpy as jnp
    except ImportError:
        raise Missing("jax is not installed")
    from functools import partial

    def forward(params, x):
        for i, (w, b) in enumerate(params):
            x = (jax.nn.relu(x) if i else x) @ w + b
        return x

    def cost(params, x, y):
        logs = jax.nn.log_softmax(forward(params, x))
        return -jnp.take_along_axis(logs, y[:, None], 1).mean()

    def step(adam, data, state, batch):
        params, m, v, t = state
        loss, g = jax.value_and_grad(cost)(params, data[0][batch], data[1][batch])
        each = jax.tree.map
        if not adam:
            return (each(lambda p, g: p - 0.1 * g, params, g), m, v, t), loss
        t = t + 1
        m = each(lambda m, g: 0.9 * m + 0.1 * g, m, g)
        v = each(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
        rate, root = 1e-3 / (1 - 0.9**t), (1 - 0.999**t) ** -0.5
        return (each(lambda p, m, v: p - rate * m / (jnp.sqrt(v) * root + 1e-8), params, m, v), m, v, t), loss

    @partial(jax.jit, static_argnums=(0, 1), donate_argnums=3)
    def epoch(adam, batch, data, state, order):
        whole = len(order) // batch * batch
        state, losses = jax.lax.scan(partial(step, adam, data), state, order[:whole].reshape(-1, batch))
        total = losses.sum() * batch
        if whole < len(order):
            state, loss = step(adam, data, state, order[whole:])
            total += loss * (len(order) - whole)
        return state, total / len(order)

    classes = jax.jit(lambda params, x: forward(params, x).argmax())
    hits = jax.jit(lambda params, x, y: (forward(params, x).argmax(1) == y).sum())

    class Net:
        def __init__(self, widths, batch, adam, data):
            params = [(jnp.array(w), jnp.zeros(w.shape[1])) for w in weights(widths)]
            zeros = lambda: jax.tree.map(jnp.zeros_like, params)
            self.state, self.how = (params, zeros(), zeros(), jnp.zeros(())), (adam, batch)
            self.data, self.test = [jnp.asarray(a) for a in data[:2]], data[2:]
            self.ones = [jnp.asarray(x[None]) for x in data[2][:1_000]] if data[2] is not None else []
            self.pieces = {}

        def epoch(self, order):
            self.state, loss = epoch(*self.how, self.data, self.state, jnp.asarray(order))
            return float(loss)

        def hits(self, chunk):
            x, y = self.test
            if chunk not in self.pieces:
                self.pieces[chunk] = [tuple(map(jnp.asarray, (x[i:i + chunk], y[i:i + chunk]))) for i in range(0, len(x), chunk)]
            return int(sum(hits(self.state[0], x, y) for x, y in self.pieces[chunk]))

        def classify(self, i):
            return int(classes(self.state[0], self.ones[i]))

    average = jax.jit(lambda mean, params: mean + (params - mean) * 0.01, donate_argnums=0)

    def averager(n):
        mean, params = jnp.zeros(n), jnp.full(n, 0.5)

        def update():
            nonlocal mean
            mean = average(mean, params)
            mean.block_until_ready()

        return update

    return Peer("JAX", f"jax {jax.__version__}", Net, averager)


PEERS = {
    "numpy": ("NumPy", numpy_peer),
    "sklearn": ("scikit-learn", sklearn_peer),
    "torch": ("PyTorch default", lambda: torch_peer("")),
    "torch-fused": ("PyTorch fused", lambda: torch_peer("fused")),
    "torch-compile": ("PyTorch compile", lambda: torch_peer("compile")),
    "jax": ("JAX", jax_peer),
}


def main(args):
    folder, epochs, blocks = Path(__file__).parent / "../../../shared/data/mnist", 5, 21
    while args:
        arg = args.pop(0)
        if arg == "--quick":
            epochs, blocks = 1, 3
        elif arg == "--data":
            folder = Path(args.pop(0))
        else:
            name, make = PEERS[arg]
            try:
                bench(make(), folder, epochs, blocks)
            except Missing as why:
                print(name, "all", "-", why, "-", sep="\t")
                print(f"SKIPPED {name}: {why}", file=sys.stderr)


main(sys.argv[1:])
