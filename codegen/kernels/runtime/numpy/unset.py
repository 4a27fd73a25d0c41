"""Arrays that are written as a whole before they are read."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from rot180.codegen.kernels.runtime.numpy.checks import MOST_BYTES, wrong

Array: TypeAlias = npt.NDArray[Any]


def _empty(name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Return an array before it is written; `numpy.zeros` would write it once more."""
    size = dtype.itemsize
    for n in shape:
        size *= n
    if min(shape, default=0) < 0 or size > MOST_BYTES:
        raise wrong(name, shape, f"sizes >= 0 and at most {MOST_BYTES} bytes")
    return np.empty(shape, dtype)
