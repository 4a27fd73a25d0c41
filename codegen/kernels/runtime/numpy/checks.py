"""Checks of arguments: an error names the argument, what was found, what was expected, the cure.

Committed kernels import it. It is inlined into the modules of a user's own layer; the compiled one
sets the four constants itself.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[Any]

LIMIT = 2**62
MOST_BYTES = 2**40
DTYPE_NAMES = "float32, float64, an integer dtype, complex64 or complex128"
DTYPES = frozenset(
    [np.dtype(f"{sign}int{bits}") for sign in ("", "u") for bits in (8, 16, 32, 64)]
    + [np.dtype(name) for name in ("float32", "float64", "complex64", "complex128")]
)


def wrong(argument: str, found: object, expected: str) -> ValueError:
    """Return the error of a value that is out of range."""
    return ValueError(f"{argument}: found {found}, expected {expected}")


def mistyped(argument: str, found: object, expected: str) -> TypeError:
    """Return the error of a value of a wrong type."""
    return TypeError(f"{argument}: found {found}, expected {expected}")


def shown(value: object) -> str:
    """Return a value of the wrong type as an error shows it: on one line, or its type alone."""
    kind, text = type(value).__name__, repr(value)
    return f"{text} ({kind})" if len(text) <= 60 and "\n" not in text else kind


def integer(argument: str, value: Any, least: int) -> int:
    """Return an argument as a Python integer."""
    if type(value) is not int:
        try:
            if isinstance(value, (bool, np.bool_)):
                raise TypeError
            value = operator.index(value)
        except TypeError:
            raise mistyped(argument, shown(value), "an integer") from None
    if value < least:
        raise wrong(argument, value, f"an integer >= {least}")
    if value >= LIMIT:
        raise wrong(argument, value, f"an integer < {LIMIT}")
    return int(value)


def integers(**arguments: Any) -> list[int]:
    """Return the arguments as Python integers."""
    return [integer(name, value, 1 - LIMIT) for name, value in arguments.items()]


def reals(dtype: np.dtype[Any], /, **arguments: Any) -> list[float]:
    """Return the arguments as Python numbers; for arrays of integers they must be integers."""
    found = []
    for name, value in arguments.items():
        if isinstance(value, (float, np.floating)) and dtype.kind in "iu":
            expected = f"an integer, for the arrays are of dtype {dtype}; convert them with astype"
            raise mistyped(name, shown(value), expected)
        if isinstance(value, (float, np.floating)):
            found.append(float(value))
            continue
        try:
            found.append(integer(name, value, 1 - LIMIT))
        except TypeError:
            raise mistyped(name, shown(value), "a real number") from None
    return found


def arrays(**arguments: Any) -> np.dtype[Any]:
    """Check types, ranks and dtypes, given ``name=(value, rank)``; return the common dtype."""
    dtype = first = None
    for name, (value, rank) in arguments.items():
        if type(value) is not np.ndarray and (
            not isinstance(value, np.ndarray) or isinstance(value, np.ma.MaskedArray)
        ):
            raise mistyped(
                name, type(value).__name__, "a numpy.ndarray; convert it with numpy.asarray"
            )
        if value.dtype not in DTYPES:
            raise mistyped(name, f"dtype {value.dtype}", f"{DTYPE_NAMES}; convert it with astype")
        if dtype is None:
            dtype, first = value.dtype, name
        if value.dtype != dtype:
            expected = f"{dtype}, the dtype of {first}; convert it with astype"
            raise mistyped(name, f"dtype {value.dtype}", expected)
        if value.ndim != rank:
            raise wrong(name, f"{value.ndim} axes (shape {value.shape})", f"{rank} axes")
    return np.dtype("float64") if dtype is None else dtype


def checked_shape(name: str, value: Any, rank: int, optional: bool = False) -> tuple[int, ...]:
    """Return a shape argument as a tuple of Python integers, or () where it may be left out."""
    if value is None and optional:
        return ()
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise mistyped(name, shown(value), f"a tuple of {rank} integers >= 0")
    if len(value) != rank:
        raise wrong(name, f"{len(value)} sizes ({value!r})", f"{rank} sizes")
    out = tuple(value)
    if set(map(type, out)) - {int}:
        out = tuple([integer(f"{name}[{axis}]", n, 1 - LIMIT) for axis, n in enumerate(out)])
    if out and not 0 <= min(out) <= max(out) < LIMIT:
        raise wrong(name, repr(value), f"integers from 0 to {LIMIT - 1}")
    return out


@lru_cache(maxsize=256)
def sizes(names: str, /, **arguments: tuple[Sequence[int], str]) -> list[int]:
    """Return the sizes of that name; wherever a size stands, it must be the same."""
    found: dict[str, tuple[int, str]] = {}
    for argument, (shape, axes) in arguments.items():
        # a shape that was left out is (): it has no axes
        for axis, (size, name) in enumerate(zip(shape, axes.split(), strict=False)):
            if size >= LIMIT:
                raise wrong(argument, f"size {size} on axis {axis}", f"a size < {LIMIT}")
            if name == "*":
                continue
            if name.isdigit():
                expected, source = int(name), "in the definition"
            else:
                expected, source = found.setdefault(name, (size, f"on axis {axis} of {argument}"))
            if size != expected:
                where = f"size {size} on axis {axis} ({name}) of shape {shape}"
                raise wrong(argument, where, f"{expected} as {source}")
    return [found[name][0] for name in names.split()]


def check_axis(
    argument: str, axis: int, shape: Sequence[int], expected: int, words: str = ""
) -> None:
    """Check a size that is fixed by others; a shape that was left out is ()."""
    if shape and shape[axis] != expected:
        found = f"size {shape[axis]} on axis {axis} of shape {shape}"
        raise wrong(argument, found, f"{expected}{words}")


def require(holds: bool, expected: str, /, **found: object) -> None:
    """Check a hypothesis of the theorem."""
    if not holds:
        values = ", ".join(str(value) for value in found.values())
        raise wrong(", ".join(found), values, expected)


def applied(name: str, function: Callable[[Array], object], values: Array) -> Array:
    """Return a scalar function of an array, in the array's dtype."""
    if not callable(function):
        raise mistyped(name, type(function).__name__, "a function")
    out = np.asarray(function(values.copy()))
    if out.shape != values.shape:
        raise wrong(name, f"a result of shape {out.shape}", f"{values.shape}")
    return out.astype(values.dtype, copy=False)


def zeros(name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Return the output before anything is added to it."""
    size = dtype.itemsize
    for n in shape:
        size *= n
    if min(shape, default=0) < 0 or size > MOST_BYTES:
        raise wrong(name, shape, f"sizes >= 0 and at most {MOST_BYTES} bytes")
    return np.zeros(shape, dtype)
