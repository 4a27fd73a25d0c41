"""The dot test: whether one function is the adjoint of another, by exact integers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from rot180.codegen.audit.products import Array, small_integers
from rot180.codegen.audit.targets import as_array

ROUNDS = 4
"""How many dot products are compared."""

PROBES = 400
"""The most calls that look for the entries at which two functions differ."""

Function = Callable[[Array], Any]


def assert_adjoint(
    forward: Function, backward: Function, input_shape: Sequence[int], *, seed: int = 0
) -> None:
    """Check that a backward pass is the adjoint of a linear forward pass: <F x, g> = <x, B g>.

    The numbers are integers, so both sides are exact and equal or not. Small functions are also
    compared entry by entry, which leaves nothing out.

    Args:
        forward: a linear function of an array, with integer weights.
        backward: takes the gradient by the output, and returns that by the input.
        input_shape: the shape of the input.
        seed: draws other numbers.

    Raises:
        AssertionError: it is not; the message has the entries at fault.
        ValueError: `forward` is not linear, or its results are no integers.

    >>> assert_adjoint(lambda x: x[::2] + x[1::2], lambda g: g.repeat(2), (6,))

    """
    rng, shape = np.random.default_rng(seed), tuple(input_shape)
    output_shape = _expect_linear(forward, rng, shape)
    small = math.prod(shape) + math.prod(output_shape) <= PROBES
    if small:
        _compare_entries(forward, backward, shape, output_shape)
        return
    for _ in range(ROUNDS):
        x, g = _drawn(rng, shape), _drawn(rng, output_shape)
        left = _dot(_called("forward", forward, x, output_shape), g)
        right = _dot(x, _called("backward", backward, g, shape))
        if left != right:
            raise AssertionError(
                f"backward: found <x, backward(g)> = {right}, expected <forward(x), g> = {left}; "
                "a smaller input_shape shows the entries at fault"
            )


def _expect_linear(
    forward: Function, rng: np.random.Generator, shape: tuple[int, ...]
) -> tuple[int, ...]:
    """Return the shape of the output of a linear function."""
    a, b = _drawn(rng, shape), _drawn(rng, shape)
    first = _called("forward", forward, a, None)
    second, both = (_called("forward", forward, x, first.shape) for x in (b, a + b))
    if not np.array_equal(first + second, both):
        raise ValueError(
            "forward: found forward(a + b) to differ from forward(a) + forward(b), expected a "
            "linear function: leave out its bias and its activation"
        )
    return first.shape


def _compare_entries(
    forward: Function,
    backward: Function,
    shape: tuple[int, ...],
    output_shape: tuple[int, ...],
) -> None:
    """Compare how often each entry of the input is in each of the output, both ways."""
    there = [_called("forward", forward, x, output_shape).reshape(-1) for x in _units(shape)]
    back = [_called("backward", backward, g, shape).reshape(-1) for g in _units(output_shape)]
    for n, i in enumerate(np.ndindex(*shape)):
        for m, j in enumerate(np.ndindex(*output_shape)):
            a, b = float(there[n][m]), float(back[m][n])
            if a != b:
                x, g = (f"[{','.join(map(str, at))}]" for at in (i, j))
                raise AssertionError(
                    f"backward: found {b:g} times grad_output{g} in the gradient by input{x}, "
                    f"expected {a:g} times, as forward adds input{x} to output{g}"
                )


def _units(shape: tuple[int, ...]) -> list[Array]:
    """Return the arrays with a single 1."""
    size = math.prod(shape)
    return [row.reshape(shape) for row in np.eye(size)]


def _called(name: str, function: Function, a: Array, shape: tuple[int, ...] | None) -> Array:
    out = as_array(function(a.copy()))
    if shape is not None and out.shape != shape:
        said = f"{name}: found a result of the shape {out.shape}, expected {shape}"
        raise AssertionError(said)
    if not np.array_equal(out, np.round(out)):
        at = out[out != np.round(out)].flat[0]
        raise ValueError(
            f"{name}: found {at:g} in the result, expected integers, for which the dot test is "
            "exact: give the function integer weights"
        )
    return out


def _drawn(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    out: Array = small_integers(rng, shape, 9).astype(np.float64)
    return out


def _dot(a: Array, b: Array) -> int:
    pairs = zip(a.reshape(-1), b.reshape(-1), strict=True)
    return sum(int(x) * int(y) for x, y in pairs)
