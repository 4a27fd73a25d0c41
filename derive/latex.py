"""Terms, theorems and proofs as LaTeX text, in the order and with the letters a reader expects.

Everything printed can be read back: a short proof leaves lines out, it never alters one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import sympy as sp
from sympy import Expr, Symbol

from rot180.derive.polynomial import monomials, normal, ordered, symbol
from rot180.derive.terms import (
    Access,
    Apply,
    AtLeast,
    Condition,
    Derivative,
    Equal,
    Expression,
    Factor,
    Range,
    Tensor,
    Term,
)

TEXT_WIDTH = 455.0
"""Points between the margins: A4 paper with 25 mm on either side."""

_GREEK = frozenset(
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau "
    "upsilon phi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega".split()
)
_OPERATORS = {"dilate": "D_{{{1}}} {0}", "correlate": "{0} \\star {1}", "convolve": "{0} * {1}"}


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
    if base in _GREEK:
        shown = f"\\{base}"
    elif len(base) == 1 and base != "_":
        shown = base
    else:
        return f"\\mathit{{{escape(name)}}}"
    return f"{shown}_{{{digits}}}" if digits else shown


def function(name: str, order: int) -> str:
    r"""Return a scalar function or its derivative: ``\sigma'``."""
    shown = letter(name) if name in _GREEK or len(name) == 1 else f"\\operatorname{{{escape(name)}}}"
    return shown + ("'" * order if order < 3 else f"^{{({order})}}")


@dataclass(frozen=True)
class Letters:
    """How one document writes its names.

    Attributes:
        variables: the free indices, in the reader's order.
        tensors: the LaTeX of tensors that are not written by their own name.
        constants: (symbol, value) of the named constants, such as the padding pi.

    """

    variables: tuple[Symbol, ...] = ()
    tensors: tuple[tuple[str, str], ...] = ()
    constants: tuple[tuple[Symbol, Expr], ...] = ()

    def symbol(self, name: str) -> str:
        """Return an index, size, parameter or named constant."""
        return name if name.startswith("\\") else letter(name)

    def tensor(self, name: str) -> str:
        """Return a tensor's name; operators applied are written out of their call notation."""
        known = dict(self.tensors)
        if name in known:
            return known[name]
        call = re.fullmatch(r"(\w+)\((.*)\)", name)
        if not call:
            return letter(name)
        head, parts = call.group(1), [self.tensor(a) for a in _arguments(call.group(2))]
        grouped = [f"({p})" if " " in p and not _closed(p) else p for p in parts]
        if head in _OPERATORS and len(parts) == 2:
            return _OPERATORS[head].format(*grouped)
        if head == "rot180" and width(parts[0]) < 10:
            return f"\\widetilde{{{parts[0]}}}"
        return f"{function(head, 0)}({', '.join(parts)})"

    def short(self, e: Expr) -> Expr:
        """Return `e` with a named constant put in wherever that leaves fewer monomials."""
        for constant, value in self.constants:
            forms = [normal(e - value) + constant, normal(e + value) - constant]
            e = min([e, *(normal(f) for f in forms)], key=lambda f: len(monomials(f)))
        return e

    def polynomial(self, e: Expr, bound: tuple[Symbol, ...] = ()) -> str:
        """Return a polynomial in the reader's order: free indices, bound ones, parameters."""
        return self._sum(ordered(self.short(e), (*self.variables, *bound)), bound)

    def _sum(
        self, parts: Iterable[tuple[tuple[tuple[str, int], ...], sp.Rational]],
        bound: tuple[Symbol, ...],
    ) -> str:
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

    def index(self, entries: tuple[Expr, ...], bound: tuple[Symbol, ...]) -> str:
        """Return ``[e, f]``, or nothing for a scalar."""
        return f"[{', '.join(self.polynomial(e, bound) for e in entries)}]" if entries else ""

    def factor(self, f: Factor | Condition, bound: tuple[Symbol, ...] = ()) -> str:
        """Return one factor, unbroken."""
        if isinstance(f, Access):
            name = self.tensor(f.tensor.name)
            name = f"({name})" if " " in name and not _closed(name) else name
            return name + self.index(f.index, bound)
        if isinstance(f, Apply):
            return f"{function(f.function, f.order)}({self.factor(f.argument, bound)})"
        if isinstance(f, Derivative):
            wrt = self.factor(f.wrt, bound)
            if len(f.factors) == 1:
                return f"\\frac{{\\partial {self.factor(f.factors[0], bound)}}}{{\\partial {wrt}}}"
            inner = "\\,".join(self.factor(g, bound) for g in f.factors)
            return f"\\frac{{\\partial}}{{\\partial {wrt}}}({inner})"
        if isinstance(f, Equal):
            left, right = self.sides(f.value, bound)
            return f"[{left} = {right}]"
        e = self.polynomial(f.value, bound)
        if isinstance(f, AtLeast):
            return f"{e} \\ge 0"
        return f"[0 \\le {e} < {self.polynomial(f.size, bound)}]"

    def sides(self, e: Expr, bound: tuple[Symbol, ...] = ()) -> tuple[str, str]:
        """Return the two sides of ``e = 0``, without a minus sign, the first free index left."""
        order = (*self.variables, *bound)
        parts = ordered(self.short(e), order)
        rank = {v.name: i for i, v in enumerate(order)}
        first = min(parts, key=lambda i: min((rank.get(n, len(rank)) for n, _ in i[0]), default=99))
        sign = 1 if first[1] > 0 else -1
        total = sp.Add(*(sign * c * sp.Mul(*(symbol(n) ** k for n, k in m)) for m, c in parts))
        left = ordered(total, order)
        right = ordered(-total, order)
        shown = ([i for i in side if i[1] > 0] for side in (left, right))
        a, b = (self._sum(side, bound) for side in shown)
        return a, b

    def atoms(self, t: Term) -> list[str]:
        """Return the unbreakable parts of a term after its sign: brackets last, sums first."""
        kind = {Derivative: 1, Equal: 2, Range: 3}
        factors = sorted(t.factors, key=lambda f: kind.get(type(f), 0))
        shown = [self.factor(f, t.variables) for f in factors]
        c = t.coefficient
        many = len(monomials(c)) > 1
        size = c if many or next(iter(monomials(c).values()), 1) > 0 else -c
        head = self.polynomial(size)
        head = f"({head})" if many else "" if size == 1 and shown else head
        if t.variables:
            names = ", ".join(self.symbol(v.name) for v in t.variables)
            head += f"\\sum_{{{names}}} "
        if not shown:
            return [head or "1"]
        space = " " if head and not t.variables else ""
        return [head + space + shown[0], *shown[1:]]

    def rows(self, expression: Expression, room: float) -> list[str]:
        """Return the expression in rows no wider than `room` points, broken at factors."""
        out, row = [], ""
        for n, t in enumerate(expression):
            values = list(monomials(t.coefficient).values())
            minus = len(values) == 1 and values[0] < 0
            for place, atom in enumerate(self.atoms(t)):
                if place:
                    joined, broken = f"\\,{atom}", f"\\times {atom}"
                elif n:
                    joined = broken = f" {'-' if minus else '+'} {atom}"
                    broken = "{}" + broken
                else:
                    joined = broken = ("-" if minus else "") + atom
                if row and width(row + joined) > room - (CONTINUED if out else 0):
                    out.append(row)
                    row = broken
                else:
                    row += joined
        return [*out, row or "0"]


CONTINUED = 20.0
"""Points by which a continued row is set in."""


def _arguments(text: str) -> list[str]:
    """Split at the commas outside brackets.

    >>> _arguments("dilate(g, s), w")
    ['dilate(g, s)', 'w']
    """
    out, depth = [""], 0
    for c in text:
        depth += (c in "([") - (c in ")]")
        if c == "," and depth == 0:
            out.append("")
        else:
            out[-1] += c
    return [a.strip() for a in out]


def _closed(text: str) -> bool:
    """Tell whether the text is one name or call, not an operator between two."""
    return bool(re.fullmatch(r"\\?\w+(\{[^{}]*\})?(\(.*\))?", text))


def _number(c: sp.Rational) -> str:
    return str(c) if c.q == 1 else f"\\tfrac{{{c.p}}}{{{c.q}}}"


_TOKEN = re.compile(r"\\[A-Za-z]+\*?|\\.|[_^]|\s+|.", re.DOTALL)
_WIDTHS = {
    **dict.fromkeys("abcdeghknopqrsuvxyz0123456789", 5.4),
    **dict.fromkeys("fijlt'", 4.2),
    **dict.fromkeys("mw", 8.9),
    **dict.fromkeys("[]().!;:", 3.9),
    **dict.fromkeys("+-", 12.3),
    **dict.fromkeys("=<>", 13.4),
    **{",": 4.5, "*": 9.5, "/": 5.0},
    **{r"\le": 13.4, r"\ge": 13.4, r"\star": 9.5, r"\times": 12.3, r"\,": 1.7, r"\quad": 10.0},
    **{r"\qquad": 20.0, r"\partial": 5.9, r"\_": 4.0, r"\ ": 3.4, r"\colon": 8.0},
}


def width(text: str) -> float:
    """Estimate the width of LaTeX mathematics in points at 10pt, a little on the wide side."""
    return _width(_TOKEN.findall(text))


def _width(tokens: list[str]) -> float:
    total, i = 0.0, 0

    def group() -> list[str]:
        nonlocal i
        while tokens[i].isspace():
            i += 1
        depth, start = 0, i
        while True:
            depth += (tokens[i] == "{") - (tokens[i] == "}")
            i += 1
            if depth == 0:
                inner = tokens[start:i]
                return inner[1:-1] if inner[0] == "{" else inner

    while i < len(tokens):
        token = tokens[i]
        i += 1
        if token in (r"\frac", r"\tfrac"):
            total += max(_width(group()), _width(group())) + 2.5
        elif token == r"\sum":
            i += 1
            total += max(14.5, 0.75 * _width(group())) + 1.7
        elif token in "_^":
            total += 0.75 * _width(group())
        elif token in (r"\mathit", r"\operatorname", r"\widetilde", r"\text", r"\mathbb"):
            total += _width(group())
        elif token not in "{}" and not token.isspace():
            total += _WIDTHS.get(token, 6.5 if token.startswith("\\") else 7.9)
    return total
