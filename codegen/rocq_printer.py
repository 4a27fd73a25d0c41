"""Identifiers and texts of expressions in the language of the proof assistant."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sympy import Expr, Symbol

from rot180.derive.kernel.proof import Variables
from rot180.derive.language.polynomial import integral, ordered, text
from rot180.derive.language.scalar_functions import related, relation
from rot180.derive.language.terms import (
    Access,
    Apply,
    Condition,
    Derivative,
    Equal,
    Expression,
    Factor,
    Range,
    Tensor,
    Term,
    factor_symbols,
    tensors,
)

_WORDS = """
as at cofix else end exists exists2 fix for forall fun if in let match mod return then using where
with Prop Set Type SProp Z nat bool Ring scalar scalars zero one add mul sub opp laws first total
within box point agree dual value slope lifted statement bound least fst snd sum left right near
enough holds finite A E far off all const z1 z2 z3 z4 z5 z6 z7 z8 z9
family index gather delta beyond alone along both follows chained told close out away whole
"""
RESERVED = frozenset(_WORDS.split())


class ScriptError(ValueError):
    """A proof uses what scripts do not cover."""


@dataclass(frozen=True)
class Names:
    """The identifiers of a script: symbols keep their names, tensors get new ones if need be."""

    symbols: Mapping[str, str]
    tensors: Mapping[str, str]

    @classmethod
    def of(cls, expressions: Iterable[Expression], conditions: Iterable[Condition]) -> Names:
        """Name everything that occurs in some expressions and conditions."""
        return cls({}, {}).extended(expressions, conditions)

    def extended(
        self, expressions: Iterable[Expression], conditions: Iterable[Condition] = ()
    ) -> Names:
        """Name what is new in some expressions and conditions."""
        found: set[Symbol] = set()
        used: dict[str, None] = {}
        for condition in conditions:
            found |= factor_symbols(condition)
        for e in expressions:
            found = found.union(*(t.symbols for t in e))
            for t in tensors(e):
                used[t.name] = None
                if t.definition is not None:
                    found |= set(t.definition.formals)
                    found = found.union(*(b.symbols for b in t.definition.body))
            used.update((function_name(f, n), None) for f, n in functions_of(e))
        more = self.with_variables(found)
        names = dict(self.tensors)
        taken = RESERVED | set(more.symbols.values()) | set(names.values())
        for name in used:
            if name not in names:
                names[name] = _identifier(re.sub(r"\W+", "_", name).strip("_"), taken)
                taken |= {names[name]}
        return Names(more.symbols, names)

    def with_variables(self, variables: Iterable[Symbol]) -> Names:
        """Name some more variables."""
        taken = RESERVED | set(self.tensors.values())
        new = {v.name: _identifier(v.name, taken) for v in variables}
        return Names({**new, **self.symbols}, self.tensors)


def _identifier(name: str, taken: frozenset[str] | set[str]) -> str:
    while name in taken:
        name += "'"
    return name


def function_name(name: str, order: int) -> str:
    """Return the key of a scalar function or of one of its derivatives."""
    return f"{name}_{order}" if order else name


def functions_of(expression: Expression) -> Iterator[tuple[str, int]]:
    """List the scalar functions of an expression with their orders, definitions unfolded.

    Those in the relation of a derivative are listed with it.
    """

    def walk(factors: Iterable[Factor], pending: int) -> Iterator[tuple[str, int]]:
        for f in factors:
            if isinstance(f, Apply):
                for order in range(f.order, f.order + pending + 1):
                    yield f.function, order
                    yield from ((word, 0) for word in related(f.function, order))
                yield from walk((f.argument,), pending)
            elif isinstance(f, Derivative):
                yield from walk(f.factors, pending + 1)
            elif isinstance(f, Access) and f.tensor.definition is not None:
                for t in f.tensor.definition.body:
                    yield from walk(t.factors, pending)

    for t in expression:
        yield from walk(t.factors, 0)


@dataclass(frozen=True)
class Printer:
    """Texts of expressions in the proof language.

    Attributes:
        names: the identifiers.
        wrt: for an expression over the dual numbers, the entry that is perturbed.

    """

    names: Names
    wrt: Access | None = None

    def index(self, e: Expr) -> str:
        """Write a polynomial; powers as the language has them."""
        return re.sub(r"[A-Za-z_]\w*", self._rename, text(e))

    def _rename(self, found: re.Match[str]) -> str:
        return self.names.symbols[found.group()]

    def variable(self, v: Symbol) -> str:
        """Write a variable."""
        return self.names.symbols[v.name]

    def argument(self, e: Expr) -> str:
        """Write a polynomial as an argument."""
        written = self.index(e)
        return written if re.fullmatch(r"[\w']+", written) else f"({written})"

    def operand(self, t: Tensor) -> str:
        """Write a free tensor, lifted to the dual numbers if need be."""
        name = self.names.tensors[t.name]
        if self.wrt is None:
            return name
        if t == self.wrt.tensor:
            return " ".join([f"moved_{name} {name}", *map(self.argument, self.wrt.index)])
        return f"fixed_{name} {name}"

    def function(self, name: str, order: int) -> str:
        """Write a scalar function."""
        plain = self.names.tensors[function_name(name, order)]
        if self.wrt is None:
            return plain
        return f"(lifted {plain} {self.names.tensors[function_name(name, order + 1)]})"

    def relation(self, name: str, order: int) -> tuple[str, str]:
        """Name and write what is known of a function's derivative."""
        plain, found = self.names.tensors[function_name(name, order)], relation(name, order)
        assert found is not None
        parts = []
        for powers, c in ordered(found):
            words = [n for n, k in powers for _ in range(k)]
            values = ["z1" if n == "t" else f"{self.names.tensors[n]} z1" for n in words]
            product = " [*] ".join(values) or "one"
            parts.append(product if c == 1 else f"const ({c}) [*] ({product})")
        body = " [+] ".join(f"({part})" for part in parts) or "zero"
        return f"{plain}_known", f"forall z1 : scalars, {plain} z1 = {body}"

    def tensor(self, t: Tensor) -> str:
        """Write a tensor; a defined one with everything it is made from."""
        if t.definition is None:
            return self.operand(t)
        parts = [self.names.tensors[t.name], "bound"]
        parts += [self.function(f, n) for f, n in made_with(t)]
        operands = map(self.operand, made_from(t))
        return " ".join([*parts, *(f"({o})" if " " in o else o for o in operands)])

    def factor(self, f: Factor) -> str:
        """Write a factor."""
        if isinstance(f, Access):
            return " ".join([self.tensor(f.tensor), *map(self.argument, f.index)])
        if isinstance(f, Range):
            return f"box {self.argument(f.value)} {self.argument(f.size)}"
        if isinstance(f, Equal):
            return f"point {self.argument(f.value)}"
        if isinstance(f, Apply):
            return f"{self.function(f.function, f.order)} ({self.factor(f.argument)})"
        if self.wrt is not None:
            raise ScriptError("a derivative of a derivative")
        return f"slope ({Printer(self.names, f.wrt).product(f.factors)})"

    def product(self, factors: Sequence[Factor], coefficient: Expr | int = 1) -> str:
        """Write a product."""
        written = " [*] ".join(map(self.factor, factors)) or "one"
        if coefficient == 1:
            return written
        try:
            return f"const {self.argument(integral(coefficient))} [*] ({written})"
        except ValueError as error:
            raise ScriptError(f"the coefficient {coefficient} is not integral") from error

    def term(self, t: Term) -> str:
        """Write a term."""
        return self.sums(t.variables, self.product(t.factors, t.coefficient))

    def sums(self, variables: Sequence[Symbol], body: str) -> str:
        """Write the sums of a body."""
        return "".join(f"sum[bound] {self.variable(v)}, " for v in variables) + body

    def expression(self, terms: Sequence[Term]) -> str:
        """Write a sum of terms."""
        written = [self.term(t) for t in terms]
        if len(written) == 1:
            return written[0]
        return " [+] ".join(f"({t})" for t in written) or "zero"

    def condition(self, c: Condition) -> str:
        """Write a condition as a proposition."""
        if isinstance(c, Range):
            return f"0 <= {self.index(c.value)} < {self.index(c.size)}"
        value = self.index(c.value)
        return f"{value} = 0" if isinstance(c, Equal) else f"0 <= {value}"

    def boxed(self, boxes: Sequence[Range], terms: Sequence[Term]) -> str:
        """Write a defined tensor's value: brackets times the sum that defines it."""
        body = self.expression(terms)
        for b in reversed(boxes):
            body = f"{self.factor(b)} [*] ({body})"
        return body


def relations_of(lhs: Expression, rhs: Expression) -> list[tuple[str, int]]:
    """List the derivatives on one side alone whose relations a proof may use."""
    sides = [dict.fromkeys(functions_of(side)) for side in (lhs, rhs)]
    alone = [f for one, other in (sides, sides[::-1]) for f in one if f not in other]
    return [(f, n) for f, n in alone if relation(f, n) is not None]


def made_from(t: Tensor) -> list[Tensor]:
    """Return the free tensors that a tensor is made from."""
    if t.definition is None:
        return [t]
    return [u for u in tensors(t.definition.body) if u.definition is None]


def made_with(t: Tensor) -> list[tuple[str, int]]:
    """Return the scalar functions that a tensor is made with."""
    return list(dict.fromkeys(functions_of(t.definition.body))) if t.definition else []


def boxes_of(t: Tensor, index: Sequence[Expr]) -> tuple[Range, ...]:
    """Return the box of a tensor as brackets of an index."""
    return tuple(Range(e, n) for e, n in zip(index, t.shape, strict=True) if n is not None)


def named(
    variables: Variables, hypotheses: Sequence[Condition], plain: Printer
) -> Iterator[tuple[Condition, str]]:
    """Yield the conditions of a statement with the names of the facts."""
    for n, c in enumerate(hypotheses):
        yield c, f"given_{n + 1}"
    for v, size in variables:
        if size is not None:
            yield Range(v, size), f"range_{plain.variable(v)}"
