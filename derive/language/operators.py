"""Named operators; all that is known about them are the definitions here.

A definition has no box where its support is implied, so most bracket steps are syntactic. A tensor
does not store the operator that made it, only a name and a definition; `spelling` recognises the
operator from the definition.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from sympy import Expr, Symbol

from rot180.derive.language.polynomial import (
    coefficient,
    monomials,
    symbols_of,
    text,
)
from rot180.derive.language.substitute import fresh
from rot180.derive.language.terms import Access, Apply, Equal, Expression, Tensor, define, term

_SIGNS = {"+": "plus", "-": "minus", "*": "times", "^": "to", "/": "over"}


def identifier(word: str, *parts: Tensor | Expr) -> str:
    """Return the name of the tensor that an operator returns: ``pad_x_lo_hi_minus_rho``.

    Args:
        word: the operator.
        parts: its arguments.

    """
    said = (p.name if isinstance(p, Tensor) else text(p) for p in parts)
    signs = (re.sub(r"[-+*^/]", lambda m: f" {_SIGNS[m[0]]} ", s) for s in said)
    return "_".join([word, *("_".join(s.split()) for s in signs)])


def _formals(t: Tensor, *taken: Symbol) -> tuple[Symbol, ...]:
    """Return an index variable for each axis: i0, i1, ..."""
    out: list[Symbol] = []
    for n in range(len(t.shape)):
        out.append(fresh(f"i{n}", {*t.parameters, *taken, *out}))
    return tuple(out)


def size(t: Tensor, axis: int) -> Expr:
    """Return the size of an axis.

    Raises:
        ValueError: the axis has no box.

    """
    n = t.shape[axis]
    if n is None:
        raise ValueError(f"{t.name} has no box on axis {axis}")
    return n


def activation(function: str, order: int, z: Tensor) -> Tensor:
    """Return the tensor ``sigma(z)[i] := [i in the box of z] * sigma(z[i])``."""
    formals: list[Symbol] = []
    for _ in z.shape:
        formals.append(fresh("i", z.parameters | set(formals)))
    body = (term(Apply(function, order, z[tuple(formals)])),)
    return define(identifier(function + "_prime" * order, z), z.shape, tuple(formals), body)


def rot180(t: Tensor, axes: Sequence[int]) -> Tensor:
    """``rot180(w)[j] := w[K - 1 - j]`` along some axes.

    Args:
        t: a tensor with a box on those axes.
        axes: the axes to flip.

    """
    formals = _formals(t)
    index = tuple(size(t, a) - 1 - v if a in axes else v for a, v in enumerate(formals))
    return define(identifier("rot180", t), (None,) * len(formals), formals, (term(t[index]),))


def flip(t: Tensor) -> Tensor:
    """``flip(w)[j] := w[-j]`` along every axis: the rotation by 180 degrees about the origin."""
    formals = _formals(t)
    body = (term(t[tuple(-v for v in formals)]),)
    return define(identifier("flip", t), (None,) * len(formals), formals, body)


def dilate(t: Tensor, factors: Mapping[int, Expr]) -> Tensor:
    """``dilate(g, s)[t] := sum_p g[p] [t = s p]`` along some axes: zeros between the entries.

    Args:
        t: any tensor.
        factors: axis to dilation factor.

    """
    given = {v for s in factors.values() for v in symbols_of(s)}
    formals = _formals(t, *given)
    taken = {*formals, *t.parameters, *given}
    inner: dict[int, Symbol] = {}
    for a in factors:
        axis = t.shape[a]
        hint = axis.name.lower() if isinstance(axis, Symbol) else "p"
        inner[a] = fresh(hint, taken | set(inner.values()))
    index = tuple(inner.get(a, v) for a, v in enumerate(formals))
    equations = tuple(Equal(formals[a] - s * inner[a]) for a, s in factors.items())
    body = (term(t[index], *equations, over=tuple(inner.values())),)
    return define(identifier("dilate", t, *factors.values()), (None,) * len(formals), formals, body)


def pad(t: Tensor, amounts: Mapping[int, tuple[Expr, Expr]]) -> Tensor:
    """``pad(x, lo, hi)[i] := x[i - lo]``, 0 <= i < H + lo + hi; negative amounts crop.

    Args:
        t: a tensor with a box on those axes.
        amounts: axis to (low, high).

    """
    said = [e for low_high in amounts.values() for e in low_high]
    formals = _formals(t, *(v for e in said for v in symbols_of(e)))
    index = tuple(v - amounts[a][0] if a in amounts else v for a, v in enumerate(formals))
    shape = tuple(
        size(t, a) + sum(amounts[a]) if a in amounts else n for a, n in enumerate(t.shape)
    )
    return define(identifier("pad", t, *said), shape, formals, (term(t[index]),))


def transpose(t: Tensor) -> Tensor:
    """``transpose(w)[i, j] := w[j, i]``."""
    formals = _formals(t)
    body = (term(t[tuple(reversed(formals))]),)
    return define(identifier("transpose", t), tuple(reversed(t.shape)), formals, body)


def matmul(a: Tensor, b: Tensor) -> Tensor:
    """``matmul(a, b)[i, j] := sum_k a[i, k] b[k, j]``."""
    taken = a.parameters | b.parameters
    i, j, k = (fresh(v, taken) for v in "ijk")
    body = (term(a[i, k], b[k, j], over=(k,)),)
    return define(identifier("matmul", a, b), (None, None), (i, j), body)


def correlate(
    a: Access, b: Access, formals: tuple[Symbol, ...], summed: tuple[Symbol, ...]
) -> Tensor:
    """``correlate(a, b)[i] := sum_j a[s i + d j - pad] b[j]``; indices as the accesses have them.

    Args:
        a: the tensor that the window slides over; its indices are affine in `formals` and `summed`.
        b: the window; each of its indices is a single variable.
        formals: the indices of the result.
        summed: the indices that are summed over.

    Raises:
        ValueError: the indices are not those of a correlation.

    """
    return sliding_product("correlate", a, b, formals, summed)


def convolve(
    a: Access, b: Access, formals: tuple[Symbol, ...], summed: tuple[Symbol, ...]
) -> Tensor:
    """``convolve(a, b)[i] := sum_j a[s i - d j - pad] b[j]``; see `correlate`.

    As ``a * b = b * a``, either of the two may be the window.

    Raises:
        ValueError: the indices are not those of a convolution.

    """
    return sliding_product("convolve", a, b, formals, summed)


def sliding_product(
    operator: str, a: Access, b: Access, formals: tuple[Symbol, ...], summed: tuple[Symbol, ...]
) -> Tensor:
    """Return the result of `correlate` or of `convolve`, whichever `operator` names."""
    found = sliding_operator(a, b, formals, summed)
    if operator != found:
        sign = "+" if operator == "correlate" else "-"
        raise ValueError(
            f"{operator}: found {a.tensor.name} at {a.index} times {b.tensor.name} at {b.index}, "
            f"to which {found or 'no operator'} applies; expected, on each axis, the index "
            f"s i {sign} d j - lo for {a.tensor.name} and j for {b.tensor.name}"
        )
    body: Expression = (term(a, b, over=summed),)
    name = identifier(operator, a.tensor, b.tensor)
    return define(name, (None,) * len(formals), formals, body)


def sliding_operator(
    a: Access, b: Access, formals: tuple[Symbol, ...], summed: tuple[Symbol, ...]
) -> str:
    """Return the operator that a sum of ``a b`` is: ``correlate``, ``convolve``, or "" for neither.

    Each index of a must be a single variable or ``s i + d j + c``, where i is one of `formals`, and
    j is one of `summed` and an index of b. s must be positive, and d must have the same sign on
    every axis: positive in a correlation, negative in a convolution. Sizes and parameters count as
    positive.
    """
    sign = _tap_sign(a, b, formals, summed)
    if sign == 0 and _tap_sign(b, a, formals, summed) == -1:
        sign = -1
    return {1: "correlate", -1: "convolve", 0: ""}[sign]


def _tap_sign(
    main: Access, window: Access, formals: tuple[Symbol, ...], summed: tuple[Symbol, ...]
) -> int:
    """Return the sign of the window's indices in those of main; 0 if this is no sliding product."""
    variables, taps = {*formals, *summed}, set(window.index)
    if len(taps) != len(window.index) or not taps <= variables:
        return 0
    seen: list[Expr] = []
    signs: set[int] = set()
    for e in main.index:
        inside = symbols_of(e) & variables
        seen += inside
        if e in variables:
            continue
        outs = [v for v in formals if v in inside and v not in taps]
        inner = [v for v in summed if v in inside and v in taps]
        if len(inside) != 2 or len(outs) != 1 or len(inner) != 1:
            return 0
        signs.add(sign_of(coefficient(e, inner[0])) * (sign_of(coefficient(e, outs[0])) == 1))
    return signs.pop() if len(signs) == 1 and len(set(seen)) == len(seen) else 0


def sign_of(e: Expr) -> int:
    """Return the sign that all monomials of a polynomial share, for positive parameters; else 0."""
    signs = {1 if c > 0 else -1 for c in monomials(e).values()}
    return signs.pop() if len(signs) == 1 else 0
