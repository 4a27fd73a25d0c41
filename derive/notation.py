"""Text to terms and back: ``y[n,o,p] = sum[c,k] x[n,c,s*p+d*k-lo] * w[o,c,k] + bias[o]``.

A layer's text is declarations ``x[N,C,H];`` (optional), a left side that names the output's
indices, and a sum of products of tensor entries, Iverson brackets ``[t == s*p + d*k - lo]`` and
``[0 <= e < n]``, activations ``sigma(z[i])``, numbers and scalar parameters. ``sum[k]`` binds the
product that follows it, up to the next ``+`` or ``-``.

A name inside an index is a free index (it is on the left), a bound one (it is summed), a size, or
else a parameter. Sizes that are not declared get names: an axis that some index addresses alone
takes the declared size of another such axis, else the index in upper case (n gives N); every other
axis takes, in order of appearance, the next of H, V, U, H1, H2, ... that the text does not use.
"""

from __future__ import annotations

import itertools
import keyword
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import singledispatch
from typing import NoReturn

import sympy as sp
from sympy import Expr, Symbol
from sympy.polys.matrices import DomainMatrix

from rot180.derive.polynomial import degree, monomials, normal, ordered, symbol, text
from rot180.derive.terms import (
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
    define,
    fresh,
    indices,
    supports,
    term,
)

_LONGEST, _DEEPEST, _MOST_TERMS, _MOST_DIGITS, _HIGHEST = 10_000, 30, 200, 15, 8


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


@dataclass(frozen=True)
class Layer:
    """A forward definition.

    Attributes:
        name: its catalogue name, or "".
        output: the defined tensor; its definition's body is over free tensors.
        tensors: the free tensors, in order of appearance.
        parameters: the symbols in coefficients and indices that are no sizes, in that order.
        text: its canonical notation.

    """

    name: str = field(compare=False)
    output: Tensor
    tensors: tuple[Tensor, ...]
    parameters: tuple[Symbol, ...]
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class _Entry:
    """A tensor entry before the tensor's sizes are known; `function` has primes at its end."""

    name: Token
    index: tuple[Expr, ...]
    function: str = ""


@dataclass(frozen=True, slots=True)
class _Raw:
    """A term before the sizes are known."""

    at: Token
    coefficient: Expr
    variables: tuple[Symbol, ...] = ()
    factors: tuple[_Entry | Equal | Range, ...] = ()


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


class _Reader:
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
        if len(token.text) > _MOST_DIGITS:
            self.fail("number literal", token, f"at most {_MOST_DIGITS} digits")
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
    def expression(self) -> list[_Raw]:
        """Read terms joined by + and -."""
        self.deeper()
        out: list[_Raw] = []
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

    def limit(self, terms: list[_Raw]) -> None:
        if len(terms) > _MOST_TERMS:
            self.fail(f"more than {_MOST_TERMS} terms after multiplying out", terms[0].at)

    def product(self) -> list[_Raw]:
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

    def times(self, left: list[_Raw], right: list[_Raw], at: Token) -> list[_Raw]:
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
            out.append(_Raw(a.at, both, a.variables + b.variables, a.factors + b.factors))
            self.limit(out)
        return out

    def factor(self) -> list[_Raw]:
        token = self.now
        if token.text == "sum":
            return self.bound()
        if token.text == "[":
            return [_Raw(token, sp.Integer(1), (), self.bracket())]
        if token.text in ("+", "-"):
            self.deeper()
            self.take()
            inner = self.factor()
            self.depth -= 1
            sign = -1 if token.text == "-" else 1
            return [replace(t, coefficient=sign * t.coefficient) for t in inner]
        if token.text[:1].isdigit():
            base = [_Raw(token, sp.Integer(self.number()))]
        elif self.accept("("):
            base = self.expression()
            self.expect(")", "after the group", token)
        elif token.is_name and self.tokens[self.i + 1].text == "(":
            base = [_Raw(token, sp.Integer(1), (), (self.activation(),))]
        elif token.is_name and self.tokens[self.i + 1].text == "[":
            base = [_Raw(token, sp.Integer(1), (), (self.entry(),))]
        else:
            self.scalars.append(self.name("a tensor entry, a bracket, a number, sum[...] or (...)"))
            base = [_Raw(token, symbol(token.text))]
        out = base
        for _ in range(self.power() - 1):
            out = self.times(out, base, token)
        return out

    def bound(self) -> list[_Raw]:
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

    def entry(self) -> _Entry:
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
        return _Entry(token, index)

    def listed(self, opened: Token) -> Iterator[Expr]:
        if self.accept("]"):
            return
        while True:
            yield self.polynomial()
            if not self.accept(","):
                break
        self.expect("]", "or ',' after the index", opened)

    def activation(self) -> _Entry:
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


def _refuse_clashes(reader: _Reader, declared: Mapping[str, Token], sizes: set[str]) -> None:
    """Check that each name has one role, and that each index is free or summed."""
    index = {v.name for v in reader.free} | reader.summed.keys()
    for token, alone in reader.outside:
        if token.text in reader.summed:
            reader.fail(
                f"the index {token.text} is neither free nor summed here",
                token,
                cure=f"put the term under sum[{token.text}], or rename the index",
            )
        if alone:
            reader.fail(
                f"the index {token.text} is neither free nor summed",
                token,
                "an index of the left side or of a sum",
                f"did you mean sum[{token.text}]?",
            )
    for token in reader.scalars:
        if token.text in index:
            reader.fail(
                f"the index {token.text} is a factor",
                token,
                "a tensor entry, a number or a parameter",
                "an index may stand inside [ ] only",
            )
    parameters = {t.text for t, _ in reader.outside} | {t.text for t in reader.scalars}
    for name, token in declared.items():
        if name in index:
            reader.fail(
                f"{name} names a size and an index", token, cure="rename the index or the size"
            )
    for name, (token, _) in reader.heads.items():
        role = (
            "an index" if name in index
            else "a size" if name in sizes
            else "a parameter" if name in parameters
            else "a function" if name in reader.functions
            else ""
        )
        if role:
            reader.fail(f"{name} names a tensor and {role}", token, cure="rename one of them")
    for name, token in reader.functions.items():
        if name in index | sizes | parameters:
            reader.fail(f"{name} names a function and something else", token, cure="rename it")


def _name_sizes(
    entries: Sequence[tuple[str, tuple[Expr, ...]]],
    declared: Mapping[str, tuple[Expr | None, ...]],
    index: Iterable[str],
    names: set[str],
) -> dict[str, tuple[Expr, ...]]:
    """Give every axis of every tensor a size; the module's docstring states the rule.

    Args:
        entries: (tensor, indices) in order of appearance.
        declared: the sizes that are given; None for an axis that is left to the rule.
        index: the names of the free and the bound indices.
        names: every name that is no size.

    """
    index = set(index)
    alone: dict[tuple[str, int], str] = {}
    for name, places in entries:
        for axis, e in enumerate(places):
            if isinstance(e, Symbol) and e.name in index:
                alone.setdefault((name, axis), e.name)
    given = {(n, i): e for n, shape in declared.items() for i, e in enumerate(shape) if e is not None}
    of: dict[str, Expr] = {}
    for axis, v in alone.items():
        if axis in given:
            of.setdefault(v, given[axis])
    taken = names | {v.name for e in given.values() for v in e.free_symbols}
    upper = {e.name for e in of.values() if isinstance(e, Symbol)}
    for v in alone.values():
        if v not in of and v.upper() not in index | upper | {n for n, _ in entries}:
            of[v] = symbol(v.upper())
            upper.add(v.upper())
    free = itertools.chain("HVU", (f"H{n}" for n in itertools.count(1)))
    generic = (symbol(name) for name in free if name not in taken | upper)
    for name, places in entries:
        for axis in ((name, i) for i in range(len(places))):
            v = alone.get(axis, "")
            if v and v not in of:
                of[v] = next(generic)
            if axis not in given:
                given[axis] = of[v] if v else next(generic)
    return {n: tuple(given[n, i] for i in range(len(places))) for n, places in entries}


def activation(function: str, order: int, z: Tensor) -> Tensor:
    """Return the tensor ``sigma(z)[i] := [i in the box of z] * sigma(z[i])``."""
    formals: list[Symbol] = []
    for _ in z.shape:
        formals.append(fresh("i", z.parameters | set(formals)))
    body = (term(Apply(function, order, z[tuple(formals)])),)
    return define(f"{function}{chr(39) * order}({z.name})", z.shape, tuple(formals), body)


def _applied(t: Tensor) -> Apply | None:
    """Return what an activation applies, None for any other tensor."""
    if t.definition is None or len(t.definition.body) != 1:
        return None
    (factor, *more) = t.definition.body[0].factors or (None,)
    if more or not isinstance(factor, Apply):
        return None
    return factor if activation(factor.function, factor.order, factor.argument.tensor) == t else None


def _is_bounded(term: Term, free: Iterable[Symbol]) -> bool:
    """Say whether the supports fix every bound variable, for generic parameters."""
    if not term.variables:
        return True
    taken = {*term.symbols, *free}
    found = supports(term.factors, taken)
    own = set().union(*(b.value.free_symbols for b in found)) - taken
    columns = (*term.variables, *sorted(own, key=lambda v: v.name))
    rows = [[normal(b.value).coeff(v) for v in columns] for b in found]
    if len(rows) < len(columns):
        return False
    return int(DomainMatrix.from_list_sympy(len(rows), len(columns), rows).to_field().rank()) == len(
        columns
    )


def _build(
    reader: _Reader,
    raws: Sequence[_Raw],
    shapes: Mapping[str, tuple[Expr, ...]],
    known: Mapping[str, Tensor],
) -> Expression:
    """Turn raw terms into terms, now that each tensor has its sizes."""

    def made(factor: _Entry | Equal | Range) -> Factor:
        if not isinstance(factor, _Entry):
            return factor
        name = factor.name.text
        t = known[name] if name in known else Tensor(name, shapes[name])
        if factor.function:
            function = factor.function.rstrip("'")
            t = activation(function, len(factor.function) - len(function), t)
        return t[factor.index]

    out = []
    for raw in raws:
        if raw.coefficient == 0:
            reader.fail("a term is zero", raw.at, cure="drop the term")
        try:
            built = Term(raw.coefficient, raw.variables, tuple(made(f) for f in raw.factors))
        except ValueError as error:
            reader.fail(str(error), raw.at)
        if not _is_bounded(built, reader.free):
            v = next(
                (v for v in raw.variables if not any(v in b.value.free_symbols for b in
                 supports(built.factors, built.symbols))),
                raw.variables[0],
            )
            reader.fail(
                f"the sum over {v} is unbounded",
                reader.summed[v.name],
                f"a tensor entry or a bracket that leaves finitely many values of {v}",
                f"drop {v} from the sum, or add a bracket such as [0 <= {v} < n]",
            )
        if len(monomials(raw.coefficient)) == 1:
            out.append(built)
            continue
        for m, c in ordered(raw.coefficient):
            part = normal(c * math.prod(symbol(n) ** k for n, k in m))
            out.append(Term(part, built.variables, built.factors))
    return tuple(out)


def _entries(raws: Iterable[_Raw]) -> Iterator[tuple[str, tuple[Expr, ...]]]:
    for raw in raws:
        for factor in raw.factors:
            if isinstance(factor, _Entry):
                yield factor.name.text, factor.index


def parse_expression(
    source: str, tensors: Iterable[Tensor] = (), variables: Sequence[Symbol] = ()
) -> Expression:
    """Read an expression over given tensors (others get sizes by the rule) and free indices.

    Raises:
        NotationError: the text is not in the notation.

    """
    reader = _Reader(source, tuple(variables))
    if not reader.now.text:
        reader.fail("an empty expression", None, "at least one term")
    raws = reader.expression()
    if reader.now.text:
        reader.fail("unexpected token", None, "+, -, *, / or the end of the text")
    known = {t.name: t for t in tensors}
    for name, (token, rank) in reader.heads.items():
        if name in known and len(known[name].shape) != rank:
            reader.fail(f"{name} is used with two ranks", token, f"{len(known[name].shape)} indices")
    sizes = {v.name for t in known.values() for v in t.parameters}
    declared = {n: t.shape for n, t in known.items()}
    shapes = _name_sizes([*_entries(raws)], declared, _index(reader), _names(reader))
    _refuse_clashes(reader, {}, sizes)
    return _build(reader, raws, shapes, known)


def _index(reader: _Reader) -> set[str]:
    return {v.name for v in reader.free} | reader.summed.keys()


def _names(reader: _Reader) -> set[str]:
    """Return every name in the text."""
    return {t.text.rstrip("'") for t in reader.tokens if t.is_name}


def parse_layer(
    source: str, name: str = "", sizes: Mapping[str, tuple[Expr | None, ...]] | None = None
) -> Layer:
    """Read a layer; `sizes` declares more sizes, None leaves an axis to the rule.

    >>> parse_layer("y[p] = sum[k] x[s*p + k]*w[k]").output.definition.formals
    (p,)

    Raises:
        NotationError: the text is not in the notation; the message has a caret under the fault.

    """
    reader = _Reader(source)
    if not reader.now.text:
        reader.fail("an empty expression", None, "y[p] = sum[k] x[p+k] * w[k], for example")
    declared: dict[str, tuple[Expr, ...]] = {}
    size_tokens: dict[str, Token] = {}
    while True:
        head = reader.now
        left, inside = _left(reader)
        if not reader.accept(";"):
            break
        if left.text in declared:
            reader.fail(f"{left.text} is declared twice", left, cure="drop one declaration")
        declared[left.text] = tuple(_size(reader, inside))
        size_tokens |= {t.text: t for group in inside for t in group if t.is_name}
    reader.expect("=", "after the left side" if head.text else "")
    reader.free = reader.scope = tuple(_formals(reader, inside))
    if left.text in declared and len(declared[left.text]) != len(reader.free):
        reader.fail(
            f"{left.text} is used with two ranks", left, f"{len(declared[left.text])} indices"
        )
    if not reader.now.text:
        reader.fail("an empty expression", None, "at least one term after =")
    ranks = {n: len(e) for n, e in declared.items()}
    reader.heads = {n: (t, ranks[n]) for n, (t, _) in reader.heads.items() if n in ranks}
    raws = reader.expression()
    if reader.now.text:
        unbalanced = reader.now.text in ")]"
        reader.fail(
            "unbalanced bracket" if unbalanced else "unexpected token",
            None,
            "+, -, *, / or the end of the text",
        )
    used = [*_entries(raws)]
    _refuse_output(reader, left, raws, declared.keys() - {n for n, _ in used})
    entries = [(left.text, reader.free), *used]
    shapes = _name_sizes(entries, {**(sizes or {}), **declared}, _index(reader), _names(reader))
    reader.heads[left.text] = (left, len(reader.free))
    named = {v.name for shape in shapes.values() for e in shape for v in e.free_symbols}
    _refuse_clashes(reader, size_tokens, named)
    body = _build(reader, raws, shapes, {})
    return make_layer(define(left.text, shapes[left.text], reader.free, body), name)


def _left(reader: _Reader) -> tuple[Token, list[list[Token]]]:
    """Read ``y[n,o,p]`` or ``x[N,C,3]`` as the tokens between the commas."""
    token = reader.name("the output, such as y[p]")
    reader.heads.setdefault(token.text, (token, 0))
    opened = reader.expect("[", f"after {token.text}")
    groups: list[list[Token]] = [[]]
    while reader.now.text not in ("]", "", ";", "=", "["):
        if reader.accept(","):
            groups.append([])
        else:
            groups[-1].append(reader.take())
    closing = reader.expect("]", "or ',' after the index", opened)
    if groups == [[]]:
        return token, []
    for group in groups:
        if not group:
            reader.fail("an index is missing", closing, "a name between the commas")
    return token, groups


def _whole(reader: _Reader, group: Sequence[Token]) -> Token:
    last = group[-1]
    return Token(reader.source[group[0].at : last.at + len(last.text)], group[0].at)


def _size(reader: _Reader, inside: list[list[Token]]) -> Iterator[Expr]:
    for group in inside:
        whole = _whole(reader, group)
        if len(group) == 1 and re.fullmatch(f"[0-9]{{1,{_MOST_DIGITS}}}", whole.text):
            yield sp.Integer(whole.text)
        elif len(group) == 1 and whole.is_name and not whole.text.endswith("'"):
            _refuse_reserved(reader, whole)
            yield symbol(whole.text)
        else:
            reader.fail("a size is a name or a number", whole, "a declaration such as x[N,C,3]")


def _formals(reader: _Reader, inside: list[list[Token]]) -> Iterator[Symbol]:
    seen: set[str] = set()
    for group in inside:
        whole = _whole(reader, group)
        if len(group) != 1 or not whole.is_name or whole.text.endswith("'"):
            reader.fail(
                "an index of the left side is composite",
                whole,
                "one name for each axis of the output",
                "write y[t] = ... * [t == 2*p], summed over p",
            )
        if whole.text in seen:
            reader.fail(
                "an index of the left side is repeated",
                whole,
                "a name of its own for each axis of the output",
                "write y[p,q] = ... * [p == q]",
            )
        _refuse_reserved(reader, whole)
        seen.add(whole.text)
        yield symbol(whole.text)


def _refuse_reserved(reader: _Reader, token: Token) -> None:
    if token.text == "sum" or keyword.iskeyword(token.text):
        reader.fail("reserved word", token, "another name")


def _refuse_output(
    reader: _Reader, left: Token, raws: Sequence[_Raw], unused: Iterable[str]
) -> None:
    found = [f.name for raw in raws for f in raw.factors if isinstance(f, _Entry)]
    if not found:
        reader.fail("the right side names no tensor", raws[0].at, "at least one entry such as x[p]")
    for token in found:
        if token.text == left.text:
            reader.fail("the output is used on the right", token, "another tensor", "rename it")
        if token.text == f"grad_{left.text}":
            reader.fail(
                "the name is reserved for the gradient of the output", token, cure="rename it"
            )
    for name in sorted(set(unused) - {left.text}):
        reader.fail(f"{name} is declared but not used", reader.heads[name][0], cure="drop it")


# -- layers from terms ---------------------------------------------------------------------------
def make_layer(output: Tensor, name: str = "") -> Layer:
    """Return the layer of a defined tensor, with its operands, parameters and canonical text.

    Raises:
        ValueError: the tensor has no definition.

    """
    if output.definition is None:
        raise ValueError(f"{output.name} has no definition, so it is no layer's output")
    tensors: dict[Tensor, None] = {}
    found: dict[Symbol, None] = {}
    formals = output.definition.formals
    for t in output.definition.body:
        order = (*formals, *t.variables)
        exprs = [t.coefficient]
        for factor in accesses_and_brackets(t.factors):
            exprs += indices(factor)
            if isinstance(factor, Access):
                applied = _applied(factor.tensor)
                tensors[applied.argument.tensor if applied else factor.tensor] = None
            elif isinstance(factor, Range):
                exprs.append(factor.size)
        for e in exprs:
            for m, _ in ordered(e, order):
                found |= {symbol(n): None for n, _ in m if symbol(n) not in order}
    boxes = [e for t in (output, *tensors) for e in t.shape if e is not None]
    sizes = set().union(*(e.free_symbols for e in boxes))
    parameters = tuple(v for v in found if v not in sizes)
    return Layer(name, output, tuple(tensors), parameters, _layer_text(output, tuple(tensors)))


def _layer_text(output: Tensor, tensors: tuple[Tensor, ...]) -> str:
    definition = output.definition
    assert definition is not None
    entries: list[tuple[str, tuple[Expr, ...]]] = [(output.name, definition.formals)]
    index, names = {v.name for v in definition.formals}, {t.name for t in (output, *tensors)}
    body = []
    for t in definition.body:
        index |= {v.name for v in t.variables}
        names |= {v.name for v in t.coefficient.free_symbols}
        factors: list[Factor] = []
        for factor in t.factors:
            applied = _applied(factor.tensor) if isinstance(factor, Access) else None
            if isinstance(factor, Access):
                named = applied.argument.tensor if applied else factor.tensor
                entries.append((named.name, factor.index))
                if applied:
                    names.add(applied.function)
                    factor = Apply(applied.function, applied.order, Access(named, factor.index))
            factors.append(factor)
            for part in accesses_and_brackets((factor,)):
                names |= {v.name for e in indices(part) for v in e.free_symbols}
                names |= {v.name for v in getattr(part, "size", sp.Integer(0)).free_symbols}
        body.append(replace(t, factors=tuple(factors)))
    line = f"{output.name}[{_list(definition.formals)}] = {write(tuple(body), definition.formals)}"
    plain = _name_sizes(entries, {}, index, names)
    if all(plain[t.name] == t.shape for t in (output, *tensors)):
        return line
    given = [f"{t.name}[{','.join(text(n) for n in t.shape if n is not None)}]; " for t in (*tensors, output)]
    return "".join(given) + line


def write_layer(layer: Layer) -> str:
    """Return the canonical text of a layer."""
    return layer.text


# -- terms to text -------------------------------------------------------------------------------
def _list(variables: Iterable[Symbol]) -> str:
    return ",".join(v.name for v in variables)


def write(expression: Expression, variables: Iterable[Symbol] = ()) -> str:
    """Write an expression; `variables` are its free indices, in the reader's order.

    >>> k, p = symbol("k"), symbol("p")
    >>> write(parse_expression("sum[k] x[p+k]*w[k] - 1/2*b[]", (), (p,)), (p,))
    'sum[k] x[p+k] * w[k] - 1/2 * b[]'
    """
    out = ""
    free = tuple(variables)
    for t in expression:
        minus, line = write_term(t, free)
        out += (f" {'-' if minus else '+'} " if out else "-" if minus else "") + line
    return out or "0"


def write_term(t: Term, free: tuple[Symbol, ...] = ()) -> tuple[bool, str]:
    """Write a term without its sign; also say whether the sign is minus."""
    parts = monomials(t.coefficient)
    minus = len(parts) == 1 and bool(next(iter(parts.values())) < 0)
    size = text(-t.coefficient if minus else t.coefficient)
    out = [f"({size})" if len(parts) > 1 else size] if size != "1" or not t.factors else []
    order = (*free, *t.variables)
    out += [write_factor(f, order) for f in t.factors]
    if t.variables:
        place = int(size != "1" and bool(t.factors))
        rest = " * ".join(out[place:])
        out = [*out[:place], f"sum[{_list(t.variables)}] {rest}"]
    return minus, " * ".join(out)


def _tight(e: Expr, order: tuple[Symbol, ...]) -> str:
    return text(e, order).replace(" ", "")


@singledispatch
def write_factor(factor: Factor, order: tuple[Symbol, ...] = ()) -> str:
    """Write a factor; `order` are the free indices, then the bound ones."""
    raise TypeError(f"no text for {type(factor).__name__}")


@write_factor.register
def _(factor: Access, order: tuple[Symbol, ...] = ()) -> str:
    return f"{factor.tensor.name}[{','.join(_tight(e, order) for e in factor.index)}]"


@write_factor.register
def _(factor: Equal, order: tuple[Symbol, ...] = ()) -> str:
    above, below = sp.Integer(0), sp.Integer(0)
    for m, c in monomials(factor.value).items():
        part = c * math.prod(symbol(n) ** k for n, k in m)
        above, below = (above + part, below) if c > 0 else (above, below - part)
    return f"[{text(above, order)} == {text(below, order)}]"


@write_factor.register
def _(factor: Range, order: tuple[Symbol, ...] = ()) -> str:
    return f"[0 <= {text(factor.value, order)} < {text(factor.size, order)}]"


@write_factor.register
def _(factor: Apply, order: tuple[Symbol, ...] = ()) -> str:
    return f"{factor.function}{chr(39) * factor.order}({write_factor(factor.argument, order)})"


@write_factor.register
def _(factor: Derivative, order: tuple[Symbol, ...] = ()) -> str:
    inner = " * ".join(write_factor(f, order) for f in factor.factors)
    above = f"d {inner}" if len(factor.factors) == 1 else f"d({inner})"
    return f"{above}/d {write_factor(factor.wrt, order)}"
