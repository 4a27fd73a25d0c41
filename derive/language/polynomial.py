"""Index arithmetic: integer polynomials as SymPy expressions, with our own text format.

SymPy does the algebra. Names, order and text format are ours, because committed bytes must not
depend on the version of SymPy.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from fractions import Fraction
from functools import lru_cache
from math import gcd, lcm

import sympy as sp
from sympy import Expr, Symbol

Monomial = tuple[tuple[str, int], ...]


def symbol(name: str) -> Symbol:
    """Return the symbol of that name, which is an integer and has no other assumption.

    >>> symbol("s") == symbol("s")
    True
    """
    return Symbol(name, integer=True)


def size_of(tensor: str, axis: int) -> Symbol:
    """Return what stands for the size of an axis of a tensor until it is known; in no text."""
    return symbol(f"_{axis}_{tensor}")


@lru_cache(maxsize=1 << 17)
def symbols_of(e: Expr) -> frozenset[Symbol]:
    """Return the symbols of an expression."""
    return frozenset(v for v in e.free_symbols if isinstance(v, Symbol))


@lru_cache(maxsize=1 << 17)
def _expand(e: Expr) -> Expr:
    expanded: Expr = e.expand(power_base=False, power_exp=False, log=False, basic=False)
    return expanded


def normal(e: Expr | int) -> Expr:
    """Return the expanded polynomial; equal polynomials have equal (`==`) expansions.

    Raises:
        TypeError: the argument is neither an expression nor an integer.

    """
    return _expand(_expression(e))


def _expression(e: object) -> Expr:
    if isinstance(e, bool) or not isinstance(e, Expr | int):
        raise TypeError(f"found {e!r}, a {type(e).__name__}; expected a polynomial")
    return sp.Integer(e) if isinstance(e, int) else e


def rational(e: Expr | int) -> Expr:
    """Return the canonical form of a polynomial with rational coefficients and plain symbols.

    The result is rebuilt from its monomials, so it contains nothing unevaluated: two polynomials
    are equal if and only if their canonical forms are `==`.

    Raises:
        TypeError: the argument is neither an expression nor an integer.
        ValueError: it divides by a symbol, or contains another function or a foreign symbol.

    """
    return _rebuilt(_expression(e))


@lru_cache(maxsize=1 << 17)
def _rebuilt(e: Expr) -> Expr:
    parts = _parts(e, e)
    products = (sp.Mul(c, *(symbol(n) ** k for n, k in m)) for m, c in parts.items() if c != 0)
    found: Expr = sp.Add(*products)
    return found


def _parts(e: Expr, whole: Expr) -> dict[Monomial, sp.Rational]:
    """Expand an expression into monomials, including whatever is unevaluated in it."""
    if isinstance(e, sp.Rational):
        return {(): sp.Rational(e.p, e.q)}
    if isinstance(e, Symbol) and e == symbol(e.name) and SPELLED.fullmatch(e.name):
        return {((e.name, 1),): sp.Integer(1)}
    if isinstance(e, sp.Add):
        total: dict[Monomial, sp.Rational] = {}
        for part in e.args:
            for m, c in _parts(part, whole).items():
                total[m] = total.get(m, sp.Integer(0)) + c
        return total
    product: dict[Monomial, sp.Rational] = {(): sp.Integer(1)}
    if isinstance(e, sp.Mul):
        for part in e.args:
            product = _times(product, _parts(part, whole))
        return product
    if isinstance(e, sp.Pow) and e.exp.is_Integer and 0 < e.exp <= HIGHEST_POWER:
        base = _parts(e.base, whole)
        for _ in range(int(e.exp)):
            product = _times(product, base)
        return product
    raise ValueError(f"{whole} is not a polynomial: {e} is not allowed in it")


def _times(
    a: Mapping[Monomial, sp.Rational], b: Mapping[Monomial, sp.Rational]
) -> dict[Monomial, sp.Rational]:
    out: dict[Monomial, sp.Rational] = {}
    for m, c in a.items():
        for n, d in b.items():
            powers = dict(m)
            for name, k in n:
                powers[name] = powers.get(name, 0) + k
            both = tuple(sorted(powers.items()))
            out[both] = out.get(both, sp.Integer(0)) + c * d
    if len(out) > MOST_MONOMIALS:
        raise ValueError(f"a polynomial has more than {MOST_MONOMIALS} monomials")
    return out


HIGHEST_POWER, MOST_MONOMIALS = 4096, 1000
"""The highest power of a name in a polynomial, and the most monomials that it may have."""

SPELLED = re.compile(r"[A-Za-z][A-Za-z0-9_]*|_[A-Za-z0-9][A-Za-z0-9_]*")
"""The names that a symbol may have; those with a leading underscore are internal."""

WRITTEN_POWER, DIGITS = 16, 100
"""The highest power in a text, and the most digits of a number."""


def integral(e: Expr | int) -> Expr:
    """Return the canonical form of a polynomial whose coefficients are all integers.

    Raises:
        TypeError: the argument is neither an expression nor an integer.
        ValueError: it is not a polynomial, or a coefficient is not an integer.

    """
    return _integral(_expression(e))


@lru_cache(maxsize=1 << 17)
def _integral(e: Expr) -> Expr:
    e = _rebuilt(e)
    if any(c.q != 1 for c in monomials(e).values()):
        raise ValueError(f"{text(e)} has a coefficient that is not an integer")
    return e


def is_integral(e: Expr) -> bool:
    """Say whether all coefficients of an expanded polynomial are integers."""
    return all(c.q == 1 for c in monomials(e).values())


def denominator(e: Expr) -> int:
    """Return the least number that makes the coefficients of a polynomial integers."""
    return lcm(*(int(c.q) for c in monomials(e).values()))


def primitive(e: Expr) -> Expr:
    """Return a polynomial with integer coefficients, divided by their greatest common divisor.

    >>> primitive(normal(6 * symbol("s") - 4))
    3*s - 2
    """
    return normal(e / max(1, gcd(*(int(c) for c in monomials(normal(e)).values()))))


@lru_cache(maxsize=1 << 16)
def quotient(e: Expr, by: Expr) -> Expr | None:
    """Return the polynomial q with ``q * by = e``; None if there is none, or if `by` is 0.

    >>> s, t = symbol("s"), symbol("t")
    >>> quotient(normal(2 * s * (s + t)), normal(s + t)), quotient(s, t)
    (2*s, None)
    """
    rest, found = dict(monomials(normal(e))), sp.Integer(0)
    divisor = monomials(normal(by))
    if not divisor:
        return None
    lead = max(divisor, key=_lexicographic)
    while rest:
        top = max(rest, key=_lexicographic)
        powers = dict(top)
        for name, k in lead:
            powers[name] = powers.get(name, 0) - k
        if min(powers.values(), default=0) < 0:
            return None
        c = rest[top] / divisor[lead]
        factor: Monomial = tuple(sorted((n, k) for n, k in powers.items() if k))
        found += c * sp.Mul(*(symbol(n) ** k for n, k in factor))
        for m, d in _times({factor: c}, divisor).items():
            left = rest.pop(m, sp.Integer(0)) - d
            if left != 0:
                rest[m] = left
    return normal(found)


def _lexicographic(m: Monomial) -> tuple[tuple[tuple[int, ...], int], ...]:
    """Order monomials lexicographically, so that the product of leading monomials leads."""
    return tuple(((*(-ord(c) for c in name), 1), k) for name, k in m)


def canonical(e: Expr | int) -> Expr:
    """Return the canonical form of an expression from outside; symbols are identified by name.

    `Symbol('s')` and `Symbol('s', positive=True)` differ in SymPy, but are the same symbol here.
    """
    e = sp.sympify(e)
    return rational(e.xreplace({v: symbol(v.name) for v in symbols_of(e) if v != symbol(v.name)}))


@lru_cache(maxsize=1 << 16)
def monomials(e: Expr) -> Mapping[Monomial, sp.Rational]:
    """Return {monomial: coefficient} of an expanded polynomial, in no particular order."""
    out: dict[Monomial, sp.Rational] = {}
    for part in sp.Add.make_args(e):
        number, rest = part.as_coeff_Mul()
        powers: dict[str, int] = {}
        for base in sp.Mul.make_args(rest):
            root, exponent = base.as_base_exp()
            if isinstance(root, Symbol):
                powers[root.name] = powers.get(root.name, 0) + int(exponent)
        if number != 0:
            out[tuple(sorted(powers.items()))] = sp.Rational(number)
    return out


@lru_cache(maxsize=1 << 16)
def _constant(e: Expr) -> tuple[Expr, Expr]:
    number, rest = e.as_coeff_Add()
    return number, rest


def at_least(e: Expr, other: Expr) -> bool:
    """Say whether the difference of two expanded polynomials is a number >= 0.

    >>> s = symbol("s")
    >>> at_least(s + 2, s - 1), at_least(s - 1, s + 2), at_least(2 * s, s)
    (True, False, False)
    """
    (number, rest), (least, same) = _constant(e), _constant(other)
    return rest == same and bool(number >= least)


def number(e: Expr, env: Mapping[str, int]) -> Fraction:
    """Return the value of an expanded polynomial at named integers.

    Raises:
        KeyError: a name has no value.

    """
    total: int | Fraction = 0
    for monomial, c in monomials(e).items():
        part: int | Fraction = int(c.p) if c.q == 1 else Fraction(int(c.p), int(c.q))
        for name, power in monomial:
            part *= env[name] ** power
        total += part
    return Fraction(total)


@lru_cache(maxsize=1 << 16)
def coefficient(e: Expr, v: Symbol) -> Expr:
    """Return the coefficient of `v` in an expanded polynomial that is affine in `v`."""
    c: Expr = e.coeff(v)
    return c


def degree(e: Expr, variables: Collection[Symbol]) -> int:
    """Return the total degree of `e` in `variables`."""
    names = {v.name for v in variables}
    return max((sum(k for n, k in m if n in names) for m in monomials(e)), default=0)


def ordered(e: Expr, variables: Iterable[Symbol] = ()) -> list[tuple[Monomial, sp.Rational]]:
    """Return the monomials in the order in which people write them.

    Positive monomials come first: index variables in the order given, then parameters, then the
    number. Among the negative ones, the number and the parameters come first. So one reads
    `s*p + d*k - lo` and `K - 1 - k`.
    """
    rank = {v.name: i for i, v in enumerate(variables)}

    def key(item: tuple[Monomial, sp.Rational]) -> tuple[object, ...]:
        m, c = item
        index = [rank[n] for n, _ in m if n in rank]
        kind = 0 if index else 1 if m else 2
        negative = bool(c < 0)
        plain = (-kind if negative else kind, index, -sum(k for _, k in m), [n for n, _ in m])
        return (negative, *plain)

    return sorted(monomials(e).items(), key=key)


def text(e: Expr, variables: Iterable[Symbol] = ()) -> str:
    """Return a polynomial in the notation.

    >>> p, k, s, lo = map(symbol, ("p", "k", "s", "lo"))
    >>> text(s * p + k - lo, (p, k)), text(symbol("K") - 1 - k, (p, k))
    ('s*p + k - lo', 'K - 1 - k')
    """
    return _text(e, tuple(variables))


@lru_cache(maxsize=1 << 16)
def _text(e: Expr, variables: tuple[Symbol, ...]) -> str:
    ranked = {v.name for v in variables}
    out = ""
    for m, c in ordered(e, variables):
        size = abs(c)
        names = sorted(m, key=lambda item: (item[0] in ranked, item[0]))
        parts = [str(size)] if size != 1 or not m else []
        parts += [n if k == 1 else f"{n}^{k}" for n, k in names]
        if out:
            out += " - " if c < 0 else " + "
        elif c < 0:
            out += "-"
        out += "*".join(parts)
    return out or "0"


def factored(e: Expr) -> str:
    """Return a polynomial as text, with one parameter factored out if that is shorter.

    >>> factored(normal(symbol("d") * (symbol("K") - 1) - symbol("lo")))
    'd*(K - 1) - lo'
    """
    choices = [(v, coefficient(e, v)) for v in sorted(symbols_of(e), key=lambda v: v.name)]
    choices = [(v, c) for v, c in choices if len(monomials(c)) > 1 and degree(e, (v,)) == 1]
    if not choices:
        return text(e)
    v, c = min(choices, key=lambda vc: (-len(monomials(vc[1])), vc[0].name.isupper()))
    if next(iter(ordered(c)))[1] < 0:
        return text(e)
    rest = normal(e - v * c)
    tail = "" if rest == 0 else text(rest)
    joint = " - " if tail.startswith("-") else " + " if tail else ""
    return f"{v.name}*({text(c)}){joint}{tail.removeprefix('-')}"


NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
"""The names that a symbol, a tensor or a function may have."""

_SIGN = re.compile(r" *([-+])")
_ATOM = re.compile(r" *(?:([A-Za-z][A-Za-z0-9_]*)(?: *\^ *([0-9]+))?|([0-9]+)(?: */ *([0-9]+))?)")
_TIMES = re.compile(r" *\*")
_END = re.compile(r" *\Z")


def parse(source: str) -> Expr:
    """Parse the output of `text`: sums of products of names with powers, and of fractions.

    Raises:
        ValueError: it is anything else; the message shows the text and the position.

    >>> parse("2*s^2 - 1/2")
    2*s**2 - 1/2

    """
    parts: list[Expr] = []
    at = 0
    while not parts or not _END.match(source, at):
        sign = _SIGN.match(source, at)
        if sign is None and parts:
            raise ValueError(f"polynomial {source!r}: expected + or - at {at}")
        at = sign.end() if sign else at
        product: list[Expr] = [sp.Integer(-1 if sign and sign[1] == "-" else 1)]
        while len(product) == 1 or _TIMES.match(source, at):
            times = _TIMES.match(source, at) if len(product) > 1 else None
            atom = _ATOM.match(source, times.end() if times else at)
            if atom is None:
                raise ValueError(f"polynomial {source!r}: expected a name or a number at {at}")
            product.append(_atom(source, atom))
            at = atom.end()
        parts.append(sp.Mul(*product))
        if len(parts) > MOST_MONOMIALS:
            raise ValueError(f"a polynomial has more than {MOST_MONOMIALS} monomials")
        high = max((k for m in monomials(parts[-1]) for _, k in m), default=0)
        if high > WRITTEN_POWER:
            raise ValueError(f"polynomial {source!r}: a power {high}, at most {WRITTEN_POWER}")
    return normal(sp.Add(*parts))


def _atom(source: str, found: re.Match[str]) -> Expr:
    name, power, above, below = found.groups()
    if max(len(digits or "") for digits in (power, above, below)) > DIGITS:
        raise ValueError(f"polynomial {source[:40]!r}: a number has more than {DIGITS} digits")
    for digits in (power, below):
        if digits is not None and int(digits) == 0:
            raise ValueError(f"polynomial {source!r}: found 0, expected a positive number")
    if name is None:
        number: Expr = sp.Rational(int(above), int(below or 1))
        return number
    out: Expr = symbol(name) ** min(int(power or 1), WRITTEN_POWER + 1)
    return out
