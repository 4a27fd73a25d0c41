"""Text to raw terms: tokens, a recursive descent, and a caret under the fault."""

from __future__ import annotations

import itertools
import keyword
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NoReturn

import sympy as sp
from sympy import Expr, Symbol

from rot180.derive.polynomial import degree, normal, symbol
from rot180.derive.terms import Equal, Range

_LONGEST, _DEEPEST, _MOST_TERMS, MOST_DIGITS, _HIGHEST = 10_000, 30, 200, 15, 8


class NotationError(ValueError):
    """A text that is not in the notation: the place, what was found, expected, and the cure."""

    def __init__(
        self, problem: str, source: str, token: Token, *, expected: str = "", cure: str = ""
    ) -> None:
        first = source.rfind("\n", 0, token.at) + 1
        line = source[first:].split("\n")[0]
        column = token.at - first
        width = max(1, min(len(token.text), len(line) - column))
        shown = "".join(c if c.isprintable() else " " for c in line)
        found = repr(token.text) if token.text else "the end of the text"
        parts = [f"{problem}\n  {shown}\n  {' ' * column}{'^' * width}\nfound: {found}"]
        parts += [f"expected: {expected}"] if expected else []
        parts += [f"cure: {cure}"] if cure else []
        super().__init__("\n".join(parts))


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a text and where it begins."""

    text: str
    at: int

    @property
    def is_name(self) -> bool:
        """Say whether it is a name (of a tensor, an index, a size, a parameter, a function)."""
        return self.text[:1].isalpha()


@dataclass(frozen=True, slots=True)
class Entry:
    """A tensor entry before the tensor's sizes are known; `function` has primes at its end."""

    name: Token
    index: tuple[Expr, ...]
    function: str = ""


@dataclass(frozen=True, slots=True)
class Raw:
    """A term before the sizes are known."""

    at: Token
    coefficient: Expr
    variables: tuple[Symbol, ...] = ()
    factors: tuple[Entry | Equal | Range, ...] = ()


_PIECES = re.compile(
    r"(?P<space>\s+)|[0-9]+(?:\.[0-9]*)?|[A-Za-z][A-Za-z0-9_]*'*|==|<=|\*\*|[][(),;=<*/^+-]"
)
_WORDS = re.compile(r"\w+|.", re.DOTALL)


def _tokens(source: str) -> list[Token]:
    out, at = [], 0
    if len(source) > _LONGEST:
        end = Token(source[_LONGEST : _LONGEST + 1], _LONGEST)
        raise NotationError(f"the text is longer than {_LONGEST} characters", source, end)
    while at < len(source):
        found = _PIECES.match(source, at)
        if not found:
            word = _WORDS.match(source, at)
            raise NotationError(
                "unknown token",
                source,
                Token(word.group() if word else source[at], at),
                expected="a name (a letter, then letters, digits, _), a whole number, or one of "
                "[ ] ( ) , ; = == <= < + - * / ^",
                cure="remove it or rename it",
            )
        if not found["space"]:
            out.append(Token(found.group(), at))
        at = found.end()
    return [*out, Token("", len(source.rstrip()))]


class Reader:
    """Recursive descent over one text."""

    def __init__(self, source: str, free: Sequence[Symbol] = ()) -> None:
        self.source = source
        self.tokens = _tokens(source)
        self.i = 0
        self.depth = 0
        self.free = tuple(free)
        self.scope = self.free
        self.summed: dict[str, Token] = {}
        self.outside: list[tuple[Token, bool]] = []  # (name, whether it is the whole index)
        self.scalars: list[Token] = []
        self.functions: dict[str, Token] = {}
        self.heads: dict[str, tuple[Token, int]] = {}  # tensor: first token, rank

    # -- the stream ------------------------------------------------------------------------------
    @property
    def now(self) -> Token:
        return self.tokens[self.i]

    def fail(
        self, problem: str, token: Token | None = None, expected: str = "", cure: str = ""
    ) -> NoReturn:
        raise NotationError(problem, self.source, token or self.now, expected=expected, cure=cure)

    def take(self) -> Token:
        token = self.now
        self.i += bool(token.text)
        return token

    def accept(self, *texts: str) -> Token | None:
        return self.take() if self.now.text in texts else None

    def expect(self, text: str, where: str, opened: Token | None = None) -> Token:
        if self.now.text != text:
            unbalanced = opened and self.now.text in ("", ")", "]", ";", "=")
            cure = f"close the {opened.text!r} at character {opened.at + 1}" if opened else ""
            problem = "unbalanced bracket" if unbalanced else "unexpected " + (
                "token" if self.now.text else "end"
            )
            self.fail(problem, expected=f"{text!r} {where}", cure=cure if unbalanced else "")
        return self.take()

    def name(self, role: str) -> Token:
        token = self.now
        if not token.is_name:
            self.fail("unexpected " + ("token" if token.text else "end"), expected=role)
        if token.text == "sum" or keyword.iskeyword(token.text):
            self.fail("reserved word", expected=role, cure="choose another name")
        if token.text.endswith("'"):
            self.fail("a prime on a name that is no function", expected=role, cure="drop the prime")
        return self.take()

    def number(self) -> int:
        token = self.take()
        if "." in token.text:
            self.fail("number literal", token, "a whole number", "write 7/2 for 3.5")
        if len(token.text) > MOST_DIGITS:
            self.fail("number literal", token, f"at most {MOST_DIGITS} digits")
        if self.now.is_name and self.now.at == token.at + len(token.text):
            self.fail("number literal", None, "an operator", f"write {token.text}*{self.now.text}")
        return int(token.text)

    def power(self) -> int:
        """Read an optional ``^n``."""
        if not self.accept("^", "**"):
            return 1
        token = self.now
        value = self.number() if token.text[:1].isdigit() else 0
        if not 1 <= value <= _HIGHEST:
            self.fail("exponent", token, f"a whole number from 1 to {_HIGHEST}")
        return value

    def deeper(self) -> None:
        self.depth += 1
        if self.depth > _DEEPEST:
            self.fail(f"nested more than {_DEEPEST} deep")

    # -- polynomials, inside [ ] -----------------------------------------------------------------
    def polynomial(self) -> Expr:
        """Read an index, a bound or a size, and check that it is affine in the indices."""
        first = self.now
        value = normal(self._sum())
        inside = self.source[first.at : self.tokens[self.i - 1].at + len(self.tokens[self.i - 1].text)]
        whole = Token(inside, first.at)
        for token, _ in self.outside[-1:]:
            if token == first and token.text == inside:
                self.outside[-1] = (token, True)
        if degree(value, self.scope) > 1:
            names = ", ".join(sorted(v.name for v in value.free_symbols & set(self.scope)))
            self.fail(
                f"the index is not affine in {names}",
                whole,
                "indices to the first power, multiplied by numbers and parameters only",
                "a product of two indices has no place in an index",
            )
        return value

    def _sum(self) -> Expr:
        self.deeper()
        total, sign = sp.Integer(0), self.accept("+", "-")
        while True:
            product = self._product()
            total += -product if sign and sign.text == "-" else product
            sign = self.accept("+", "-")
            if not sign:
                self.depth -= 1
                return total

    def _product(self) -> Expr:
        product = self._atom()
        while self.now.text in ("*", "/"):
            if self.take().text == "/":
                self.fail(
                    "a division in an index",
                    self.tokens[self.i - 1],
                    "a polynomial with whole coefficients",
                    "write the relation as a bracket: [2*p == h]",
                )
            product = normal(product * self._atom())
        return product

    def _atom(self) -> Expr:
        if self.now.text[:1].isdigit():
            value: Expr = sp.Integer(self.number())
        elif opened := self.accept("("):
            value = self._sum()
            self.expect(")", "after the index", opened)
        elif sign := self.accept("+", "-"):
            self.deeper()
            value = self._atom() * (-1 if sign.text == "-" else 1)
            self.depth -= 1
            return value
        else:
            token = self.name("an index (a name, a number, or a sum of products of them)")
            value = symbol(token.text)
            if self.now.text == "[":
                self.fail("a tensor entry inside an index", token, "names and numbers")
            if value not in self.scope:
                self.outside.append((token, False))
        return normal(value ** self.power())

    # -- expressions -----------------------------------------------------------------------------
    def expression(self) -> list[Raw]:
        """Read terms joined by + and -."""
        self.deeper()
        out: list[Raw] = []
        sign = self.accept("+", "-")
        while True:
            terms = self.product()
            flip = sign is not None and sign.text == "-"
            out += [replace(t, coefficient=-t.coefficient) if flip else t for t in terms]
            self.limit(out)
            sign = self.accept("+", "-")
            if not sign:
                self.depth -= 1
                return out

    def limit(self, terms: list[Raw]) -> None:
        if len(terms) > _MOST_TERMS:
            self.fail(f"more than {_MOST_TERMS} terms after multiplying out", terms[0].at)

    def product(self) -> list[Raw]:
        out = self.factor()
        while operator := self.accept("*", "/"):
            if operator.text == "*":
                out = self.times(out, self.factor(), operator)
                continue
            token = self.now
            value = self.number() if token.text[:1].isdigit() else 0
            if value == 0:
                self.fail("division", token, "a whole number that is not 0")
            out = [replace(t, coefficient=t.coefficient / value) for t in out]
        return out

    def times(self, left: list[Raw], right: list[Raw], at: Token) -> list[Raw]:
        out = []
        for a, b in itertools.product(left, right):
            twice = set(a.variables) & set(b.variables)
            if twice:
                self.fail(
                    f"two sums over {min(v.name for v in twice)} are multiplied",
                    at,
                    cure="rename the index in one of them",
                )
            both = normal(a.coefficient * b.coefficient)
            out.append(Raw(a.at, both, a.variables + b.variables, a.factors + b.factors))
            self.limit(out)
        return out

    def factor(self) -> list[Raw]:
        token = self.now
        if token.text == "sum":
            return self.bound()
        if token.text == "[":
            return [Raw(token, sp.Integer(1), (), self.bracket())]
        if token.text in ("+", "-"):
            self.deeper()
            self.take()
            inner = self.factor()
            self.depth -= 1
            sign = -1 if token.text == "-" else 1
            return [replace(t, coefficient=sign * t.coefficient) for t in inner]
        if token.text[:1].isdigit():
            base = [Raw(token, sp.Integer(self.number()))]
        elif self.accept("("):
            base = self.expression()
            self.expect(")", "after the group", token)
        elif token.is_name and self.tokens[self.i + 1].text == "(":
            base = [Raw(token, sp.Integer(1), (), (self.activation(),))]
        elif token.is_name and self.tokens[self.i + 1].text == "[":
            base = [Raw(token, sp.Integer(1), (), (self.entry(),))]
        else:
            self.scalars.append(self.name("a tensor entry, a bracket, a number, sum[...] or (...)"))
            base = [Raw(token, symbol(token.text))]
        out = base
        for _ in range(self.power() - 1):
            out = self.times(out, base, token)
        return out

    def bound(self) -> list[Raw]:
        """Read ``sum[c,k]`` and the product it binds."""
        self.take()
        opened, outer = self.expect("[", "after sum"), self.scope
        variables: list[Symbol] = []
        while True:
            token = self.name("the name of an index to sum over")
            v = symbol(token.text)
            if v in self.free:
                self.fail(
                    f"{v} is summed and also free",
                    token,
                    "an index that is not on the left side",
                    "rename the summed index",
                )
            if v in variables or v in outer:
                self.fail(f"{v} is summed twice", token, cure="drop it or rename one of them")
            variables.append(v)
            self.summed.setdefault(token.text, token)
            if not self.accept(","):
                break
        self.expect("]", "or ',' after the index", opened)
        self.scope = outer + tuple(variables)
        self.deeper()
        inner = self.product()
        self.depth -= 1
        self.scope = outer
        return [replace(t, variables=(*variables, *t.variables)) for t in inner]

    def entry(self) -> Entry:
        """Read ``x[n,c,s*p+k]``."""
        token = self.name("the name of a tensor")
        index = tuple(self.listed(self.expect("[", f"after {token.text}")))
        first, rank = self.heads.setdefault(token.text, (token, len(index)))
        if rank != len(index):
            self.fail(
                f"{token.text} is used with two ranks",
                token,
                f"{rank} indices, as at character {first.at + 1}, not {len(index)}",
            )
        return Entry(token, index)

    def listed(self, opened: Token) -> Iterator[Expr]:
        if self.accept("]"):
            return
        while True:
            yield self.polynomial()
            if not self.accept(","):
                break
        self.expect("]", "or ',' after the index", opened)

    def activation(self) -> Entry:
        """Read ``sigma(z[i])``."""
        token = self.take()
        if keyword.iskeyword(token.text) or token.text == "sum":
            self.fail("reserved word", token, "the name of a function", "choose another name")
        self.functions.setdefault(token.text.rstrip("'"), token)
        opened = self.expect("(", "after the function")
        if not (self.now.is_name and self.tokens[self.i + 1].text == "["):
            self.fail(
                f"the argument of {token.text} is no tensor entry",
                None,
                "one entry, such as z[i]",
                "give the argument a name and make it a layer of its own",
            )
        entry = self.entry()
        self.expect(")", "after the argument", opened)
        return replace(entry, function=token.text)

    def bracket(self) -> tuple[Equal | Range]:
        """Read ``[a == b]`` or ``[a <= e < b]``."""
        opened = self.take()
        start = self.now
        low = self.polynomial()
        if self.accept("=="):
            out: Equal | Range = Equal(low - self.polynomial())
        else:
            signs, sides = [], [low]
            while self.now.text in ("<", "<="):
                signs.append(self.take().text)
                sides.append(self.polynomial())
            if len(sides) != 3:
                self.fail(
                    "a bracket states an equation or a range",
                    None,
                    "[a == b] or [a <= e < b]",
                    "" if self.now.text != "=" else "write == inside a bracket",
                )
            below = sides[0] + (signs[0] == "<")
            size = normal(sides[2] + (signs[1] == "<=") - below)
            if size.free_symbols & set(self.scope):
                self.fail(
                    "the length of the range depends on an index",
                    Token(self.source[start.at : self.now.at].rstrip(), start.at),
                    "bounds whose difference is made of sizes, parameters and numbers",
                    "state it as two ranges",
                )
            out = Range(sides[1] - below, size)
        self.expect("]", "after the bracket", opened)
        return (out,)
