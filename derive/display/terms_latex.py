"""Names, numbers, terms and expressions as LaTeX mathematics, in the order people write them.

Nothing here depends on how SymPy prints or sorts.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import sympy as sp
from sympy import Expr, Symbol

from rot180.derive.display.line_breaks import SignedTerm, in_rows
from rot180.derive.display.mathematics import GREEK
from rot180.derive.display.notations import DEEP_LEARNING, Symbols, Table
from rot180.derive.display.width import width
from rot180.derive.language.polynomial import (
    Monomial,
    coefficient,
    monomials,
    normal,
    ordered,
    symbol,
    symbols_of,
)
from rot180.derive.language.spelling import Application, application
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
    accesses_and_brackets,
)

WIDEST_NUMERATOR = 227.5
"""The width in points above which an operand is written beside d/dx, not in its numerator."""

Part: TypeAlias = tuple[Monomial, sp.Rational]


def escape(text: str) -> str:
    r"""Return plain text as LaTeX text.

    >>> print(escape("grad_y & 5%"))
    grad\_y \& 5\%
    """
    special = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    return "".join(special.get(c, f"\\{c}" if c in "_&%#${}" else c) for c in text)


def letter(name: str) -> str:
    r"""Return a name as LaTeX mathematics: Greek, subscripts for digits, words in italics.

    >>> print(letter("h1"), letter("sigma"), letter("lo"), letter("grad_y"))
    h_{1} \sigma \mathit{lo} \mathit{grad\_y}
    """
    base = name.rstrip("0123456789")
    digits = name[len(base) :]
    if base in GREEK:
        shown = f"\\{base}"
    elif len(base) == 1 and base != "_":
        shown = base
    else:
        return f"\\mathit{{{escape(name)}}}"
    return f"{shown}_{{{digits}}}" if digits else shown


ARGUMENT = "u"
"""What stands for the argument of a function; t is the target of a loss."""


def function(name: str, order: int) -> str:
    r"""Return a scalar function or its derivative: ``\sigma'``."""
    short = name in GREEK or len(name) == 1
    return (letter(name) if short else f"\\operatorname{{{escape(name)}}}") + primes(order)


def primes(order: int) -> str:
    """Return the mark of a derivative of this order."""
    return "'" * order if order < 3 else f"^{{({order})}}"


def primed(symbol: str, mark: str = "'") -> str:
    """Return a symbol with a prime, or another mark that is a superscript.

    >>> print(primed("h'"), primed("i^{2}"))
    h'' {i^{2}}'
    >>> print(primed("(t^{2})"))
    (t^{2})'
    """
    flat, old = symbol, ""
    while flat != old:
        old, flat = flat, re.sub(r"\{[^{}]*\}|\([^()]*\)", "", flat)
    apart = "^" in flat or (mark[:1] == "^" and "'" in flat)
    return f"{{{symbol}}}{mark}" if apart else symbol + mark


@dataclass(frozen=True)
class Letters:
    """How one statement or proof writes its names: a notation and the choices made for it.

    Attributes:
        variables: the index variables, free and bound, in the order in which they are written.
        tensors: the LaTeX of tensors; one that is not listed is written by the notation.
        constants: (symbol, value) of the named constants, such as the padding pi.
        names: the LaTeX of indices, sizes and parameters that are not written by their names.
        symbols: the notation.
        free: the free indices, in the order of the statement.
        parameters: the names of sizes and parameters, whose letters no index takes.
        bare: tensors that are written by their names, because two would look the same.

    """

    variables: tuple[Symbol, ...] = ()
    tensors: Table = ()
    constants: tuple[tuple[Symbol, Expr], ...] = ()
    names: Table = ()
    symbols: Symbols = DEEP_LEARNING
    free: tuple[Symbol, ...] = ()
    parameters: tuple[str, ...] = ()
    bare: frozenset[Tensor] = frozenset()

    @property
    def functions(self) -> Mapping[str, str]:
        """Return function to symbol, or to a pattern with ``#1``, in the notation."""
        return dict(self.symbols.functions)

    def symbol(self, name: str) -> str:
        """Return an index, size, parameter or named constant."""
        return name if name.startswith("\\") else dict(self.names).get(name, letter(name))

    def function(self, name: str, order: int) -> str:
        r"""Return a scalar function or its derivative: ``\sigma'``."""
        shown = self.functions.get(name, "") or function(name, 0)
        shown = f"({shown.replace('#1', ARGUMENT)})" if "#1" in shown else shown
        return primed(shown, primes(order)) if order else shown

    def applied(self, name: str, order: int, argument: str) -> str:
        r"""Return the value of a scalar function: ``\sigma(z)``, or as in the notation."""
        pattern = self.functions.get(name, "")
        if "#1" in pattern and not order:
            return pattern.replace("#1", argument)
        return f"{self.function(name, order)}({argument})"

    def tensor(self, t: Tensor | str) -> str:
        """Return the symbol of a tensor; an applied operator is written by its pattern.

        Args:
            t: the tensor, or the name of one that is not an applied operator.

        """
        found = self._application(t)
        if found is not None:
            return self.operator(found)
        name = t if isinstance(t, str) else t.name
        known = dict(self.symbols.tensors) | dict(self.tensors)
        return known[name] if name in known else self._of_layer(name) or letter(name)

    def _application(self, t: Tensor | str | Expr) -> Application | None:
        return application(t) if isinstance(t, Tensor) and t not in self.bare else None

    def operator(self, found: Application) -> str:
        """Return an applied operator."""
        parts, head = found.arguments, found.operator
        shown = [self.tensor(p) if isinstance(p, Tensor) else self.polynomial(p) for p in parts]
        pattern = self._pattern(found)
        if not pattern or (_ACCENT.match(pattern) and width(shown[0]) > 10):
            return f"{self.function(head, found.order)}({', '.join(shown)})"
        last = max(map(int, re.findall(r"#(\d)", pattern)), default=0)
        shown[last - 1 :] = [", ".join(shown[last - 1 :])]
        for n, part in enumerate(parts[:last], 1):
            if f"#{n}^" in pattern and "^" in shown[n - 1]:
                shown[n - 1] = f"({shown[n - 1]})"
            elif self._open(part) and f"(#{n})" not in pattern:
                tight = re.search(rf"#{n}[\^_]", pattern) is not None
                if tight or self._open(part, infix=True):
                    shown[n - 1] = f"({shown[n - 1]})"
        return re.sub(r"#(\d)", lambda m: shown[int(m[1]) - 1], pattern)

    def _pattern(self, found: Application) -> str:
        """Return the pattern of an operator, or of a function that is applied to every entry."""
        if not found.entrywise:
            return dict(self.symbols.operators).get(found.operator, "")
        pattern = "" if found.order else self.functions.get(found.operator, "")
        return f"({pattern})" if "#1" in pattern else ""

    def _of_layer(self, name: str, table: Mapping[str, str] | None = None) -> str:
        """Return the symbol of a tensor with the number of its layer, else ""."""
        base = name.rstrip("0123456789")
        shown = letter(base) if table is None else table.get(base, "")
        if base == name or not shown:
            return ""
        parts = {"#1": shown, "#2": name[len(base) :]}
        return re.sub(r"#[12]", lambda m: parts[m[0]], self.symbols.numbered)

    def gradient(self, name: str) -> str:
        """Return the symbol of the gradient by a tensor in the notation, else ""."""
        known = dict(self.symbols.gradients)
        return known.get(name, "") or self._of_layer(name, known)

    def _open(self, t: Tensor | str | Expr, infix: bool = False) -> bool:
        """Say whether a symbol needs parentheses before an index: ``a * b``, ``D_s g``.

        With `infix`, say whether it also needs them next to another operator.
        """
        found = self._application(t)
        known = {} if found is None or found.entrywise else dict(self.symbols.operators)
        flat, old = known.get(found.operator, "") if found else "", ""
        while flat != old:
            old, flat = flat, re.sub(r"\{[^{}]*\}|\([^()]*\)", "", flat)
        between = re.fullmatch(r"#\d.*#\d", flat) is not None
        return (between or " " in flat) and (not infix or flat.startswith("#"))

    def named(self, t: Tensor | str) -> str:
        """Return the symbol of a tensor, with parentheses if an index needs them."""
        return f"({self.tensor(t)})" if self._open(t) else self.tensor(t)

    def short(self, e: Expr) -> Expr:
        """Return `e` in terms of a named constant if that has fewer monomials."""
        for constant, value in self.constants:
            here, there = monomials(e), monomials(value)
            for sign in (1, -1):
                same = sum(here.get(m) == sign * c for m, c in there.items())
                if 2 * same > len(there) + 1:
                    e = normal(e + sign * (constant - value))
        return e

    def polynomial(self, e: Expr, bound: tuple[Symbol, ...] = ()) -> str:
        """Return a polynomial: first index variables, then parameters, then the number."""
        order = dict.fromkeys((*self.variables, *bound))
        return self.sum(reading_order(self.short(e), order), bound)

    def sum(self, parts: Iterable[Part], bound: tuple[Symbol, ...] = ()) -> str:
        """Return a sum of monomials, in the order given."""
        ranked = {v.name for v in (*self.variables, *bound)}
        out = ""
        for powers, c in parts:
            names = sorted(powers, key=lambda i: (i[0] in ranked, i[0][0].isupper(), i[0]))
            shown = [self.symbol(n) + (f"^{{{k}}}" if k > 1 else "") for n, k in names]
            if abs(c) != 1 or not shown:
                shown.insert(0, _number(abs(c)))
            sign = ("-" if c < 0 else "") if not out else " - " if c < 0 else " + "
            out += sign + " ".join(shown)
        return out or "0"

    def typeset(self, text: str) -> str:
        """Return a polynomial that is given as text, in the same order."""
        text = re.sub(r"\^(\d+)", r"^{\1}", text).replace("*", " ")
        return re.sub(r"[A-Za-z_]\w*", lambda m: self.symbol(m[0]), text)

    def index(self, entries: tuple[Expr, ...], bound: tuple[Symbol, ...]) -> str:
        """Return ``[e, f]`` or ``_{e, f}``, or "" for a scalar."""
        shown = ", ".join(self.polynomial(e, bound) for e in entries)
        return (f"_{{{shown}}}" if self.symbols.subscripts else f"[{shown}]") if entries else ""

    def factor(
        self, f: Factor, bound: tuple[Symbol, ...] = (), beside: Collection[Expr] = ()
    ) -> str:
        """Return one factor on one line; `beside` has the indices of the other factors."""
        if isinstance(f, Access):
            name = self.named(f.tensor)
            if self.symbols.subscripts and "_" in name and not name.startswith("("):
                name = f"{{{name}}}"
            return name + self.index(f.index, bound)
        if isinstance(f, Apply):
            return self.applied(f.function, f.order, self.factor(f.argument, bound))
        if isinstance(f, Derivative):
            wrt = self.factor(f.wrt, bound)
            # the empty product is 1, a constant term of a definition
            inner = "\\,".join(self.factor(g, bound) for g in f.factors) or "1"
            head = f.factors[0] if f.factors else None
            spelled = isinstance(head, Apply) and "#1" in self.functions.get(head.function, "")
            if len(f.factors) <= 1 and not spelled and width(inner) < WIDEST_NUMERATOR:
                return f"\\frac{{\\partial {inner}}}{{\\partial {wrt}}}"
            return f"\\frac{{\\partial}}{{\\partial {wrt}}}({inner})"
        if isinstance(f, Equal):
            return f"[{' = '.join(self.solved(f.value, bound, beside))}]"
        size = self.polynomial(f.size, bound)
        return f"[0 \\le {self.polynomial(f.value, bound)} < {size}]"

    def solved(
        self, e: Expr, bound: tuple[Symbol, ...], beside: Collection[Expr]
    ) -> tuple[str, str]:
        """Return the sides of ``e = 0``: ``h = s p + d k - a``, ``x = x' - a``, else `sides`.

        A free index is alone on its side if the other side is an index of another factor, or has
        no index variable with a minus sign.
        """
        free = [v for v in self.variables if v not in bound and v in symbols_of(e)]
        sign = coefficient(e, free[0]) if len(free) == 1 else 0
        if sign not in (1, -1):
            return self.sides(e, bound)
        other = normal(free[0] - sign * e)
        rising = all(c > 0 for m, c in monomials(other).items() for n, _ in m if symbol(n) in bound)
        if other in beside or (rising and symbols_of(other) & set(bound)):
            return self.polynomial(free[0]), self.polynomial(other, bound)
        return self.sides(e, bound)

    def sides(self, e: Expr, bound: tuple[Symbol, ...] = ()) -> tuple[str, str]:
        """Return the sides of ``e = 0`` without minus signs; the first index is on the left."""
        order = tuple(dict.fromkeys((*self.variables, *bound)))
        parts = ordered(self.short(e), order)
        rank = {v.name: i for i, v in enumerate(order)}
        leading = [(rank.get(n, len(rank)), c > 0) for m, c in parts for n, _ in m]
        upper, lower = self.halves(e, bound)
        swapped = leading and not min(leading, key=lambda i: i[0])[1]
        return (lower, upper) if swapped else (upper, lower)

    def halves(self, e: Expr, bound: tuple[Symbol, ...] = ()) -> tuple[str, str]:
        """Return the positive and the negative monomials of a polynomial, both as sums."""
        order = tuple(dict.fromkeys((*self.variables, *bound)))
        e = self.short(e)
        upper, lower = (
            self.sum([i for i in ordered(side, order) if i[1] > 0], bound) for side in (e, -e)
        )
        return upper, lower

    def atoms(self, t: Term) -> list[str]:
        """Return the parts of a term after its sign: the sum first, brackets last."""
        kind = {Derivative: 1, Equal: 2, Range: 3}
        factors = sorted(t.factors, key=lambda f: kind.get(type(f), 0))
        beside = [
            e for f in accesses_and_brackets(factors) if isinstance(f, Access) for e in f.index
        ]
        shown = [self.factor(f, t.variables, beside) for f in factors]
        size = -t.coefficient if _negative(t) else t.coefficient
        head = "" if size == 1 and shown else f"{self.polynomial(size)} "
        head = f"({head[:-1]}) " if len(monomials(size)) > 1 else head
        if t.variables:
            names = ", ".join(self.symbol(v.name) for v in t.variables)
            head += f"\\sum_{{{names}}} "
        return [head + shown[0], *shown[1:]] if shown else [head.strip()]

    def signed(self, expression: Expression) -> list[SignedTerm]:
        """Return the sign and the parts of each term."""
        signs = ("-" if _negative(t) else "+" if n else "" for n, t in enumerate(expression))
        return [(sign, self.atoms(t)) for sign, t in zip(signs, expression, strict=True)]

    def rows(self, expression: Expression, room: float) -> list[str]:
        """Return the expression in rows at most `room` points wide, broken at factors."""
        return in_rows(self.signed(expression), room)


def _negative(t: Term) -> bool:
    values = list(monomials(t.coefficient).values())
    return len(values) == 1 and bool(values[0] < 0)


_ACCENT = re.compile(r"\\(?:wide)?(?:tilde|hat|bar|check)\b")


def reading_order(e: Expr, variables: Iterable[Symbol] = ()) -> list[Part]:
    """Return the monomials as people write an index: ``s p + d k - a``, ``2 p - 3 k + 1``.

    Index variables come first, in the order given, then parameters, then the number. If that would
    begin with a minus sign, positive monomials come first: ``K - 1 - k``.
    """
    variables = tuple(variables)
    rank = {v.name: i for i, v in enumerate(variables)}

    def key(part: Part) -> tuple[object, ...]:
        m, c = part
        index = [rank[n] for n, _ in m if n in rank]
        kind = 0 if index else 1 if m else 2
        return (kind, index, bool(c < 0), -sum(k for _, k in m), [n for n, _ in m])

    parts = sorted(monomials(e).items(), key=key)
    return parts if not parts or parts[0][1] > 0 else ordered(e, variables)


def _number(c: sp.Rational) -> str:
    return str(c) if c.q == 1 else f"\\tfrac{{{c.p}}}{{{c.q}}}"
