"""Small sizes at which a picture shows what a layer does, and sizes that follow from others."""

from __future__ import annotations

from collections.abc import Mapping

from sympy import Symbol

from rot180.codegen.figures.expand import Env, integer
from rot180.codegen.figures.windows import WindowAxis, WindowedLayer
from rot180.derive.language.polynomial import coefficient, symbols_of

MOST = 64
"""The largest number of windows along an axis."""

TAPS = 3
"""The size of a kernel along an axis of a picture."""

SHIFTS = range(-6, 7)
"""The values of a padding that are tried."""


def span(axis: WindowAxis, env: Env, step: int) -> tuple[int, int]:
    """Return the lowest and the highest place that the window covers at a step."""
    at = [integer(axis.shift, env) + step * integer(axis.stride, env)] * 2
    for v, size in axis.taps:
        ends = (0, integer(coefficient(axis.place, v), env) * (integer(size, env) - 1))
        at = [at[0] + min(ends), at[1] + max(ends)]
    return at[0], at[1]


def overhang(windowed: WindowedLayer, axis: WindowAxis, env: Env) -> int:
    """Return how far the last window may overhang: as far as the first, if there is a padding."""
    if not symbols_of(axis.shift) & set(windowed.layer.parameters):
        return 0
    low, high = span(axis, env, 0)
    back = integer(axis.stride, env) < 0
    return max(0, high + 1 - integer(axis.places, env) if back else -low)


def places(windowed: WindowedLayer, axis: WindowAxis, env: Env) -> int:
    """Return the number of places that the windows of an axis need."""
    last = max((span(axis, env, n)[1] for n in range(integer(axis.steps, env))), default=-1)
    return max(0, last + 1 - overhang(windowed, axis, env))


def steps(windowed: WindowedLayer, axis: WindowAxis, env: Env) -> int:
    """Return the number of windows that fit into the places of an axis, `MOST` at most."""
    over, back = overhang(windowed, axis, env), integer(axis.stride, env) < 0
    limit = integer(axis.places, env) - 1 + over
    found = 0
    while found < MOST:
        low, high = span(axis, env, found)
        if (back and low < -over) or (not back and high > limit):
            break
        found += 1
    return found


def sample_sizes(
    windowed: WindowedLayer,
    choice: Mapping[str, int] | None = None,
    stride: int = 1,
    beyond: int = 0,
) -> dict[str, int]:
    """Choose sizes and parameters that show what a layer does.

    Args:
        windowed: the layer.
        choice: the values that are given, by name.
        stride: the value of the parameters in the stride.
        beyond: by how many places the first window overhangs, where there is a padding.

    Returns:
        a value for each size and parameter.

    Raises:
        ValueError: `choice` has a name that the layer does not have.

    """
    known, chosen = size_names(windowed), choice or {}
    for name in chosen:
        if name not in known:
            raise ValueError(f"sizes: found {name!r}, expected one of {', '.join(known)}")
    env = dict.fromkeys(known, 1)
    for axis in windowed.axes:
        env |= {n.name: TAPS for _, n in axis.taps if isinstance(n, Symbol)}
    if not windowed.axes:
        window = windowed.forward
        env |= {n.name: TAPS for n in window.shape if isinstance(n, Symbol)}
        sizes = [window.size(v) for v in window.taps]
        env |= {n.name: TAPS + 1 for n in sizes if isinstance(n, Symbol)}
    env |= {v.name: stride for v in windowed.parameters("step")}
    env |= chosen
    for axis in windowed.axes:
        padding = [v for v in windowed.layer.parameters if v in symbols_of(axis.shift)]
        padding = [v for v in padding if v.name not in chosen]
        if len(padding) == 1:
            env[padding[0].name] = _shift(axis, env, padding[0].name, -beyond)
        env |= _sizes(windowed, axis, env, chosen)
    return env


def _shift(axis: WindowAxis, env: Env, name: str, begin: int) -> int:
    """Return the padding with which the first window begins nearest to a place."""
    return min(SHIFTS, key=lambda n: (abs(span(axis, {**env, name: n}, 0)[0] - begin), abs(n)))


def _sizes(
    windowed: WindowedLayer, axis: WindowAxis, env: Env, choice: Mapping[str, int]
) -> dict[str, int]:
    """Choose the number of windows and the number of places of an axis."""
    step, place, at = axis.steps, axis.places, dict(env)
    one = len(windowed.axes) == 1
    circular = place == step or bool(symbols_of(place) & symbols_of(axis.place))
    derived = isinstance(place, Symbol) and place.name not in choice and not circular
    if isinstance(place, Symbol) and place.name not in choice:
        at[place.name] = 2 * TAPS + 1
    if isinstance(step, Symbol) and step.name not in choice and step != place:
        far = integer(axis.stride, env) > 1
        whole = (4 if far else 5) if one else (2 if far else 3)
        free = steps(windowed, axis, at)
        at[step.name] = _partial(windowed, axis, env) + whole if derived else free
    if derived:
        at[str(place)] = places(windowed, axis, at)
    return at


def _partial(windowed: WindowedLayer, axis: WindowAxis, env: Env) -> int:
    """Return the number of windows at the beginning that overhang further than was chosen."""
    begin, found = -overhang(windowed, axis, env), 0
    while found < MOST and span(axis, env, found)[0] < begin:
        found += 1
    return found


def size_names(windowed: WindowedLayer) -> list[str]:
    """Return the sizes and parameters of a layer, parameters first."""
    found = dict.fromkeys(v.name for v in windowed.layer.parameters)
    for t in (*windowed.layer.tensors, windowed.layer.output):
        for n in t.shape:
            if n is not None:
                found |= dict.fromkeys(sorted(v.name for v in symbols_of(n)))
    return list(found)

