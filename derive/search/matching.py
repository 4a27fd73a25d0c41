"""Matches the terms of two normal forms by affine bijections of their bound variables."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import permutations, product

from sympy import Expr, Symbol

from rot180.derive.kernel.errors import show
from rot180.derive.kernel.proof import Proof
from rot180.derive.language.polynomial import coefficient, monomials, normal, symbols_of
from rot180.derive.language.substitute import fresh, rename_bound
from rot180.derive.language.terms import Access, Apply, Equal, Range, Term
from rot180.derive.search.derivation import Derivation, NotProvedError, entry_index
from rot180.derive.search.rewriting import collect


def match(d: Derivation, at: int, target: Term) -> bool:
    """Rewrite a term to the target by an affine bijection of its bound variables, if one is found.

    If none is found, the derivation is unchanged.
    """
    kept = len(d.steps)
    for mapping in _bijections(d.current[at], target):
        try:
            _carry_over(d, at, mapping, target)
        except ValueError:
            pass
        else:
            if d.current[at] == target:
                return True
        d.undo(kept)
    return False


def _carry_over(
    d: Derivation, at: int, mapping: dict[Symbol, Expr], target: Term
) -> None:
    t = d.current[at]
    if t.variables != target.variables or any(mapping[v] != v for v in t.variables):
        ordered = tuple((v, mapping[v]) for v in t.variables)
        d.apply("reindex", at, variables=target.variables, mapping=ordered)
    t = d.current[at]
    signed = [f for f in t.factors if isinstance(f, Equal)]
    both = {*signed, *(Equal(-f.value) for f in signed)}
    have = [n for n, f in enumerate(t.factors) if isinstance(f, Equal | Range)]
    drop = tuple(
        n
        for n in have
        if t.factors[n] not in target.factors
        and not (isinstance(f := t.factors[n], Equal) and Equal(-f.value) in target.factors)
    )
    add = tuple(
        f
        for f in target.factors
        if isinstance(f, Equal | Range) and f not in t.factors and f not in both
    )
    if drop or add:
        d.apply("bracket", at, drop=drop, add=add)
    if d.current[at].factors != target.factors:
        d.apply("reorder", at, factors=target.factors)


def _bijections(t: Term, target: Term) -> Iterator[dict[Symbol, Expr]]:
    """Yield affine maps of the variables of `t` that make its accesses those of the target."""
    if len(t.variables) != len(target.variables) or t.coefficient != target.coefficient:
        return
    if operand_keys(t) != operand_keys(target):
        return
    # the names of the target must not clash with ours while equations are solved
    fresh_names: dict[Symbol, Symbol] = {}
    for v in target.variables:
        taken = t.symbols | target.symbols | set(fresh_names.values())
        fresh_names[v] = fresh("_" + v.name, taken)
    back = {u: v for v, u in fresh_names.items()}
    away = rename_bound(target, fresh_names)
    ours, theirs = entries(t), entries(away)
    for pairing in _pairings(ours, theirs):
        equations = [
            normal(a - b)
            for f, g in zip(ours, pairing, strict=True)
            for a, b in zip(entry_index(f), entry_index(g), strict=True)
        ]
        for extra in _bracket_pairings(t, away):
            solved = _propagate([*equations, *extra], set(t.variables))
            if solved is not None:
                yield {v: normal(solved[v].xreplace(back)) for v in t.variables}


def _pairings(
    ours: Sequence[Access | Apply], theirs: Sequence[Access | Apply]
) -> Iterator[tuple[Access | Apply, ...]]:
    """Yield the orders of entries that have the keys of others, each once, the first ones first."""
    if not ours:
        yield ()
        return
    for f in dict.fromkeys(theirs):
        if operand_key(f) == operand_key(ours[0]):
            n = theirs.index(f)
            rest = [*theirs[:n], *theirs[n + 1 :]]
            yield from ((f, *more) for more in _pairings(ours[1:], rest))


def _bracket_pairings(t: Term, target: Term) -> Iterator[list[Expr]]:
    """Yield equations that map brackets of one term to those of the other: first none, then all."""
    yield []
    ours, theirs = (
        [f for f in u.factors if isinstance(f, Equal | Range)] for u in (t, target)
    )
    if not ours or len(ours) != len(theirs) or len(ours) > 6:
        return
    for order in permutations(theirs):
        kinds = [
            f.size == g.size
            if isinstance(f, Range) and isinstance(g, Range)
            else type(f) is type(g)
            for f, g in zip(ours, order, strict=True)
        ]
        if not all(kinds):
            continue
        flippable = [n for n, f in enumerate(ours) if isinstance(f, Equal)]
        for signs in product((1, -1), repeat=len(flippable)):
            sign = dict(zip(flippable, signs, strict=True))
            yield [
                normal(f.value - sign.get(n, 1) * g.value)
                for n, (f, g) in enumerate(zip(ours, order, strict=True))
            ]


def entries(t: Term) -> list[Access | Apply]:
    """Return the factors of a term that are entries, or scalar functions of them."""
    return [f for f in t.factors if isinstance(f, Access | Apply)]


def operand_keys(t: Term) -> list[tuple[str, int, str]]:
    """Return the sorted keys of the entries of a term."""
    return sorted(map(operand_key, entries(t)))


def operand_key(f: Access | Apply) -> tuple[str, int, str]:
    """Return the key of an entry: its function, the order of the derivative, its tensor."""
    if isinstance(f, Apply):
        return f.function, f.order, f.argument.tensor.name
    return "", 0, f.tensor.name


def _propagate(equations: list[Expr], unknown: set[Symbol]) -> dict[Symbol, Expr] | None:
    """Solve equations for the unknowns; a coefficient must divide the rest of its equation."""
    solved: dict[Symbol, Expr] = {}
    progress = True
    while progress and len(solved) < len(unknown):
        progress = False
        for e in equations:
            e = normal(e.xreplace(solved))
            open_ = sorted(symbols_of(e) & unknown - solved.keys(), key=lambda v: v.name)
            if len(open_) != 1:
                continue
            v = open_[0]
            c = coefficient(e, v)
            value = exact_quotient(normal(c * v - e), c) if len(monomials(c)) == 1 else None
            if value is not None:
                solved = {u: normal(s.xreplace({v: value})) for u, s in solved.items()}
                solved[v] = value
                progress = True
    return solved if len(solved) == len(unknown) else None


def combine_like_terms(d: Derivation) -> None:
    """Combine terms that are equal up to an affine bijection of their sums."""
    for at in range(1, len(d.current)):
        for earlier in range(at):
            t = d.current[at]
            _rename(d, earlier, symbols_of(t.coefficient))
            u = d.current[earlier]
            target = Term(t.coefficient, u.variables, u.factors)
            if t != target and match(d, at, target):
                break
    collect(d)


def _rename(d: Derivation, at: int, names: Collection[Symbol]) -> None:
    """Give those summed indices of a term that have certain names other ones."""
    u = d.current[at]
    if {*names}.isdisjoint(u.variables):
        return
    taken = {v for t in d.current for v in t.symbols} | {v for v, _ in d.statement.variables}
    mapping = list[tuple[Symbol, Symbol]]()
    for v in u.variables:
        new = fresh(v, taken) if v in names else v
        taken.add(new)
        mapping.append((v, new))
    d.apply("reindex", at, variables=tuple(v for _, v in mapping), mapping=tuple(mapping))


def join(left: Derivation, right: Derivation) -> Proof:
    """Chain left start -> common line -> right start, matching term by term.

    Raises:
        NotProvedError: a term of the left normal form matches no term of the right one.

    """
    if len(left.current) != len(right.current):
        raise NotProvedError(_failure(left, right))
    free, order = list(range(len(right.current))), []
    for at in range(len(left.current)):
        partner = next((n for n in free if match(left, at, right.current[n])), None)
        if partner is None:
            raise NotProvedError(_failure(left, right))
        free.remove(partner)
        order.append(partner)
    if order != sorted(order):
        left.apply("arrange", 0, order=tuple(order.index(n) for n in range(len(order))))
    left.retrace(right)
    return left.proof()


def _failure(left: Derivation, right: Derivation) -> str:
    return (
        f"{left.statement.name}: no proof found; the normal forms are\n"
        f"  left:  {show(left.current)}\n  right: {show(right.current)}"
    )


def exact_quotient(b: Expr, s: Expr) -> Expr | None:
    """Return b / s where every monomial of b is a multiple of the monomial s."""
    q = normal((b / s).expand())
    return q if all(k > 0 for m in monomials(q) for _, k in m) and _integral(q) else None


def _integral(e: Expr) -> bool:
    return all(c.q == 1 for c in monomials(e).values())
