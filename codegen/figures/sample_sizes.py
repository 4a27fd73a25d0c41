"""Small sizes at which a layer shows what it does, and sizes that follow from others."""

from __future__ import annotations

from collections.abc import Mapping

from sympy import Symbol

from rot180.codegen.figures.expand import Env, integer
from rot180.codegen.figures.windows import Axis, Moving
from rot180.derive.language.polynomial import coefficient, symbols_of

MOST = 64
"""How many windows of an axis are looked for."""

TAPS = 3
"""How many entries of a kernel an axis has in a picture."""

SHIFTS = range(-6, 7)
"""Which values of a padding are tried, so that a window begins where it should."""


def first(axis: Axis, env: Env, step: int) -> tuple[int, int]:
    """Return the lowest and the highest place that the window of a step covers."""
    at = [integer(axis.shift, env) + step * integer(axis.stride, env)] * 2
    for v, size in axis.taps:
        ends = (0, integer(coefficient(axis.place, v), env) * (integer(size, env) - 1))
        at = [at[0] + min(ends), at[1] + max(ends)]
    return at[0], at[1]


def overhang(moved: Moving, axis: Axis, env: Env) -> int:
    """Return how far the last window may leave the grid: as far as the first, if that is chosen."""
    if not symbols_of(axis.shift) & set(moved.layer.parameters):
        return 0
    low, high = first(axis, env, 0)
    back = integer(axis.stride, env) < 0
    return max(0, high + 1 - integer(axis.places, env) if back else -low)


def places(moved: Moving, axis: Axis, env: Env) -> int:
    """Return how many places the windows of an axis need."""
    last = max((first(axis, env, n)[1] for n in range(integer(axis.steps, env))), default=-1)
    return max(0, last + 1 - overhang(moved, axis, env))


def steps(moved: Moving, axis: Axis, env: Env) -> int:
    """Return how many windows fit into the places of an axis, `MOST` at most."""
    over, back = overhang(moved, axis, env), integer(axis.stride, env) < 0
    limit = integer(axis.places, env) - 1 + over
    found = 0
    while found < MOST:
        low, high = first(axis, env, found)
        if (back and low < -over) or (not back and high > limit):
            break
        found += 1
    return found


def illustration(
    moved: Moving, choice: Mapping[str, int] | None = None, stride: int = 1, beyond: int = 0
) -> dict[str, int]:
    """Choose sizes and parameters that show what a layer does.

    Args:
        moved: the layer.
        choice: what is not left to us, by name.
        stride: the parameters that say how far a step goes.
        beyond: by how many places the first window overhangs, where a parameter says so.

    Returns:
        a value for each size and parameter, and for each tap index the size it runs to.

    Raises:
        ValueError: `choice` has a name that the layer has not.

    """
    known, chosen = names(moved), choice or {}
    for name in chosen:
        if name not in known:
            raise ValueError(f"sizes: found {name!r}, expected one of {', '.join(known)}")
    env = dict.fromkeys(known, 1)
    for axis in moved.axes:
        env |= {n.name: TAPS for _, n in axis.taps if isinstance(n, Symbol)}
    if not moved.axes:
        window = moved.forward
        env |= {n.name: TAPS for n in window.shape if isinstance(n, Symbol)}
        sizes = [window.size(v) for v in window.taps]
        env |= {n.name: TAPS + 1 for n in sizes if isinstance(n, Symbol)}
    env |= {v.name: stride for v in moved.parameters("step")}
    env |= chosen
    for axis in moved.axes:
        loose = [v for v in moved.layer.parameters if v in symbols_of(axis.shift)]
        loose = [v for v in loose if v.name not in chosen]
        if len(loose) == 1:
            env[loose[0].name] = _shift(axis, env, loose[0].name, -beyond)
        env |= _sizes(moved, axis, env, chosen)
    return env


def _shift(axis: Axis, env: Env, name: str, begin: int) -> int:
    """Return the padding with which the first window begins at a place."""
    return min(SHIFTS, key=lambda n: (abs(first(axis, {**env, name: n}, 0)[0] - begin), abs(n)))


def _sizes(
    moved: Moving, axis: Axis, env: Env, choice: Mapping[str, int]
) -> dict[str, int]:
    """Choose how many windows an axis has and how many places."""
    step, place, at = axis.steps, axis.places, dict(env)
    one = len(moved.axes) == 1
    circular = place == step or bool(symbols_of(place) & symbols_of(axis.place))
    derived = isinstance(place, Symbol) and place.name not in choice and not circular
    if isinstance(place, Symbol) and place.name not in choice:
        at[place.name] = 2 * TAPS + 1
    if isinstance(step, Symbol) and step.name not in choice and step != place:
        far = integer(axis.stride, env) > 1
        whole = (4 if far else 5) if one else (2 if far else 3)
        at[step.name] = _partial(moved, axis, env) + whole if derived else steps(moved, axis, at)
    if derived:
        at[str(place)] = places(moved, axis, at)
    return at


def _partial(moved: Moving, axis: Axis, env: Env) -> int:
    """Return how many windows at the beginning overhang further than was chosen."""
    begin, found = -overhang(moved, axis, env), 0
    while found < MOST and first(axis, env, found)[0] < begin:
        found += 1
    return found


def names(moved: Moving) -> list[str]:
    """Return the sizes and parameters of a layer, parameters first."""
    found = dict.fromkeys(v.name for v in moved.layer.parameters)
    for t in (*moved.layer.tensors, moved.layer.output):
        for n in t.shape:
            if n is not None:
                found |= dict.fromkeys(sorted(v.name for v in symbols_of(n)))
    return list(found)

