"""The two rules that cite a theorem: `lemma` uses an equation, `compose` an outer derivative."""

from __future__ import annotations

from collections.abc import Mapping

from sympy import Expr, Symbol

from rot180.derive.kernel import arguments as kinds
from rot180.derive.kernel.errors import RuleError, require
from rot180.derive.kernel.obligations import Obligation
from rot180.derive.kernel.place import Place, Result, rule
from rot180.derive.kernel.proof import Theorem
from rot180.derive.language import substitute as change
from rot180.derive.language.polynomial import is_integral, quotient, symbols_of
from rot180.derive.language.substitute import apart, free_tensors
from rot180.derive.language.terms import Access, Derivative, Expression, Tensor, Term, term
from rot180.derive.language.terms import factor_symbols as names_of
from rot180.derive.language.terms import free_symbols as free_names

Symbols = tuple[tuple[Symbol, Expr], ...]
Tensors = tuple[tuple[str, Tensor], ...]
SYMBOLS = kinds.mapping(kinds.SYMBOL, kinds.INTEGRAL)
TENSORS = kinds.mapping(kinds.NAME_OF, kinds.TENSOR)


@rule(
    latex="{theorem}", theorem=kinds.THEOREM, symbols=SYMBOLS, tensors=TENSORS,
    bound=kinds.many(kinds.SYMBOL), factors=kinds.many(kinds.NUMBER),
)  # fmt: skip
def lemma(
    place: Place, theorem: Theorem, symbols: Symbols, tensors: Tensors,
    bound: tuple[Symbol, ...], factors: tuple[int, ...],
) -> Result:  # fmt: skip
    """Rewrite some factors of a term by an instance of a theorem.

    ``for all i in box, under H: c sum_v L(i, v) = R(i)``
    ``supports(A) => i in box and H, instantiated``; A does not depend on v
    -------------------------------------------------------------------------
    ``c A sum_v L(e, v) = A R(e)``
    """
    t, by, gone = place.term, dict(symbols), set(bound)
    used = place.taken.union(*(symbols_of(e) for e in by.values()))
    left, right = (
        instantiate(tuple(apart(u, used) for u in side), by, tensors)
        for side in (theorem.lhs, theorem.rhs)
    )
    if len(left) != 1:
        raise RuleError(f"the left side of {theorem.name} has {len(left)} terms, expected 1")
    pattern = left[0]
    if len(bound) != len(pattern.variables):
        sums = len(pattern.variables)
        raise RuleError(f"found {len(bound)} sums, expected the {sums} of {theorem.name}")
    require("bound", gone <= set(t.variables), f"{bound} are not all sums of the term")
    require("distinct sums", len(gone) == len(bound), "a sum is named twice")
    outside = not gone & free_names((*left, *right))
    require("fixed point", outside, "the theorem is applied at a point that depends on its own sum")
    back = dict(zip(pattern.variables, bound, strict=True))
    expected = [change.substitute_factor(f, back) for f in pattern.factors]
    require("distinct factors", len(set(factors)) == len(factors), "a factor is used twice")
    same = [place.factor(n) for n in factors] == expected
    require("left side", same, f"the factors {factors} are not the left side of {theorem.name}")
    rest = place.others(*factors)
    inside = any(names_of(f) & gone for f in rest)
    require("independence", not inside, "another factor depends on a sum of the theorem")
    scale = quotient(t.coefficient, pattern.coefficient)
    exact = scale is not None and is_integral(scale)
    require("coefficient", exact, f"{t.coefficient} is no multiple of {pattern.coefficient}")
    assert scale is not None
    kept = tuple(v for v in t.variables if v not in gone)
    terms = (Term(scale * u.coefficient, kept + u.variables, (*rest, *u.factors)) for u in right)
    wanted = [change.substitute_condition(c, by) for c in theorem.conditions]
    context = place.context(rest, [v for c in wanted for v in names_of(c)])
    return place.replace(*terms), tuple(Obligation(context, c) for c in wanted)


@rule(
    latex="chain rule, {theorem}", factor=kinds.NUMBER, theorem=kinds.THEOREM, symbols=SYMBOLS,
    tensors=TENSORS, inner=kinds.TENSOR,
)  # fmt: skip
def compose(
    place: Place, factor: int, theorem: Theorem, symbols: Symbols, tensors: Tensors, inner: Tensor
) -> Result:
    """Apply the chain rule through a tensor a; a theorem gives the outer derivative.

    ``for all i in box, under H: dT[e]/dx[i] = sum_v R(i, v)``; no derivative in T, R
    ``supports(A), a[i] can be nonzero => i in box and H, instantiated``
    T' and R' have a in place of x; a and x have the same box; z is not in T; each i is a new name
    ------------------------------------------------------------------------------------------------
    ``A * dT'[e]/dz[h] = sum_{i, v} A * R'(i, v) * da[i]/dz[h]``
    """
    by, swaps, pending = dict(symbols), dict(tensors), place.expect(Derivative, factor)
    known, wrt = _outer_derivative(theorem), pending.wrt
    index = tuple(v for e in known.wrt.index if isinstance(v := e.xreplace(by), Symbol))
    new = len(set(index)) == len(known.wrt.index) and not set(index) & place.taken
    require("new names", new, f"the indices {known.wrt.index} are not mapped to distinct new names")
    inside = (term(*known.factors),)
    plain = next(change.derivatives((*inside, *theorem.rhs)), None) is None
    require("no derivative", plain, f"{theorem.name} contains a nested derivative")
    x = change.substitute_tensor(known.wrt.tensor, by)
    require("same box", inner.shape == x.shape, f"{inner.name} and {x.name} have different boxes")
    require("inner alone", x.name not in swaps, f"{x.name} is mapped to two tensors")
    others = (swaps.get(name, u) for name, u in free_tensors(inside).items() if name != x.name)
    alone = all(wrt.tensor.name not in _free_inside(u) for u in others)
    require("only through", alone, f"{theorem.name} contains {wrt.tensor.name} outside {x.name}")
    through = (*tensors, (x.name, inner))
    same = (term(*pending.factors),) == instantiate(inside, by, through)
    require("left side", same, f"factor {factor} is not the left side of {theorem.name}")
    used = place.taken.union(index, *(symbols_of(e) for e in by.values()))
    moved = Derivative((Access(inner, index),), wrt)
    parts = (
        Term(u.coefficient, (*index, *u.variables), (*u.factors, moved))
        for u in instantiate(tuple(apart(u, used) for u in theorem.rhs), by, through)
    )
    wanted = [change.substitute_condition(c, by) for c in theorem.conditions]
    names = names_of(moved).union(index, *(names_of(c) for c in wanted))
    context = place.context((*place.others(factor), moved), names)
    return place.distribute(factor, *parts), tuple(Obligation(context, c) for c in wanted)


def _outer_derivative(theorem: Theorem) -> Derivative:
    known = theorem.lhs[0].factors[0] if theorem.lhs and theorem.lhs[0].factors else None
    if not isinstance(known, Derivative) or theorem.lhs != (term(known),):
        raise RuleError(f"the left side of {theorem.name} is not a derivative")
    return known


def instantiate(
    expression: Expression, symbols: Mapping[Symbol, Expr], tensors: Tensors
) -> Expression:
    """Replace symbols by polynomials, then tensors by tensors with the same box.

    A free tensor may be replaced by any tensor; a defined one may only be renamed. A tensor that is
    differentiated by must stay free, and no other tensor may come to depend on it.

    Raises:
        RuleError: another tensor would depend on a tensor that is differentiated by.
        ValueError: a box or a definition differs, or a derivative would be by a defined tensor.

    """
    new = dict(tensors)
    for pending in change.derivatives(expression) if new else ():
        wrt = pending.wrt.tensor
        by = new.get(wrt.name, wrt)
        for name, t in free_tensors((term(*pending.factors),)).items():
            separate = name == wrt.name or by.name not in _free_inside(new.get(name, t))
            require("distinct tensors", separate, f"{name} would depend on {by.name}")
    return tuple(change.substitute_tensors(change.substitute(t, symbols), new) for t in expression)


def _free_inside(t: Tensor) -> dict[str, Tensor]:
    """Return the free tensors in a tensor's definition; a free tensor gives itself."""
    return free_tensors(t.definition.body) if t.definition else {t.name: t}
