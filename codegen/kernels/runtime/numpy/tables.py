"""Arrays that are computed from a formula in their indices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]


def _table(
    formula: Callable[..., Any], shape: tuple[int, ...], dtype: np.dtype[Any], *numbers: float
) -> Array:
    """Return the values of a formula at all indices below some sizes, and at some numbers."""
    if dtype.kind not in "fc":
        raise TypeError(f"dtype: found {dtype}, expected arrays of real or complex numbers")
    grid = np.ogrid[tuple([slice(0, n) for n in shape])]
    with np.errstate(all="ignore"):  # infinite and NaN are values
        values = formula(*[i.astype(np.float64) for i in grid], *map(np.float64, numbers))
    return np.ascontiguousarray(np.broadcast_to(values, shape), dtype)
