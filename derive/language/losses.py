"""Losses as scalar functions of defined tensors.

Softmax and the cross-entropy have a shift m[n], constant in the derivative: the largest entry of
the row, so that exp does not overflow. Neither values nor gradients depend on it.
"""

from __future__ import annotations

from dataclasses import dataclass

from rot180.derive.language.operators import activation, identifier, size
from rot180.derive.language.polynomial import symbol
from rot180.derive.language.spelling import Recognised, application, recognises
from rot180.derive.language.substitute import fresh
from rot180.derive.language.terms import (
    Access,
    Apply,
    Expression,
    Range,
    Tensor,
    Term,
    define,
    term,
)

SAMPLES, OUTPUTS = symbol("N"), symbol("O")
n, o = symbol("n"), symbol("o")
ROW = Range(n, SAMPLES)
ENTRY = Range(n, SAMPLES), Range(o, OUTPUTS)


def squared_error(a: Tensor, target: Tensor) -> Tensor:
    """Return ``C := sum_{n,o} (a[n,o] - t[n,o])^2 / 2``.

    Args:
        a: the output of the network, with box (N, O).
        target: the desired output, with box (N, O).

    """
    difference = (term(a[n, o]), term(target[n, o], coefficient=-1))
    r = define("r", (SAMPLES, OUTPUTS), (n, o), difference)
    body = (term(*ENTRY, Apply("half_square", 0, r[n, o]), over=(n, o)),)
    return define("C", (), (), body)


@dataclass(frozen=True)
class Softmax:
    """The softmax of each row of z, and the tensors in its definition.

    Attributes:
        z: the inputs, with box (N, O).
        shift: m, with box (N,); constant in the derivative.
        shares: ``e[n,o] := exp(z[n,o] - m[n])``.
        totals: ``s[n] := sum_o e[n,o]``.
        value: ``softmax(z)[n,o] := e[n,o] / s[n]``.

    """

    z: Tensor
    shift: Tensor
    exponentials: Tensor
    totals: Tensor
    value: Tensor


def softmax(z: Tensor, shift: Tensor | None = None) -> Softmax:
    """Return the softmax of each row of a tensor.

    Args:
        z: the inputs, with a box of two axes.
        shift: subtracted from each row; has the box of the first axis; by default a tensor m.

    """
    rows, columns = size(z, 0), size(z, 1)
    m = shift or Tensor("m", (rows,))
    taken = z.parameters | m.parameters
    n, o = fresh("n", taken), fresh("o", taken)
    u = define("u", z.shape, (n, o), (term(z[n, o]), term(m[n], coefficient=-1)))
    e = activation("exp", 0, u)
    s = define("s", (rows,), (n,), (term(e[n, o], over=(o,)),))
    value = (term(e[n, o], Apply("reciprocal", 0, s[n])),)
    return Softmax(z, m, e, s, define(identifier("softmax", z), (rows, columns), (n, o), value))


@recognises("softmax")
def _(t: Tensor) -> Recognised | None:
    (exponentials,) = _first(t)[:1] or (None,)
    exponent = application(exponentials) if exponentials else None
    if exponent is None or exponent.operator != "exp":
        return None
    (u,) = exponent.arguments
    found = _first(u) if isinstance(u, Tensor) else ()
    if len(found) != 2 or [len(f.shape) for f in found] != [2, 1] or None in found[0].shape:
        return None
    z, m = found
    return softmax(z, m).value, (z,)


def _first(t: Tensor) -> tuple[Tensor, ...]:
    """Return the tensor of the first factor of each term of a definition."""
    heads = (u.factors[0] for u in (t.definition.body if t.definition else ()) if u.factors)
    return tuple(f.tensor for f in heads if isinstance(f, Access))


def cross_entropy(z: Tensor, target: Tensor) -> Tensor:
    """Return ``C := sum_n (log s[n] + m[n]) - sum_{n,o} t[n,o] z[n,o]``.

    It equals ``- sum t log softmax(z)`` if each row of the target sums to 1.

    Args:
        z: the inputs of the softmax, with box (N, O).
        target: the target probabilities, with box (N, O).

    """
    p = softmax(z)
    rows: Expression = (
        term(ROW, Apply("log", 0, p.totals[n]), over=(n,)),
        term(p.shift[n], over=(n,)),
    )
    return define("C", (), (), (*rows, _agreement(z, target)))


def weighted_cross_entropy(z: Tensor, target: Tensor) -> Tensor:
    """Return ``C := sum_n T[n] (log s[n] + m[n]) - sum_{n,o} t[n,o] z[n,o]``, T[n] = sum_o t[n,o].

    It equals ``- sum t log softmax(z)`` for any row sums of the target.

    Args:
        z: the inputs of the softmax, with box (N, O).
        target: the weights, with box (N, O).

    """
    p, weight = softmax(z), row_sums(target)
    rows: Expression = (
        term(weight[n], Apply("log", 0, p.totals[n]), over=(n,)),
        term(weight[n], p.shift[n], over=(n,)),
    )
    return define("C", (), (), (*rows, _agreement(z, target)))


def row_sums(target: Tensor) -> Tensor:
    """Return ``T[n] := sum_o t[n,o]``."""
    return define("T", (SAMPLES,), (n,), (term(target[n, o], over=(o,)),))


def _agreement(z: Tensor, target: Tensor) -> Term:
    return term(target[n, o], z[n, o], over=(n, o), coefficient=-1)
