"""Compares the kernels of this package with plain loops over the definition, on random arrays.

Sizes, parameters and entries are drawn. Where the layer is polynomial, entries are integers, and
results must be equal; elsewhere they must agree to rounding. Gradients are compared with central
differences of the forward pass as well.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Any

import numpy as np

CASES, DRAWS, ENTRIES, STEP = 8, 400, 40, 1e-4
"""Draws that are compared and tried, entries of a gradient, and the step of a difference."""

Values = Mapping[str, Any]


def faults(case: Any, numpy_kernels: ModuleType, plain: ModuleType, compiled: Any) -> list[str]:
    """Return what is wrong, a sentence for each function; nothing if all is right.

    Args:
        case: the sizes, parameters and arrays of the layer.
        numpy_kernels: its kernels in NumPy.
        plain: its kernels as plain loops.
        compiled: its compiled kernels, or None.

    """
    found: dict[str, None] = {}
    known = {word: scalar(getattr(numpy_kernels, at)) for word, at in case.KNOWN.items()}
    compared = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        for given in draws(case, numpy_kernels, 4, case.EXACT):
            compared += 1
            wanted = {f: called(getattr(plain, f), {**given, **known}) for f in case.FUNCTIONS}
            found |= differing(case, numpy_kernels, given, wanted, "NumPy", "plain loops")
            if compiled is not None:
                found |= differing(case, compiled, given, wanted, "compiled", "plain loops")
        for given in draws(case, numpy_kernels, 4, False):
            wanted = {f: slopes(case, numpy_kernels, f, given) for f in case.GRADIENTS}
            for kernels in (numpy_kernels, compiled):
                found |= steep(case, kernels, given, wanted) if kernels is not None else {}
        for given in draws(case, numpy_kernels, 9, case.EXACT) if compiled is not None else ():
            wanted = {f: called(getattr(numpy_kernels, f), given) for f in case.FUNCTIONS}
            found |= differing(case, compiled, given, wanted, "compiled", "NumPy")
    return [*found] if compared else ["no sizes were found for which the layer has values"]


def scalar(function: Callable[[Any], Any]) -> Callable[[float], float]:
    """Return a function of an array as one of a number."""
    return lambda t: float(function(np.array([t]))[0])


def called(function: Callable[..., Any], given: Values) -> Any:
    """Call a kernel with those values that it takes."""
    names = inspect.signature(function).parameters
    return function(**{name: given[name] for name in names if name in given})


def draws(case: Any, kernels: ModuleType, largest: int, whole: bool) -> Iterator[Values]:
    """Yield arguments for which the forward pass has values."""
    left = CASES
    for seed in range(DRAWS):
        given = drawn(case, np.random.default_rng(seed), largest, whole)
        if given is None:
            continue
        try:
            y = called(kernels.forward, given)
        except ValueError:  # a hypothesis of the theorem does not hold
            continue
        if y.size and np.isfinite(y).all():
            yield given
            left -= 1
        if not left:
            return


def drawn(case: Any, rng: np.random.Generator, largest: int, whole: bool) -> Values | None:
    """Draw sizes, parameters and arrays; None if a size would be negative."""
    numbers: dict[str, Any] = {}
    numbers |= {name: int(rng.integers(1 + largest // 2, largest + 1)) for name in case.SIZES}
    numbers |= {name: int(rng.integers(1, 3)) for name in case.INTEGERS}
    for name in case.REALS:
        numbers[name] = int(rng.integers(1, 4)) if whole else float(rng.uniform(0.5, 1.5))
    shapes = case.arrays(**numbers)
    if any(size < 0 for shape in shapes.values() for size in shape):
        return None
    found: dict[str, Any] = {**numbers, **case.extents(**numbers)}
    for name, shape in shapes.items():
        entries = rng.integers(-4, 5, shape) if whole else rng.uniform(0.25, 1.75, shape)
        found[name] = entries.astype(float)
    for name, (shape, size) in case.indices(**numbers).items():
        found[name] = rng.integers(0, size, shape)
    return found | dict.fromkeys(case.UNKNOWN, np.exp)  # which is its own derivative


def differing(
    case: Any, kernels: Any, given: Values, wanted: Mapping[str, Any], of: str, other: str
) -> dict[str, None]:
    """Return what is said of the functions whose results are not those that are wanted."""
    found: dict[str, None] = {}
    for name, expected in wanted.items():
        result = called(getattr(kernels, name), given)
        size = float(np.abs(expected).max(initial=1))  # sums may cancel: the arguments are near 1
        close = 0 if case.EXACT else 1e-10
        if result.shape != expected.shape or not np.allclose(
            result, expected, rtol=close, atol=close * size, equal_nan=True
        ):
            found[f"{name}: the {of} kernels differ from {other}"] = None
    return found


def slopes(case: Any, kernels: ModuleType, name: str, given: Values) -> dict[Any, float]:
    """Return entries of a gradient as central differences of the forward pass."""
    word = case.GRADIENTS[name]
    array, slope = given[word], given[case.UPSTREAM]
    places = [*np.ndindex(*array.shape)]
    out = {}
    for at in places[:: 1 + len(places) // ENTRIES]:
        sums = []
        for step in (STEP, -STEP):
            moved = array.copy()
            moved[at] += step
            sums.append(float((called(kernels.forward, {**given, word: moved}) * slope).sum()))
        out[at] = (sums[0] - sums[1]) / (2 * STEP)
    return out


def steep(
    case: Any, kernels: Any, given: Values, wanted: Mapping[str, Mapping[Any, float]]
) -> dict[str, None]:
    """Return what is said of the gradients that are not the differences of the forward pass."""
    found: dict[str, None] = {}
    for name, entries in wanted.items():
        result = called(getattr(kernels, name), given)
        scale = max([1.0, *map(abs, entries.values())])
        if any(not abs(result[at] - value) <= 1e-4 * scale for at, value in entries.items()):
            found[f"{name}: differs from differences of the forward pass"] = None
    return found
