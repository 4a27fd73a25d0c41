"""Pictures of layers and their gradients, drawn from the index maps of the derived expressions.

The links between cells, the zeros between entries and the order of the taps in a window are read
off the terms at small sizes: another forward pass gives another picture.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from math import prod

from rot180.codegen.figures import one_axis, two_axes
from rot180.codegen.figures.expand import Env, integer
from rot180.codegen.figures.grid import grid, is_window
from rot180.codegen.figures.networks import deltas, network_pictures
from rot180.codegen.figures.sample import SampledLayer, sampled_layer
from rot180.codegen.figures.sample_sizes import sample_sizes, size_names
from rot180.codegen.figures.shapes import Picture
from rot180.codegen.figures.windows import Window, WindowedLayer, windowed_layer
from rot180.derive.display.notations import DEEP_LEARNING, Symbols
from rot180.derive.language.layers import Layer

__all__ = ["MOST_DRAWN", "Picture", "crowded", "network_pictures", "pictures"]

STRIDES = (1, 2)
"""The strides that are drawn where a layer has a parameter for it."""


MOST_DRAWN = 1000
"""A sum with more products, or an operand with more entries, is not drawn: nobody could read it."""


def pictures(
    layer: Layer, sizes: Mapping[str, int] | None = None, symbols: Symbols = DEEP_LEARNING
) -> list[Picture]:
    """Return the pictures of a layer; none where no window moves over an operand.

    Args:
        layer: a forward pass.
        sizes: sizes and parameters by name; the others are chosen small.
        symbols: the notation.

    Raises:
        ValueError: `sizes` has a name that the layer does not have.

    """
    chosen = dict(sizes or {})
    try:
        windowed = windowed_layer(layer)
    except ValueError:
        return []
    for name in chosen:
        if name not in size_names(windowed):
            known = ", ".join(size_names(windowed))
            raise ValueError(f"sizes: found {name!r}, expected one of {known}")
    free = [v for v in windowed.parameters("step") if v.name not in chosen]
    out = []
    for stride in STRIDES if free else STRIDES[:1]:
        sample = sampled_layer(layer, chosen, stride, symbols=symbols)
        said = "".join(f", ${sample.value(v.name)}$" for v in free)
        end = f"-{stride}" if free else ""
        for p in _pictures(sample, chosen):
            name = f"{layer.name or 'layer'}-{p.name}{end}"
            out.append(replace(p, name=name, title=p.title + said))
    return out


def _pictures(sample: SampledLayer, sizes: Mapping[str, int]) -> Iterator[Picture]:
    """Draw the pictures that apply to a layer at given sizes."""
    if not drawable(sample, sample.forward):
        return
    axes, back = sample.windowed.axes, sample.backward
    inputs, outputs = sample.inputs(), sample.outputs()
    if not axes and sample.links and len(inputs[:1] + outputs[:1]) == 2:
        yield deltas(sample)
    if len(axes) not in (1, 2) or not sample.links:
        return
    if any(len(one[0]) != len(axes) for one in (inputs, outputs)):
        return
    over = one_axis if len(axes) == 1 else two_axes
    if len(axes) == 1:
        yield one_axis.connections(sample)
    if sample.simple:
        yield over.delta(sample)
    if is_window(sample, sample.forward):
        yield over.window_positions(grid(sample, sample.forward), "forward")
    if back is not None and drawable(sample, back) and is_window(sample, back):
        read = grid(sample, back)
        yield over.window_positions(read, "backward")
        if read.is_dilated:
            yield over.dilated(read)
    larger = sample.larger(max(integer(a.stride, sample.env) for a in axes) - 1, sizes)
    if larger != sample:
        yield over.remainder(larger)
    if len(axes) == 1 and sample.simple:
        yield one_axis.toeplitz(sample)


def crowded(layer: Layer) -> str:
    """Return what the pictures of a layer would show too many of, as ``20005 entries``, or ""."""
    try:
        windowed = windowed_layer(layer)
    except ValueError:
        return ""
    if len(windowed.axes) > 2:
        return ""
    return _crowd(windowed, windowed.forward, sample_sizes(windowed))


def drawable(sample: SampledLayer, window: Window) -> bool:
    """Say whether a picture of a window's sum has few enough products and entries."""
    return not _crowd(sample.windowed, window, sample.env)


def _crowd(windowed: WindowedLayer, window: Window, env: Env) -> str:
    entries = prod(integer(n, env) for n in windowed.operand.shape if n is not None)
    found = {"products": window.count(env), "entries": entries}
    return next((f"{n} {word}" for word, n in found.items() if n > MOST_DRAWN), "")
