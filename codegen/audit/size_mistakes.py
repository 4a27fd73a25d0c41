"""Mistakes in the size of a result: the theorem about sizes, with a parameter or remainder changed.

On an axis H + lo + hi = s*(P-1) + d*(K-1) + 1 + rho. Solved for the size of the result, this gives
what a kernel computes that knows the other sizes alone: right, unless it forgets something.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from rot180.codegen.audit.questions import Env, Question
from rot180.derive.language.layers import axis_letters

Axis = dict[str, int]
"""The sizes and parameters of an axis: H, K, P, s, d, lo, hi and rho."""

CHANGES: Mapping[str, Callable[[Axis], Axis]] = {
    "dilation ignored": lambda a: {**a, "d": 1},
    "stride ignored": lambda a: {**a, "s": 1},
    "stride and dilation swapped": lambda a: {**a, "s": a["d"], "d": a["s"]},
    "padding ignored": lambda a: {**a, "lo": 0, "hi": 0},
    "low padding only": lambda a: {**a, "hi": 0},
    "padding not mirrored: d*(K - 1) - lo and lo confused": lambda a: {
        **a,
        "lo": a["d"] * (a["K"] - 1) - a["lo"],
        "hi": a["d"] * (a["K"] - 1) - a["hi"],
    },
}
"""What may be forgotten of the parameters."""


@dataclass(frozen=True)
class SizeMistake:
    """A wrong size.

    Attributes:
        name: what it is called; "" if a mistake in the values says it.
        size: the size of the result on an axis.

    """

    name: str
    size: Callable[[Axis], int]

    def sizes(self, axes: list[Axis], letter: str) -> Iterator[tuple[int, ...]]:
        """Yield the sizes of the result that it gives: as they are, and cut to the right ones."""
        found = [max(0, self.size(a)) for a in axes]
        yield tuple(found)
        yield tuple(min(n, a[letter]) for n, a in zip(found, axes, strict=True))


def axes_of(question: Question, env: Env) -> tuple[list[Axis], str]:
    """Return the axes on which a window slides, and the letter of the size of the result there."""
    window = question.entry.window if question.entry else None
    if window is None or question.result.name == "bias":
        return [], ""
    boxes = {t.name: t.shape for t in (*question.layer.tensors, question.layer.output)}
    many, few = ("x", "y") if window.output == "P" else ("y", "x")
    out = []
    for n, one in enumerate(axis_letters(window.rank)):
        axis = {"s": env[one.stride], "d": env[one.dilation], "lo": env[one.low]}
        axis |= {"hi": env[f"hi_{one.low}"], "H": env[str(boxes[many][3 + n])]}
        axis |= {"P": env[str(boxes[few][3 + n])], "K": env[str(boxes["w"][3 + n])]}
        out.append({**axis, "rho": _remainder(axis)})
    return out, {many: "H", few: "P", "w": "K"}[question.result.name]


def size_mistakes(letter: str) -> Iterator[SizeMistake]:
    """Yield the known mistakes in the size with that letter, frequent ones first."""

    def changed(name: str, change: Callable[[Axis], Axis]) -> SizeMistake:
        return SizeMistake(name, lambda a: _solved(change(a), letter))

    word = "too small" if letter == "H" else "too large"
    yield changed(f"remainder ignored: the shape is {word}", lambda a: {**a, "rho": 0})
    most = "remainder taken for stride - 1: zeros follow the last entry of the gradient too"
    yield changed(most, lambda a: {**a, "rho": a["s"] - 1})
    yield changed("remainder taken for 1 at most", lambda a: {**a, "rho": min(a["rho"], 1)})
    for name, change in CHANGES.items():
        yield changed(f"{name} in the shape", change)
        both = f"{name} and remainder ignored in the shape"
        yield changed(both, partial(_without_remainder, change))
        rest = f"{name} in the remainder, so in the output padding"
        yield changed(rest, partial(_other_remainder, change))


def _without_remainder(change: Callable[[Axis], Axis], a: Axis) -> Axis:
    return {**change(a), "rho": 0}


def _other_remainder(change: Callable[[Axis], Axis], a: Axis) -> Axis:
    return {**a, "rho": _remainder(change(a))}


def _remainder(a: Axis) -> int:
    """Return how many positions at the high end no window reaches."""
    return a["H"] + a["lo"] + a["hi"] - a["s"] * (a["P"] - 1) - a["d"] * (a["K"] - 1) - 1


def _solved(a: Axis, letter: str) -> int:
    """Return a size from the other sizes, rounded down."""
    if letter == "H":
        return a["s"] * (a["P"] - 1) + a["d"] * (a["K"] - 1) + 1 - a["lo"] - a["hi"] + a["rho"]
    step, other = (
        (a["s"], a["d"] * (a["K"] - 1)) if letter == "P" else (a["d"], a["s"] * (a["P"] - 1))
    )
    return (a["H"] + a["lo"] + a["hi"] - other - 1 - a["rho"]) // step + 1
