"""Proofs and theorems as data.

A ``Proof`` is a left side and a list of ``Step``s; `replay` turns it into a ``Theorem``. Python
cannot hide the constructor of a theorem, so all code that relies on one replays its proof first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, TypeAlias

from sympy import Expr, Symbol

from rot180.derive.kernel.obligations import Certificate, Obligation
from rot180.derive.language import terms as tm
from rot180.derive.language.polynomial import integral, symbol
from rot180.derive.language.terms import Condition, Expression, Range, Tensor, tensors, term

Variables: TypeAlias = tuple[tuple[Symbol, Expr | None], ...]

NAMES = re.compile(r"[A-Za-z][A-Za-z0-9_.]*")
"""The names that a theorem may have."""


VIEWS: dict[str, Callable[..., Any]] = {}
"""Functions that display proofs and theorems, by the name of the method. `rot180.derive` registers
them when it is imported; the kernel never uses what they return."""


class Viewable:
    """Has views: ``t.latex()``, ``t.sympy()``, ``t.check()``, ``str(t)``, and notebook output."""

    def __getattr__(self, name: str) -> Any:
        if name in VIEWS:
            return partial(VIEWS[name], self)
        raise AttributeError(f"{type(self).__name__} has no {name!r}")

    def __str__(self) -> str:
        """Return it in the notation."""
        return str(VIEWS["text"](self)) if VIEWS else repr(self)


@dataclass(frozen=True)
class Step:
    """One use of a rule.

    Attributes:
        rule: the rule's name.
        at: the number of the term that the rule is applied to.
        arguments: the rule's arguments by name, sorted.
        result: for a backward step, the next expression: the rule turns it into the current one.
        certificates: one for each obligation that is not evident, in order.
        inside: the number of a derivative factor, if the rule is applied to the product under it.

    """

    rule: str
    at: int
    arguments: tuple[tuple[str, object], ...] = ()
    result: Expression | None = None
    certificates: tuple[Certificate, ...] = ()
    inside: int | None = None

    def __post_init__(self) -> None:
        numbers = type(self.at) is int and type(self.inside) in (int, type(None))
        if not (isinstance(self.rule, str) and numbers and isinstance(self.arguments, tuple)):
            raise TypeError(f"step: found {self.rule!r}, at {self.at!r}, inside {self.inside!r}")
        if self.result is not None:
            tm.require_expression("result", self.result)

    @property
    def reverse(self) -> bool:
        """Say whether the rule is applied from right to left."""
        return self.result is not None

    def argument(self, name: str) -> object:
        """Return an argument by name."""
        return dict(self.arguments)[name]


@dataclass(frozen=True, repr=False)
class Proof(Viewable):
    """The left side of a statement, and the steps that lead to its right side.

    Attributes:
        name: the theorem's name.
        variables: the free index variables, each with the size of its axis (0 <= v < size), or
            with None if it runs over all integers.
        hypotheses: conditions on the parameters.
        start: the left side.
        steps: the steps that rewrite it.

    """

    name: str
    variables: Variables
    hypotheses: tuple[Condition, ...]
    start: Expression
    steps: tuple[Step, ...]
    spelling: tuple[object, ...] = field(init=False)

    def __post_init__(self) -> None:
        tm.require_expression("start", self.start)
        whole = all(type(s) is Step for s in self.steps) and NAMES.fullmatch(self.name)
        plain = all(isinstance(v, Symbol) and v == symbol(v.name) for v, _ in self.variables)
        kinds = (tm.Equal, Range, tm.AtLeast)
        if not (whole and plain and all(type(c) in kinds for c in self.hypotheses)):
            raise TypeError(f"proof {self.name!r}: an attribute has the wrong type")
        sizes = tuple((v, None if n is None else integral(n)) for v, n in self.variables)
        lines = (self.start, *(s.result for s in self.steps if s.result is not None))
        given = (t for s in self.steps for _, v in s.arguments for t in tensors_of(v))
        made = dict.fromkeys((*(t for e in lines for t in tensors(e)), *given))
        object.__setattr__(self, "variables", sizes)
        object.__setattr__(self, "spelling", tuple(map(bound_names, made)))

    @cached_property
    def facts(self) -> tuple[Condition, ...]:
        """Return the hypotheses and the boxes of the free variables."""
        boxes = tuple(Range(v, n) for v, n in self.variables if n is not None)
        return (*self.hypotheses, *boxes)

    @cached_property
    def digest(self) -> str:
        """Return the proof's hash (SHA-256 of its certificate's text), 16 digits."""
        return str(VIEWS["_digest"](self))


@dataclass(frozen=True, repr=False)
class Theorem(Viewable):
    """The statement of a replayed proof: lhs = rhs for all variables, under the hypotheses.

    Attributes:
        proof: the proof.
        lines: the expressions, from the left side (line 0) to the right side.
        obligations: the obligations of each step.
        tensors: all tensors of the certificate, cited proofs included; names are unique.
        divisors: tensors T with the hypothesis ``T[i] * reciprocal(T[i]) = 1`` in their boxes.
        words: the right side in words, for documents; it has no meaning for the proof.

    """

    proof: Proof
    lines: tuple[Expression, ...]
    obligations: tuple[tuple[Obligation, ...], ...]
    tensors: tuple[Tensor, ...] = ()
    divisors: tuple[Tensor, ...] = ()
    words: str = field(default="", compare=False)

    @property
    def name(self) -> str:
        """Return the theorem's name."""
        return self.proof.name

    @property
    def variables(self) -> Variables:
        """Return the free variables with their sizes."""
        return self.proof.variables

    @property
    def hypotheses(self) -> tuple[Condition, ...]:
        """Return the conditions on the parameters."""
        return self.proof.hypotheses

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """Return the hypotheses and the boxes of the free variables."""
        return self.proof.facts

    @property
    def lhs(self) -> Expression:
        """Return the left side."""
        return self.lines[0]

    @property
    def rhs(self) -> Expression:
        """Return the right side."""
        return self.lines[-1]


def bound_names(t: Tensor) -> object:
    """Return the bound names of a definition: equality ignores them, but steps refer to them."""
    body = t.definition
    return (t.name, body.formals, tuple(b.variables for b in body.body)) if body else t.name


def divisors_of(proof: Proof) -> tuple[Tensor, ...]:
    """Return the tensors that the steps of a proof assume to have no entry 0 in their boxes."""
    given = (dict(s.arguments).get("divisor") for s in proof.steps if s.rule == "invert")
    return tuple(dict.fromkeys(t for t in given if isinstance(t, Tensor)))


def tensors_of(value: object) -> Iterator[Tensor]:
    """Yield the tensors in an argument of a step, inner ones first; no tensors of cited proofs."""
    if isinstance(value, tuple):
        for entry in value:
            yield from tensors_of(entry)
    elif isinstance(value, Tensor):
        yield from (*tensors(value.definition.body if value.definition else ()), value)
    elif isinstance(value, tm.Access | tm.Apply | tm.Derivative):
        yield from tensors((term(value),))
