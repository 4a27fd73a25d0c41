"""Random convolutions that cover a table of situations, and the backends to try them on."""

from __future__ import annotations

import importlib
import random
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from types import ModuleType
from typing import Any

import pytest

from tests.oracles import Convolution, output_size

BACKENDS = ("numpy_kernels", "cython_kernels")
COUNTS = {1: 400, 2: 300, 3: 200}
STRIDES = (1, 2, 3, 4)


def load(backend: str) -> ModuleType:
    """Return a backend's module, or the package that chooses one.

    Skips the test if the compiled kernels were not built.
    """
    if backend == "fastest":
        return importlib.import_module("rot180.generated")
    try:
        return importlib.import_module(f"rot180.generated.{backend}")
    except ImportError:
        if backend != "cython_kernels":
            raise
        pytest.skip("the compiled kernels are not built")


@dataclass(frozen=True)
class Configuration:
    """The shapes and parameters of one convolution.

    Attributes:
        batch: N.
        channels: input and output channels of a group.
        sizes: the input's spatial sizes.
        taps: the weight's spatial sizes.
        convolution: stride, padding, dilation and groups.
        bias: whether it has a bias.
        plain: whether to write parameters as short as possible, as one integer if they agree.

    """

    batch: int
    channels: tuple[int, int]
    sizes: tuple[int, ...]
    taps: tuple[int, ...]
    convolution: Convolution
    bias: bool
    plain: bool

    @property
    def rank(self) -> int:
        """Return the number of spatial axes."""
        return len(self.sizes)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Return (N, C, spatial)."""
        return (self.batch, self.channels[0] * self.convolution.groups, *self.sizes)

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """Return (O, C/groups, taps)."""
        return (self.channels[1] * self.convolution.groups, self.channels[0], *self.taps)

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Return (N, O, spatial)."""
        return self.convolution.output_shape(self.input_shape, self.weight_shape)

    @property
    def keywords(self) -> dict[str, Any]:
        """Return the parameters as the public functions take them."""
        c = self.convolution
        padding: Any = c.padding
        if self.plain and all(low == high for low, high in padding):
            padding = _short(tuple(low for low, _ in padding))
        return {
            "stride": _short(c.stride) if self.plain else c.stride,
            "padding": padding,
            "dilation": _short(c.dilation) if self.plain else c.dilation,
            "groups": c.groups,
        }

    def cells(self) -> Iterator[str]:
        """Name the situations that occur on some axis."""
        c, found = self.convolution, set[str]()
        for size, k, s, pads, d, p in zip(
            self.sizes,
            self.taps,
            c.stride,
            c.padding,
            c.dilation,
            self.output_shape[2:],
            strict=True,
        ):
            extent = d * (k - 1) + 1
            remainder = size + sum(pads) - extent - s * (p - 1)
            found.add(f"stride {s}, remainder {remainder}")
            found |= {"stride > taps"} if s > k else set()
            found |= {"padding >= extent"} if max(pads) >= extent else set()
            found |= {"asymmetric padding"} if pads[0] != pads[1] else set()
            found |= {"negative low padding"} if pads[0] < 0 else set()
            found |= {"negative high padding"} if pads[1] < 0 else set()
            found |= {"dilation with stride"} if d > 1 and s > 1 and k > 1 else set()
            found |= {"input of size 1"} if size == 1 else set()
            found |= {"one tap"} if k == 1 else set()
            found |= {"output of size 1"} if p == 1 else set()
        found |= {"groups"} if c.groups > 1 else set()
        found |= {"depthwise"} if c.groups > 1 and self.channels[0] == 1 else set()
        found |= {"one channel"} if self.channels[0] == 1 else set()
        found |= {"no bias"} if not self.bias else set()
        found |= {"batch 0"} if self.batch == 0 else set()
        yield from found


CELLS = (
    *(f"stride {s}, remainder {remainder}" for s in STRIDES for remainder in range(s)),
    "stride > taps",
    "padding >= extent",
    "asymmetric padding",
    "negative low padding",
    "negative high padding",
    "dilation with stride",
    "input of size 1",
    "one tap",
    "output of size 1",
    "groups",
    "depthwise",
    "one channel",
    "no bias",
    "batch 0",
)


def _short(values: tuple[int, ...]) -> int | tuple[int, ...]:
    return values[0] if len(set(values)) == 1 else values


def _axis(rng: random.Random, rank: int) -> tuple[int, int, int, tuple[int, int], int]:
    """Draw size, taps, stride, padding, dilation; remainder and output size are drawn first."""
    while True:
        stride = rng.choice(STRIDES)
        taps = rng.randint(1, 4 if rank == 1 else 3)
        dilation = rng.choice((1, 1, 2, 3))
        extent = dilation * (taps - 1) + 1
        low, high = (rng.choice((0, 0, 1, 2, extent, extent + 1, -1, -2)) for _ in range(2))
        if rng.random() < 0.4:
            high = low
        remainder = rng.randrange(stride)
        outputs = rng.randint(1, (7, 5, 3)[rank - 1])
        size = stride * (outputs - 1) + remainder + extent - low - high
        if 1 <= size <= (18, 10, 7)[rank - 1]:
            assert output_size(size, taps, stride, (low, high), dilation) == outputs
            return size, taps, stride, (low, high), dilation


def draw(rng: random.Random, rank: int) -> Configuration:
    """Draw a convolution whose output is not empty."""
    sizes, taps, stride, padding, dilation = zip(
        *(_axis(rng, rank) for _ in range(rank)), strict=True
    )
    if rng.random() < 0.2:
        stride, padding, dilation = (stride[:1] * rank, padding[:1] * rank, dilation[:1] * rank)
    found = Configuration(
        rng.choice((0, 1, 1, 2, 3) if rank < 3 else (0, 1, 1, 2)),
        (rng.randint(1, 4), rng.randint(1, 4))
        if rank < 3
        else (rng.randint(1, 2), rng.randint(1, 3)),
        sizes,
        taps,
        Convolution(stride, padding, dilation, rng.choice((1, 1, 2, 3) if rank < 3 else (1, 1, 2))),
        rng.random() < 0.7,
        rng.random() < 0.5,
    )
    return found if all(n > 0 for n in found.output_shape[2:]) else draw(rng, rank)


@lru_cache
def configurations(rank: int) -> tuple[Configuration, ...]:
    """Return the same random convolutions of that rank each time."""
    rng = random.Random(rank)
    return tuple(draw(rng, rank) for _ in range(COUNTS[rank]))


@lru_cache
def matrices() -> tuple[tuple[int, int, int], ...]:
    """Return shapes (batch, inputs, outputs) of linear layers."""
    rng = random.Random(0)
    return tuple((rng.randint(0, 5), rng.randint(1, 9), rng.randint(1, 9)) for _ in range(40))


def coverage(found: Iterable[Configuration]) -> dict[tuple[str, int], int]:
    """Count the configurations in each cell (situation, rank)."""
    counts = Counter((cell, c.rank) for c in found for cell in c.cells())
    return {(cell, rank): counts[cell, rank] for cell in CELLS for rank in COUNTS}


def table(counts: dict[tuple[str, int], int]) -> str:
    """Write the coverage as a table: a line for each situation, a column for each rank."""
    lines = [f"{'situation':24}" + "".join(f"{rank}-D".rjust(6) for rank in COUNTS)]
    for cell in CELLS:
        lines.append(f"{cell:24}" + "".join(str(counts[cell, rank]).rjust(6) for rank in COUNTS))
    return "\n".join(lines)
