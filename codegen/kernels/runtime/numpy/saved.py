"""The arrays that a program's forward pass saves for its gradients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from rot180.codegen.kernels.runtime.numpy.checks import mistyped, shown, wrong

Array: TypeAlias = npt.NDArray[Any]


def saved_arrays(saved: Any, dtype: np.dtype[Any], **shapes: tuple[int, ...]) -> list[Array]:
    """Return the arrays of these names in what `forward` saved, after a check of each."""
    if not isinstance(saved, Mapping):
        raise mistyped("saved", shown(saved), "what forward(..., save=True) returned second")
    found = []
    for name, shape in shapes.items():
        if name not in saved:
            names = ", ".join(map(str, saved)) or "nothing"
            raise wrong("saved", names, f"{name} among the names; forward(..., save=True) saves it")
        label, value = f'saved["{name}"]', saved[name]
        if not isinstance(value, np.ndarray) or isinstance(value, np.ma.MaskedArray):
            raise mistyped(label, type(value).__name__, "a numpy.ndarray")
        if value.dtype != dtype:
            raise mistyped(label, f"dtype {value.dtype}", f"{dtype}, that of the other arrays")
        if value.shape != shape:
            raise wrong(label, f"shape {value.shape}", f"{shape}, as the other arguments have it")
        found.append(value)
    return found
