"""How far a sum of products may be from the exact one: the bound of an entry, as it is proved.

`rot180 show conv2d_rounding` prints the theorem for a layer, and ``generated/rocq/rounding.v``
proves it: for any order of the sum, with fused multiply-adds or without.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np

from rot180.codegen.audit.products import Array
from rot180.derive.semantics.rounding_bounds import FORMATS, Arithmetic, arithmetic


@dataclass(frozen=True)
class Precision:
    """What a kernel computes with.

    Attributes:
        dtype: what its arrays are stored in.
        accumulator: what sums are kept in; that of the arrays, or a wider one.
        multiplications: how many there are in a product.

    """

    dtype: str
    accumulator: str
    multiplications: int = 1

    def __str__(self) -> str:
        wider = self.accumulator != self.dtype
        return f"{self.dtype} with sums in {self.accumulator}" if wider else self.dtype

    @cached_property
    def arithmetic(self) -> Arithmetic:
        """Return the unit roundoffs.

        Raises:
            ValueError: a format is unknown, or the accumulator is narrower.

        """
        return arithmetic(self.dtype, self.accumulator, self.multiplications)

    def bound(self, count: int, absolute: Fraction) -> Fraction:
        """Return how far an entry may be from the exact sum.

        Args:
            count: how many products are summed.
            absolute: the sum of their absolute values.

        Raises:
            ValueError: there are too many products for any bound.

        """
        if not count:
            return Fraction(0)
        slope, near_zero = self.arithmetic.line(count, self.multiplications)
        return slope * absolute + near_zero


def digits(dtype: str) -> int:
    """Return how many binary digits a number has."""
    return FORMATS[dtype].digits


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


def precision(text: str, option: str = "--dtype") -> Precision:
    """Read ``float32`` or ``float16:float32``, the dtype and the wider one of its sums.

    Args:
        text: the text.
        option: what it was given as.

    Raises:
        ValueError: a dtype is unknown, or that of the sums is not wider.

    """
    dtype, _, wider = text.partition(":")
    if dtype not in FORMATS:
        raise ValueError(f"{option}: found {dtype!r}, expected one of {', '.join(FORMATS)}")
    numpy_dtype(dtype)
    wider = wider or dtype
    if wider not in FORMATS or digits(wider) < digits(dtype):
        raise ValueError(f"{option}: found sums in {wider!r}, expected {dtype} or a wider dtype")
    return Precision(dtype, wider)
