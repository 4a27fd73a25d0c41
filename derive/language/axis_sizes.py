"""The sizes of axes that a text does not declare."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence

from sympy import Expr, Symbol

from rot180.derive.language.polynomial import monomials, symbol


def name_sizes(
    entries: Sequence[tuple[str, tuple[Expr, ...]]],
    declared: Mapping[str, tuple[Expr | None, ...]],
    index: set[str],
    names: set[str],
    sizes: Mapping[str, Expr] | None = None,
) -> dict[str, tuple[Expr, ...]]:
    """Give every axis of every tensor a size; the docstring of `notation` states the rule.

    Args:
        entries: (tensor, indices) in order of appearance.
        declared: the declared sizes; None for an axis whose size follows from the rule.
        index: the names of the free and the bound indices.
        names: every name that is not a size.
        sizes: the sizes of indices, where they are known.

    """
    alone: dict[tuple[str, int], str] = {}
    peers: dict[str, tuple[str, ...]] = {}
    for name, places in entries:
        for i, e in enumerate(places):
            if isinstance(e, Symbol) and e.name in index:
                first = alone.setdefault((name, i), e.name)
                both = dict.fromkeys((*peers.get(first, (first,)), *peers.get(e.name, (e.name,))))
                peers |= dict.fromkeys(both, tuple(both))
    out: dict[tuple[str, int], Expr] = {}
    for name, shape in declared.items():
        out |= {(name, i): e for i, e in enumerate(shape) if e is not None}
    of: dict[str, Expr] = dict(sizes or {})
    for axis, v in alone.items():
        if axis in out:
            of.setdefault(v, out[axis])
    taken = index | {name for name, _ in entries} | names_in(out.values()) | names_in(of.values())
    for v in alone.values():
        shared = next((w for w in peers[v] if w in of), None)
        if v not in of and shared is not None:
            of[v] = of[shared]
        elif v not in of and v.upper() not in taken:
            of[v] = symbol(v.upper())
            taken.add(v.upper())
    plain = itertools.chain("HVU", (f"H{n}" for n in itertools.count(1)))
    free = (symbol(name) for name in plain if name not in taken | names)
    for name, places in entries:
        for axis in ((name, i) for i in range(len(places))):
            if axis in alone and alone[axis] not in of:
                of |= dict.fromkeys(peers[alone[axis]], next(free))
            if axis not in out:
                out[axis] = of[alone[axis]] if axis in alone else next(free)
    return {name: tuple(out[name, i] for i in range(len(places))) for name, places in entries}


def names_in(exprs: Iterable[Expr | None]) -> set[str]:
    """Return the names in polynomials."""
    return {n for e in exprs if e is not None for m in monomials(e) for n, _ in m}
