"""The parameters that change in a block: its indices are those of the layer, moved."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from sympy import Expr, Integer, Symbol

from rot180.derive.blocks.cuts import Reads
from rot180.derive.language.layers import Layer
from rot180.derive.language.notation import make_layer
from rot180.derive.language.polynomial import coefficient, normal, symbols_of
from rot180.derive.language.substitute import fresh
from rot180.derive.language.terms import (
    Access,
    Apply,
    Equal,
    Factor,
    Range,
    Term,
    define,
    replace_symbols,
)

ZERO = Integer(0)

Rewrite = Callable[[Expr, Expr], Expr]
"""Takes an index and the number that a block adds to it; returns the index to write."""


def _rewritten(layer: Layer, index: Symbol, first: Expr, cut: Reads, write: Rewrite) -> list[Term]:
    """Rewrite each index of a layer that a block moves.

    Args:
        layer: a layer.
        index: the index that is divided; in a block it is counted from `first` on.
        first: its first value.
        cut: what the block reads; in a window, an index is counted from its start on.
        write: what is written for an index.

    """
    assert layer.output.definition is not None
    out = []
    for t, linked in zip(layer.output.definition.body, cut.linked, strict=True):
        at = {index: first + index} | {u: cut.windows[a].start + u for u, a in linked.items()}

        def moved(e: Expr, start: Expr = ZERO, at: Mapping[Symbol, Expr] = at) -> Expr:
            return write(e, normal(replace_symbols(e, at) - start - e))

        def access(a: Access, moved: Callable[..., Expr] = moved) -> Access:
            windows = [cut.windows.get((a.tensor.name, n)) for n in range(len(a.index))]
            starts = [w.start if w else ZERO for w in windows]
            return Access(a.tensor, tuple(map(moved, a.index, starts)))

        def factor(f: Factor, moved: Callable[..., Expr] = moved) -> Factor:
            if isinstance(f, Access):
                return access(f)
            if isinstance(f, Apply):
                return replace(f, argument=access(f.argument))
            assert isinstance(f, Equal | Range)
            return replace(f, value=moved(f.value))

        out.append(replace(t, factors=tuple(map(factor, t.factors))))
    return out


def movable(
    layer: Layer, index: Symbol, first: Expr, cut: Reads, taken: frozenset[Symbol]
) -> tuple[Layer, dict[Symbol, Expr]]:
    """Return the layer with parameters that move its indices, and their values in a block.

    A parameter that stands alone in each moved index is changed, as a padding. An index without one
    gets one, which is 0 in the layer itself.
    """
    found: dict[tuple[Expr, Expr], None] = {}
    still: set[Expr] = set()

    def note(e: Expr, by: Expr) -> Expr:
        if by == 0:
            still.add(e)
        else:
            found[e, by] = None
        return e

    _rewritten(layer, index, first, cut, note)
    moves: dict[Symbol, Expr] = {}
    free = [p for p in layer.parameters if not any(p in symbols_of(e) for e in still)]
    free = [p for p in free if not _outside_indices(layer, p)]
    for p in free:
        inside = [(e, by) for e, by in found if p in symbols_of(e)]
        values = {normal(p + by * coefficient(e, p)) for e, by in inside}
        alone = all(coefficient(e, p) in (1, -1) for e, _ in inside)
        other = any(m in symbols_of(e) for e, _ in inside for m in moves)
        if alone and len(values) == 1 and not other:
            moves[p] = values.pop()
    added: dict[tuple[Expr, Expr], Expr] = {}
    for e, by in found:
        if not symbols_of(e) & moves.keys():
            p = fresh("move", taken | moves.keys())
            moves[p], added[e, by] = by, normal(e + p)
    if not added:
        return layer, moves
    body = _rewritten(layer, index, first, cut, lambda e, by: added.get((e, by), e))
    y = layer.output
    assert y.definition is not None
    return make_layer(define(y.name, y.shape, y.definition.formals, tuple(body)), layer.name), moves


def _outside_indices(layer: Layer, p: Symbol) -> bool:
    """Return whether a parameter is in a coefficient, a bound or a size."""
    assert layer.output.definition is not None
    body = layer.output.definition.body
    found = [n for t in (layer.output, *layer.tensors) for n in t.shape if n is not None]
    found += [f.size for t in body for f in t.factors if isinstance(f, Range)]
    return any(p in symbols_of(e) for e in (*found, *(t.coefficient for t in body)))
