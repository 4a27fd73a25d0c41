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

from tests.support.oracles import Convolution, TransposedConvolution, output_size

BACKENDS = ("numpy_kernels", "cython_kernels")
COUNTS = {
    "conv1d": 400,
    "conv2d": 300,
    "conv3d": 200,
    "conv_transpose1d": 400,
    "conv_transpose2d": 300,
    "conv_transpose3d": 200,
}
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
        convolution: stride, padding, dilation and groups, and whether it is transposed.
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
    def transposed(self) -> bool:
        """Say whether it is a transposed convolution."""
        return isinstance(self.convolution, TransposedConvolution)

    @property
    def name(self) -> str:
        """Return the name of the public function."""
        return f"conv{'_transpose' if self.transposed else ''}{self.rank}d"

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Return (N, C, spatial)."""
        return (self.batch, self.channels[0] * self.convolution.groups, *self.sizes)

    @property
    def weight_shape(self) -> tuple[int, ...]:
        """Return (O, C/groups, taps), transposed (C, O/groups, taps)."""
        inputs, outputs = self.channels
        first, second = (inputs, outputs) if self.transposed else (outputs, inputs)
        return (first * self.convolution.groups, second, *self.taps)

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
        found = {
            "stride": _short(c.stride) if self.plain else c.stride,
            "padding": padding,
            "dilation": _short(c.dilation) if self.plain else c.dilation,
            "groups": c.groups,
        }
        if isinstance(c, TransposedConvolution):
            found["output_padding"] = _short(c.output_padding) if self.plain else c.output_padding
        return found

    def cells(self) -> Iterator[str]:
        """Name the situations that occur on some axis."""
        c, found = self.convolution, set[str]()
        for size, k, s, pads, d, out in zip(
            self.sizes,
            self.taps,
            c.stride,
            c.padding,
            c.dilation,
            self.output_shape[2:],
            strict=True,
        ):
            extent = d * (k - 1) + 1
            windows, places = (size, out) if self.transposed else (out, size)
            remainder = places + sum(pads) - extent - s * (windows - 1)
            found.add(f"stride {s}, remainder {remainder}")
            found |= {"output padding >= stride"} if remainder >= s else set()
            found |= {"stride > taps"} if s > k else set()
            found |= {"padding >= extent"} if max(pads) >= extent else set()
            found |= {"asymmetric padding"} if pads[0] != pads[1] else set()
            found |= {"negative low padding"} if pads[0] < 0 else set()
            found |= {"negative high padding"} if pads[1] < 0 else set()
            found |= {"dilation with stride"} if d > 1 and s > 1 and k > 1 else set()
            found |= {"input of size 1"} if size == 1 else set()
            found |= {"one tap"} if k == 1 else set()
            found |= {"output of size 1"} if out == 1 else set()
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


def cells(name: str) -> tuple[str, ...]:
    """Return the situations that a layer can be in; a remainder is its output padding."""
    return (*CELLS, "output padding >= stride") if "transpose" in name else CELLS


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


def _transposed_axis(
    rng: random.Random, rank: int
) -> tuple[int, int, int, tuple[int, int], int, int]:
    """Draw size, taps, stride, padding, dilation, output padding."""
    while True:
        stride = rng.choice(STRIDES)
        taps = rng.randint(1, 4 if rank == 1 else 3)
        dilation = rng.choice((1, 1, 2, 3))
        extent = dilation * (taps - 1) + 1
        low, high = (rng.choice((0, 0, 1, 2, extent, extent + 1, -1, -2)) for _ in range(2))
        if rng.random() < 0.4:
            high = low
        more = rng.randrange(max(stride, dilation))
        size = rng.choice((1, *range(1, (8, 6, 4)[rank - 1])))
        if 1 <= stride * (size - 1) + extent - low - high + more <= (24, 14, 8)[rank - 1]:
            return size, taps, stride, (low, high), dilation, more


def draw(rng: random.Random, rank: int, transposed: bool) -> Configuration:
    """Draw a convolution whose output is not empty."""
    axis = _transposed_axis if transposed else _axis
    sizes, taps, stride, padding, dilation, *more = zip(
        *(axis(rng, rank) for _ in range(rank)), strict=True
    )
    if rng.random() < 0.2:
        stride, padding, dilation = (stride[:1] * rank, padding[:1] * rank, dilation[:1] * rank)
        more = [(min(more[0]),) * rank] if more else []
    found = Configuration(
        rng.choice((0, 1, 1, 2, 3) if rank < 3 else (0, 1, 1, 2)),
        (rng.randint(1, 4), rng.randint(1, 4))
        if rank < 3
        else (rng.randint(1, 2), rng.randint(1, 3)),
        sizes,
        taps,
        (TransposedConvolution if transposed else Convolution)(
            stride, padding, dilation, rng.choice((1, 1, 2, 3) if rank < 3 else (1, 1, 2)), *more
        ),
        rng.random() < 0.7,
        rng.random() < 0.5,
    )
    return found if _valid(found) else draw(rng, rank, transposed)


def _valid(found: Configuration) -> bool:
    c = found.convolution
    if isinstance(c, TransposedConvolution) and any(
        more >= max(s, d)
        for more, s, d in zip(c.output_padding, c.stride, c.dilation, strict=True)
    ):
        return False
    return all(n > 0 for n in found.output_shape[2:])


@lru_cache
def configurations(name: str) -> tuple[Configuration, ...]:
    """Return the same random convolutions of that name each time."""
    rng = random.Random(name)
    rank, transposed = int(name[-2]), "transpose" in name
    return tuple(draw(rng, rank, transposed) for _ in range(COUNTS[name]))


@lru_cache
def matrices() -> tuple[tuple[int, int, int], ...]:
    """Return shapes (batch, inputs, outputs) of linear layers."""
    rng = random.Random(0)
    return tuple((rng.randint(0, 5), rng.randint(1, 9), rng.randint(1, 9)) for _ in range(40))


def coverage(found: Iterable[Configuration]) -> dict[tuple[str, str], int]:
    """Count the configurations in each cell (situation, name)."""
    counts = Counter((cell, c.name) for c in found for cell in c.cells())
    return {(cell, name): counts[cell, name] for name in COUNTS for cell in cells(name)}


def table(counts: dict[tuple[str, str], int]) -> str:
    """Write the coverage as a table: a line for each situation, a column for each layer."""
    lines = [f"{'situation':26}" + "".join(name.rjust(18) for name in COUNTS)]
    for cell in dict.fromkeys(cell for cell, _ in counts):
        found = (str(counts.get((cell, name), "")) for name in COUNTS)
        lines.append(f"{cell:26}" + "".join(number.rjust(18) for number in found))
    return "\n".join(lines)
