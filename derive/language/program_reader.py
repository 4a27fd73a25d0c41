"""Parses one definition of a program; functions and divisions of expressions become definitions.

``exp(z[n,j] - m[n])`` is ``exp(z_minus_m[n,j])`` after ``z_minus_m[n,j] = z[n,j] - m[n]``, and
``a[i] / (b[i] + c[i])`` is ``a[i] * reciprocal(b_plus_c[i])``. The indices of such an
*intermediate* are those indices of the definition that occur in it. A sum in parentheses that is
multiplied or raised to a power is one as well, so that it is computed as it is written, unless its
box would leave something out that it is multiplied by.

``max[j] z[n,j]`` is ``sum[j] largest_z[n,j] * z[n,j]``, where ``largest_z`` is 1 at the first
largest entry and 0 elsewhere: an operand that is computed, and held fixed by derivatives. So is
``others_z``, the product of all other entries, in ``prod[j] z[n,j]``, which is
``sum[j] others_z[n,j] * z[n,j] + (1 - J) * product_z[n]``: this has the value and, as long as they
are fixed, the first derivatives of the product. Later
definitions may use them by these names.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from typing import NoReturn

import sympy as sp
from sympy import Expr, Symbol

from rot180.derive.language.entry_reader import applied
from rot180.derive.language.formulas import FormulaReader
from rot180.derive.language.gather_reader import RawDefinition
from rot180.derive.language.known_names import OUTSIDE, REDUCTIONS, not_of_one_entry
from rot180.derive.language.polynomial import symbol, symbols_of, text
from rot180.derive.language.tokens import (
    RawEntry,
    RawFactor,
    RawTerm,
    Token,
    raw_indices,
)

SELECTED = {"max": "largest", "min": "smallest", "prod": "others"}
"""The functions of all entries along some axes, and what their derivative by an entry is called."""

PRODUCT = "product"
"""What the value of ``prod[j]`` is called where it is held fixed."""

CHOSEN = tuple(f"{word}_" for word in (*SELECTED.values(), PRODUCT))
"""What the names of selections begin with."""


class ProgramReader(FormulaReader):
    """Parses the definition in a part of the text of a program.

    Attributes:
        window: the tokens of the definition.

    """

    def __init__(
        self,
        source: str,
        window: Sequence[Token],
        functions: Iterable[str],
        taken: Collection[str],
        groups: bool = True,
    ) -> None:
        """Read some tokens of a text, the last of which is empty.

        Args:
            source: the whole text, which error messages show.
            window: the tokens of the definition.
            functions: the declared functions.
            taken: names that intermediates must not have.
            groups: whether a sum in parentheses that is multiplied is an intermediate, too;
                otherwise it is multiplied out.

        """
        super().__init__(source, functions, taken)
        self._tokens = self.window = tuple(window)
        self._groups = groups

    def declared_sizes(self) -> tuple[str, tuple[Expr, ...]]:
        """Parse a declaration, ``x[N,C,3]``: a name and sizes."""
        name, places = self._left()
        self.end("the end of the declaration")
        return name.text, tuple(map(self._size, places))

    def _refuse_recursion(self, token: Token) -> NoReturn:
        self.fail(
            f"{token.text} is defined by itself",
            token,
            "earlier definitions and operands",
            cure="rename one of the two; a recurrence is not in the language, for each entry is "
            "one formula in entries of other tensors: unroll it, one definition for each step",
        )

    def _argument(self, function: Token) -> list[RawTerm]:
        at = self._now
        if self._is_entry():
            return super()._argument(function)
        if self._now.text in (")", ""):
            self.fail(f"{function.text} has no argument", None, "an expression", cure="write one")
        return [RawTerm(at, sp.Integer(1), (), (self._intermediate(self._terms),))]

    def _divisor(self) -> list[RawTerm]:
        first = self._now
        plain = first.is_name and self._next == "[" and first.text != "sum"
        start = self._i, len(self.entries), dict(self.tensors)
        if plain:
            terms = self._read()
            if self._now.text not in ("^", "**"):
                return self._reciprocal(first, terms)
            self._i, self.tensors = start[0], start[2]
            del self.entries[start[1] :]
        entry = self._intermediate(self._factor)
        return self._reciprocal(first, [RawTerm(first, sp.Integer(1), (), (entry,))])

    def _factor(self) -> list[RawTerm]:
        if self._binds(*SELECTED):
            return [self._extreme()]
        if self._now.text != "sum" and self._binds(*REDUCTIONS, *OUTSIDE):
            found, cure = not_of_one_entry(self._now.text) or ("", "")
            what = f"{self._now.text} over an index is not in the language"
            what = found if self._now.text in OUTSIDE else what
            self.fail(what, None, "sum, prod, max or min", cure=cure)
        token, before = self._now, self._tokens[self._i - 1].text if self._i else ""
        out = super()._factor()
        if not self._groups or token.text != "(" or not is_sum(out):
            return out
        divided = self._now.text == "/" and not self._tokens[self._i + 1].is_number
        if before != "*" and self._now.text != "*" and not divided:
            return out
        entry = self._intermediate(lambda: out, token, group=True)
        return [one_entry(token, entry)]

    def _binds(self, *words: str) -> bool:
        """Say whether a word follows that binds indices, ``max[j] z[j]``, and is no tensor."""
        if self._now.text not in words or self._next != "[":
            return False
        end = self._tokens[self._after(self._i + 1)]
        return end.is_name or end.is_number or end.text in ("(", "[")

    def _extreme(self) -> RawTerm:
        """Parse ``max[j] ...``; return the entry of the intermediate that it is."""
        token, outer, start = self._now, self._scope, self._i
        terms = self._bound()
        bound = self._tokens[start + 2 : self._after(start + 1) - 1]
        over = tuple(symbol(t.text) for t in bound if t.is_name)
        terms = [replace(t, variables=t.variables[len(over) :]) for t in terms]
        self._scope = outer + over
        entry = plain_entry(terms, self._scope) or self._intermediate(lambda: terms, token)
        self._scope = outer
        if lost := [v.name for v in over if v not in entry.index]:
            what = f"{token.text} over {lost[0]} of what does not depend on {lost[0]}"
            self.fail(what, token, cure=f"drop {lost[0]}")
        whole, word = self._since(token), entry.name.text
        # in the order of the axes, for that is how the value is computed
        formals = tuple(v for v in entry.index if isinstance(v, Symbol) and v not in over)
        name = self._new_name(f"{token.text}_{word}")
        short = SELECTED[token.text]
        chosen = Token(self._new_name(f"{short}_{word}", short), token.at)
        factors = RawEntry(chosen, entry.index), entry
        inside = [RawTerm(token, sp.Integer(1), over, factors)]
        if token.text == "prod":  # the coefficient is known when the sizes are
            value = Token(self._new_name(f"{PRODUCT}_{word}", PRODUCT), token.at)
            inside.append(one_entry(token, RawEntry(value, formals)))
        made = RawDefinition(whole, name, formals, tuple(inside), token.text, alone=True)
        self.intermediates.append(made)
        return one_entry(token, RawEntry(Token(name, token.at), formals))

    def _reciprocal(self, at: Token, terms: Iterable[RawTerm]) -> list[RawTerm]:
        self.functions.setdefault("reciprocal", at)
        return applied("reciprocal", terms)

    def _is_entry(self) -> bool:
        """Say whether one entry follows, and then a closing parenthesis."""
        if not self._now.is_name or self._next != "[" or self._now.text == "sum":
            return False
        return self._tokens[self._after(self._i + 1)].text in (")", "")

    def _after(self, n: int) -> int:
        """Return the number of the token after the bracket that opens at a token, or of the end."""
        depth = 0
        for at, token in enumerate(self._tokens[n:], n):
            depth += (token.text == "[") - (token.text == "]")
            if depth == 0:
                return min(at + 1, len(self._tokens) - 1)
        return len(self._tokens) - 1

    def _intermediate(
        self, parse: Callable[[], list[RawTerm]], begin: Token | None = None, group: bool = False
    ) -> RawEntry:
        """Parse an expression, and return the entry that stands for it."""
        first, outer = begin or self._now, self._shadowed
        self._shadowed = frozenset(self._scope) - set(self.free)
        terms = tuple(parse())
        self._shadowed = outer
        return self._defined(self._since(first), terms, group=group)

    def _defined(
        self,
        at: Token,
        terms: Sequence[RawTerm],
        hint: str = "",
        group: bool = False,
        alone: bool = False,
    ) -> RawEntry:
        """Return the entry that stands for an expression; a repeated one is defined once."""
        used = _indices(terms)
        formals = tuple(v for v in dict.fromkeys(self._scope) if v in used)
        for n, known in enumerate(self.intermediates):
            if known.formals == formals and _same(known.at, at):
                self.intermediates[n] = replace(known, group=known.group or group)
                return RawEntry(Token(known.name, at.at), formals)
        name = self._new_name(hint or _readable(terms))
        made = RawDefinition(at, name, formals, tuple(terms), group=group, alone=alone)
        self.intermediates.append(made)
        return RawEntry(Token(name, at.at), formals)


def one_entry(at: Token, entry: RawEntry) -> RawTerm:
    """Return the term that is an entry."""
    return RawTerm(at, sp.Integer(1), (), (entry,))


def is_sum(terms: Sequence[RawTerm]) -> bool:
    """Say whether there are several terms, which are not all numbers."""
    return len(terms) > 1 and any(t.factors for t in terms)


def plain_entry(terms: Sequence[RawTerm], scope: Collection[Symbol]) -> RawEntry | None:
    """Return the entry that some terms are, if its indices are different variables."""
    if len(terms) != 1 or terms[0].coefficient != 1 or len(terms[0].factors) != 1:
        return None
    (f,) = terms[0].factors
    if terms[0].variables or not isinstance(f, RawEntry) or f.function:
        return None
    plain = all(e in scope for e in f.index) and len(set(f.index)) == len(f.index)
    return f if plain else None


def _same(one: Token, other: Token) -> bool:
    return "".join(one.text.split()) == "".join(other.text.split())


def _indices(terms: Iterable[RawTerm]) -> set[Symbol]:
    """Return the symbols in indices and brackets that the terms do not sum over."""
    return {
        v
        for t in terms
        for e in raw_indices(t.factors)
        for v in symbols_of(e)
        if v not in t.variables
    }


def stands_alone(v: Symbol, factors: Iterable[RawFactor]) -> bool:
    """Say whether a variable is the whole index of an entry, whose box it is then confined to."""
    return any(v in f.index for f in factors if isinstance(f, RawEntry))


def _readable(terms: Sequence[RawTerm]) -> str:
    """Return a name that says what an expression is, such as z_minus_m or sum_e."""
    out = ""
    for t in terms:
        if t.coefficient == -1:
            out += "_minus_" if out else "minus_"
        elif t.coefficient == 1 or not t.factors:
            out += "_plus_" if out else ""
        else:
            return ""
        entries = [f for f in t.factors if isinstance(f, RawEntry)]
        if len(entries) < len(t.factors):
            return ""
        join = "_" if len(terms) > 1 or t.variables or len(entries) > 1 else "_of_"
        # sigma(z) alone is already a tensor of the name sigma_z
        words = [f"{f.function}{join}{f.name.text}" if f.function else f.name.text for f in entries]
        plain = text(t.coefficient)
        if not t.factors:
            words = [plain if out or not plain.isalnum() else f"value_of_{plain}"]
        out += ("sum_" if t.variables else "") + "_times_".join(words)
    return out
