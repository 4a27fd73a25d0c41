"""Cites a theorem in a derivation: finds its left side in a term."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import product

from sympy import Expr, Symbol

from rot180.derive.kernel.citing import instantiate
from rot180.derive.kernel.errors import show
from rot180.derive.kernel.place import Place
from rot180.derive.kernel.proof import Theorem
from rot180.derive.language.substitute import fresh, substitute_factor
from rot180.derive.language.terms import Access, Derivative, Factor, Term, tensors
from rot180.derive.search.citation import images
from rot180.derive.search.derivation import Derivation, NotProvedError, factors_of


def cite(d: Derivation, theorem: Theorem) -> None:
    """Apply a theorem to the first term that it matches, with tensors of that term for its own.

    A gradient is applied by the chain rule: ``dL/dz`` through a, where L is the loss of the theorem
    with a for x. Any other equation is applied to the factors that match its left side.

    Raises:
        NotProvedError: it matches no term.

    """
    for at, t in enumerate(d.current):
        for rule, arguments in (*_compositions(d, at, theorem), *_uses(d, t, theorem)):
            try:
                return d.apply(rule, at, theorem=theorem.proof, **arguments)
            except ValueError:
                continue
    raise NotProvedError(f"{theorem.name} matches no term of\n  {show(d.current)}")


def _compositions(
    d: Derivation, at: int, theorem: Theorem
) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield the arguments with which `compose` may apply a theorem about an outer derivative."""
    known = theorem.lhs[0].factors[0] if len(theorem.lhs) == 1 and theorem.lhs[0].factors else None
    if not isinstance(known, Derivative):
        return
    t, taken = d.current[at], set(Place(d.current, at, d.statement.facts).taken)
    new: list[tuple[Symbol, Expr]] = []
    for v in known.wrt.index:
        if isinstance(v, Symbol):
            new.append((v, fresh(v, taken | {e for _, e in new if isinstance(e, Symbol)})))
    for n, f in enumerate(t.factors):
        for inner in tensors((Term(t.coefficient, (), (f,)),)) if isinstance(f, Derivative) else ():
            if inner.shape == known.wrt.tensor.shape:
                yield "compose", {
                    "factor": n, "symbols": tuple(new), "tensors": (), "inner": inner,
                }  # fmt: skip


def _uses(d: Derivation, t: Term, theorem: Theorem) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield the arguments with which `lemma` may rewrite factors of a term."""
    if len(theorem.lhs) != 1 or any(isinstance(f, Derivative) for f in theorem.lhs[0].factors):
        return
    have = tensors((t,))
    own = [u for u in tensors(theorem.lhs) if u.definition is None]
    choices = [[u] if u in have else [v for v in have if v.shape == u.shape] for u in own]
    for chosen in product(*choices):
        swap = tuple((u.name, v) for u, v in zip(own, chosen, strict=True) if u != v)
        made = images(theorem, {}, dict(swap), dict(d.table))
        (pattern,) = instantiate(theorem.lhs, {}, tuple(made.items()))
        free = [v for v, _ in theorem.variables]
        for numbers, at in _occurrences(t, pattern, free):
            bound = tuple(at[v] for v in pattern.variables)
            if len(set(bound)) == len(bound) and set(bound) <= set(t.variables):
                yield "lemma", {
                    "symbols": tuple((v, at[v]) for v in free if at.get(v, v) != v),
                    "tensors": swap, "bound": bound, "factors": numbers,
                }  # fmt: skip


def _occurrences(
    t: Term, pattern: Term, free: Sequence[Symbol]
) -> Iterator[tuple[tuple[int, ...], dict[Symbol, Expr]]]:
    """Yield the factors of a term that match a pattern, and the values of its variables."""
    variables = {*free, *pattern.variables}
    found: list[tuple[tuple[int, ...], dict[Symbol, Expr]]] = [((), {})]
    for f in pattern.factors:
        found = [
            ((*numbers, n), both)
            for numbers, at in found
            for n, g in enumerate(t.factors)
            if n not in numbers and (both := _unify(f, g, at, variables)) is not None
        ]
    return (one for one in found if set(pattern.variables) <= one[1].keys())


def _unify(
    f: Factor, g: Factor, at: dict[Symbol, Expr], variables: Collection[Symbol]
) -> dict[Symbol, Expr] | None:
    """Extend a substitution so that it maps one factor to another."""
    if isinstance(f, Access) and isinstance(g, Access) and f.tensor == g.tensor:
        new = dict(at)
        for a, b in zip(f.index, g.index, strict=True):
            if isinstance(a, Symbol) and a in variables:
                new.setdefault(a, b)
        at = new
    return at if substitute_factor(f, at) == g else None


def cite_inside(d: Derivation, theorem: Theorem) -> None:
    """Apply a theorem; if it matches no term, unfold tensors that may contain its left side.

    Raises:
        NotProvedError: it matches no term; the derivation is unchanged.

    """
    kept, own = len(d.steps), tensors(theorem.lhs)
    while True:
        try:
            return cite(d, theorem)
        except NotProvedError:
            hidden = (
                (at, n)
                for at, n, f in factors_of(d.current, Access)
                if isinstance(f, Access) and f.tensor.definition and f.tensor not in own
            )
            place = next(hidden, None)
            if place is None:
                d.undo(kept)
                raise
            d.apply("definition", place[0], factor=place[1])
