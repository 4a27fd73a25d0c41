"""Index arithmetic: integer polynomials as SymPy expressions, with a text of our own.

SymPy gives the algebra; names, order and text are ours, because committed bytes must not
depend on a SymPy version.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from fractions import Fraction
from functools import lru_cache

import sympy as sp
from sympy import Expr, Symbol

Monomial = tuple[tuple[str, int], ...]


def symbol(name: str) -> Symbol:
    """Return the one symbol of that name: integer, no other assumption.

    >>> symbol("s") == symbol("s")
    True
    """
    return Symbol(name, integer=True)


@lru_cache(maxsize=1 << 17)
def symbols_of(e: Expr) -> frozenset[Symbol]:
    """Return the symbols of an expression."""
    return frozenset(v for v in e.free_symbols if isinstance(v, Symbol))


@lru_cache(maxsize=1 << 17)
def _expand(e: Expr) -> Expr:
    expanded: Expr = e.expand(power_base=False, power_exp=False, log=False, basic=False)
    return expanded


def normal(e: Expr | int) -> Expr:
    """Return the expanded polynomial; two polynomials are equal when these are `==`."""
    return _expand(sp.sympify(e))


def rational(e: Expr | int) -> Expr:
    """Return the expanded polynomial, its coefficients rational, its symbols those of `symbol`.

    Raises:
        ValueError: it divides by a symbol, has another function or a foreign symbol in it.

    """
    return _checked(normal(e))


@lru_cache(maxsize=1 << 17)
def _checked(e: Expr) -> Expr:
    for part in sp.preorder_traversal(e):
        power = isinstance(part, sp.Pow) and not (part.exp.is_Integer and part.exp > 0)
        foreign = isinstance(part, Symbol) and part != symbol(part.name)
        known = isinstance(part, sp.Add | sp.Mul | sp.Pow | Symbol | sp.Rational)
        if power or foreign or not known:
            raise ValueError(f"{e} is not a polynomial: {part} is not allowed in it")
    return e


def integral(e: Expr | int) -> Expr:
    """Return the expanded polynomial, all of whose coefficients must be integers.

    Raises:
        ValueError: it is no polynomial, or a coefficient is not an integer.

    """
    return _integral(sp.sympify(e))


@lru_cache(maxsize=1 << 17)
def _integral(e: Expr) -> Expr:
    e = rational(e)
    if any(c.q != 1 for c in monomials(e).values()):
        raise ValueError(f"{text(e)} is not integral: an index counts in integers")
    return e


def door(e: Expr | int) -> Expr:
    """Bring an expression from outside in: symbols by name alone, then `normal`.

    `Symbol('s')` and `Symbol('s', positive=True)` differ in SymPy; here one name is one symbol.
    """
    e = sp.sympify(e)
    return rational(
        e.xreplace({v: symbol(v.name) for v in symbols_of(e) if v != symbol(v.name)})
    )


@lru_cache(maxsize=1 << 16)
def monomials(e: Expr) -> Mapping[Monomial, sp.Rational]:
    """Return {monomial: coefficient} of an expanded polynomial, in no promised order."""
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


def exceeds(e: Expr, other: Expr) -> bool:
    """Say whether the difference of two expanded polynomials is a number >= 0.

    >>> s = symbol("s")
    >>> exceeds(s + 2, s - 1), exceeds(s - 1, s + 2), exceeds(2 * s, s)
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
    """Return the joint degree of `e` in `variables`."""
    names = {v.name for v in variables}
    return max((sum(k for n, k in m if n in names) for m in monomials(e)), default=0)


def ordered(e: Expr, variables: Iterable[Symbol] = ()) -> list[tuple[Monomial, sp.Rational]]:
    """Return the monomials in the reader's order.

    Positive before negative; among the positive the index variables lead, in the order given,
    then the parameters, then the number; among the negative the number and the parameters lead:
    `s*p + d*k - lo`, `K - 1 - k`.
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
    """Write a polynomial as the notation has it.

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
    """Write a polynomial with one parameter taken out where that shortens it.

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


_TOKEN = re.compile(r"\s*(?:(\d+)|([A-Za-z_]\w*)|([-+*^/()]))")


def parse(source: str) -> Expr:
    """Read what `text` writes: sums of products of names, powers and numbers.

    Raises:
        ValueError: anything else; the message shows the text and the place.

    """
    total, at = sp.Integer(0), 0
    tokens: list[tuple[str, int]] = []
    while source[at:].strip():
        found = _TOKEN.match(source, at)
        if not found:
            raise ValueError(f"polynomial {source!r}: unexpected character at {at}")
        tokens.append((found.group().strip(), at))
        at = found.end()
    tokens.append(("", len(source)))
    i = 0

    def fail(expected: str) -> ValueError:
        return ValueError(f"polynomial {source!r}: expected {expected} at {tokens[i][1]}")

    while True:
        sign = 1
        if tokens[i][0] in ("+", "-"):
            sign = -1 if tokens[i][0] == "-" else 1
            i += 1
        elif total != 0 or i > 0:
            raise fail("+ or -")
        product: Expr = sp.Integer(sign)
        while True:
            word = tokens[i][0]
            if word.isdigit():
                atom: Expr = sp.Integer(word)
            elif word and (word[0].isalpha() or word[0] == "_"):
                atom = symbol(word)
            else:
                raise fail("a name or a number")
            i += 1
            if tokens[i][0] in ("^", "/"):
                op, power = tokens[i][0], tokens[i + 1][0]
                if not power.isdigit() or int(power) == 0:
                    raise fail("a positive number")
                atom = atom ** int(power) if op == "^" else atom / int(power)
                i += 2
            product *= atom
            if tokens[i][0] != "*":
                break
            i += 1
        total += product
        if tokens[i][0] == "":
            return normal(total)
