"""The products of all other entries as a definition, which has derivatives in turn.

``others_x[n,j]``, which is held fixed by first derivatives of ``prod[j] x[n,j]``, is itself a
product, ``prod[k] u[n,j,k]`` of ``u[n,j,k] = x[n,k] * [k != j] + [k == j]``.
"""

from __future__ import annotations

from collections.abc import Collection

import sympy as sp
from sympy import Symbol

from rot180.derive.language.computed import Selection
from rot180.derive.language.polynomial import normal
from rot180.derive.language.program_reader import PRODUCT, SELECTED
from rot180.derive.language.substitute import fresh
from rot180.derive.language.terms import Equal, Tensor, define, term


def other_factors(s: Selection, taken: Collection[str]) -> tuple[tuple[Tensor, Tensor], Selection]:
    """Define the products of all other entries.

    Args:
        s: what is held fixed in a product.
        taken: names that are in use.

    Returns:
        the factors and their products, which have the name of the tensor of the selection; and
        what is held fixed in them.

    """
    x, names = s.source, {Symbol(word, integer=True) for word in taken}
    used, index = {*names, *x.parameters}, list[Symbol]()
    for hint in (*(f"i{n}" for n in range(len(x.shape))), *(f"k{n}" for n in s.axes)):
        index.append(fresh(hint, used | set(index)))
    outer, inner = tuple(index[: len(x.shape)]), tuple(index[len(x.shape) :])
    swapped = dict(zip(s.axes, inner, strict=True))
    entry = x[tuple(swapped.get(n, v) for n, v in enumerate(outer))]
    same = tuple(Equal(k - outer[n]) for n, k in swapped.items())
    sizes = tuple(x.shape[n] for n in s.axes)
    body = (term(entry), term(entry, *same, coefficient=-1), term(*same))
    factors = define(fresh("factors", names).name, (*x.shape, *sizes), tuple(index), body)
    others = Tensor(f"{SELECTED['prod']}_{factors.name}", factors.shape)
    fixed = Tensor(f"{PRODUCT}_{factors.name}", x.shape)
    at = tuple(index)
    offset = normal(1 - sp.Mul(*(n for n in sizes if n is not None)))
    rest = (term(fixed[outer], coefficient=offset),) if offset != 0 else ()
    product = (term(others[at], factors[at], over=inner), *rest)
    value = define(s.tensor.name, x.shape, outer, product)
    axes = tuple(range(len(x.shape), len(index)))
    return (factors, value), Selection(others, "prod", value.name, factors, axes, fixed)
