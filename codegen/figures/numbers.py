"""Pictures with numbers in the place of entries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rot180.codegen.figures.sample import SampledLayer
from rot180.codegen.figures.shapes import Cell, Link, Node, Picture, Shape


def in_numbers(
    picture: Picture, sample: SampledLayer, arrays: Mapping[str, NDArray[Any]]
) -> Picture:
    """Write the entries of arrays as numbers in cells, in nodes and on links; not in the caption.

    Args:
        picture: a picture of the layer.
        sample: the layer at the sizes of the picture.
        arrays: the numbers, by the names of tensors: ``x``, ``grad_y``, ``grad_x``.

    """
    labels = {
        sample.label(name, at): str(Fraction(array[at].item()))
        for name, array in arrays.items()
        for at in np.ndindex(array.shape)
    }
    return replace(picture, shapes=tuple(_in_numbers(s, labels) for s in picture.shapes))


def _in_numbers(shape: Shape, labels: Mapping[str, str]) -> Shape:
    if isinstance(shape, Cell | Node | Link) and shape.label in labels:
        return replace(shape, label=labels[shape.label])
    return shape
