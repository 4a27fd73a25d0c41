"""The numbers of the worked examples in the book, and the notation of the dense layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from rot180.derive.display.notations import DEEP_LEARNING


class ExampleNumbers(NamedTuple):
    """The numbers of a worked example: nested arrays, and parameters, by the layer's names."""

    arrays: Mapping[str, Sequence[object]]
    parameters: Mapping[str, int]


DIFFERENTIALS = replace(
    DEEP_LEARNING,
    name="differentials",
    tensors=(
        ("x", "X"), ("w", "W"), ("z", "Z"), ("L", DEEP_LEARNING.loss),
        ("dZ1", r"\mathrm{d}Z_{1}"), ("dZ2", r"\mathrm{d}Z_{2}"),
    ),
    gradients=(
        ("x", r"\mathrm{d}X"), ("w", r"\mathrm{d}W"), ("z", r"\mathrm{d}Z"),
        ("X1", r"\mathrm{d}X_{1}"), ("X2", r"\mathrm{d}X_{2}"),
    ),
)  # fmt: skip
"""The notation with Z = X W for the dense layer, and dX for a gradient."""

ROW = ExampleNumbers({"x": [[1, 2]], "w": [[1, 2], [3, 4]]}, {})
LINE = ExampleNumbers({"x": [3, 1, 4, 1, 5], "w": [1, 2, -1], "grad_y": [2, -1, 3]}, {})
STRIDED = ExampleNumbers({"x": [3, 1, 4, 1, 5, 9], "w": [1, 2, -1], "grad_y": [2, -1]}, {"s": 2})
SQUARE = ExampleNumbers(
    {
        "x": [[5 * row + column + 1 for column in range(5)] for row in range(5)],
        "w": [[1, 0, -1]] * 3,
        "grad_y": [[1, -2, 3], [0, 1, 2], [-1, 2, 1]],
    },
    {},
)
"""The example of the note: the numbers 1 to 25 in a square, and an edge filter."""

DISTINCT = [[1, 2, -3], [4, -1, 5], [-2, 3, -9]]
"""A kernel that no mirror and no rotation leaves as it is, with the sum 0 in its first row."""
