"""Train a small transformer whose gradients are all rot180's, beside one of PyTorch's own layers.

It predicts the next character of Python's help texts. The five programs below are the whole
network and its loss; `as_torch` derives their gradients, proves and compiles them. Both networks
start from the same numbers and see the same batches, so that their losses are the same curve.
"""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from pydoc_data.topics import topics

import torch
from torch.nn import functional

from rot180.codegen.adapters import as_torch

BATCH, LENGTH, WIDTH, HEADS, HIDDEN, BLOCKS = 16, 32, 32, 4, 64, 2
EPSILON = 1e-5

EMBEDDING = "y[n,t,c] = table[text[n,t],c] + place[t,c]"
NORM = """
mean[n,t] = sum[c] x[n,t,c] / C
d[n,t,c] = x[n,t,c] - mean[n,t]
y[n,t,c] = d[n,t,c] * rsqrt(sum[i] d[n,t,i] * d[n,t,i] / C + 1/100000) * gain[c]
"""
ATTENTION = """
query[n,t,h,k] = sum[c] u[n,t,c] * wq[h,k,c]
key[n,t,h,k] = sum[c] u[n,t,c] * wk[h,k,c]
value[n,t,h,k] = sum[c] u[n,t,c] * wv[h,k,c]
z[n,h,t,s] = scale * sum[k] query[n,t,h,k] * key[n,s,h,k]
largest[n,h,t] = max[s] z[n,h,t,s]
e[n,h,t,s] = [s <= t] * exp(z[n,h,t,s] - largest[n,h,t])
a[n,t,h,k] = sum[s] e[n,h,t,s] * value[n,s,h,k] / sum[s] e[n,h,t,s]
y[n,t,o] = x[n,t,o] + sum[h,k] a[n,t,h,k] * wo[o,h,k]
"""
PERCEPTRON = """
h[n,t,j] = sum[c] u[n,t,c] * w1[j,c] + b1[j]
y[n,t,o] = x[n,t,o] + sum[j] silu(h[n,t,j]) * w2[o,j] + b2[o]
"""
LOSS = """
z[n,t,v] = sum[c] u[n,t,c] * w[v,c]
m[n,t] = max[v] z[n,t,v]
s[n,t] = sum[v] exp(z[n,t,v] - m[n,t])
loss[] = weight * sum[n,t] (log(s[n,t]) + m[n,t] - z[n,t,target[n,t]])
"""

Parameters = dict[str, torch.Tensor]
Network = Callable[[Parameters, torch.Tensor, torch.Tensor], torch.Tensor]


def ours() -> Network:
    """Return the loss as a function of parameters, text and next characters, by rot180."""
    embedding, norm, attention = map(as_torch, (EMBEDDING, NORM, ATTENTION))
    perceptron, loss = map(as_torch, (PERCEPTRON, LOSS))

    def network(p: Parameters, text: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        x = embedding(p["table"], p["place"], text)
        for n in range(BLOCKS):
            weights = {name: p[f"{name}_{n}"] for name in ("wq", "wk", "wv", "wo")}
            u = norm(x, p[f"gain1_{n}"])
            x = attention(u=u, x=x, **weights, scale=(WIDTH / HEADS) ** -0.5)
            weights = {name: p[f"{name}_{n}"] for name in ("w1", "b1", "w2", "b2")}
            x = perceptron(u=norm(x, p[f"gain2_{n}"]), x=x, **weights)
        return loss(norm(x, p["gain"]), p["w"], target, weight=1 / target.numel())

    return network


def peers() -> Network:
    """Return the same loss by the layers of PyTorch."""

    def norm(x: torch.Tensor, gain: torch.Tensor) -> torch.Tensor:
        return functional.layer_norm(x, (WIDTH,), gain, eps=EPSILON)

    def network(p: Parameters, text: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        x = functional.embedding(text, p["table"]) + p["place"]
        for n in range(BLOCKS):
            u = norm(x, p[f"gain1_{n}"])
            q, k, v = (torch.einsum("ntc,hkc->nhtk", u, p[f"{w}_{n}"]) for w in ("wq", "wk", "wv"))
            a = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + torch.einsum("nhtk,ohk->nto", a, p[f"wo_{n}"])
            h = functional.linear(norm(x, p[f"gain2_{n}"]), p[f"w1_{n}"], p[f"b1_{n}"])
            x = x + functional.linear(functional.silu(h), p[f"w2_{n}"], p[f"b2_{n}"])
        z = functional.linear(norm(x, p["gain"]), p["w"])
        return functional.cross_entropy(z.flatten(0, 1), target.flatten())

    return network


def initial(characters: int) -> Parameters:
    """Return parameters at the start, the same at each call."""
    head = WIDTH // HEADS
    shapes = {"table": (characters, WIDTH), "place": (LENGTH, WIDTH), "w": (characters, WIDTH)}
    for n in range(BLOCKS):
        shapes |= {f"{w}_{n}": (HEADS, head, WIDTH) for w in ("wq", "wk", "wv")}
        shapes |= {f"wo_{n}": (WIDTH, HEADS, head)}
        shapes |= {f"w1_{n}": (HIDDEN, WIDTH), f"w2_{n}": (WIDTH, HIDDEN)}
    generator = torch.Generator().manual_seed(0)
    found = {}
    for name, shape in shapes.items():
        found[name] = torch.randn(shape, generator=generator) / math.sqrt(WIDTH)
    gains = ["gain", *(f"gain{m}_{n}" for m in (1, 2) for n in range(BLOCKS))]
    found |= {name: torch.ones(WIDTH) for name in gains}
    for n in range(BLOCKS):
        found |= {f"b1_{n}": torch.zeros(HIDDEN), f"b2_{n}": torch.zeros(WIDTH)}
    return {name: t.requires_grad_() for name, t in found.items()}


def batches(numbers: torch.Tensor) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield texts and the characters that follow each of theirs, the same at each call."""
    generator = torch.Generator().manual_seed(1)
    while True:
        starts = torch.randint(len(numbers) - LENGTH, (BATCH, 1), generator=generator)
        places = starts + torch.arange(LENGTH + 1)
        yield numbers[places[:, :-1]], numbers[places[:, 1:]]


def train(network: Network, steps: int) -> list[float]:
    """Return the loss at each step."""
    text = "".join(topics.values())
    characters = sorted(set(text))
    numbers = torch.tensor([characters.index(c) for c in text[:200_000]])
    parameters = initial(len(characters))
    optimizer = torch.optim.Adam(parameters.values(), lr=0.003)
    losses = []
    for _, (texts, targets) in zip(range(steps), batches(numbers), strict=False):
        loss = network(parameters, texts, targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def plot(curves: dict[str, list[float]], file: Path) -> None:
    """Draw the losses, where Matplotlib is installed."""
    try:
        from matplotlib import pyplot
    except ImportError:
        return
    figure, axes = pyplot.subplots(figsize=(6, 4))
    for (label, losses), style in zip(curves.items(), ("-", "--"), strict=True):
        axes.plot(losses, style, label=label)
    axes.set(xlabel="step", ylabel="cross-entropy in nats")
    axes.legend()
    figure.savefig(file)
    print(f"the curves: {file}")


def main(steps: int = 300) -> None:
    """Train both networks, and print their losses side by side."""
    curves = {"rot180": train(ours(), steps), "PyTorch": train(peers(), steps)}
    print(f"{'step':>5} {'rot180':>9} {'PyTorch':>9}")
    for n in [0, *range(24, steps, 25)]:
        print(f"{n + 1:>5} {curves['rot180'][n]:9.5f} {curves['PyTorch'][n]:9.5f}")
    gap = max(abs(a - b) for a, b in zip(*curves.values(), strict=True))
    print(f"largest difference {gap:.1e}")
    plot(curves, Path("attention.svg"))


if __name__ == "__main__":
    main()
