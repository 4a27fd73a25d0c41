"""Reads SymPy equations; `sympy_sums` writes expressions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import sympy as sp
from sympy import Expr, Symbol

from rot180.derive.language.notation import Layer, make_layer, parse_layer
from rot180.derive.language.polynomial import canonical, text
from rot180.derive.language.scalar_functions import FUNCTIONS
from rot180.derive.language.terms import (
    Access,
    Range,
    Term,
    define,
)

# -- SymPy in ------------------------------------------------------------------------------------
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


@dataclass
class _SympyEquation:
    """Converts an equation to the notation; collects the sizes of its tensors, and functions."""

    divisions: bool = False
    sizes: dict[str, list[Expr | None]] = field(default_factory=dict)
    functions: dict[str, None] = field(default_factory=dict)
    indices: set[str] = field(default_factory=set)

    def fail(self, node: sp.Basic, expected: str) -> ValueError:
        kind = type(node).__name__
        return ValueError(f"SymPy equation: found {kind} {node}; expected {expected}")

    def name(self, node: sp.Basic) -> str:
        found = str(node.label if isinstance(node, sp.Idx | sp.IndexedBase) else node)
        if not _NAME.fullmatch(found):
            raise self.fail(node, "a name made of letters, digits and _")
        return found

    def polynomial(self, node: Expr) -> str:
        """Return an index, a size or a bound as text."""
        labels = {i: i.label for i in node.atoms(sp.Idx)}
        for v in node.xreplace(labels).free_symbols:
            self.name(v)
        try:
            return text(canonical(node.xreplace(labels)))
        except ValueError as error:
            raise self.fail(node, "a polynomial in indices, sizes and parameters") from error

    def index(self, node: Expr) -> str:
        """Return an index as text; ``floor(p/s)`` and ``Mod(p, s)`` are quotients in it."""
        divided = [a for a in node.atoms(sp.floor, sp.Mod) if isinstance(a, sp.floor | sp.Mod)]
        names = {a: Symbol(f"divided{n}_", integer=True) for n, a in enumerate(divided)}
        found = self.polynomial(node.xreplace(names))
        for a, v in names.items():
            sign = "%" if isinstance(a, sp.Mod) else "//"
            sides = a.args if isinstance(a, sp.Mod) else sp.fraction(sp.together(a.args[0]))
            if v.name in found:
                found = found.replace(v.name, f"(({self.index(sides[0])}) {sign} ({sides[1]}))")
        return found

    def indexed(self, node: sp.Indexed, lengths: Mapping[str, Expr]) -> str:
        """Return an entry as text; its sizes come from its shape or from the ranges of indices."""
        name = self.name(node.base)
        shape = node.base.shape or (None,) * len(node.indices)
        known = self.sizes.setdefault(name, [None] * len(node.indices))
        for axis, (e, n) in enumerate(zip(node.indices, shape, strict=True)):
            size = n if n is not None else lengths.get(str(getattr(e, "label", e)))
            if axis < len(known) and known[axis] is None and size is not None:
                known[axis] = self.size(size) if n is not None else _plain(size)
        return f"{name}[{','.join(self.index(e) for e in node.indices)}]"

    def size(self, node: Expr) -> Expr:
        found = _plain(canonical(node))
        if found is None:
            raise self.fail(node, "a size that is a symbol or a whole number")
        return found

    def write(self, node: sp.Basic, lengths: Mapping[str, Expr]) -> str:
        """Return a node in the notation; `lengths` maps indices in scope of range 0..n-1 to n."""
        if isinstance(node, sp.Sum):
            return self.sum(node, lengths)
        if isinstance(node, sp.Indexed):
            return self.indexed(node, lengths)
        if isinstance(node, sp.Add | sp.Mul):
            sign = " + " if isinstance(node, sp.Add) else " * "
            return sign.join(sorted(f"({self.write(a, lengths)})" for a in node.args))
        if isinstance(node, sp.Rational | sp.Float):
            exact = sp.Rational(str(node))
            return f"({exact.p})/{exact.q}"
        if isinstance(node, sp.Pow) and node.exp.is_Integer and node.exp > 0:
            return f"({self.write(node.base, lengths)})^{node.exp}"
        if self.divisions and isinstance(node, sp.Pow):
            return self.power(node, lengths)
        if isinstance(node, Symbol):
            return self.name(node)
        if isinstance(node, sp.KroneckerDelta):
            a, b = (self.polynomial(e) for e in node.args[:2])
            return f"[{a} == {b}]"
        if isinstance(node, sp.core.function.AppliedUndef) and len(node.args) == 1:
            name = self.name(node.func)
            if name not in FUNCTIONS:
                self.functions[name] = None
            return f"{name}({self.write(node.args[0], lengths)})"
        if isinstance(node, sp.exp | sp.log | sp.tanh | sp.Abs | sp.sign):
            return f"{type(node).__name__.lower()}({self.write(node.args[0], lengths)})"
        if self.divisions and isinstance(node, sp.Max | sp.Min):
            sides = ", ".join(sorted(self.write(a, lengths) for a in node.args))
            return f"{type(node).__name__.lower()}({sides})"
        raise self.fail(
            node, "Add, Mul, Sum, Indexed, KroneckerDelta, a function of an entry, or a number"
        )

    def power(self, node: sp.Pow, lengths: Mapping[str, Expr]) -> str:
        """Return a quotient or a root as text."""
        base = f"({self.write(node.base, lengths)})"
        if node.exp.is_Integer:
            return f"1 / {base}" + (f"^{-node.exp}" if node.exp < -1 else "")
        return f"{base}^({self.write(node.exp, lengths)})"

    def sum(self, node: sp.Sum, lengths: Mapping[str, Expr]) -> str:
        """Return a sum as text; each finite range becomes a bracket."""
        inner, brackets = dict(lengths), []
        names = [self.name(v) for v, *_ in node.limits]
        self.indices.update(names)
        for name, (_, first, last) in zip(names, node.limits, strict=True):
            inner.pop(name, None)
            if (first, last) == (-sp.oo, sp.oo):
                continue
            low, high = self.polynomial(first), self.polynomial(last)
            brackets.append(f"[{low} <= {name} <= {high}]")
            length = canonical(last) + 1
            if low == "0" and not self.indices & {v.name for v in length.free_symbols}:
                inner[name] = length
        body = " * ".join([*brackets, f"({self.write(node.function, inner)})"])
        return f"sum[{','.join(names)}] {body}"

    def equation(self, equation: sp.Equality) -> str:
        """Return a definition as text."""
        lengths: dict[str, Expr] = {}
        left, brackets = equation.lhs, ""
        if isinstance(left, Symbol):
            line = f"{self.name(left)}[]"
        elif isinstance(left, sp.Indexed):
            for i in left.indices:
                if isinstance(i, sp.Idx) and i.lower is not None and i.upper is not None:
                    if i.lower != 0:
                        low, high = self.polynomial(i.lower), self.polynomial(i.upper)
                        brackets += f"[{low} <= {self.name(i)} <= {high}] * "
                    lengths[self.name(i)] = canonical(i.upper) + 1
            line = self.indexed(left, lengths)
            self.indices.update(str(getattr(i, "label", i)) for i in left.indices)
        else:
            raise self.fail(left, "an entry such as y[p] on the left side")
        return f"{line} = {brackets}({self.write(equation.rhs, lengths)})"


def _plain(e: Expr) -> Expr | None:
    """Return a size that the notation can declare, else None."""
    return e if isinstance(e, Symbol) or (e.is_Integer and e >= 0) else None


def from_sympy(equation: sp.Equality) -> Layer:
    """Return the layer of an equation such as ``Eq(y[p], Sum(x[p + k]*w[k], (k, 0, K - 1)))``.

    The sizes of a tensor are the shape of its IndexedBase, or else the ranges of the sums and `Idx`
    that index it; otherwise they are named as in the notation. Every tensor is 0 outside its box. A
    range that equals the box of a tensor is dropped, any other becomes a bracket; sizes are >= 0.
    `Function("sigma")` declares sigma, unless a function is known by its name, as relu is.

    Raises:
        ValueError: a part is not in the language; the message names it.

    """
    found = _SympyEquation()
    line = found.equation(equation)
    line = "".join(f"{name}: function; " for name in found.functions) + line
    layer = parse_layer(line, sizes={name: tuple(shape) for name, shape in found.sizes.items()})
    definition = layer.output.definition
    assert definition is not None
    body = tuple(drop_boxes(t) for t in definition.body)
    return make_layer(define(layer.output.name, layer.output.shape, definition.formals, body))


def equations_text(
    equations: Sequence[sp.Equality],
) -> tuple[str, dict[str, tuple[Expr | None, ...]]]:
    """Return the definitions of a program as text, and the sizes that the equations declare.

    Raises:
        ValueError: a part is not in the language; the message names it.
        TypeError: something is no equation.

    """
    found = _SympyEquation(divisions=True)
    for e in equations:
        if not isinstance(e, sp.Equality):
            raise TypeError(f"program: found {type(e).__name__}, expected SymPy equations")
    lines = [found.equation(e) for e in equations]
    head = [f"{name}: function" for name in found.functions]
    return "; ".join([*head, *lines]), {name: tuple(n) for name, n in found.sizes.items()}


def drop_boxes(t: Term) -> Term:
    """Drop the ranges that the box of an entry implies."""
    accesses = [f for f in t.factors if isinstance(f, Access)]
    boxes = {(e, n) for f in accesses for e, n in zip(f.index, f.tensor.shape, strict=True)}
    kept = (f for f in t.factors if not (isinstance(f, Range) and (f.value, f.size) in boxes))
    return replace(t, factors=tuple(kept))
