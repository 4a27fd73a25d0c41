"""Splits sums by remainder: an index becomes a quotient and a remainder (polyphase)."""

from __future__ import annotations

from sympy import Expr, Symbol

from rot180.derive.kernel.place import Place
from rot180.derive.language.polynomial import coefficient, monomials, normal, symbols_of
from rot180.derive.language.substitute import fresh
from rot180.derive.language.terms import Access, Equal, Range, Term
from rot180.derive.search.derivation import Derivation
from rot180.derive.search.matching import exact_quotient


def split_equations(d: Derivation) -> list[Expr]:
    """Split every equation by remainder where possible; return the moduli."""
    moduli: list[Expr] = []
    for at in range(len(d.current)):
        while (m := split_by_remainder(d, at)) is not None:
            moduli.append(m)
    return moduli


def split_by_remainder(d: Derivation, at: int) -> Expr | None:
    """Apply `euclid` to the first suitable equation; return the modulus, or None if there is none.

    With ``s p = e + sum_i b_i v_i``, quotients ``e = s u + phi`` and ``v_i = s q_i + r_i`` turn
    ``p`` into ``u + sum_i b_i q_i + m`` where ``phi + sum_i b_i r_i = s m``: only remainders are
    left to divide.
    """
    t = d.current[at]
    for f in t.factors:
        if not isinstance(f, Equal):
            continue
        p = next((v for v in t.variables if _divides_only(t, f, v)), None)
        if p is not None:
            _split(d, at, f, p)
            return modulus(f, p)[0]
    return None


def _divides_only(t: Term, f: Equal, p: Symbol) -> bool:
    """Say whether p is in no other bracket, but an index, and the modulus is a monomial."""
    c = coefficient(f.value, p)
    others = [g for g in t.factors if isinstance(g, Equal | Range) and g != f]
    if c == 0 or len(monomials(c)) != 1 or any(p in symbols_of(g.value) for g in others):
        return False
    return any(isinstance(g, Access) and p in g.index for g in t.factors)


def modulus(f: Equal, p: Symbol) -> tuple[Expr, Expr]:
    """Return (s, R) such that the equation is ``s p = R`` and s has a positive sign."""
    c = coefficient(f.value, p)
    rest = normal(f.value - c * p)
    negative = next(iter(monomials(c).values())) < 0
    return (normal(-c), rest) if negative else (c, normal(-rest))


def _split(d: Derivation, at: int, f: Equal, p: Symbol) -> None:
    s, value = modulus(f, p)
    t = d.current[at]
    inner = [v for v in t.variables if v != p and coefficient(value, v) != 0]
    outer = normal(value - sum(coefficient(value, v) * v for v in inner))
    place = Place(d.current, at, d.statement.facts)
    used = set(place.taken)

    def new(hint: str) -> Symbol:
        v = fresh(hint, used)
        used.add(v)
        return v

    u = new("u")
    d.apply("euclid", at, value=outer, modulus=s, variable=u)
    total: Expr = u
    change: dict[Symbol, Expr] = {}
    names: dict[Symbol, Symbol] = {}
    for v in inner:
        b = coefficient(value, v)
        quotient = exact_quotient(b, s)
        if quotient is not None:
            total += quotient * v
            continue
        q, r = new("q"), new("r")
        d.apply("euclid", at, value=v, modulus=s, variable=q)
        change[v], names[v] = s * q + r, r
        total += b * q
    m = new("m")
    change[p], names[p] = normal(total + m), m
    bound = d.current[at].variables
    mapping = tuple((v, normal(change.get(v, v))) for v in bound)
    d.apply("reindex", at, variables=tuple(names.get(v, v) for v in bound), mapping=mapping)
