"""The tokens of a text, and errors that point at a token with a caret."""

from __future__ import annotations

import keyword
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NoReturn, TypeAlias

import sympy as sp
from sympy import Expr, Symbol

from rot180.derive.language.limits import cure as raising
from rot180.derive.language.limits import most
from rot180.derive.language.polynomial import monomials, normal
from rot180.derive.language.terms import Equal, Range

_SHOWN = 90  # characters of the line in an error message


class NotationError(ValueError):
    """A text is not in the notation; the message has position, found, expected, and a cure.

    Attributes:
        at: where in the text the token begins that was found.
        length: the number of its characters; 0 at the end of the text.

    """

    def __init__(
        self, problem: str, source: str, token: Token, *, expected: str = "", cure: str = ""
    ) -> None:
        self.at, self.length = token.at, len(token.text)
        first = source.rfind("\n", 0, token.at) + 1
        line = source[first:].split("\n")[0]
        column = token.at - first
        start = max(0, column - _SHOWN // 2)
        line, column = line[start : start + _SHOWN], column - start
        width = max(1, min(len(token.text), len(line) - column))
        shown = "".join(c if c.isprintable() else " " for c in line)
        found = repr(token.text[:_SHOWN]) if token.text else "the end of the text"
        parts = [f"{problem}\n  {shown}\n  {' ' * column}{'^' * width}\nfound: {found}"]
        parts += [f"expected: {expected}"] if expected else []
        parts += [f"cure: {cure}"] if cure else []
        super().__init__("\n".join(parts))


@dataclass(frozen=True, slots=True)
class Token:
    """A token and the position at which it begins."""

    text: str
    at: int

    @property
    def is_name(self) -> bool:
        """Say whether it is a name (of a tensor, an index, a size, a parameter or a function)."""
        return self.text[:1].isalpha()

    @property
    def is_number(self) -> bool:
        """Say whether it is a number."""
        return self.text.lstrip(".")[:1].isdigit()


@dataclass(frozen=True, slots=True)
class RawEntry:
    """A tensor entry before sizes are known; `function` may end in primes."""

    name: Token
    index: tuple[Expr, ...]
    function: str = ""


@dataclass(frozen=True, slots=True)
class RawBound:
    """``[low <= high]`` before sizes are known; they give it a second side.

    If it `grows`, parameters that multiply an index are taken as at least 0 in the second side.
    """

    at: Token
    low: Expr
    high: Expr
    grows: bool = False


@dataclass(frozen=True, slots=True)
class RawDerivative:
    """``d(product)/d x[h]`` before sizes are known."""

    factors: tuple[RawFactor, ...]
    by: RawEntry


RawFactor: TypeAlias = RawEntry | RawDerivative | RawBound | Equal | Range


@dataclass(frozen=True, slots=True)
class RawTerm:
    """A term before sizes are known."""

    at: Token
    coefficient: Expr
    variables: tuple[Symbol, ...] = ()
    factors: tuple[RawFactor, ...] = ()


def collected(terms: Sequence[RawTerm]) -> list[RawTerm]:
    """Add the coefficients of terms that differ in the order of their factors alone.

    Without it ``(x[i] + z[i])^n`` would have 2^n terms, not n + 1. Terms that cancel are left out,
    but one of them stays if all do.
    """
    found: dict[object, RawTerm] = {}
    for t in terms:
        factors = frozenset(Counter(map(_bare, t.factors)).items())
        key = frozenset(monomials(t.coefficient)), frozenset(t.variables), factors
        before = found.setdefault(key, replace(t, coefficient=sp.Integer(0)))
        found[key] = replace(before, coefficient=normal(before.coefficient + t.coefficient))
    out = list(found.values())
    return [t for t in out if t.coefficient != 0] or out[:1]


def _bare(factor: RawFactor) -> object:
    """Return a factor without its position."""
    if isinstance(factor, RawEntry):
        return factor.name.text, factor.index, factor.function
    if isinstance(factor, RawDerivative):
        return frozenset(Counter(map(_bare, factor.factors)).items()), _bare(factor.by)
    if isinstance(factor, RawBound):
        return factor.low, factor.high
    return factor


def raw_indices(factors: Iterable[RawFactor]) -> Iterator[Expr]:
    """Yield every index, value and bound in some factors."""
    for f in factors:
        if isinstance(f, RawEntry):
            yield from f.index
        elif isinstance(f, RawDerivative):
            yield from raw_indices((*f.factors, f.by))
        elif isinstance(f, RawBound):
            yield from (f.low, f.high)
        else:
            yield f.value
            if isinstance(f, Range):
                yield f.size


_PIECES = re.compile(
    r"(?P<space>\s+)|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[A-Za-z][A-Za-z0-9_]*'*"
    r"|[=<>!]=|\*\*|//|[][(),;:=<>*/%^+-]"
)
_WORDS = re.compile(r"\w+|.", re.DOTALL)
_PLAIN = {
    "≤": "<=",
    "≥": ">=",
    "≠": "!=",
    "·": "*",
    "\u00d7": "*",
    "\u2212": "-",
    "∑": "sum",
    "Σ": "sum",
    "²": "^2",
    "³": "^3",
    "{": "( or [",
    "}": ") or ]",
    "#": "no comment",
}
"""What signs of mathematics are in the notation."""


@lru_cache(maxsize=16)
def tokens(source: str) -> tuple[Token, ...]:
    """Split a text into tokens; the last one is empty."""
    out, at = list[Token](), 0
    longest = most("characters")
    if len(source) > longest:
        end = Token(source[longest : longest + 1], longest)
        cure = f"write a shorter layer, or {raising('characters', len(source))}"
        raise NotationError(f"the text is longer than {longest} characters", source, end, cure=cure)
    while at < len(source):
        found = _PIECES.match(source, at)
        if not found:
            word = _WORDS.match(source, at)
            raise NotationError(
                "unknown token",
                source,
                Token(word.group() if word else source[at], at),
                expected="a name (a letter, then letters, digits, _), a number, or one of "
                "[ ] ( ) , ; : = == != <= < >= > + - * / // % ^",
                cure=f"write {_PLAIN[source[at]]}"
                if source[at] in _PLAIN
                else "remove it or rename it",
            )
        if not found["space"]:
            out.append(Token(found.group(), at))
        at = found.end()
    return (*out, Token("", len(source.rstrip())))


def reserved(token: Token) -> bool:
    """Say whether a name is a keyword of the notation or of Python."""
    return token.text == "sum" or keyword.iskeyword(token.text)


class Scanner:
    """Reads a text token by token, and raises errors that show the position."""

    def __init__(self, source: str) -> None:
        self.source = source
        self._tokens: Sequence[Token] = tokens(source)
        self._i = 0
        self._depth = 0

    def fail(
        self, problem: str, token: Token | None = None, expected: str = "", *, cure: str
    ) -> NoReturn:
        """Raise the error for a token, by default the current one."""
        raise NotationError(problem, self.source, token or self._now, expected=expected, cure=cure)

    def end(self, expected: str) -> None:
        """Refuse a text that goes on."""
        if self._now.text:
            self.fail("unexpected token", expected=expected, cure="drop the rest")

    @property
    def _now(self) -> Token:
        return self._tokens[self._i]

    @property
    def _next(self) -> str:
        return self._tokens[min(self._i + 1, len(self._tokens) - 1)].text

    def _since(self, first: Token) -> Token:
        """Return everything from `first` to the last token that was read."""
        last = self._tokens[self._i - 1]
        return Token(self.source[first.at : last.at + len(last.text)], first.at)

    def _take(self) -> Token:
        token = self._now
        self._i += bool(token.text)
        return token

    def _accept(self, *texts: str) -> Token | None:
        return self._take() if self._now.text in texts else None

    def _expect(self, text: str, where: str, opened: Token | None = None, cure: str = "") -> Token:
        if self._now.text != text:
            if opened and not cure and self._now.text in ("", ")", "]", ";", "="):
                cure = f"close the {opened.text!r} at character {opened.at + 1}"
                self.fail("unbalanced bracket", expected=f"{text!r} {where}", cure=cure)
            place = f"before {self._now.text!r}" if self._now.text else "at the end"
            cure = cure or f"put {text!r} {place}"
            self.fail("unexpected token", expected=f"{text!r} {where}", cure=cure)
        return self._take()

    def _name(self, role: str, cure: str = "") -> Token:
        token = self._now
        if not token.is_name:
            place = f"before {token.text!r}" if token.text else "at the end"
            self.fail("unexpected token", expected=role, cure=cure or f"write it {place}")
        if reserved(token):
            self.fail("reserved word", expected=role, cure="choose another name")
        if token.text.endswith("'"):
            self.fail("a prime on a name that is no function", expected=role, cure="drop it")
        return self._take()

    def _number(self) -> sp.Rational:
        """Parse a number, which a decimal gives exactly: ``1e-3`` is 1/1000."""
        token = self._take()
        digits, _, power = token.text.lower().partition("e")
        longest = most("digits")
        short = len(digits) <= longest + ("." in digits) and len(power) <= 3
        value: sp.Rational = sp.Rational(token.text if short else 10**longest)
        if max(abs(value.p), value.q) >= 10**longest:
            cure = f"use a scalar operand, such as c[], or {raising('digits', len(digits))}"
            self.fail("number literal", token, f"at most {longest} digits", cure=cure)
        if self._now.is_name and self._now.at == token.at + len(token.text):
            cure = f"write {token.text}*{self._now.text}"
            self.fail("number literal", None, "an operator", cure=cure)
        return value

    def _whole(self) -> int:
        token = self._now
        if not token.text.isdigit():
            cure = "write the relation as a bracket, such as [2*p == h]"
            self.fail("number literal", token, "a whole number", cure=cure)
        return int(self._number())

    def _refuse_juxtaposed(self, left: str) -> NoReturn:
        """Raise the error for two factors without a sign between them."""
        right = self._now.text
        cure = f"write {left}*{right}" if len(left) < 20 else "write * between them"
        if found := re.search(r"\bsum_(\w+)$", left):
            cure = f"write sum[{found[1]}] {right}"
        if right == "[" and re.search(r"\]$", left):
            cure = "write * between them, or one bracket with commas for several indices"
        if keyword.iskeyword(right):
            cure = "write a condition as a bracket, such as [p < 3]"
        if "\n" in self.source[: self._now.at].rstrip(" \t")[-1:]:
            cure = "continue the line with a sign, or drop it: a text defines one layer"
        self.fail("two factors without a sign between them", None, "an operator", cure=cure)

    def _small(self, value: Expr, at: Token) -> Expr:
        """Refuse a polynomial that is too large; no layer needs it, and expanding it takes long."""
        parts = monomials(value)
        highest = max((sum(k for _, k in m) for m in parts), default=0)
        longest = max((max(abs(c.p), c.q) for c in parts.values()), default=0)
        found = {"products": len(parts), "degree": highest, "digits": len(str(longest))}
        for name, n in found.items():
            if n > most(name):
                cure = f"use one name for it, whose value is computed before, or {raising(name, n)}"
                expected = ", ".join(f"{k} at most {most(k)}" for k in found)
                self.fail("a polynomial is too large", at, expected, cure=cure)
        return value

    def _power(self) -> int:
        """Parse an optional ``^n``."""
        if not self._accept("^", "**"):
            return 1
        token = self._now
        value = self._whole() if token.text.isdigit() else 0
        if not 1 <= value <= most("degree"):
            cure = "write a product; for ^-1, reciprocal of an entry"
            cure += f"; or {raising('degree', value)}" if value else ""
            self.fail("exponent", token, f"a whole number from 1 to {most('degree')}", cure=cure)
        return value

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > most("depth"):
            cure = f"drop brackets or signs, or {raising('depth')}"
            self.fail(f"nested more than {most('depth')} levels deep", cure=cure)
