"""Rewrites to a normal form: differentiates, unfolds, sifts, drops implied brackets."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from sympy import Expr, Symbol

from rot180.derive.kernel.place import Place
from rot180.derive.kernel.proof import Proof
from rot180.derive.language.polynomial import coefficient, normal, symbols_of
from rot180.derive.language.scalar_functions import relation
from rot180.derive.language.substitute import fresh
from rot180.derive.language.terms import (
    Access,
    Apply,
    Derivative,
    Equal,
    Expression,
    Factor,
    Range,
    Tensor,
    Term,
    factor_symbols,
    term,
)
from rot180.derive.language.vanishing import contradictory, never
from rot180.derive.search.derivation import Derivation, entry_index, factors_of


def differentiate(d: Derivation) -> None:
    """Evaluate every pending derivative; those of free tensors first, because most are zero."""
    while found := sorted(factors_of(d.current, Derivative), key=_priority):
        at, n, f = found[0]
        assert isinstance(f, Derivative)
        inner = next(((m, g) for m, g in enumerate(f.factors) if isinstance(g, Derivative)), None)
        if inner is None:
            d.apply(_rule_for(f), at, factor=n)
        elif any(isinstance(g, Derivative) for g in inner[1].factors):
            # the rules handle one level of derivatives; a nested derivative becomes a cited theorem
            known = _carried_out(d, inner[1])
            d.apply_inside(
                n, "lemma", at, theorem=known, symbols=(), tensors=(), bound=(), factors=inner[:1]
            )
        else:
            d.apply_inside(n, _rule_for(inner[1]), at, factor=inner[0])


def _carried_out(d: Derivation, f: Derivative) -> Proof:
    """Prove the value of a nested derivative, for all its indices."""
    known = dict(d.statement.variables)
    moving = known.keys() | {v for t in d.current for v in t.variables}
    names = sorted(moving & factor_symbols(f), key=lambda v: v.name)
    sizes = tuple((v, known.get(v)) for v in names)
    inner = Derivation(f"{d.statement.name}.inner", sizes, d.statement.hypotheses, (term(f),))
    inner.table = d.table
    differentiate(inner)
    sift(inner)
    collect(inner)
    return inner.proof()


def _rule_for(f: Derivative) -> str:
    """Return the rule that evaluates a derivative that contains no other derivative."""
    inside = f.factors[0] if len(f.factors) == 1 else None
    if isinstance(inside, Access):
        return "entry" if inside.tensor.definition is None else "linearity"
    return "chain" if isinstance(inside, Apply) else "leibniz"


def _priority(place: tuple[int, int, Factor]) -> tuple[bool, int, int]:
    at, n, f = place
    assert isinstance(f, Derivative)
    inside = f.factors[0] if len(f.factors) == 1 else None
    free = isinstance(inside, Access) and inside.tensor.definition is None
    return (not free, at, n)


def unfold(d: Derivation) -> None:
    """Unfold every defined tensor."""
    while True:
        found = (
            (at, n)
            for at, n, f in factors_of(d.current, Access)
            if isinstance(f, Access) and f.tensor.definition is not None
        )
        place = next(found, None)
        if place is None:
            return
        d.apply("definition", place[0], factor=place[1])


def sift(
    d: Derivation,
    dilated: Tensor | Collection[Tensor] | None = None,
    kept: Tensor | None = None,
    at: int | None = None,
    fixed: Collection[Expr] = (),
) -> None:
    """Evaluate the sums that an equation with a unit coefficient reduces to a point.

    An equation ``s p + k = h`` is kept if p is an index of `dilated`: it shows that the tensor is
    dilated, while ``sum_p g[p] w[h - s p]`` would hide that.

    Args:
        d: what to rewrite.
        dilated: a tensor whose dilation is to stay visible, or several.
        kept: a tensor whose indices stay summed where an equation leaves the choice.
        at: the only term to rewrite; all of them by default.
        fixed: indices that stay summed.

    """
    some = (dilated,) if isinstance(dilated, Tensor) else tuple(dilated or ())
    while True:
        found = _siftable(d.current, some, kept)
        place = next((p for p in found if at in (None, p[0]) and p[2] not in fixed), None)
        if place is None:
            return
        d.apply("sift", place[0], factor=place[1], variable=place[2])


def _siftable(
    e: Expression, dilated: Collection[Tensor], kept: Tensor | None
) -> Iterator[tuple[int, int, Symbol]]:
    for at, n, f in factors_of(e, Equal):
        assert isinstance(f, Equal)
        t = e[at]
        if never(t):
            continue
        standing, staying = (
            {i for a in t.factors if isinstance(a, Access) and a.tensor in some for i in a.index}
            for some in (dilated, (kept,))
        )
        variables = sorted(t.variables, key=lambda v: v in staying)
        in_equation = [(v, coefficient(f.value, v)) for v in variables]
        if any(v in standing and c not in (0, 1, -1) for v, c in in_equation):
            continue
        for v, c in in_equation:
            if c in (1, -1):
                yield at, n, v


def use_equations(d: Derivation) -> None:
    """Replace an index by the free variable that an equation makes equal to it.

    ``F(s p + d k) [s p + d k = h]`` becomes ``F(h) [s p + d k = h]``: a new variable stands for the
    index, the equation is applied to that variable, and the variable is sifted out.
    """
    while found := next(_rewritable(d), None):
        rename_index(d, *found)


def rename_index(d: Derivation, at: int, number: int, axis: int, new: Expr) -> None:
    """Replace an index by another one that the factors make equal to it."""
    t = d.current[at]
    place = Place(d.current, at, d.statement.facts)
    v = fresh("v", place.taken)
    factor, last = t.factors[number], len(t.factors)
    old = entry_index(factor)[axis]
    named = _at_axis(factor, axis, v)
    factors = (*t.factors[:number], named, *t.factors[number + 1 :], Equal(v - old))
    wider = Term(t.coefficient, (*t.variables, v), factors)
    d.apply_backwards("sift", place.replace(wider), at, factor=last, variable=v)
    d.apply("bracket", at, drop=(last,), add=(Equal(v - new),))
    d.apply("sift", at, factor=last, variable=v)


def _rewritable(d: Derivation) -> Iterator[tuple[int, int, int, Expr]]:
    free = [v for v, _ in d.statement.variables]
    for at, _, equation in factors_of(d.current, Equal):
        assert isinstance(equation, Equal)
        bound = set(d.current[at].variables)
        for h in free:
            c = coefficient(equation.value, h)
            if c not in (1, -1) or not symbols_of(equation.value) & bound:
                continue
            value = normal(h - c * equation.value)
            for n, f in enumerate(d.current[at].factors):
                for axis, e in enumerate(entry_index(f)) if isinstance(f, Access | Apply) else ():
                    other = normal(e - value + h)
                    if symbols_of(e) & bound and not symbols_of(other) & bound:
                        yield at, n, axis, other


def _at_axis(f: Factor, axis: int, e: Expr) -> Factor:
    if isinstance(f, Apply):
        inner = _at_axis(f.argument, axis, e)
        assert isinstance(inner, Access)
        return Apply(f.function, f.order, inner)
    assert isinstance(f, Access)
    return Access(f.tensor, (*f.index[:axis], e, *f.index[axis + 1 :]))


def use_free_equations(d: Derivation) -> None:
    """Replace a free variable by earlier ones, where an equation of free variables gives it."""
    while found := next(_nameable(d), None):
        rename_index(d, *found)


def _nameable(d: Derivation) -> Iterator[tuple[int, int, int, Expr]]:
    free = [v for v, _ in d.statement.variables]
    for at, _, equation in factors_of(d.current, Equal):
        assert isinstance(equation, Equal)
        t = d.current[at]
        if symbols_of(equation.value) & set(t.variables) or never(t):
            continue
        h = next((v for v in reversed(free) if coefficient(equation.value, v) in (1, -1)), None)
        if h is None:
            continue
        value = normal(h - coefficient(equation.value, h) * equation.value)
        for n, f in enumerate(t.factors):
            for axis, e in enumerate(entry_index(f)) if isinstance(f, Access | Apply) else ():
                if h in symbols_of(e):
                    yield at, n, axis, normal(e.xreplace({h: value}))


def drop_implied(d: Derivation, terms: Collection[int] | None = None) -> None:
    """Drop the brackets that the other factors imply, one by one; in some terms, or in all."""
    at = 0
    while at < len(d.current):
        if terms is not None and at not in terms:
            at += 1
            continue
        implied = (
            n
            for n, f in enumerate(d.current[at].factors)
            if isinstance(f, Equal | Range) and d.implied(at, n)
        )
        n = None if contradictory(d.current[at]) else next(implied, None)
        if n is None:
            at += 1
        else:
            d.apply("bracket", at, drop=(n,), add=())


def tidy(d: Derivation) -> None:
    """Evaluate derivatives and sums; keep every defined tensor that is not differentiated."""
    differentiate(d)
    sift(d)
    drop_implied(d)


def normalise(
    d: Derivation,
    dilated: Tensor | Collection[Tensor] | None = None,
    kept: Tensor | None = None,
) -> None:
    """Reduce to sums of products of free tensors, with as few brackets and sums as possible.

    Args:
        d: what to rewrite.
        dilated: a tensor whose dilation is to stay visible, as in `sift`.
        kept: a tensor whose indices stay summed, as in `sift`.

    """
    differentiate(d)
    unfold(d)
    drop_implied(d)
    sift(d, dilated, kept)
    if any(map(never, d.current)):
        d.apply("collect")
    use_equations(d)
    drop_implied(d)
    collect(d)


def relate(d: Derivation, other: Expression) -> None:
    """Replace derivatives by their relations unless they occur in the other expression."""
    kept = {(f.function, f.order) for _, _, f in factors_of(other, Apply) if isinstance(f, Apply)}
    while True:
        found = (
            (at, n)
            for at, n, f in factors_of(d.current, Apply)
            if isinstance(f, Apply)
            and (f.function, f.order) not in kept
            and relation(f.function, f.order) is not None
        )
        place = next(found, None)
        if place is None:
            break
        d.apply("relate", place[0], factor=place[1])
    if any(step.rule == "relate" for step in d.steps):
        unfold(d)
        drop_implied(d)
        collect(d)


def collect(d: Derivation) -> None:
    """Combine like terms and drop zero terms, if there are any."""
    keys = [(t.variables, t.factors) for t in d.current]
    like = len(set(keys)) != len(keys)
    if like or any(t.coefficient == 0 or never(t) for t in d.current):
        d.apply("collect")
