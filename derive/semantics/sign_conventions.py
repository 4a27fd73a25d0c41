"""Convolution or correlation, rotated or not: each combination is proved or refuted.

The forward pass is the correlation ``sum_k x[p+k] w[k]`` or the convolution ``sum_k x[p-k] w[k]``.
Its input gradient may be a correlation or a convolution of the output gradient, with w or with
rot180(w). Two of these four combinations are right, because a convolution with w is a correlation
with rot180(w).
"""

from __future__ import annotations

from dataclasses import dataclass

from rot180.derive.language.operators import rot180, size
from rot180.derive.language.polynomial import symbol
from rot180.derive.language.spelling import unfold_operators
from rot180.derive.language.terms import Equal, Expression
from rot180.derive.semantics.claims import Verdict, judge_equation
from rot180.derive.semantics.search_space import BOUND
from rot180.derive.theorems.convolutions import Convolution

WORDS = ("correlation", "convolution")


@dataclass(frozen=True)
class SignConvention:
    """A statement about an input gradient, and the outcome of judging it.

    Attributes:
        forward: the operation of the forward pass, "correlation" or "convolution".
        backward: the operation on the output gradient, "correlation" or "convolution".
        rotated: whether the filter of `backward` is rot180(w), not w.
        right: the claimed input gradient, written as a sum.
        verdict: the proof, or the smallest counterexample.

    """

    forward: str
    backward: str
    rotated: bool
    right: Expression
    verdict: Verdict

    @property
    def words(self) -> str:
        """Return the statement in words."""
        window = "rot180(w)" if self.rotated else "w"
        return (
            f"the input gradient of a {self.forward} is the {self.backward} "
            f"of the output gradient with {window}"
        )


def sign_convention(
    forward: str, backward: str, rotated: bool, axes: int = 1, bound: int = BOUND
) -> SignConvention:
    """Prove or refute one combination.

    Args:
        forward: "correlation" or "convolution".
        backward: "correlation" or "convolution".
        rotated: whether the filter is rotated.
        axes: the number of spatial axes, 1 to 3.
        bound: how far to search for a counterexample.

    Raises:
        ValueError: `forward` or `backward` is another word, or `axes` is not 1, 2 or 3.

    """
    for name, word in (("forward", forward), ("backward", backward)):
        if word not in WORDS:
            raise ValueError(f"{name}: found {word!r}, expected {' or '.join(WORDS)}")
    if axes not in (1, 2, 3):
        raise ValueError(f"axes: found {axes}, expected 1, 2 or 3")
    conv = Convolution(axes, true=forward == "convolution")
    variables, lhs = conv.goal("x")
    rhs = _sliding(conv, backward, rotated)
    verdict = judge_equation(variables, lhs, rhs, (), bound)
    if verdict.counterexample is not None:  # one at which every output has a window
        verdict = judge_equation(variables, lhs, rhs, _fitting(conv), bound)
    return SignConvention(forward, backward, rotated, unfold_operators(rhs), verdict)


def sign_conventions(axes: int = 1, bound: int = BOUND) -> tuple[SignConvention, ...]:
    """Prove or refute all eight combinations; see `sign_convention`."""
    return tuple(
        sign_convention(forward, backward, rotated, axes, bound)
        for forward in WORDS
        for backward in WORDS
        for rotated in (True, False)
    )


def _fitting(conv: Convolution) -> tuple[Equal, ...]:
    """Return the sizes at which a correlation is valid, and at which a convolution is full."""
    x, w, g = conv.operands()
    return tuple(
        Equal(size(g, a) - size(x, a) + conv.sign * (size(w, a) - 1)) for a in range(conv.axes)
    )


def _sliding(conv: Convolution, word: str, rotated: bool) -> Expression:
    """Return the sliding product of the output gradients whose windows contain an input."""
    variables, _ = conv.goal("x")
    _, w, g = conv.operands()
    window = rot180(w, range(conv.axes)) if rotated else w
    taps = [symbol("j" + str(a or "")) for a in range(conv.axes)]
    sign = 1 if word == "correlation" else -1
    # the gradient of a correlation reads g[h-K+1 .. h], that of a convolution g[h .. h+K-1]
    index = [
        h + sign * j - (size(w, a) - 1) * ((sign + conv.sign) // 2)
        for a, ((h, _), j) in enumerate(zip(variables, taps, strict=True))
    ]
    return conv.sliding_product(g[tuple(index)], window[tuple(taps)], variables, word)
