"""Winograd's form of a 3 x 3 layer: which form is fastest, if any.

The compiled kernels decide by the same rule: `winograd_constants.h` is printed from `FORMS`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod


@dataclass(frozen=True)
class Form:
    """A form of the layer, and its cost.

    A cost is a time, in products of the definition for each pair of channels. The costs are fitted
    to the times of twenty layers of 7 x 7 to 112 x 112 pixels in float32; the error is about 10 %.

    Attributes:
        outputs: the outputs of a tile along an axis.
        taps: the taps of the filter along an axis.
        channels: the largest product of input and output channels of a group for which the form is
            used; above it, the transformed filters need too much scratch memory.
        tile: the cost of the products of a tile.
        sides: the cost of transforming a tile, once for each input and each output channel.
        filters: the cost of transforming the filters.

    """

    outputs: int
    taps: int
    channels: int
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
    def theorems(self) -> tuple[str, ...]:
        """Return the names of the theorems that the form rests on."""
        name = f"winograd_{self.outputs}_{self.taps}"
        return self.identity, f"{name}_2d", f"{name}_input_2d"


FORMS = (Form(4, 3, 256**2, 68, 224, 1013), Form(2, 3, 512**2, 21, 107, 434))
"""The forms. The fastest is used if it saves at least 5 %; else the definition is."""

MIN_CHANNELS = 16
"""With fewer input or output channels no form was faster."""

DIRECT, WORTH = 9, 0.95
"""The cost of an output by the definition, and the fraction of it below which a form is used."""


def winograd_form(batch: int, channels: int, outputs: int, size: tuple[int, int]) -> Form | None:
    """Return the fastest form for a 3 x 3 layer of stride and dilation 1, or None.

    Args:
        batch: the size of the batch.
        channels: input channels of a group.
        outputs: output channels of a group.
        size: the outputs along each axis.

    """
    if min(channels, outputs) < MIN_CHANNELS:
        return None
    fastest, lowest = None, DIRECT * WORTH * float(batch) * prod(size)
    for form in FORMS:
        tiles = float(batch) * prod(-(-n // form.outputs) for n in size)
        cost = tiles * (form.tile + form.sides * (1 / channels + 1 / outputs)) + form.filters
        if channels * outputs <= form.channels and cost < lowest:
            fastest, lowest = form, cost
    return fastest
