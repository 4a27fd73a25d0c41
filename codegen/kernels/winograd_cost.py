"""Winograd's form of a layer of stride 1: which form is fastest, if any.

The compiled kernels decide by the same rule: `winograd_constants.h` is printed from `FORMS`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from rot180.derive.theorems.winograd import TILINGS, MinimalFiltering, Tiling


@dataclass(frozen=True)
class Form:
    """A form of the layer, and its cost.

    A cost is a time, in products of the definition for each pair of channels. The costs are fitted
    to the times of 60 layers of 7 x 7 to 112 x 112 pixels and of 500 to 16,000 entries in float32;
    the error is about 15 %.

    Attributes:
        outputs: the outputs of a tile along an axis.
        taps: the taps of a block of the filter along an axis. If they are as many as the outputs, a
            filter may have several blocks, and a long line is treated as an image.
        tile: the cost of the products of a tile and a block.
        sides: the cost of transforming a tile, once for each input and each output channel.
        filters: the cost of transforming a block of the filters.

    """

    outputs: int
    taps: int
    tile: int
    sides: int
    filters: int

    @property
    def points(self) -> int:
        """Return the number of products of a tile along an axis."""
        return self.outputs + self.taps - 1

    @property
    def identity(self) -> str:
        """Return the name of the theorem about one axis."""
        return f"toom_cook_{self.outputs}_{self.taps}"

    @property
    def tilings(self) -> tuple[Tiling, ...]:
        """Return how the form cuts layers of two axes, and of one."""
        own = MinimalFiltering(self.outputs, self.taps)
        return tuple(t for t in TILINGS if t.filtering == own and (t.axes == 2 or t.nested))

    @property
    def theorems(self) -> tuple[str, ...]:
        """Return the names of the theorems that the form rests on."""
        names = (t.name.format(op) for t in self.tilings for op in ("", "input_"))
        return self.identity, *names

    def cost(
        self, batch: int, channels: int, outputs: int, size: Sequence[int], taps: Sequence[int]
    ) -> float | None:
        """Return the cost of a layer, or None where the form cannot compute it."""
        axes = len(size)
        blocks = [-(-k // self.taps ** (3 - axes)) for k in taps]
        tiles = [-(-n // self.outputs ** (3 - axes)) for n in size]
        lines: float = float(batch) * prod(t + b - 1 for t, b in zip(tiles, blocks, strict=True))
        pieces = prod(blocks)
        unshared = self.outputs != self.taps and (axes == 1 or pieces > 1)
        sparse = max(taps) < self.taps  # most taps of a block would be zeros
        panels = MAX_FILTERS // (self.points**2 * PANEL * pieces) // channels
        if unshared or sparse or max(blocks) > MAX_PIECES or panels < 1:
            return None
        passes = -(-outputs // (panels * PANEL))
        sides = self.sides * (1 / channels + passes / outputs)
        cost: float = lines * (self.tile * pieces + sides) + self.filters * pieces
        return cost


FORMS = (
    Form(4, 3, 54, 329, 1300),
    Form(2, 3, 19, 124, 500),
    Form(4, 5, 99, 515, 1935),
    Form(4, 4, 47, 887, 1732),
)
"""The forms. The fastest is used if it saves at least 5 %; else the definition is."""

MIN_CHANNELS = 16
"""With fewer input or output channels no form was faster."""

PANEL = 16
"""The output channels that are multiplied at a time."""

MAX_FILTERS = 2**22
"""The most entries of transformed filters that are kept; more outputs take several passes."""

MAX_PIECES = 16
"""The most blocks of taps along an axis."""

WORTH = 0.95
"""The part of the definition's cost below which a form is used."""


def winograd_form(
    batch: int, channels: int, outputs: int, size: Sequence[int], taps: Sequence[int]
) -> Form | None:
    """Return the fastest form for a layer of stride and dilation 1, or None.

    Args:
        batch: the size of the batch.
        channels: input channels of a group.
        outputs: output channels of a group.
        size: the outputs along each axis, of one or two.
        taps: the taps along each axis.

    """
    if min(channels, outputs) < MIN_CHANNELS or min(batch, *size, *taps) < 1:
        return None
    fastest, lowest = None, WORTH * float(batch) * (float(prod(size)) * float(prod(taps)))
    for form in FORMS:
        cost = form.cost(batch, channels, outputs, size, taps)
        if cost is not None and cost < lowest:
            fastest, lowest = form, cost
    return fastest
