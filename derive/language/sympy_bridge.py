"""Reads SymPy equations and writes SymPy expressions.

In SymPy, `Indexed` has no box, a `Sum` of negative length changes its sign (Karr's convention), and
a `KroneckerDelta` is summed without a guard. So expressions are written with guards: entries are
wrapped in a `Piecewise` that is 0 outside the boxes, and sums have bounds for which an empty range
gives an empty sum.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

import sympy as sp
from sympy import Expr, Symbol
from sympy.logic.boolalg import Boolean

from rot180.derive.language.notation import Layer, make_layer, parse_layer
from rot180.derive.language.polynomial import canonical, coefficient, normal, symbol, text
from rot180.derive.language.scalar_functions import FUNCTIONS, T
from rot180.derive.language.substitute import apart, substitute, supports
from rot180.derive.language.terms import (
    Access,
    Apply,
    Derivative,
    Equal,
    Expression,
    Factor,
    Range,
    Term,
    define,
)
from rot180.derive.language.vanishing import contradictory

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


# -- SymPy out -----------------------------------------------------------------------------------
_ZERO: Expr = sp.Integer(0)
_ONE: Expr = sp.Integer(1)
Bounds = dict[Symbol, tuple[Expr, Expr]]


def to_sympy(expression: Expression, variables: Iterable[tuple[Symbol, Expr | None]] = ()) -> Expr:
    """Return an expression as SymPy sums of guarded entries; defined tensors are unfolded.

    Args:
        expression: the terms.
        variables: free indices with their sizes; ``0 <= v < size`` is assumed.

    """
    known = {v: (_ZERO, normal(n - 1)) for v, n in variables if n is not None}
    return sp.Add(*(_term(u, known) for t in expression for u in _unfold(t, known)))


def _unfold(t: Term, taken: Collection[Symbol]) -> list[Term]:
    """Replace defined tensors by their terms; drop terms whose equations contradict each other.

    The result has no nested sums, because `Sum` moves a `Piecewise` out of the sums inside it, and
    bound variables with it. So a derivative is moved inside the sum that it differentiates.
    """
    t = apart(t, taken)
    for place, factor in enumerate(t.factors):
        pieces: Iterable[tuple[Term, tuple[Factor, ...]]]
        if isinstance(factor, Access) and factor.tensor.definition is not None:
            definition = factor.tensor.definition
            index = dict(zip(definition.formals, factor.index, strict=True))
            boxes = zip(factor.index, factor.tensor.shape, strict=True)
            ranges = tuple(Range(e, n) for e, n in boxes if n is not None)
            bodies = (apart(b, {*t.symbols, *taken}) for b in definition.body)
            pieces = ((b, (*ranges, *b.factors)) for b in (substitute(b, index) for b in bodies))
        elif isinstance(factor, Derivative) and t.variables:
            inner = _unfold(Term(_ONE, (), factor.factors), {*t.symbols, *taken})
            pieces = ((b, (Derivative(b.factors, factor.wrt),)) for b in inner)
        else:
            continue
        before, after = t.factors[:place], t.factors[place + 1 :]
        out = (
            Term(t.coefficient * b.coefficient, t.variables + b.variables, (*before, *f, *after))
            for b, f in pieces
        )
        return [u for o in out if not contradictory(o) for u in _unfold(o, taken)]
    return [t]


def _term(t: Term, known: Bounds) -> Expr:
    inner = {**known, **_bounds(t, known)}
    guards: list[Boolean] = []
    body = sp.Mul(*(_factor(f, inner, t.variables, guards) for f in t.factors))
    if guards:
        body = sp.Piecewise((body, sp.And(*guards)), (0, True))
    if t.variables:
        infinite = (-sp.oo, sp.oo)
        body = sp.Sum(body, *((v, *inner.get(v, infinite)) for v in reversed(t.variables)))
    return cast(Expr, t.coefficient * body)


def _bounds(t: Term, known: Bounds) -> Bounds:
    """Bound each summed index: by its own box or range, or else by interval arithmetic.

    The size of a range is positive wherever the term is not 0, so dividing by it is allowed.
    """
    found = sorted(
        supports(t.factors, {*t.symbols, *known}), key=lambda b: len(b.value.free_symbols)
    )
    positive = {b.size for b in found if isinstance(b, Range)}
    inside: Bounds = {}
    for any_sign in (False, True):
        for b in found * len(t.variables):
            for v in t.variables:
                c = coefficient(b.value, v)
                sign = _sign(c, positive)
                rest = normal(b.value - c * v)
                ends = _interval(rest, inside, t.variables, positive, any_sign=any_sign)
                if v not in inside and sign and ends:
                    top = b.size - 1 if isinstance(b, Range) else _ZERO
                    low, high = normal(-ends[1]), normal(top - ends[0])
                    low, high = (low, high) if sign > 0 else (normal(-high), normal(-low))
                    inside[v] = (sp.ceiling(low / (c * sign)), sp.floor(high / (c * sign)))
    return inside


def _sign(c: Expr, positive: Collection[Expr]) -> int:
    """Return the sign of a coefficient, 0 if it is 0 or not known."""
    if c.is_Integer:
        return int(sp.sign(c))
    return 1 if c in positive else -1 if normal(-c) in positive else 0


def _interval(
    e: Expr,
    inside: Bounds,
    bound: Iterable[Symbol],
    positive: Collection[Expr],
    *,
    any_sign: bool,
) -> tuple[Expr, Expr] | None:
    """Return the least and the greatest value, or None if a bound or a sign is not known."""
    low = high = e.xreplace(dict.fromkeys(bound, _ZERO))
    for v in bound:
        c = coefficient(e, v)
        sign = _sign(c, positive)
        if c == 0:
            continue
        if v not in inside or not (sign or any_sign):
            return None
        ends = [normal(c * end) for end in inside[v]]
        low += (sp.Min(*ends), ends[0], ends[1])[sign]
        high += (sp.Max(*ends), ends[1], ends[0])[sign]
    return low, high


def _inside(e: Expr, size: Expr, known: Bounds) -> list[Boolean]:
    """Return the conditions of ``0 <= e < size`` that are not implied."""
    if isinstance(e, Symbol) and known.get(e) == (_ZERO, normal(size - 1)):
        return []
    return [sp.Ge(e, 0), sp.Lt(e, size)]


def _factor(
    factor: Factor, known: Bounds, bound: tuple[Symbol, ...], guards: list[Boolean]
) -> Expr:
    """Return a factor; append the conditions under which it is not 0 to `guards`.

    SymPy solves a `KroneckerDelta` by division, so an equation is written as one only if the
    coefficients of all summed indices are 1 or -1.
    """
    if isinstance(factor, Equal):
        parts = sp.Add.make_args(factor.value)
        left = sp.Add(*(p for p in parts if p.as_coeff_Mul()[0] > 0))
        sides = (left, normal(left - factor.value))
        if all(coefficient(factor.value, v) in (-1, 0, 1) for v in bound):
            return cast(Expr, sp.KroneckerDelta(*sides))
        guards.append(sp.Eq(*sides))
        return _ONE
    if isinstance(factor, Range):
        guards += _inside(factor.value, factor.size, known)
        return _ONE
    if isinstance(factor, Access):
        for e, n in zip(factor.index, factor.tensor.shape, strict=True):
            guards += [] if n is None else _inside(e, n, known)
        return _entry(factor)
    if isinstance(factor, Apply):
        inside = _unfold(Term(_ONE, (), (factor.argument,)), {*known, *bound})
        argument = sp.Add(*(_term(u, known) for u in inside))
        if factor.function in FUNCTIONS:
            value = FUNCTIONS[factor.function].derivative(factor.order)
            return cast(Expr, value.xreplace({T: argument}))
        function, place = sp.Function(factor.function), symbol("_t")
        if factor.order == 0:
            return cast(Expr, function(argument))
        derivative = sp.Derivative(function(place), (place, factor.order))
        return cast(Expr, sp.Subs(derivative, place, argument))
    inner = to_sympy((Term(_ONE, (), factor.factors),))
    return cast(Expr, sp.Derivative(inner, _entry(factor.wrt), evaluate=False))


def _entry(access: Access) -> Expr:
    base = sp.IndexedBase(access.tensor.name)
    return cast(Expr, base[access.index] if access.index else symbol(access.tensor.name))
