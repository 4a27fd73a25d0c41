"""What rot180 claims. A module states claims; no step of a proof stands here.

The registry is the list that the command line, the book and CI walk over.
"""

from rot180.derive.theorems import (
    adjoint,
    backpropagation,
    composition,
    dense,
    losses,
    perceptrons,
    pooling,
    rotation,
    second,
    sizes,
    stride,
    weights,
    winograd,
)
from rot180.derive.theorems.registry import Claim, claims, theorem, theorems

__all__ = [
    "Claim",
    "adjoint",
    "backpropagation",
    "claims",
    "composition",
    "dense",
    "losses",
    "perceptrons",
    "pooling",
    "rotation",
    "second",
    "sizes",
    "stride",
    "theorem",
    "theorems",
    "weights",
    "winograd",
]
