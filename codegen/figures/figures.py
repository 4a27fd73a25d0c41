"""Pictures of layers and their gradients, drawn from the index maps of what the engine derived.

Which cells a link joins, which zeros stand between entries and in which order the taps of a window
lie is read off the terms at small sizes; another forward pass is another picture.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from rot180.codegen.figures import one_axis, two_axes
from rot180.codegen.figures.expand import integer
from rot180.codegen.figures.grid import grid, is_window
from rot180.codegen.figures.networks import deltas, network_pictures
from rot180.codegen.figures.sample import Specimen, specimen
from rot180.codegen.figures.sample_sizes import names
from rot180.codegen.figures.shapes import Picture
from rot180.codegen.figures.windows import moving
from rot180.derive.display.notations import DEEP_LEARNING, Symbols
from rot180.derive.language.layers import Layer

__all__ = ["Picture", "network_pictures", "pictures"]

STRIDES = (1, 2)
"""Which strides are drawn where a layer leaves it open."""


def pictures(
    layer: Layer, sizes: Mapping[str, int] | None = None, symbols: Symbols = DEEP_LEARNING
) -> list[Picture]:
    """Return the pictures that apply to a layer; none where no window moves over an operand.

    Args:
        layer: a forward pass.
        sizes: sizes and parameters by name; the others are chosen small.
        symbols: the notation.

    Raises:
        ValueError: `sizes` has a name that the layer has not.

    """
    chosen = dict(sizes or {})
    try:
        moved = moving(layer)
    except ValueError:
        return []
    for name in chosen:
        if name not in names(moved):
            raise ValueError(f"sizes: found {name!r}, expected one of {', '.join(names(moved))}")
    free = [v for v in moved.parameters("step") if v.name not in chosen]
    out = []
    for stride in STRIDES if free else STRIDES[:1]:
        at = specimen(layer, chosen, stride, symbols=symbols)
        said = "".join(f", ${at.value(v.name)}$" for v in free)
        end = f"-{stride}" if free else ""
        for p in _pictures(at, chosen):
            name = f"{layer.name or 'layer'}-{p.name}{end}"
            out.append(replace(p, name=name, title=p.title + said))
    return out


def _pictures(at: Specimen, sizes: Mapping[str, int]) -> Iterator[Picture]:
    """Draw what applies to a layer at its sizes."""
    axes = at.moved.axes
    inputs, outputs = at.inputs(), at.outputs()
    if not axes and len(inputs[:1] + outputs[:1]) == 2:
        yield deltas(at)
    if len(axes) not in (1, 2) or not at.feeds():
        return
    if any(len(one[0]) != len(axes) for one in (inputs, outputs)):
        return
    over = one_axis if len(axes) == 1 else two_axes
    if len(axes) == 1:
        yield one_axis.fingers(at)
    yield over.delta(at)
    if is_window(at, at.forward):
        yield over.slide(grid(at, at.forward), "forward")
    if at.backward is not None and is_window(at, at.backward):
        behind = grid(at, at.backward)
        yield over.slide(behind, "backward")
        if behind.is_spread:
            yield over.spread(behind)
    larger = at.larger(max(integer(a.stride, at.env) for a in axes) - 1, sizes)
    if larger != at:
        yield over.remainder(larger)
    if len(axes) == 1:
        yield one_axis.toeplitz(at)
