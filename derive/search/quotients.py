"""Sums over quotients and remainders, in normal form.

Quotient and remainder by a modulus ``s >= 1`` are unique: ``s a + b = s c + d`` with both
remainders in ``[0, s)`` implies ``a = c`` and ``b = d``. So equations and ranges are separated into
quotient and remainder, and a sum over a quotient that nothing else depends on is eliminated.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import lru_cache
from itertools import permutations

import sympy as sp
from sympy import Expr, Symbol

from rot180.derive.kernel.obligations import Obligation
from rot180.derive.kernel.place import Place
from rot180.derive.language.polynomial import (
    coefficient,
    degree,
    is_integral,
    monomials,
    normal,
    quotient,
    symbols_of,
)
from rot180.derive.language.terms import (
    Access,
    AtLeast,
    Bracket,
    Condition,
    Equal,
    Factor,
    Range,
    Term,
    accesses_and_brackets,
    factor_symbols,
)
from rot180.derive.language.vanishing import never
from rot180.derive.search.derivation import Derivation, NotProvedError
from rot180.derive.search.farkas import certify
from rot180.derive.search.rewriting import (
    collect,
    drop_implied,
    sift,
    use_equations,
    use_free_equations,
)


def reduce(d: Derivation) -> None:
    """Separate quotients from remainders, and eliminate sums that only count quotients."""
    while any(reduce_term(d, at) for at in range(len(d.current))):
        pass
    if any(map(never, d.current)):
        d.apply("collect")
    use_equations(d)
    use_free_equations(d)
    drop_implied(d)
    collect(d)


def reduce_term(d: Derivation, at: int) -> bool:
    """Take one step towards the normal form of a term; return False if there is none."""
    if never(d.current[at]):
        return False
    if _as_equation(d, at) or separate(d, at) or identify(d, at):
        sift(d)
        return True
    return absorb(d, at)


def _as_equation(d: Derivation, at: int) -> bool:
    """Replace a range of size 1 by an equation."""
    for n, f in enumerate(d.current[at].factors):
        if isinstance(f, Range) and f.size == 1:
            d.apply_knowing((f,), "bracket", at, drop=(n,), add=(Equal(f.value),))
            return True
    return False


def separate(d: Derivation, at: int) -> bool:
    """Separate one equation or range by a modulus, into quotient and remainder.

    ``[s A + B = 0]`` is ``[A = 0] [B = 0]`` where ``|B| < s``, and ``[0 <= s A + B < s n]`` is
    ``[0 <= A < n]`` where ``0 <= B < s``.
    """
    t, kept = d.current[at], len(d.steps)
    equations = [(n, f) for n, f in enumerate(t.factors) if isinstance(f, Equal)]
    found: list[tuple[int | None, Equal | Range]] = [*equations, *ranges(t), *boxes(t)]
    for n, f in found:
        for s, whole, rest in _divided(d, t, f):
            try:
                if isinstance(f, Equal):
                    _separate_equation(d, at, n, whole, rest)
                    return True
                if _separate_range(d, at, n, f, whole, rest, quotient(f.size, s)):
                    return True
            except NotProvedError:
                d.undo(kept)
    return False


def _divided(d: Derivation, t: Term, f: Bracket) -> Iterator[tuple[Expr, Expr, Expr]]:
    """Yield (s, A, B) with ``value = s A + B`` for moduli s >= 1, those of low degree first."""
    found: dict[Expr, None] = {}
    for v in sorted(symbols_of(f.value), key=lambda v: v.name):
        c = coefficient(f.value, v)
        if len(monomials(c)) == 1 and c not in (1, -1) and degree(c, (v,)) == 0:
            (sign,) = monomials(c).values()
            found[c if sign > 0 else normal(-c)] = None
    for s in sorted(found, key=lambda s: degree(s, tuple(symbols_of(s)))):
        parts = (quotient(part, s) for part in sp.Add.make_args(f.value))
        whole = normal(sp.Add(*(q for q in parts if q is not None and is_integral(q))))
        if not whole.is_number and _is_modulus(d, t, s):
            yield s, whole, normal(f.value - s * whole)


@lru_cache(maxsize=1 << 12)
def positive(known: tuple[Condition, ...], s: Expr) -> bool:
    """Say whether conditions evidently make a modulus at least 1."""
    return certify(Obligation(known, AtLeast(s - 1)), degree=2) is not None


def _is_modulus(d: Derivation, t: Term, s: Expr) -> bool:
    """Say whether s >= 1 by the hypotheses, or where the ranges of a term hold."""
    known = (*d.statement.facts, *(f for _, f in ranges(t)))
    return positive(d.statement.facts, s) or positive(known, s)


def _about(place: Place, number: int | None, e: Expr) -> tuple[Condition, ...]:
    """Return the conditions from the other factors that contain only symbols of an expression."""
    known = place.context(place.term.factors if number is None else place.others(number))
    fixed = symbols_of(e).union(*(symbols_of(c.size) for c in known if isinstance(c, Range)))
    return tuple(c for c in known if factor_symbols(c) <= fixed)


def _separate_equation(
    d: Derivation, at: int, number: int | None, whole: Expr, rest: Expr
) -> None:
    """Replace ``[s A + B = 0]`` by ``[A = 0] [B = 0]``."""
    assert number is not None
    place = Place(d.current, at, d.statement.facts)
    f, first = place.expect(Equal, number), Equal(whole)
    d.apply_knowing((f, *_about(place, number, rest)), "bracket", at, drop=(), add=(first,))
    add = () if rest == 0 else (Equal(rest),)
    d.apply_knowing((f, first), "bracket", at, drop=(number,), add=add)


def _separate_range(
    d: Derivation, at: int, number: int | None, f: Range, whole: Expr, rest: Expr, n: Expr | None
) -> bool:
    """Replace ``[0 <= s A + B < s n]`` by ``[0 <= A < n]``; for a box, use that n is 1."""
    if n is None or not is_integral(n) or (number is None and n != 1):
        return False
    place = Place(d.current, at, d.statement.facts)
    bracket: Bracket = Equal(whole) if n == 1 else Range(whole, n)
    if bracket in place.term.factors:
        return False
    known = (f, bracket, *_about(place, number, rest))
    drop = () if number is None else (number,)
    d.apply_knowing(known, "bracket", at, drop=drop, add=(bracket,))
    return True


def identify(d: Derivation, at: int) -> bool:
    """Use that quotients are unique: the range of a remainder simplifies other ranges.

    With ``[0 <= e < s]``, ``[0 <= e + s A < s n]`` is ``[0 <= A < n]``, or ``[A = 0]`` if n is 1.
    """
    t = d.current[at]
    for (_, f), (n, g) in permutations((*ranges(t), *boxes(t)), 2):
        size = quotient(g.size, f.size)
        if size is None or not is_integral(size) or (n is None and size != 1):
            continue
        for rest in (f.value, normal(f.size - 1 - f.value)):
            whole = quotient(normal(g.value - rest), f.size)
            if whole is None or whole == 0 or not is_integral(whole):
                continue
            new: Bracket = Equal(whole) if size == 1 else Range(whole, size)
            if new not in t.factors and _is_modulus(d, t, f.size):
                drop = () if n is None else (n,)
                with suppress(NotProvedError):
                    d.apply_knowing((f, g, new), "bracket", at, drop=drop, add=(new,))
                    return True
    return False


def ranges(t: Term) -> list[tuple[int | None, Range]]:
    """Return the ranges among the factors of a term, each with its number."""
    return [(n, f) for n, f in enumerate(t.factors) if isinstance(f, Range)]


def boxes(t: Term) -> list[tuple[int | None, Range]]:
    """Return the ranges from the boxes of entries, with None for their number."""
    return [
        (None, Range(e, n))
        for f in _entries(t.factors)
        for e, n in zip(f.index, f.tensor.shape, strict=True)
        if n is not None
    ]


def absorb(d: Derivation, at: int) -> bool:
    """Eliminate one sum over a quotient on which only ranges depend.

    If entries depend on a quotient q and a remainder r only by ``s q + r``, that is one index.
    """
    t = d.current[at]
    for q in t.variables:
        for r, c in ((None, sp.S.Zero), *_remainders(t, q)):
            kept = len(d.steps)
            try:
                if r is not None:
                    mapping = tuple((v, normal(v - c * q) if v == r else v) for v in t.variables)
                    d.apply("reindex", at, variables=t.variables, mapping=mapping)
                if _absorbed(d, at, q):
                    return True
            except ValueError:
                pass
            d.undo(kept)
    return False


def _remainders(t: Term, q: Symbol) -> Iterator[tuple[Symbol, Expr]]:
    """Yield (r, s) such that every entry depends on q and r only by ``s q + r``."""
    entries = [e for f in _entries(t.factors) for e in f.index]
    for r in t.variables:
        pairs = [(coefficient(e, q), coefficient(e, r)) for e in entries]
        ratios = [quotient(a, b) for a, b in pairs if b != 0]
        s = ratios[0] if r != q and ratios else None
        if s is not None and s != 0 and all(normal(s * b - a) == 0 for a, b in pairs):
            yield r, s


def _entries(factors: Iterable[Factor]) -> Iterator[Access]:
    return (f for f in accesses_and_brackets(factors) if isinstance(f, Access))


def _absorbed(d: Derivation, at: int, q: Symbol) -> bool:
    """Replace ranges of a quotient by ranges of the dividend and drop the quotient, if possible."""
    t = d.current[at]
    having = [f for f in t.factors if q in factor_symbols(f)]
    if not having or not all(isinstance(f, Range) for f in having):
        return False
    for own in having:
        assert isinstance(own, Range)
        c = coefficient(own.value, q)
        if c in (own.size, normal(-own.size)) and positive(d.statement.facts, own.size):
            kept = len(d.steps)
            try:
                if c == own.size:
                    negated = tuple((v, -v if v == q else v) for v in t.variables)
                    d.apply("reindex", at, variables=t.variables, mapping=negated)
                    own = Range(normal(own.value.xreplace({q: -q})), own.size)
                return _dropped(d, at, q, own)
            except NotProvedError:
                d.undo(kept)
    return False


def _dropped(d: Derivation, at: int, q: Symbol, own: Range) -> bool:
    s, dividend = own.size, normal(own.value + own.size * q)
    while others := [
        n for n, f in enumerate(d.current[at].factors) if f != own and q in factor_symbols(f)
    ]:
        f = d.current[at].factors[others[0]]
        assert isinstance(f, Range)
        c = coefficient(f.value, q)
        rest = normal(f.value - c * q)
        if c == 1:
            new = Range(s * rest + dividend, s * f.size)
        elif c == -1:
            new = Range(s * rest + s - 1 - dividend, s * f.size)
        else:
            raise NotProvedError(f"{f} contains {c} times a quotient")
        d.apply_knowing((f, own, new), "bracket", at, drop=(others[0],), add=(new,))
    t = d.current[at]
    left = tuple(v for v in t.variables if v != q)
    factors = tuple(f for f in t.factors if f != own)
    if t.variables[-1] != q:
        order = [n for n, v in enumerate(t.variables) if v != q]
        d.apply("exchange", at, order=(*order, t.variables.index(q)))
    if t.factors != (*factors, own):
        d.apply("reorder", at, factors=(*factors, own))
    whole = Place(d.current, at, d.statement.facts).replace(Term(t.coefficient, left, factors))
    d.apply_backwards("euclid", whole, at, value=dividend, modulus=s, variable=q)
    return True
