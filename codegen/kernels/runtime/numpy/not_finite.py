"""Sums of products whose operands are not finite: an entry counts where it is in a term."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from rot180.codegen.kernels.runtime.numpy.checks import Array
from rot180.codegen.kernels.runtime.numpy.products import Words
from rot180.codegen.kernels.runtime.numpy.views import Windows


def may_spread(operands: Sequence[Array | Windows], inputs: Sequence[Words], output: Words) -> bool:
    """Say whether an entry that is not finite may meet a zero outside an array, or a partial sum.

    Either would be multiplied by it, but is no factor of a term.
    """
    if len(operands) < 2:
        return False
    arrays = [x.array if isinstance(x, Windows) else x for x in operands]
    reading = [isinstance(x, Windows) for x in operands]
    several = len(operands) > 2 or _has_partial_sums(inputs, output)
    for array, own in zip(arrays, reading, strict=True):
        if (several or sum(reading) > own) and not _is_finite(array):
            return True
    return False


@lru_cache(maxsize=256)
def _has_partial_sums(inputs: Sequence[Words], output: Words) -> bool:
    """Say whether one of two operands is summed by itself first."""
    left, right = ({*words} - {*output} for words in inputs)
    return left != right


def _is_finite(array: Array) -> bool:
    """Say whether all entries are finite; complex numbers and integers count as finite."""
    if array.dtype.kind != "f":
        return True
    return math.isfinite(np.vdot(array, array)) or bool(np.isfinite(array).all())


def of_terms(
    operands: Sequence[Array | Windows],
    dtype: np.dtype[Any],
    sum_of: Callable[[Sequence[Array | Windows], Any], Array],
) -> Array:
    """Return a sum of products whose operands are not finite.

    A term is not finite if a factor is not; it is NaN if one is NaN, or one infinite and one zero.
    To count such terms and to add up their signs takes sums of the same form, of integers.

    Args:
        operands: arrays, or arrays read at an index.
        dtype: the dtype of the sum.
        sum_of: returns the sum of products of other operands, all finite, in a dtype.

    """

    def total(entries: Callable[[Array], Array], dtype: Any = np.float64) -> Array:
        parts = [_mapped(x, lambda array: entries(array).astype(dtype)) for x in operands]
        return sum_of(parts, dtype)

    def sign(array: Array) -> Array:
        return np.where(array > 0, 1, np.where(array < 0, -1, 0))

    value = total(lambda array: np.where(np.isfinite(array), array, 0), dtype)
    count = total(np.ones_like) - total(np.isfinite)
    signs = total(sign) - total(lambda array: sign(array) * np.isfinite(array))
    value[count > 0] = np.nan
    value[(count > 0) & (signs == count)] = np.inf
    value[(count > 0) & (signs == -count)] = -np.inf
    return value


def _mapped(operand: Array | Windows, function: Callable[[Array], Array]) -> Array | Windows:
    """Return an operand with a function of its entries in their place."""
    if not isinstance(operand, Windows):
        return function(operand)
    return Windows(function(operand.array), operand.whole, operand.index, operand.ranges)
