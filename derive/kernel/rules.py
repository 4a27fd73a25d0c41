"""The trusted rules, and nothing else.

A rule takes a place in an expression and arguments, and returns the expression that is equal to
it, with the obligations that this equality rests on. The docstring of a rule is its inference
figure. Nothing here searches, simplifies, or divides; polynomials are compared by `expand`,
everything else by structure.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from itertools import combinations, product
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import sympy as sp
from sympy import Expr, Symbol

from rot180.derive.kernel.obligations import Nonzero, Obligation
from rot180.derive.language.polynomial import (
    coefficient,
    degree,
    integral,
    monomials,
    normal,
    number,
    ordered,
    symbols_of,
    text,
)
from rot180.derive.language.scalar_functions import relation
from rot180.derive.language.terms import (
    Access,
    Apply,
    AtLeast,
    Bracket,
    Condition,
    Definition,
    Derivative,
    Equal,
    Expression,
    Factor,
    Range,
    Tensor,
    Term,
    accesses_and_brackets,
    apart,
    factor_symbols,
    free_symbols,
    substitute,
    substitute_condition,
    substitute_factor,
    supports,
)

if TYPE_CHECKING:
    from rot180.derive.kernel.proof import Theorem


class RuleError(ValueError):
    """A rule does not apply: what was found, what it needs."""


def require(condition: str, holds: bool, message: str) -> None:
    """Raise RuleError unless a side condition holds; every side condition has a name."""
    if not holds:
        raise RuleError(f"{message} [side condition: {condition}]")


@dataclass(frozen=True)
class Place:
    """Where a rule is applied: a term of an expression, under facts that hold throughout.

    Attributes:
        expression: the whole expression.
        at: the number of the term.
        facts: hypotheses of the statement and boxes of its free variables.

    """

    expression: Expression
    at: int
    facts: tuple[Condition, ...]

    @property
    def term(self) -> Term:
        """Return the term in question."""
        if not 0 <= self.at < len(self.expression):
            raise RuleError(f"term {self.at} of {len(self.expression)} terms")
        return self.expression[self.at]

    @property
    def taken(self) -> frozenset[Symbol]:
        """Return the names a new bound variable must avoid."""
        return self.term.symbols.union(*(factor_symbols(c) for c in self.facts))

    def factor(self, number: int) -> Factor:
        """Return a factor of the term."""
        if not 0 <= number < len(self.term.factors):
            raise RuleError(f"factor {number} of {len(self.term.factors)} factors")
        return self.term.factors[number]

    def around(self, *numbers: int) -> tuple[Factor, ...]:
        """Return the other factors of the term."""
        return tuple(f for n, f in enumerate(self.term.factors) if n not in numbers)

    def context(
        self, factors: Sequence[Factor], names: Iterable[Symbol] = ()
    ) -> tuple[Condition, ...]:
        """Return what holds wherever the product of these factors is nonzero.

        Args:
            factors: some factors.
            names: symbols of the goal; what exists for a support must not be named like them.

        """
        return (*self.facts, *supports(factors, self.taken.union(names)))

    def put(self, *terms: Term) -> Expression:
        """Return the expression with the term replaced."""
        return (*self.expression[: self.at], *terms, *self.expression[self.at + 1 :])

    def put_factor(self, number: int, *factors: Factor) -> Term:
        """Return the term with one factor replaced by some."""
        t = self.term
        new = (*t.factors[:number], *factors, *t.factors[number + 1 :])
        return Term(t.coefficient, t.variables, new)


Result: TypeAlias = tuple[Expression, tuple[Obligation, ...]]
Rule: TypeAlias = Callable[..., Result]
RULES: dict[str, Rule] = {}
REASONS: dict[str, str] = {}
_R = TypeVar("_R", bound=Rule)


def rule(latex: str) -> Callable[[_R], _R]:
    """Register a rule under its function's name, with the reason that documents print."""

    def register(function: _R) -> _R:
        name = function.__name__
        if name in RULES:
            raise ValueError(f"the rule {name} is declared twice")
        RULES[name], REASONS[name] = function, latex
        return function

    return register


def _unfold(place: Place, number: int, access: Access, wrt: Access | None) -> Result:
    definition = access.tensor.definition
    if definition is None:
        raise RuleError(f"{access.tensor.name} is a free tensor, expected a defined one")
    box = tuple(
        Range(e, n) for e, n in zip(access.index, access.tensor.shape, strict=True) if n is not None
    )
    index = dict(zip(definition.formals, access.index, strict=True))
    terms = []
    for body in definition.body:
        body = substitute(apart(body, place.taken | set(definition.formals)), index)
        inside = body.factors if wrt is None else (Derivative(body.factors, wrt),)
        t = place.put_factor(number, *box, *inside)
        terms.append(
            Term(t.coefficient * body.coefficient, t.variables + body.variables, t.factors)
        )
    return place.put(*terms), ()


@rule(latex=r"definition of ${tensor}$")
def definition(place: Place, factor: int) -> Result:
    """Unfold a defined tensor; in reverse, fold it.

    ``T[i] := [i in box] sum_v F(i, v)``
    ---------------------------------------------
    ``A * T[e] = sum_v A * [e in box] * F(e, v)``
    """
    access = place.factor(factor)
    if not isinstance(access, Access):
        raise RuleError(f"factor {factor} is a {type(access).__name__}, expected an access")
    return _unfold(place, factor, access, None)


@rule(latex=r"definition of ${tensor}$, derivative of a sum")
def linearity(place: Place, factor: int) -> Result:
    """Take a pending derivative through the sum that defines a tensor.

    ``T[i] := [i in box] sum_v c F(i, v)``
    -----------------------------------------------------
    ``dT[e]/dx[h] = [e in box] sum_v c d(F(e, v))/dx[h]``
    """
    pending = place.factor(factor)
    if not isinstance(pending, Derivative):
        raise RuleError(f"factor {factor} is a {type(pending).__name__}, expected a derivative")
    if len(pending.factors) != 1 or not isinstance(pending.factors[0], Access):
        raise RuleError("the derivative is not of a single access: Leibniz first")
    return _unfold(place, factor, pending.factors[0], pending.wrt)


@rule(latex="product rule")
def leibniz(place: Place, factor: int) -> Result:
    """Differentiate a product; brackets are constants, and an empty product has derivative 0.

    ---------------------------------------------------
    ``d(F_1 ... F_n)/dx = sum_q F_1 ... dF_q/dx ... F_n``
    """
    pending = place.factor(factor)
    if not isinstance(pending, Derivative):
        raise RuleError(f"factor {factor} is a {type(pending).__name__}, expected a derivative")
    if len(pending.factors) == 1 and isinstance(pending.factors[0], Access | Apply):
        raise RuleError("the derivative is of a single factor, expected a product")
    terms = []
    for q, part in enumerate(pending.factors):
        if isinstance(part, Derivative):
            raise RuleError("a derivative inside a derivative: carry out the inner one first")
        if isinstance(part, Access | Apply):
            inside = Derivative((part,), pending.wrt)
            terms.append(
                place.put_factor(factor, *pending.factors[:q], inside, *pending.factors[q + 1 :])
            )
    return place.put(*terms), ()


@rule(latex=r"$\partial {tensor}[i]/\partial {tensor}[h] = [i = h]$")
def entry(place: Place, factor: int) -> Result:
    """Differentiate an entry of a free tensor by an entry.

    h in the box of x, wherever the other factors and ``e = h`` hold
    ------------------------------------------------------------------
    ``dx[e]/dx[h] = prod_j [e_j = h_j]``        ``dt[e]/dx[h] = 0``
    """
    pending = place.factor(factor)
    if not (
        isinstance(pending, Derivative)
        and len(pending.factors) == 1
        and isinstance(pending.factors[0], Access)
    ):
        raise RuleError(f"factor {factor} is not the derivative of a single access")
    access, wrt = pending.factors[0], pending.wrt
    for t in (access.tensor, wrt.tensor):
        require("free tensors", t.definition is None, f"{t.name} is a defined tensor")
    if access.tensor != wrt.tensor:
        return place.put(), ()
    equations = tuple(Equal(a - b) for a, b in zip(access.index, wrt.index, strict=True))
    context = place.context((*place.around(factor), *equations))
    return place.put(place.put_factor(factor, *equations)), tuple(
        Obligation(context, Range(h, n))
        for h, n in zip(wrt.index, wrt.tensor.shape, strict=True)
        if n is not None
    )


@rule(latex="chain rule")
def chain(place: Place, factor: int) -> Result:
    """Differentiate a scalar function of an access.

    f' is the derivative of f (an axiom about f)
    -----------------------------------------------
    ``d f(t[e])/dx[h] = f'(t[e]) * dt[e]/dx[h]``
    """
    pending = place.factor(factor)
    if not (
        isinstance(pending, Derivative)
        and len(pending.factors) == 1
        and isinstance(pending.factors[0], Apply)
    ):
        raise RuleError(f"factor {factor} is not the derivative of a scalar function")
    applied = pending.factors[0]
    outer = Apply(applied.function, applied.order + 1, applied.argument)
    inner = Derivative((applied.argument,), pending.wrt)
    return place.put(place.put_factor(factor, outer, inner)), ()


@rule(latex=r"${relation}$")
def relate(place: Place, factor: int) -> Result:
    """Write a derivative of a listed function by the values of listed functions.

    f' = P(t, f, g, ...) is the relation of f (an axiom about f, found by `functions.relation`)
    ---------------------------------------------------------------------------------------------
    ``A * f'(T[e]) = A * P(T[e], f(T[e]), g(T[e]), ...)``
    """
    applied = place.factor(factor)
    if not isinstance(applied, Apply):
        raise RuleError(f"factor {factor} is a {type(applied).__name__}, expected a function")
    terms = []
    for part in related_terms(applied):
        t = place.put_factor(factor, *part.factors)
        terms.append(Term(t.coefficient * part.coefficient, t.variables, t.factors))
    return place.put(*terms), ()


def related_terms(applied: Apply) -> Expression:
    """Return what the relation of a derivative makes of it: products of functions of its argument.

    Raises:
        RuleError: no relation is known.

    """
    found = relation(applied.function, applied.order)
    if found is None:
        raise RuleError(f"no relation is known for {applied.function}{applied.order * chr(39)}")
    at = applied.argument
    terms = []
    for powers, c in ordered(found):
        words = [n for n, k in powers for _ in range(k)]
        terms.append(Term(c, (), tuple(at if n == "t" else Apply(n, 0, at) for n in words)))
    return tuple(terms)


@rule(latex=r"only ${variable} = {value}$ contributes")
def sift(place: Place, factor: int, variable: Symbol) -> Result:
    """Carry out a sum that an equation reduces to one point; never divide.

    the coefficient of v in the equation is 1 or -1
    ---------------------------------------------------
    ``sum_v F(v) [+-v + e = 0] = F(-+e)``
    """
    t, equation = place.term, place.factor(factor)
    if not isinstance(equation, Equal):
        raise RuleError(f"factor {factor} is a {type(equation).__name__}, expected an equation")
    require("bound", variable in t.variables, f"{variable} is not bound by this sum")
    c = coefficient(equation.value, variable)
    require("unit", c in (1, -1), f"the coefficient of {variable} is {text(c)}, not 1 or -1")
    point = {variable: normal(variable - c * equation.value)}
    rest = tuple(substitute_factor(f, point) for f in place.around(factor))
    left = tuple(v for v in t.variables if v != variable)
    return place.put(Term(t.coefficient, left, rest)), ()


@rule(latex="order of the sums")
def exchange(place: Place, order: tuple[int, ...]) -> Result:
    """Sum in another order; every term has finite support.

    order is a permutation
    -------------------------------------
    ``sum_{u, v} F = sum_{v, u} F``
    """
    t = place.term
    whole = sorted(order) == list(range(len(t.variables)))
    require("permutation", whole, f"{order} is not an order of {len(t.variables)} sums")
    return place.put(Term(t.coefficient, tuple(t.variables[n] for n in order), t.factors)), ()


def _is_integral(e: Expr) -> bool:
    try:
        integral(e)
    except ValueError:
        return False
    return True


@rule(latex="substitute {mapping}")
def reindex(
    place: Place, variables: tuple[Symbol, ...], mapping: tuple[tuple[Symbol, Expr], ...]
) -> Result:
    """Change bound variables by an affine bijection of Z^m.

    phi affine in the new variables, integral, determinant 1 or -1; new names are new
    -----------------------------------------------------------------------------------
    ``sum_v F(v) = sum_u F(phi(u))``
    """
    t, by = place.term, {v: normal(e) for v, e in mapping}
    require("all sums", tuple(by) == t.variables, f"the map is of {tuple(by)}, not {t.variables}")
    require("square", len(variables) == len(by), f"{len(variables)} variables for {len(by)}")
    outside = place.taken - set(t.variables)
    require("new names", not set(variables) & outside, f"{variables} would capture a name")
    for v, e in by.items():
        stray = symbols_of(e) & (set(t.variables) - set(variables))
        require("affine", degree(e, variables) <= 1, f"{v} = {text(e)} is not affine")
        require("closed", not stray, f"{v} = {text(e)} mentions a variable that is replaced")
        require("integral", _is_integral(e), f"{v} = {text(e)} is not integral")
    matrix = sp.Matrix([[coefficient(e, u) for u in variables] for e in by.values()])
    unit = not variables or normal(matrix.det(method="berkowitz")) in (1, -1)
    require("unimodular", unit, f"the map of {t.variables} is no bijection of the integers")
    factors = tuple(substitute_factor(f, by) for f in t.factors)
    return place.put(Term(t.coefficient, variables, factors)), ()


@rule(latex="the supports agree")
def bracket(place: Place, drop: tuple[int, ...], add: tuple[Bracket, ...]) -> Result:
    """Replace brackets by equivalent ones, given where the other factors can be nonzero.

    supports(A), new => each old     supports(A), old => each new
    ---------------------------------------------------------------
    ``A * old = A * new``
    """
    t = place.term
    old = [place.factor(n) for n in drop]
    brackets = [f for f in old if isinstance(f, Equal | Range)]
    require("brackets", len(brackets) == len(old), "a factor that is no bracket is dropped")
    names = [v for f in add for v in factor_symbols(f)]
    context = place.context(place.around(*drop), names)
    obligations = [Obligation((*context, *add), f) for f in brackets]
    obligations += [Obligation((*context, *brackets), f) for f in add]
    new = Term(t.coefficient, t.variables, (*place.around(*drop), *add))
    return place.put(new), tuple(obligations)


@rule(latex=r"division with remainder: ${value} = {modulus} {variable} + \text{{rest}}$")
def euclid(place: Place, value: Expr, modulus: Expr, variable: Symbol) -> Result:
    """Insert the one quotient of an index by a modulus.

    s >= 1, u is a new name
    ------------------------------------------
    ``A = sum_u A * [0 <= e - s u < s]``
    """
    t = place.term
    used = place.taken | symbols_of(value) | symbols_of(modulus)
    require("new name", variable not in used, f"the name {variable} is in use")
    inserted = Range(value - modulus * variable, modulus)
    new = Term(t.coefficient, (*t.variables, variable), (*t.factors, inserted))
    return place.put(new), (Obligation(place.context(t.factors, used), AtLeast(modulus - 1)),)


def _unsigned(factor: Factor) -> Factor:
    """Choose a sign for an equation, by the text of its monomials."""
    if not isinstance(factor, Equal):
        return factor
    first = min(monomials(factor.value).items(), default=((), 1))
    return Equal(-factor.value) if first[1] < 0 else factor


def is_table(t: Tensor) -> bool:
    """Say whether a tensor is a table of numbers: defined by brackets alone, without a sum."""
    return t.definition is not None and not t.parameters and all(
        not b.variables and all(isinstance(f, Equal | Range) for f in b.factors)
        for b in t.definition.body
    )


@lru_cache(maxsize=1 << 12)
def table_entry(t: Tensor, index: tuple[int, ...]) -> Fraction:
    """Return an entry of a table of numbers."""
    assert t.definition is not None
    if any(n is not None and not 0 <= e < n for e, n in zip(index, t.shape, strict=True)):
        return Fraction(0)
    at = {v.name: e for v, e in zip(t.definition.formals, index, strict=True)}
    return sum((_number(b, at) for b in t.definition.body), Fraction(0))


def _number(t: Term, at: Mapping[str, int]) -> Fraction:
    """Return the product of brackets and entries of tables at a point."""
    out = number(t.coefficient, at)
    for f in t.factors:
        if isinstance(f, Equal):
            out *= int(number(f.value, at) == 0)
        elif isinstance(f, Range):
            out *= int(0 <= number(f.value, at) < number(f.size, at))
        elif isinstance(f, Access):
            out *= table_entry(f.tensor, tuple(int(number(e, at)) for e in f.index))
        if out == 0:
            break
    return out


POINTS = 10_000
"""At how many points an equation of tables is compared at the most."""


@rule(latex="equal at each point where a side can be nonzero")
def exhaust(
    place: Place,
    sizes: tuple[tuple[Symbol, Expr], ...],
    scale: Expr,
    factors: tuple[Bracket, ...],
) -> Result:
    """Multiply tables of numbers: compare with brackets at every point of a finite box.

    F are brackets and entries of tables, G brackets; each size is a number
    supports(F) => each variable in its size, and supports(G) likewise
    ``c sum_v F(i, v) = d G(i)`` for the numbers i, v in their sizes
    ------------------------------------------------------------------------
    ``c sum_v F = d G``
    """
    t, new, box = place.term, Term(scale, (), factors), dict(sizes)
    for f in t.factors:
        table = isinstance(f, Equal | Range) or (isinstance(f, Access) and is_table(f.tensor))
        require("tables", table, f"{f} is neither a bracket nor an entry of a table of numbers")
    require("brackets alone", all(isinstance(f, Equal | Range) for f in factors), "not a bracket")
    require("all variables", {*t.symbols, *new.symbols} <= box.keys(), "a variable has no size")
    require("numbers", all(n.is_Integer for n in box.values()), "a size is no number")
    count = sp.prod([max(n, 0) for n in box.values()])
    require("few points", count <= POINTS, f"found {count} points, expected at most {POINTS}")
    free = [v for v in box if v not in t.variables]
    needed = []
    for context, variables in ((t.factors, [*box]), (factors, free)):
        known = place.context(context, box)
        needed += [Obligation(known, Range(v, box[v])) for v in variables]
    for point in product(*(range(int(box[v])) for v in free)):
        at = {v.name: e for v, e in zip(free, point, strict=True)}
        inner = product(*(range(int(box[v])) for v in t.variables))
        names = [v.name for v in t.variables]
        left = sum(_number(t, at | dict(zip(names, one, strict=True))) for one in inner)
        right = _number(new, at)
        require("equal", left == right, f"the sides are {left} and {right} at {at}")
    return place.put(new), tuple(needed)


@rule(latex="order of the factors")
def reorder(place: Place, factors: tuple[Factor, ...]) -> Result:
    """Write the factors in another order, and equations with the other sign.

    the same factors, up to the sign of equations
    -----------------------------------------------
    ``F_1 F_2 [e = 0] = [-e = 0] F_2 F_1``
    """
    t = place.term
    left = [_unsigned(f) for f in t.factors]
    for f in map(_unsigned, factors):
        require("no new factor", f in left, "a factor is new or stands more often")
        if f in left:
            left.remove(f)
    require("no missing factor", not left, f"{len(left)} factors are missing")
    return place.put(Term(t.coefficient, t.variables, factors)), ()


@rule(latex="like terms")
def collect(place: Place) -> Result:
    """Add up like terms, and leave out terms that are 0.

    -------------------------------------------------------------------
    ``a F + b F = (a + b) F``      ``0 F = 0``      ``[1 = 0] F = 0``
    """
    total: dict[tuple[tuple[Symbol, ...], tuple[Factor, ...]], Expr] = {}
    for t in place.expression:
        key = (t.variables, t.factors)
        total[key] = normal(total.get(key, sp.Integer(0)) + t.coefficient)
    return tuple(
        Term(c, vs, fs)
        for (vs, fs), c in total.items()
        if c != 0 and not any(isinstance(f, Equal) and _never(f) for f in fs)
    ), ()


def _never(equation: Equal) -> bool:
    return bool(equation.value.is_number and equation.value != 0)


@rule(latex="order of the terms")
def arrange(place: Place, order: tuple[int, ...]) -> Result:
    """Write the terms in another order.

    order is a permutation
    -------------------------
    ``A + B = B + A``
    """
    whole = sorted(order) == list(range(len(place.expression)))
    require("permutation", whole, f"{order} is not an order of {len(place.expression)} terms")
    return tuple(place.expression[n] for n in order), ()


@rule(latex="{theorem}")
def lemma(
    place: Place,
    theorem: Theorem,
    symbols: tuple[tuple[Symbol, Expr], ...],
    tensors: tuple[tuple[str, Tensor], ...],
    bound: tuple[Symbol, ...],
    factors: tuple[int, ...],
) -> Result:
    """Use a theorem, instantiated, on some factors of a term.

    ``for all i in box, under H: c sum_v L(i, v) = R(i)``
    ``supports(A) => i in box and H, instantiated``; A does not depend on v
    -------------------------------------------------------------------------
    ``c A sum_v L(e, v) = A R(e)``
    """
    t, by, gone = place.term, {v: normal(e) for v, e in symbols}, set(bound)
    for v, e in by.items():
        require("integral", _is_integral(e), f"{v} = {text(e)} is not integral")
    left, right = (instantiate(side, by, tensors) for side in (theorem.lhs, theorem.rhs))
    if len(left) != 1:
        raise RuleError(f"the left side of {theorem.name} has {len(left)} terms, expected 1")
    pattern = apart(left[0], place.taken)
    if len(bound) != len(pattern.variables):
        raise RuleError(f"{len(bound)} sums for the {len(pattern.variables)} of {theorem.name}")
    require("bound", gone <= set(t.variables), f"{bound} are not all sums of the term")
    require("distinct sums", len(gone) == len(bound), "two sums stand for one")
    outside = not gone & free_symbols((*left, *right))
    require("fixed point", outside, "the theorem is used at a point that depends on its own sum")
    back = dict(zip(pattern.variables, bound, strict=True))
    expected = [substitute_factor(f, back) for f in pattern.factors]
    require("distinct factors", len(set(factors)) == len(factors), "a factor is used twice")
    same = [place.factor(n) for n in factors] == expected
    require("left side", same, f"the factors {factors} are not the left side of {theorem.name}")
    rest = place.around(*factors)
    inside = any(factor_symbols(f) & gone for f in rest)
    require("independence", not inside, "another factor depends on a sum of the theorem")
    quotient = sp.cancel(t.coefficient / pattern.coefficient)
    exact = _is_integral(quotient) and normal(quotient * pattern.coefficient) == t.coefficient
    require("coefficient", exact, f"{t.coefficient} is no multiple of the theorem's coefficient")
    kept = tuple(v for v in t.variables if v not in gone)
    terms = []
    for side in right:
        side = apart(side, place.taken)
        terms.append(
            Term(quotient * side.coefficient, kept + side.variables, (*rest, *side.factors))
        )
    wanted = [substitute_condition(c, by) for c in theorem.conditions]
    context = place.context(rest, [v for c in wanted for v in factor_symbols(c)])
    return place.put(*terms), tuple(Obligation(context, c) for c in wanted)


@rule(latex="chain rule, {theorem}")
def compose(
    place: Place,
    factor: int,
    theorem: Theorem,
    symbols: tuple[tuple[Symbol, Expr], ...],
    tensors: tuple[tuple[str, Tensor], ...],
    inner: Tensor,
) -> Result:
    """Differentiate through a tensor a, where a theorem knows the outer derivative.

    ``for all i in box, under H: dT[e]/dx[i] = sum_v R(i, v)``; no derivative in T, R
    ``supports(A), a[i] can be nonzero => i in box and H, instantiated``
    T' is T with a for x, R' likewise; the box of a is that of x; T has no z; each i is a new name
    ------------------------------------------------------------------------------------------------
    ``A * dT'[e]/dz[h] = sum_{i, v} A * R'(i, v) * da[i]/dz[h]``
    """
    t, by, pending = place.term, {v: normal(e) for v, e in symbols}, place.factor(factor)
    for v, e in by.items():
        require("integral", _is_integral(e), f"{v} = {text(e)} is not integral")
    left, right = (instantiate(side, by, tensors) for side in (theorem.lhs, theorem.rhs))
    known = left[0].factors[0] if left and left[0].factors else None
    if not isinstance(known, Derivative) or left != (Term(sp.Integer(1), (), (known,)),):
        raise RuleError(f"the left side of {theorem.name} is not a derivative")
    x, index = known.wrt.tensor, tuple(v for v in known.wrt.index if isinstance(v, Symbol))
    new = len(set(index)) == len(known.wrt.index) and not set(index) & place.taken
    require("new names", new, f"the indices {known.wrt.index} are not distinct new names")
    require("free tensors", x.definition is None, f"{x.name} is a defined tensor")
    inside: Expression = (Term(sp.Integer(1), (), known.factors),)
    plain = next(_derivatives((*inside, *right)), None) is None
    require("no derivative", plain, f"a derivative stands inside {theorem.name}")
    through = {x.name: inner}
    outer = _retensor(inside[0], through).factors
    same = isinstance(pending, Derivative) and pending.factors == outer
    require("left side", same, f"factor {factor} is not the left side of {theorem.name}")
    assert isinstance(pending, Derivative)
    wrt = pending.wrt
    alone = wrt.tensor.name not in _free_tensors(inside).keys() - {x.name}
    require("only through", alone, f"{wrt.tensor.name} stands in {theorem.name} too")
    around = (t.factors[:factor], t.factors[factor + 1 :])
    moved = Derivative((Access(inner, index),), wrt)
    terms = []
    for side in right:
        side = apart(_retensor(side, through), place.taken.union(index))
        factors = (*around[0], *side.factors, moved, *around[1])
        variables = (*t.variables, *index, *side.variables)
        terms.append(Term(t.coefficient * side.coefficient, variables, factors))
    wanted = [substitute_condition(c, by) for c in theorem.conditions]
    names = {*index, *(v for c in wanted for v in factor_symbols(c))}
    context = place.context((*place.around(factor), moved), names)
    return place.put(*terms), tuple(Obligation(context, c) for c in wanted)


def instantiate(
    expression: Expression,
    symbols: Mapping[Symbol, Expr],
    tensors: tuple[tuple[str, Tensor], ...],
) -> Expression:
    """Replace symbols, then tensors by tensors with the same box.

    A free tensor may become any tensor, a defined one the same under another name. What a
    derivative is by stays free, and what it is of does not come to depend on that tensor.

    Raises:
        RuleError: a box or a definition differs; a derivative would be by a defined tensor, or
            its value would depend on where else that tensor stands.

    """
    new = dict(tensors)
    for pending in _derivatives(expression) if new else ():
        wrt = pending.wrt.tensor
        by = new.get(wrt.name, wrt)
        free = by.definition is None or by == wrt
        require("free tensors", free, f"a derivative by {wrt.name} becomes one by {by.name}")
        for name, t in _free_tensors((Term(sp.Integer(1), (), pending.factors),)).items():
            inside = _free_inside(new.get(name, t))
            apart = name == wrt.name or by.name not in inside
            require("distinct tensors", apart, f"{name}, which is no {wrt.name}, becomes {by.name}")
    return tuple(_retensor(substitute(t, symbols), new) for t in expression)


def _free_tensors(expression: Expression) -> dict[str, Tensor]:
    """Return the free tensors, those inside definitions included."""
    found: dict[str, Tensor] = {}
    for t in expression:
        for f in accesses_and_brackets(t.factors):
            if isinstance(f, Access):
                found |= _free_inside(f.tensor)
    return found


def _free_inside(t: Tensor) -> dict[str, Tensor]:
    return _free_tensors(t.definition.body) if t.definition else {t.name: t}


def _derivatives(expression: Expression) -> Iterator[Derivative]:
    """Yield the pending derivatives, those inside definitions and derivatives included."""
    for t in expression:
        for f in t.factors:
            if isinstance(f, Derivative):
                yield f
                yield from _derivatives((Term(sp.Integer(1), (), f.factors),))
            for a in accesses_and_brackets((f,)):
                if isinstance(a, Access) and a.tensor.definition is not None:
                    yield from _derivatives(a.tensor.definition.body)


def _retensor(t: Term, new: Mapping[str, Tensor]) -> Term:
    def swap(old: Tensor) -> Tensor:
        if old.definition is not None:
            body = tuple(_retensor(b, new) for b in old.definition.body)
            plain = Tensor(old.name, old.shape, Definition(old.definition.formals, body))
            named = new.get(old.name, plain)
            equal = (named.shape, named.definition) == (plain.shape, plain.definition)
            require("same definition", equal, f"{named.name} is not defined as {old.name} then is")
            return named
        if old.name not in new:
            return old
        found = new[old.name]
        same = found.shape == old.shape
        require("same box", same, f"{old.name} has the box {old.shape}, {found.name} {found.shape}")
        return found

    def walk(f: Factor) -> Factor:
        if isinstance(f, Access):
            return Access(swap(f.tensor), f.index)
        if isinstance(f, Apply):
            return Apply(f.function, f.order, Access(swap(f.argument.tensor), f.argument.index))
        if isinstance(f, Derivative):
            wrt = Access(swap(f.wrt.tensor), f.wrt.index)
            return Derivative(tuple(walk(g) for g in f.factors), wrt)
        return f

    return Term(t.coefficient, t.variables, tuple(walk(f) for f in t.factors))


def finiteness(t: Term, facts: tuple[Condition, ...]) -> tuple[Obligation, ...] | None:
    """Return what must hold for a term to have finite support; None if no minor is full.

    The index map of the supports must be injective in the bound variables. Rows are eliminated
    one variable at a time; what must not vanish is an obligation. Where no row is left with a
    single unknown, a minor of the remaining rows is taken.
    """
    taken = t.symbols.union(*(factor_symbols(c) for c in facts))
    rows = [b.value for b in supports(t.factors, taken)]
    unknown = set(t.variables).union(*(symbols_of(e) for e in rows)) - taken | set(t.variables)
    context = (*facts, *(f for f in t.factors if isinstance(f, Equal | Range)))
    return _finite(rows, frozenset(unknown), context)


def _finite(
    rows: Sequence[Expr], unknown: Collection[Symbol], context: tuple[Condition, ...]
) -> tuple[Obligation, ...] | None:
    left = set(unknown)
    needed: list[Obligation] = []
    progress = True
    while left and progress:
        progress = False
        single = [
            (v, coefficient(e, v)) for e in rows for v in [*(symbols_of(e) & left)]
            if len(symbols_of(e) & left) == 1
        ]
        # a unit needs no argument; take those first
        single.sort(key=lambda vc: (vc[1] not in (1, -1), vc[0].name, text(vc[1])))
        for v, c in single:
            if v in left and (c in (1, -1) or not progress):
                left.discard(v)
                progress = True
                if not c.is_number:
                    needed.append(Obligation(context, Nonzero(c)))
    if not left:
        return tuple(needed)
    names = sorted(left, key=lambda v: v.name)
    table = [[coefficient(e, v) for v in names] for e in rows if symbols_of(e) & left]
    for chosen in combinations(range(len(table)), len(names)):
        minor = normal(sp.Matrix([table[r] for r in chosen]).det(method="berkowitz"))
        if minor != 0:
            if not minor.is_number:
                needed.append(Obligation(context, Nonzero(minor)))
            return tuple(needed)
    return None
