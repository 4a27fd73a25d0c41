"""Print expressions in the language of Rocq."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sympy import Expr, Symbol

from rot180.codegen.rocq.identifiers import Names, ScriptError, function_name, functions_of
from rot180.derive.kernel.proof import Variables
from rot180.derive.language.polynomial import denominator, integral, normal, ordered, text
from rot180.derive.language.scalar_functions import relation
from rot180.derive.language.terms import (
    Access,
    Apply,
    Condition,
    Equal,
    Expression,
    Factor,
    Range,
    Tensor,
    Term,
    tensors,
)


@dataclass(frozen=True)
class Printer:
    """Prints expressions in the language of Rocq.

    Attributes:
        names: the identifiers.
        wrt: the entries that are perturbed: the first over the dual numbers of the scalars, the
            next over the dual numbers of those, and so on; none over the scalars.

    """

    names: Names
    wrt: tuple[Access, ...] = ()

    @property
    def ring(self) -> str:
        """Write the ring of the values as an argument."""
        written = "scalars"
        for _ in self.wrt:
            written = f"(dual {written})"
        return written

    def index(self, e: Expr) -> str:
        """Write a polynomial."""
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
        """Write a free tensor, lifted to the dual numbers if they are the ring."""
        name = written = self.names.tensors[t.name]
        for number, wrt in enumerate(self.wrt):
            inner = written if number == 0 else f"({written})"
            if t == wrt.tensor:
                written = " ".join([f"moved_{name} {inner}", *map(self.argument, wrt.index)])
            else:
                written = f"fixed_{name} {inner}"
        return written

    def function(self, name: str, order: int) -> str:
        """Write a scalar function."""
        return self._lifted(name, order, len(self.wrt))

    def _lifted(self, name: str, order: int, depth: int) -> str:
        if depth == 0:
            return self.names.tensors[function_name(name, order)]
        both = (self._lifted(name, n, depth - 1) for n in (order, order + 1))
        return f"(lifted {' '.join(both)})"

    def under(self, wrt: Access) -> Printer:
        """Return the printer for an expression that is differentiated by an entry."""
        return Printer(self.names, (*self.wrt, wrt))

    def relation(self, name: str, order: int) -> tuple[str, str]:
        """Name and write the relation of a function's derivative, times its denominator."""
        plain, found = self.names.tensors[function_name(name, order)], relation(name, order)
        assert found is not None
        parts, scale = [], denominator(found)
        for powers, c in ordered(normal(scale * found)):
            words = [n for n, k in powers for _ in range(k)]
            values = [
                "z1" if n == "t" else f"{self.names.tensors[function_name(n, 0)]} z1" for n in words
            ]
            product = " [*] ".join(values) or "one"
            parts.append(product if c == 1 else f"const ({c}) [*] ({product})")
        body = " [+] ".join(f"({part})" for part in parts) or "zero"
        left = f"{plain} z1" if scale == 1 else f"const {scale} [*] {plain} z1"
        return f"{plain}_known", f"forall z1 : scalars, {left} = {body}"

    def tensor(self, t: Tensor) -> str:
        """Write a tensor; a defined one with its arguments."""
        if t.definition is None:
            return self.operand(t)
        parts = [self.names.tensors[t.name], "bound"]
        parts += [self.function(f, n) for f, n in functions_in(t)]
        operands = map(self.operand, operands_of(t))
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
        return f"slope ({self.under(f.wrt).product(f.factors)})"

    def product(self, factors: Sequence[Factor], coefficient: Expr | int = 1) -> str:
        """Write a product."""
        written = " [*] ".join(map(self.factor, factors)) or "one"
        if coefficient == 1:
            return written
        try:
            return f"const {self.argument(integral(coefficient))} [*] ({written})"
        except ValueError as error:
            raise ScriptError(f"the coefficient {coefficient} is not an integer") from error

    def term(self, t: Term) -> str:
        """Write a term."""
        return self.sums(t.variables, self.product(t.factors, t.coefficient))

    def sums(self, variables: Sequence[Symbol], body: str) -> str:
        """Write sums around a body."""
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
        """Write the value of a defined tensor: its brackets times its terms."""
        body = self.expression(terms)
        for b in reversed(boxes):
            body = f"{self.factor(b)} [*] ({body})"
        return body


def relations_of(lhs: Expression, rhs: Expression) -> list[tuple[str, int]]:
    """List the derivatives that occur and have a relation; the proof may use their relations.

    A statement does not depend on the steps of its proof, which may relate a derivative that both
    sides have.
    """
    found = dict.fromkeys(f for side in (lhs, rhs) for f in functions_of(side))
    return [(f, n) for f, n in found if relation(f, n) is not None]


def operands_of(t: Tensor) -> list[Tensor]:
    """Return the free tensors in the definition of a tensor, or the tensor itself."""
    if t.definition is None:
        return [t]
    return [u for u in tensors(t.definition.body) if u.definition is None]


def functions_in(t: Tensor) -> list[tuple[str, int]]:
    """Return the scalar functions in the definition of a tensor, with their orders."""
    return list(dict.fromkeys(functions_of(t.definition.body))) if t.definition else []


def in_ring(t: Tensor) -> str:
    """Return the ring of an equation about a tensor; "" if an operand or a function says it."""
    return "" if operands_of(t) or functions_in(t) else " :> scalars"


def boxes_of(t: Tensor, index: Sequence[Expr]) -> tuple[Range, ...]:
    """Return the brackets that say that an index is in the box of a tensor."""
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
