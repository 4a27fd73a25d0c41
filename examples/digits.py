"""Train a small network on handwritten digits with a generated program, and draw what it learned.

    python examples/digits.py digits.svg

The network below is derived, proved and written as a program: forward pass, loss, and the gradient
of each parameter. What is left to do by hand is here: the data (1797 images of 8 x 8, part of
scikit-learn), the split (every fifth image is held out), and the steps down the gradient (with
momentum). The picture has the loss and the errors by epoch, the confusion matrix of the held-out
images, and the filters of the first layer.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.datasets import load_digits

from rot180.codegen.kernels.training_program import program
from rot180.codegen.system import files
from rot180.derive.networks.network import network
from rot180.generated import backend

Array = npt.NDArray[Any]

NETWORK = (
    "conv2d 1->16 3x3 padding 1; relu; max_pool2d 2;"
    " conv2d 32 3x3 padding 1; relu; max_pool2d 2;"
    " flatten; linear 10; softmax_cross_entropy"
)
HELD_OUT = 5  # one image in so many
BATCH = 32
RATE, MOMENTUM = 0.02, 0.9

BLUE, ORANGE, INK = "#0072b2", "#d55e00", "#222222"


@dataclass
class Split:
    """Images, shape (N, 1, 8, 8) with values from 0 to 1, and their digits."""

    images: Array
    digits: Array


@dataclass
class History:
    """What was measured after each epoch."""

    losses: list[float] = field(default_factory=list)
    errors: list[float] = field(default_factory=list)


def digits() -> tuple[Split, Split]:
    """Return the images to train on, and those held out."""
    data = load_digits()
    images = (data.images[:, None] / 16).astype(np.float32)
    held = np.arange(len(images)) % HELD_OUT == 0
    return Split(images[~held], data.target[~held]), Split(images[held], data.target[held])


def generated(spec: str, folder: Path) -> ModuleType:
    """Write a network's program into a folder, and import it."""
    files.write(folder / "digits_program", program(network(spec), progress))
    sys.path.insert(0, str(folder))
    return importlib.import_module("digits_program.network")


def progress(text: str) -> None:
    """Say what is being done, on the standard error, if somebody is there to see it."""
    if not sys.stderr.isatty():
        return
    print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def train(model: ModuleType, data: Split, test: Split, epochs: int) -> tuple[Any, History]:
    """Return parameters after some epochs of gradient descent with momentum, and the history."""
    rng = np.random.default_rng(0)
    parameters = model.initial(rng, data.images.shape[1:], np.float32)
    speed = {name: np.zeros_like(p) for name, p in parameters.items()}
    wanted = np.eye(10, dtype=np.float32)[data.digits]
    history = History()
    batches = len(wanted) // BATCH
    for epoch in range(epochs):
        order = rng.permutation(len(wanted))
        rate = RATE * 0.5 * (1 + np.cos(np.pi * epoch / epochs))
        for n in range(batches):
            chosen = order[n * BATCH : (n + 1) * BATCH]
            slopes = model.gradients(parameters, data.images[chosen], wanted[chosen])
            for name, slope in slopes.items():
                speed[name] = MOMENTUM * speed[name] - np.float32(rate / BATCH) * slope
                parameters[name] = parameters[name] + speed[name]
            done = 20 * (n + 1) // batches
            progress(f"epoch {epoch + 1}/{epochs} [{'#' * done}{'.' * (20 - done)}]")
        history.losses.append(model.loss(parameters, data.images, wanted) / len(wanted))
        history.errors.append(float((model.predict(parameters, test.images) != test.digits).mean()))
    progress("")
    return parameters, history


def confusion(found: Array, wanted: Array) -> Array:
    """Return how often each digit (rows) was taken for each (columns)."""
    table = np.zeros((10, 10), int)
    np.add.at(table, (wanted, found), 1)
    return table


# The picture.


def text(
    x: float, y: float, said: object, size: int = 12, anchor: str = "middle", fill: str = INK
) -> str:
    """Return a text."""
    at = f'x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{fill}"'
    return f"<text {at}>{said}</text>"


def box(x: float, y: float, w: float, h: float, fill: str) -> str:
    """Return a filled rectangle."""
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}" fill="{fill}"/>'


def shade(value: float, dark: str = BLUE) -> str:
    """Mix a colour with white: 0 is white, 1 the colour."""
    parts = (int(dark[i : i + 2], 16) for i in (1, 3, 5))
    return "#" + "".join(f"{round(255 + (c - 255) * min(1.0, value)):02x}" for c in parts)


def height(value: float) -> float:
    """Return where a value stands on a logarithmic axis, 220 long, from 2 down to 0.001."""
    return 220 * (1 - np.log(max(value, 0.001) / 0.001) / np.log(2 / 0.001))


def curve(values: Sequence[float], colour: str, x: float, y: float) -> str:
    """Return a line through values."""
    step = 260 / max(1, len(values) - 1)
    points = " ".join(f"{x + n * step:.1f},{y + height(v):.1f}" for n, v in enumerate(values))
    return f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'


def learning(history: History, x: float, y: float) -> list[str]:
    """Draw loss and held-out errors by epoch, on one logarithmic axis."""
    out = [text(x + 130, y - 22, "Learning", 15)]
    for tick in (1, 0.1, 0.01, 0.001):
        level = y + height(tick)
        out.append(f'<path d="M{x},{level:.1f} h260" stroke="#dddddd"/>')
        out.append(text(x - 6, level + 4, tick, 11, "end", BLUE))
        out.append(text(x + 266, level + 4, f"{100 * tick:g} %", 11, "start", ORANGE))
    out += [curve(history.losses, BLUE, x, y), curve(history.errors, ORANGE, x, y)]
    out.append(text(x, y + 238, 1, 11))
    out.append(text(x + 260, y + 238, len(history.losses), 11))
    out.append(text(x + 130, y + 238, "epoch", 11))
    out.append(text(x + 254, y + 14, "loss, training images", 12, "end", BLUE))
    out.append(text(x + 254, y + 32, "errors, held-out images", 12, "end", ORANGE))
    return out


def matrix(table: Array, x: float, y: float) -> list[str]:
    """Draw a confusion matrix; what is off the diagonal is orange."""
    out = [text(x + 110, y - 22, "Held-out digits: true (rows), found (columns)", 15)]
    for i in range(10):
        out += [text(x + 22 * i + 11, y + 236, i, 11), text(x - 10, y + 22 * i + 15, i, 11)]
        for j in range(10):
            count = table[i, j]
            colour = BLUE if i == j else ORANGE
            strength = count / table.max() if i == j else min(1.0, (1 + count) / 5)
            fill = shade(strength, colour) if count else "#f4f4f4"
            out.append(box(x + 22 * j, y + 22 * i, 21, 21, fill))
            if count:
                ink = "#ffffff" if i == j and strength > 0.5 else INK
                out.append(text(x + 22 * j + 10.5, y + 22 * i + 15, count, 11, fill=ink))
    return out


def filters(weights: Array, x: float, y: float) -> list[str]:
    """Draw filters, shape (O, 1, K, K): orange below zero, blue above."""
    out = [text(x + 104, y - 22, "Filters of the first layer", 15)]
    most = float(np.abs(weights).max()) or 1.0
    for n, taps in enumerate(weights[:, 0]):
        left, top = x + 56 * (n % 4), y + 56 * (n // 4)
        for (k, m), value in np.ndenumerate(taps):
            colour = shade(abs(value) / most, BLUE if value > 0 else ORANGE)
            out.append(box(left + 16 * m, top + 16 * k, 15.4, 15.4, colour))
    return out


def picture(history: History, table: Array, weights: Array) -> str:
    """Return the SVG."""
    parts = [*learning(history, 60, 60), *matrix(table, 450, 60), *filters(weights, 750, 60)]
    return "\n".join(
        [
            '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1000 320" width="1000"'
            ' font-family="sans-serif">',
            box(0, 0, 1000, 320, "#ffffff"),
            *parts,
            "</svg>\n",
        ]
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, say how it went, and draw."""
    parser = argparse.ArgumentParser(description="Train on handwritten digits and draw the result.")
    parser.add_argument("picture", nargs="?", default="digits.svg", help="the SVG file to write")
    parser.add_argument("--epochs", type=int, default=30)
    given = parser.parse_args(arguments)
    data, test = digits()
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        model = generated(NETWORK, Path(folder))
        derived = time.perf_counter() - started
        parameters, history = train(model, data, test, given.epochs)
        trained = time.perf_counter() - started - derived
        found = model.predict(parameters, test.images)
    table = confusion(found, test.digits)
    right = int(np.trace(table))
    print(f"network: {NETWORK}")
    print(f"backend: {backend()}; derived in {derived:.1f} s, trained in {trained:.1f} s")
    print(f"{given.epochs} epochs of {len(data.digits)} images, batches of {BATCH}")
    print(f"held out: {right} of {len(test.digits)} right, {100 * right / len(test.digits):.2f} %")
    Path(given.picture).write_text(picture(history, table, parameters["w1"]), encoding="utf-8")
    print(f"written: {given.picture}")


if __name__ == "__main__":
    main()
