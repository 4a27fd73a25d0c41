"""The weights of one layer, rearranged for another one."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rot180.codegen.convert.layer_data import FrameworkLayer


def weight_pattern(source: FrameworkLayer, target: FrameworkLayer, axes: int, groups: int) -> str:
    """Return how the axes of a weight change, in the notation of einops.

    >>> from rot180.codegen.convert.onnx import ONNX
    >>> weight_pattern(ONNX[0], ONNX[1], 2, 1)
    'o i k1 k2 -> i o k1 k2'

    Args:
        source: the layer whose weight is given.
        target: the layer whose weight is made.
        axes: the number of spatial axes.
        groups: the number of groups; g in the pattern if there are several.

    """
    return " -> ".join(_layout(one.weight, axes, groups) for one in (source, target))


def data_pattern(source: FrameworkLayer, target: FrameworkLayer, axes: int) -> str:
    """Return how the axes of inputs and outputs change, in the notation of einops."""
    spatial = " ".join(f"h{n}" for n in range(1, axes + 1))
    layouts = {"first": f"n c {spatial}", "last": f"n {spatial} c"}
    return f"{layouts[source.channels]} -> {layouts[target.channels]}"


def _layout(layout: str, axes: int, groups: int) -> str:
    taps = " ".join(f"k{n}" for n in range(1, axes + 1))
    whole = re.sub(r"\bk\b", taps, layout)
    return whole if groups > 1 else re.sub(r"\(g (\w)\)", r"\1", whole)


def rearranged(
    weight: NDArray[Any],
    source: FrameworkLayer,
    target: FrameworkLayer,
    groups: int,
    reversed_axes: tuple[bool, ...],
) -> NDArray[Any]:
    """Return the weight of one layer as another one takes it.

    Args:
        weight: the weight of the first layer, in its layout.
        source: the first layer.
        target: the second layer.
        groups: the number of groups.
        reversed_axes: for each spatial axis, whether the kernel is reversed along it.

    Returns:
        a view of the weight, where one is possible.

    """
    axes = len(reversed_axes)
    before, after = (_letters(one.weight, axes) for one in (source, target))
    grouped = [n for n, name in enumerate(before) if isinstance(name, tuple)]
    shape = [
        size for n, size in enumerate(weight.shape) for size in _split(n in grouped, size, groups)
    ]
    names = [name for one in before for name in (one if isinstance(one, tuple) else (one,))]
    whole = weight.reshape(shape)
    steps = {f"k{n}": -1 if flip else 1 for n, flip in enumerate(reversed_axes)}
    whole = whole[tuple(slice(None, None, steps.get(name, 1)) for name in names)]
    if "g" not in names:
        whole, names = whole[np.newaxis], ["g", *names]
    order = [name for one in after for name in (one if isinstance(one, tuple) else (one,))]
    order = order if "g" in order else ["g", *order]
    moved = whole.transpose([names.index(name) for name in order])
    sizes = dict(zip(order, moved.shape, strict=True))
    return moved.reshape(
        [sizes["g"] * sizes[one[1]] if isinstance(one, tuple) else sizes[one] for one in after]
    )


def _split(grouped: bool, size: int, groups: int) -> tuple[int, ...]:
    return (groups, size // groups) if grouped else (size,)


def _letters(layout: str, axes: int) -> list[str | tuple[str, str]]:
    found: list[str | tuple[str, str]] = []
    for grouped, plain in re.findall(r"\(g (\w)\)|(\w)", layout):
        if plain == "k":
            found += [f"k{n}" for n in range(axes)]
        else:
            found.append(("g", grouped) if grouped else plain)
    return found
