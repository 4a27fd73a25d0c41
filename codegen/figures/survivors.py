"""The products of the chain rule, and those that are not zero for one input."""

from __future__ import annotations

from rot180.codegen.figures.sample import SampledLayer
from rot180.codegen.figures.shapes import Cell, Label, Picture, Shape


def survivors(sample: SampledLayer) -> Picture:
    """Draw all products of a layer with one axis: a row for each output, a column for each tap.

    Each cell has the input that the product reads; those of one input are emphasised.

    Args:
        sample: the layer.

    """
    window, x = sample.forward, sample.chosen()
    target = window.target.name
    shapes: list[Shape] = []
    weights: dict[int, str] = {}
    for point in window.points(sample.env):
        row = float(point[0])
        shapes.append(Label((-0.3, row + 0.5), f"${sample.label(target, point)}$", "end"))
        for p in sample.products(window, point):
            column, place = sample.tap(window, p)[0], sample.where(window, p)
            look = "strong" if place == x else "faint"
            weights[column] = sample.weight(window, p)
            label = sample.label(sample.operand.name, place)
            shapes.append(Cell((column, row), "input", label, look))
    shapes += [Label((c + 0.5, -0.4), f"${w}$") for c, w in weights.items()]
    ((tap,), (step,)) = window.taps, window.free
    caption = (
        f"The products of all outputs: a row for each output, a column for each tap, and in the "
        f"cell the input that is multiplied. The derivative with respect to "
        f"${sample.label(sample.operand.name, x)}$ is zero in all cells but the emphasised ones. "
        f"From one row to the next, ${sample.style.symbol(step.name)}$ grows and "
        f"${sample.style.symbol(tap.name)}$ falls by the same amount."
    )
    return Picture("survivors", "What survives of the double sum", caption, tuple(shapes))
