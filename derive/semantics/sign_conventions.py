"""Convolution or correlation, rotated or not: each combination is proved or refuted.

With correlation ``sum_k x[p+k] w[k]`` and convolution ``sum_k x[p-k] w[k]``, the input gradient of
either is a full sweep of the output gradient; of the four sweeps that read the same entries of it
(either word, with w or with rot180(w)) two are right, because a convolution with w is a correlation
with rot180(w).
"""

from __future__ import annotations

from dataclasses import dataclass

from rot180.derive.language.operators import rot180, size
from rot180.derive.language.polynomial import symbol
from rot180.derive.language.spelling import reading
from rot180.derive.language.terms import Expression
from rot180.derive.semantics.claims import Verdict, judge_equation
from rot180.derive.semantics.search_space import BOUND
from rot180.derive.theorems.convolutions import Sweep

WORDS = ("correlation", "convolution")


@dataclass(frozen=True)
class Settled:
    """A statement about an input gradient, and what became of it.

    Attributes:
        forward: the word for the forward pass.
        backward: the word for the sweep of the output gradient.
        rotated: whether the sweep is with rot180(w), or with w as it is.
        sweep: the sweep, its sum unfolded.
        verdict: the proof, or the smallest counterexample.

    """

    forward: str
    backward: str
    rotated: bool
    sweep: Expression
    verdict: Verdict

    @property
    def words(self) -> str:
        """Return the statement in words."""
        window = "rot180(w)" if self.rotated else "w"
        return (
            f"the input gradient of a {self.forward} is the full {self.backward} "
            f"of the output gradient with {window}"
        )


def settle(
    forward: str, backward: str, rotated: bool, axes: int = 1, bound: int = BOUND
) -> Settled:
    """Judge one combination.

    Args:
        forward: "correlation" or "convolution".
        backward: "correlation" or "convolution".
        rotated: whether the sweep is with rot180(w).
        axes: the number of spatial axes, 1 to 3.
        bound: how far to search for a counterexample.

    Raises:
        ValueError: a word is neither of the two, or there are not 1 to 3 axes.

    """
    for name, word in (("forward", forward), ("backward", backward)):
        if word not in WORDS:
            raise ValueError(f"{name}: found {word!r}, expected {' or '.join(WORDS)}")
    if axes not in (1, 2, 3):
        raise ValueError(f"axes: found {axes}, expected 1, 2 or 3")
    sweep = Sweep(axes, true=forward == "convolution")
    variables, lhs = sweep.goal("x")
    rhs = _full(sweep, backward, rotated)
    verdict = judge_equation(variables, lhs, rhs, (), bound)
    return Settled(forward, backward, rotated, reading(rhs), verdict)


def settled(axes: int = 1, bound: int = BOUND) -> tuple[Settled, ...]:
    """Judge all eight combinations; see `settle`."""
    return tuple(
        settle(forward, backward, rotated, axes, bound)
        for forward in WORDS
        for backward in WORDS
        for rotated in (True, False)
    )


def _full(sweep: Sweep, word: str, rotated: bool) -> Expression:
    """Return the full sweep that reads the output gradient where the windows touch an input."""
    variables, _ = sweep.goal("x")
    _, w, g = sweep.operands()
    window = rot180(w, range(sweep.axes)) if rotated else w
    taps = [symbol("j" + str(a or "")) for a in range(sweep.axes)]
    sign = 1 if word == "correlation" else -1
    # a correlation reads g[h-K+1 .. h], a convolution g[h .. h+K-1]; each sweep in its own order
    index = [
        h + sign * j - (size(w, a) - 1) * ((sign + sweep.sign) // 2)
        for a, ((h, _), j) in enumerate(zip(variables, taps, strict=True))
    ]
    return sweep.swept(g[tuple(index)], window[tuple(taps)], variables, word)
