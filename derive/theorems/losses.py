"""The gradients of the losses, with which backpropagation starts."""

from __future__ import annotations

from collections.abc import Callable

from rot180.derive.kernel.proof import Variables
from rot180.derive.language.losses import (
    OUTPUTS,
    SAMPLES,
    cross_entropy,
    n,
    o,
    row_sums,
    softmax,
    squared_error,
    weighted_cross_entropy,
)
from rot180.derive.language.operators import activation
from rot180.derive.language.terms import (
    Access,
    Apply,
    Derivative,
    Expression,
    Tensor,
    tensor,
    term,
)
from rot180.derive.theorems.registry import Claim, claim

PLACES: Variables = ((n, SAMPLES), (o, OUTPUTS))
Z, A, TARGET = (tensor(name, "N", "O") for name in ("z", "a", "t"))


def _slope(loss: Tensor, wrt: Access) -> Expression:
    return (term(Derivative((loss[()],), wrt)),)


def squared_error_gradient() -> Claim:
    """State dC/da = a - t for the squared error."""
    right = (term(A[n, o]), term(TARGET[n, o], coefficient=-1))
    left = _slope(squared_error(A, TARGET), A[n, o])
    return Claim(PLACES, left, right, (), "the output minus the target")


def squared_error_delta() -> Claim:
    """State delta = (sigma(z) - t) sigma'(z) for the squared error of an activation."""
    slope = Apply("sigma", 1, Z[n, o])
    right = (
        term(Apply("sigma", 0, Z[n, o]), slope),
        term(TARGET[n, o], slope, coefficient=-1),
    )
    left = _slope(squared_error(activation("sigma", 0, Z), TARGET), Z[n, o])
    return Claim(PLACES, left, right, (), "the output minus the target, times sigma'(z)")


def cross_entropy_delta() -> Claim:
    """State delta = softmax(z) - t for the cross-entropy of softmax(z)."""
    right = (term(softmax(Z).value[n, o]), term(TARGET[n, o], coefficient=-1))
    left = _slope(cross_entropy(Z, TARGET), Z[n, o])
    return Claim(PLACES, left, right, (), "softmax(z) minus the target")


def weighted_cross_entropy_delta() -> Claim:
    """State delta[n,o] = T[n] softmax(z)[n,o] - t[n,o] where row n of t sums to T[n]."""
    right = (
        term(row_sums(TARGET)[n], softmax(Z).value[n, o]),
        term(TARGET[n, o], coefficient=-1),
    )
    left = _slope(weighted_cross_entropy(Z, TARGET), Z[n, o])
    words = "softmax(z) times the row sum of the target, minus the target"
    return Claim(PLACES, left, right, (), words)


def cross_entropy_shift() -> Claim:
    """State dC/dm[n] = 1 - s[n] / s[n]: the cross-entropy does not depend on the shift."""
    p = softmax(Z)
    right = (term(), term(p.totals[n], Apply("reciprocal", 0, p.totals[n]), coefficient=-1))
    left = _slope(cross_entropy(Z, TARGET), p.shift[n])
    words = "one minus the row sum divided by itself, which is zero"
    return Claim(((n, SAMPLES),), left, right, (), words)


_CLAIMS: dict[str, Callable[[], Claim]] = {
    "squared_error": squared_error_gradient,
    "squared_error_delta": squared_error_delta,
    "softmax_cross_entropy": cross_entropy_delta,
    "softmax_cross_entropy_weighted": weighted_cross_entropy_delta,
    "softmax_cross_entropy_shift": cross_entropy_shift,
}
for _name, _state in _CLAIMS.items():
    claim(_name, _state)
