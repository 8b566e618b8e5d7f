"""Losses of short training runs in NumPy float64, from the published formulas alone.

    python3 tests/reference/loss_table.py > tests/reference/loss_table.txt

Every setting is the float32 number that the crate gets, widened to float64.
"""

import math

import numpy as np

WIDTHS = [6, 5, 4, 3]
SAMPLES = 11
BATCH = 4  # three batches: 4, 4, 3
STEPS = 10


def f32(x):
    return float(np.float32(x))


def ramp(n, multiplier, offset, modulus, middle, unit):
    """(i * multiplier + offset) mod modulus, centred: multiples of a power of two, exact in float32."""
    return np.array([((i * multiplier + offset) % modulus - middle) / unit for i in range(n)])


def initial(widths):
    flat = ramp(sum((i + 1) * o for i, o in zip(widths, widths[1:])), 37, 5, 97, 48, 64)
    params, at = [], 0
    for i, o in zip(widths, widths[1:]):
        params.append(flat[at : at + i * o].reshape(i, o).copy())
        params.append(flat[at + i * o : at + (i + 1) * o].copy())
        at += (i + 1) * o
    return params


INPUTS = ramp(SAMPLES * WIDTHS[0], 29, 7, 31, 15, 16).reshape(SAMPLES, WIDTHS[0])
INPUTS[INPUTS < -0.5] = 0.0
CLASSES = np.array([(5 * s * s + s) % 3 for s in range(SAMPLES)])
VALUES = ramp(SAMPLES * WIDTHS[-1], 11, 3, 17, 8, 8).reshape(SAMPLES, WIDTHS[-1])
BITS = (VALUES > 0).astype(float)
PROBABILITIES = ramp(SAMPLES * WIDTHS[-1], 11, 3, 17, 0, 16).reshape(SAMPLES, WIDTHS[-1])

SLOPE = f32(0.1)
ACTIVATION = {  # value, derivative
    "identity": (lambda z: z, lambda z: np.ones_like(z)),
    "relu": (lambda z: np.maximum(z, 0), lambda z: (z > 0).astype(float)),
    "leaky_relu": (lambda z: np.where(z > 0, z, SLOPE * z), lambda z: np.where(z > 0, 1.0, SLOPE)),
    "tanh": (np.tanh, lambda z: 1 / np.cosh(z) ** 2),
    "sigmoid": (lambda z: 1 / (1 + np.exp(-z)), lambda z: 1 / (2 + np.exp(z) + np.exp(-z))),
}


def softmax_cross_entropy(a, t):
    log_p = a - np.log(np.exp(a).sum(axis=1, keepdims=True))
    return -(t * log_p).sum(axis=1), np.exp(log_p) * t.sum(axis=1, keepdims=True) - t


def mean_squared(a, t):
    return ((a - t) ** 2).mean(axis=1), 2 * (a - t) / a.shape[1]


def binary_cross_entropy(a, t):
    p = 1 / (1 + np.exp(-a))
    return -(t * np.log(p) + (1 - t) * np.log(1 - p)).mean(axis=1), (p - t) / a.shape[1]


def huber(a, t, delta=0.5):
    r = a - t
    inside = np.abs(r) <= delta
    loss = np.where(inside, r * r / 2, delta * (np.abs(r) - delta / 2))
    return loss.mean(axis=1), np.where(inside, r, delta * np.sign(r)) / a.shape[1]


def pinball(a, t, tau=f32(0.3)):
    r = t - a
    return np.maximum(tau * r, (tau - 1) * r).mean(axis=1), np.where(r > 0, -tau, 1 - tau) / a.shape[1]


def gaussian(a, t):
    """Two means, then two log-variances."""
    m = a.shape[1] // 2
    r, s = a[:, :m] - t, np.clip(a[:, m:], -20, 20)
    slopes = np.hstack([r * np.exp(-s), (1 - r * r * np.exp(-s)) / 2])
    return ((s + r * r * np.exp(-s)) / 2).mean(axis=1), slopes / m


NETS = {  # activations of the three layers, loss, target rows
    "classes": (["relu", "tanh", "identity"], softmax_cross_entropy, np.eye(3)[CLASSES]),
    "rows": (["tanh", "leaky_relu", "identity"], softmax_cross_entropy, PROBABILITIES),
    "squared": (["leaky_relu", "sigmoid", "tanh"], mean_squared, VALUES),
    "binary": (["sigmoid", "relu", "identity"], binary_cross_entropy, BITS),
    "huber": (["tanh", "tanh", "sigmoid"], huber, VALUES),
    "pinball": (["tanh", "sigmoid", "identity"], pinball, VALUES),
    "gaussian": (["tanh", "tanh", "identity"], gaussian, VALUES[:, :2]),
}


def loss_and_gradient(params, activations, loss, x, t):
    """Mean loss of a batch and its gradient."""
    outputs, sums = [x], []
    for w, b, name in zip(params[::2], params[1::2], activations):
        sums.append(outputs[-1] @ w + b)
        outputs.append(ACTIVATION[name][0](sums[-1]))
    losses, delta = loss(outputs[-1], t)
    delta = delta / len(x)
    gradient = []
    for layer in reversed(range(len(activations))):
        delta = delta * ACTIVATION[activations[layer]][1](sums[layer])
        gradient = [outputs[layer].T @ delta, delta.sum(axis=0)] + gradient
        delta = delta @ params[2 * layer].T
    return losses.mean(), gradient


def sgd(rate, momentum=0.0, nesterov=False, decay=0.0, max_norm=None):
    """`rate` is a function of the step, from 0."""
    rate = rate if callable(rate) else (lambda _, constant=f32(rate): constant)
    momentum, decay = f32(momentum), f32(decay)

    def update(step, params, gradient, velocity):
        if max_norm is not None:
            norm = math.sqrt(sum((g**2).sum() for g in gradient))
            gradient = [g * min(1.0, f32(max_norm) / norm) for g in gradient]
        for p, g, v in zip(params, gradient, velocity["first"]):
            g = g + decay * p
            v[...] = momentum * v + g
            p -= rate(step) * (g + momentum * v if nesterov else v)

    return update


def adam(rate, decay=0.0, decoupled=False):
    rate, decay, beta1, beta2, epsilon = f32(rate), f32(decay), f32(0.9), f32(0.999), f32(1e-8)

    def update(step, params, gradient, moments):
        for p, g, m, v in zip(params, gradient, moments["first"], moments["second"]):
            if decoupled:
                p *= 1 - rate * decay
            else:
                g = g + decay * p
            m[...] = beta1 * m + (1 - beta1) * g
            v[...] = beta2 * v + (1 - beta2) * g * g
            unbiased = m / (1 - beta1 ** (step + 1)), v / (1 - beta2 ** (step + 1))
            p -= rate * unbiased[0] / (np.sqrt(unbiased[1]) + epsilon)

    return update


def cosine_with_warm_up(step, top=f32(0.3), end=f32(0.01), warm_up=3, steps=6):
    if step < warm_up:
        return top * (step + 1) / (warm_up + 1)
    t = min((step - warm_up) / steps, 1.0)
    return end + (top - end) * (1 + math.cos(math.pi * t)) / 2


OPTIMIZERS = {
    "sgd": sgd(0.125),
    "momentum": sgd(0.125, momentum=0.9),
    "nesterov": sgd(0.125, momentum=0.9, nesterov=True),
    "sgd_decay": sgd(0.125, decay=0.05),
    "adam": adam(0.01),
    "adam_decay": adam(0.01, decay=0.1),
    "adamw": adam(0.01, decay=0.1, decoupled=True),
    "clip": sgd(0.5, max_norm=0.05),
    "cosine": sgd(cosine_with_warm_up),
}


def run(activations, loss, targets, update):
    params = initial([*WIDTHS[:-1], 4] if loss is gaussian else WIDTHS)
    state = {name: [np.zeros_like(p) for p in params] for name in ["first", "second"]}
    starts = range(0, SAMPLES, BATCH)
    losses = []
    for step in range(STEPS):
        start = starts[step % len(starts)]
        batch = slice(start, start + BATCH)
        value, gradient = loss_and_gradient(params, activations, loss, INPUTS[batch], targets[batch])
        update(step, params, gradient, state)
        losses.append(value)
    return losses


print("# net optimizer, then the mean loss of each step's batch before the step; written by loss_table.py")
for net, (activations, loss, targets) in NETS.items():
    for optimizer, update in OPTIMIZERS.items():
        print(net, optimizer, *(f"{value:.12e}" for value in run(activations, loss, targets, update)))
