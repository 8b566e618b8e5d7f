"""Loss and gradients of networks with layer norms in PyTorch, float64.

    python3 tests/reference/layer_norm.py > tests/reference/layer_norm.txt

Each row has a name, the mean loss, and its gradient by every parameter in the order of the crate: layer by layer the
weights `(inputs, outputs)`, the bias, and `gamma` and `beta` of a norm. Parameters and samples are exact in float32.
"""

import torch

SAMPLES = 7
ACTIVATION = {
    "identity": lambda z: z,
    "relu": torch.relu,
    "leaky_relu": lambda z: torch.nn.functional.leaky_relu(z, 0.125),
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
}
NETS = {  # widths, activation and whether there is a norm, layer by layer; loss
    "classes": ([6, 5, 9, 3], [("relu", True), ("tanh", True), ("identity", False)], "cross_entropy"),
    "values": ([6, 17, 4], [("leaky_relu", True), ("sigmoid", True)], "squared"),
    "two": ([6, 2, 3], [("tanh", True), ("identity", True)], "cross_entropy"),
}


def ramp(n, multiplier, offset, modulus, middle, unit):
    """(i * multiplier + offset) mod modulus, centred: multiples of a power of two."""
    return torch.tensor([((i * multiplier + offset) % modulus - middle) / unit for i in range(n)], dtype=torch.float64)


def parts(widths, layers):
    """Shapes of all parameters."""
    for inputs, outputs, (_, is_normed) in zip(widths, widths[1:], layers):
        yield from [(inputs, outputs), (outputs,)] + [(outputs,)] * (2 * is_normed)


def row(widths, layers, loss):
    shapes = list(parts(widths, layers))
    lengths = [torch.Size(shape).numel() for shape in shapes]
    flat = ramp(sum(lengths), 37, 5, 97, 48, 64)
    params = [p.reshape(s).clone().requires_grad_() for p, s in zip(flat.split(lengths), shapes)]
    x = ramp(SAMPLES * widths[0], 29, 7, 31, 15, 16).reshape(SAMPLES, widths[0])
    rest = iter(params)
    for activation, is_normed in layers:
        x = x @ next(rest) + next(rest)
        if is_normed:
            x = torch.nn.functional.layer_norm(x, x.shape[1:], next(rest), next(rest), eps=1e-5)
        x = ACTIVATION[activation](x)
    if loss == "cross_entropy":
        classes = torch.tensor([(5 * s * s + s) % 3 for s in range(SAMPLES)])
        value = torch.nn.functional.cross_entropy(x, classes)
    else:
        value = torch.nn.functional.mse_loss(x, ramp(SAMPLES * widths[-1], 11, 3, 17, 8, 8).reshape(x.shape))
    value.backward()
    return [value.item()] + [g.item() for p in params for g in p.grad.flatten()]


print("# net, mean loss, its gradient by every parameter; PyTorch, float64; written by layer_norm.py")
for name, net in NETS.items():
    print(name, *(f"{value:.12e}" for value in row(*net)))
