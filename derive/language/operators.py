"""Named operators, as definitions: nothing is known about them but what is written here.

They are defined without boxes where the support is implied, so most bracket steps are syntactic.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sympy import Expr, Symbol

from rot180.derive.language.polynomial import symbol, symbols_of, text
from rot180.derive.language.terms import (
    Access,
    Equal,
    Expression,
    Tensor,
    define,
    fresh,
    term,
)


def _formals(t: Tensor) -> tuple[Symbol, ...]:
    return tuple(symbol(f"i{n}") for n in range(len(t.shape)))


def size(t: Tensor, axis: int) -> Expr:
    """Return the size of an axis.

    Raises:
        ValueError: the axis has no box.

    """
    n = t.shape[axis]
    if n is None:
        raise ValueError(f"{t.name} has no box on axis {axis}")
    return n


def rot180(t: Tensor, axes: Sequence[int]) -> Tensor:
    """``rot180(w)[j] := w[K - 1 - j]`` along some axes.

    Args:
        t: a tensor with a box on those axes.
        axes: the axes to flip.

    """
    formals = _formals(t)
    index = tuple(size(t, a) - 1 - v if a in axes else v for a, v in enumerate(formals))
    shape = (None,) * len(formals)
    return define(f"rot180({t.name})", shape, formals, (term(t[index]),), ("rot180", t.name))


def flip(t: Tensor) -> Tensor:
    """``flip(w)[j] := w[-j]`` along every axis: the rotation by 180 degrees about the origin."""
    formals = _formals(t)
    body = (term(t[tuple(-v for v in formals)]),)
    return define(f"flip({t.name})", (None,) * len(formals), formals, body, ("flip", t.name))


def dilate(t: Tensor, factors: Mapping[int, Expr]) -> Tensor:
    """``dilate(g, s)[t] := sum_p g[p] [t = s p]`` along some axes: zeros between the entries.

    Args:
        t: any tensor.
        factors: axis to factor.

    """
    formals = _formals(t)
    taken = {*formals, *t.parameters, *(v for s in factors.values() for v in symbols_of(s))}
    inner: dict[int, Symbol] = {}
    for a in factors:
        axis = t.shape[a]
        hint = axis.name.lower() if isinstance(axis, Symbol) else "p"
        inner[a] = fresh(hint, taken | set(inner.values()))
    index = tuple(inner.get(a, v) for a, v in enumerate(formals))
    equations = tuple(Equal(formals[a] - s * inner[a]) for a, s in factors.items())
    name = f"dilate({', '.join([t.name, *(text(s) for s in factors.values())])})"
    body = (term(t[index], *equations, over=tuple(inner.values())),)
    display = ("dilate", t.name, *(text(s) for s in factors.values()))
    return define(name, (None,) * len(formals), formals, body, display)


def pad(t: Tensor, amounts: Mapping[int, tuple[Expr, Expr]]) -> Tensor:
    """``pad(x, lo, hi)[i] := x[i - lo]``, 0 <= i < H + lo + hi; negative amounts crop.

    Args:
        t: a tensor with a box on those axes.
        amounts: axis to (low, high).

    """
    formals = _formals(t)
    index = tuple(v - amounts[a][0] if a in amounts else v for a, v in enumerate(formals))
    shape = tuple(
        size(t, a) + sum(amounts[a]) if a in amounts else n for a, n in enumerate(t.shape)
    )
    said = [text(e) for low_high in amounts.values() for e in low_high]
    name = f"pad({', '.join([t.name, *said])})"
    return define(name, shape, formals, (term(t[index]),), ("pad", t.name, *said))


def transpose(t: Tensor) -> Tensor:
    """``transpose(w)[i, j] := w[j, i]``."""
    formals = _formals(t)
    body = (term(t[tuple(reversed(formals))]),)
    return define(
        f"transpose({t.name})", tuple(reversed(t.shape)), formals, body, ("transpose", t.name)
    )


def matmul(a: Tensor, b: Tensor) -> Tensor:
    """``matmul(a, b)[i, j] := sum_k a[i, k] b[k, j]``."""
    i, j, k = symbol("i"), symbol("j"), symbol("k")
    body = (term(a[i, k], b[k, j], over=(k,)),)
    name = f"matmul({a.name}, {b.name})"
    return define(name, (None, None), (i, j), body, ("matmul", a.name, b.name))


def correlate(
    a: Access, b: Access, formals: tuple[Symbol, ...], summed: tuple[Symbol, ...]
) -> Tensor:
    """``correlate(a, b)[i] := sum_j a[s i + d j - pad] b[j]``; indices as the accesses have them.

    Args:
        a: the tensor that is swept, at indices affine in formals and summed variables.
        b: the window, at single variables.
        formals: the indices of the result.
        summed: the rest.

    """
    return _product("correlate", a, b, formals, summed)


def convolve(
    a: Access, b: Access, formals: tuple[Symbol, ...], summed: tuple[Symbol, ...]
) -> Tensor:
    """``convolve(a, b)[i] := sum_j a[s i - d j - pad] b[j]``; see `correlate`."""
    return _product("convolve", a, b, formals, summed)


def _product(
    word: str, a: Access, b: Access, formals: tuple[Symbol, ...], summed: tuple[Symbol, ...]
) -> Tensor:
    name = f"{word}({a.tensor.name}, {b.tensor.name})"
    body: Expression = (term(a, b, over=summed),)
    display = (word, a.tensor.name, b.tensor.name)
    return define(name, (None,) * len(formals), formals, body, display)
