"""How far a sum of products may be from the exact one: a bound for each entry, proved.

If n products are summed in any order, each operation rounded with relative error at most u, and
n*u < 1, the result differs from the exact sum by at most n*u/(1 - n*u) times the sum of the
absolute values of the products (Higham, Accuracy and Stability of Numerical Algorithms, section
3.1). A fused multiply-add rounds less. A wider accumulator adds one rounding to the result.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from rot180.codegen.audit.products import Array

ROUNDOFF = {"float16": 11, "bfloat16": 8, "float32": 24, "float64": 53}
"""How many bits a significand has, the leading one included."""


@dataclass(frozen=True)
class Arithmetic:
    """What a kernel computes with.

    Attributes:
        dtype: what its arrays are stored in.
        accumulator: what sums are kept in; that of the arrays, or a wider one.

    """

    dtype: str
    accumulator: str

    def __str__(self) -> str:
        wider = self.accumulator != self.dtype
        return f"{self.dtype} with sums in {self.accumulator}" if wider else self.dtype

    @property
    def unit(self) -> Fraction:
        """Return the unit roundoff of the sums."""
        return Fraction(1, 2 ** ROUNDOFF[self.accumulator])

    @property
    def stored(self) -> Fraction:
        """Return the unit roundoff of the last rounding, 0 if there is none."""
        wider = self.accumulator != self.dtype
        return Fraction(1, 2 ** ROUNDOFF[self.dtype]) if wider else Fraction(0)

    def bound(self, count: int, absolute: Fraction) -> Fraction:
        """Return how far an entry may be from the exact sum.

        Args:
            count: how many products are summed.
            absolute: the sum of their absolute values.

        Raises:
            ValueError: there are too many products for any bound.

        """
        relative = count * self.unit
        if relative >= 1:
            raise ValueError(
                f"found {count} products in {self.accumulator}, expected fewer than "
                f"{2 ** ROUNDOFF[self.accumulator]}"
            )
        summed = relative / (1 - relative)
        return (summed * (1 + self.stored) + self.stored) * absolute


def numpy_dtype(name: str) -> np.dtype[Any]:
    """Return a dtype of NumPy; bfloat16 is that of the package ml_dtypes.

    Raises:
        ValueError: it is bfloat16, and ml_dtypes is not installed.

    """
    if name != "bfloat16":
        return np.dtype(name)
    try:
        found: np.dtype[Any] = np.dtype(importlib.import_module("ml_dtypes").bfloat16)
    except ImportError as error:
        raise ValueError(
            "--dtype: found bfloat16, but ml_dtypes is not installed; pip install ml_dtypes"
        ) from error
    return found


def exact(a: Array) -> Array:
    """Return numbers as fractions of Python, without rounding."""
    out: Array = np.empty(a.shape, object)
    out.reshape(-1)[:] = [Fraction(float(v)) for v in a.reshape(-1)]
    return out


def arithmetic(text: str, option: str = "--dtype") -> Arithmetic:
    """Read ``float32`` or ``float16:float32``, the dtype and the wider one of its sums.

    Args:
        text: the text.
        option: what it was given as.

    Raises:
        ValueError: a dtype is unknown, or that of the sums is not wider.

    """
    dtype, _, wider = text.partition(":")
    if dtype not in ROUNDOFF:
        raise ValueError(f"{option}: found {dtype!r}, expected one of {', '.join(ROUNDOFF)}")
    numpy_dtype(dtype)
    wider = wider or dtype
    if wider not in ROUNDOFF or ROUNDOFF[wider] < ROUNDOFF[dtype]:
        raise ValueError(f"{option}: found sums in {wider!r}, expected {dtype} or a wider dtype")
    return Arithmetic(dtype, wider)
