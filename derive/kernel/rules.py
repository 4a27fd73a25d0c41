"""The trusted rules about sums, brackets and derivatives.

A rule takes a place in an expression, and arguments whose types are declared and checked. It
returns an equal expression, and the obligations under which the two are equal. The docstring of a
rule is its inference figure. No rule searches or simplifies; polynomials are compared by their
expansions, everything else by structure.
"""

from __future__ import annotations

import sympy as sp
from sympy import Expr, Symbol

from rot180.derive.kernel.arguments import BRACKET, FACTOR, INTEGRAL, NUMBER, SYMBOL, TENSOR, many
from rot180.derive.kernel.arguments import mapping as pairs
from rot180.derive.kernel.errors import RuleError, require
from rot180.derive.kernel.obligations import Obligation
from rot180.derive.kernel.place import Place, Result, rule
from rot180.derive.language import terms as tm
from rot180.derive.language.polynomial import coefficient, degree, monomials, normal, symbols_of
from rot180.derive.language.scalar_functions import relation
from rot180.derive.language.substitute import apart, substitute, substitute_factor
from rot180.derive.language.terms import Access, Apply, Derivative, Equal, Range, Tensor, Term, term


def _unfold(place: Place, number: int, access: Access, wrt: Access | None) -> Result:
    definition = access.tensor.definition
    if definition is None:
        raise RuleError(f"{access.tensor.name} is a free tensor, expected a defined one")
    sides = zip(access.index, access.tensor.shape, strict=True)
    box = tuple(Range(e, n) for e, n in sides if n is not None)
    index, parts = dict(zip(definition.formals, access.index, strict=True)), []
    for body in definition.body:
        body = substitute(apart(body, place.taken | set(definition.formals)), index)
        inside = body.factors if wrt is None else (Derivative(body.factors, wrt),)
        parts.append(Term(body.coefficient, body.variables, (*box, *inside)))
    return place.distribute(number, *parts), ()


@rule(latex=r"definition of ${tensor}$", factor=NUMBER)
def definition(place: Place, factor: int) -> Result:
    """Unfold a defined tensor; applied backwards, fold it.

    ``T[i] := [i in box] sum_v F(i, v)``
    ---------------------------------------------
    ``A * T[e] = sum_v A * [e in box] * F(e, v)``
    """
    return _unfold(place, factor, place.expect(Access, factor), None)


@rule(latex=r"definition of ${tensor}$, derivative of a sum", factor=NUMBER)
def linearity(place: Place, factor: int) -> Result:
    """Move a derivative inside the sum that defines a tensor.

    ``T[i] := [i in box] sum_v c F(i, v)``
    -----------------------------------------------------
    ``dT[e]/dx[h] = [e in box] sum_v c d(F(e, v))/dx[h]``
    """
    pending = place.expect(Derivative, factor)
    if len(pending.factors) != 1 or not isinstance(pending.factors[0], Access):
        raise RuleError("the derivative is not of a single access; apply `leibniz` first")
    return _unfold(place, factor, pending.factors[0], pending.wrt)


@rule(latex="product rule", factor=NUMBER)
def leibniz(place: Place, factor: int) -> Result:
    """Differentiate a product; brackets are constants, and an empty product has derivative 0.

    ---------------------------------------------------
    ``d(F_1 ... F_n)/dx = sum_q F_1 ... dF_q/dx ... F_n``
    """
    pending, parts = place.expect(Derivative, factor), []
    product = pending.factors
    if len(product) == 1 and isinstance(product[0], Access | Apply):
        raise RuleError("the derivative is of a single factor, expected a product")
    for q, part in enumerate(product):
        if isinstance(part, Derivative):
            raise RuleError("a derivative contains a derivative; evaluate the inner one first")
        if isinstance(part, Access | Apply):
            inside = Derivative((part,), pending.wrt)
            parts.append(term(*product[:q], inside, *product[q + 1 :]))
    return place.distribute(factor, *parts), ()


@rule(latex=r"$\partial {tensor}[i]/\partial {tensor}[h] = [i = h]$", factor=NUMBER)
def entry(place: Place, factor: int) -> Result:
    """Differentiate an entry of a free tensor by an entry of a free tensor.

    h is in the box of x, wherever the other factors are nonzero and ``e = h``
    ------------------------------------------------------------------
    ``dx[e]/dx[h] = prod_j [e_j = h_j]``        ``dt[e]/dx[h] = 0``
    """
    pending = place.expect(Derivative, factor)
    access, wrt = pending.factors[0] if len(pending.factors) == 1 else None, pending.wrt
    if not isinstance(access, Access):
        raise RuleError(f"factor {factor} is not the derivative of a single access")
    t = access.tensor
    require("free tensors", t.definition is None, f"{t.name} is a defined tensor")
    if access.tensor != wrt.tensor:
        return place.replace(), ()
    equations = tuple(Equal(a - b) for a, b in zip(access.index, wrt.index, strict=True))
    context = place.context((*place.others(factor), *equations))
    sides = zip(wrt.index, wrt.tensor.shape, strict=True)
    needed = tuple(Obligation(context, Range(h, n)) for h, n in sides if n is not None)
    return place.distribute(factor, term(*equations)), needed


@rule(latex="chain rule", factor=NUMBER)
def chain(place: Place, factor: int) -> Result:
    """Differentiate a scalar function of an access.

    f' is the derivative of f (an axiom about f)
    -----------------------------------------------
    ``d f(t[e])/dx[h] = f'(t[e]) * dt[e]/dx[h]``
    """
    pending = place.expect(Derivative, factor)
    applied = pending.factors[0] if len(pending.factors) == 1 else None
    if not isinstance(applied, Apply):
        raise RuleError(f"factor {factor} is not the derivative of a scalar function")
    outer = Apply(applied.function, applied.order + 1, applied.argument)
    return place.distribute(factor, term(outer, Derivative((applied.argument,), pending.wrt))), ()


@rule(latex=r"${relation}$", factor=NUMBER)
def relate(place: Place, factor: int) -> Result:
    """Replace the derivative of a listed function by a polynomial in values of listed functions.

    f' = P(t, f, g, ...) is the relation of f (an axiom about f, in the table `RELATIONS`)
    ---------------------------------------------------------------------------------------------
    ``A * f'(T[e]) = A * P(T[e], f(T[e]), g(T[e]), ...)``
    """
    return place.distribute(factor, *related_terms(place.expect(Apply, factor))), ()


def related_terms(applied: Apply) -> tm.Expression:
    """Return the right side of the relation of a derivative: products of functions of its argument.

    Raises:
        RuleError: no relation is known.

    """
    found, at, parts = relation(applied.function, applied.order), applied.argument, []
    if found is None:
        raise RuleError(f"no relation is known for {applied.function}, order {applied.order}")
    for powers, c in sorted(monomials(found).items()):
        names = [name for name, k in powers for _ in range(k)]
        parts.append(Term(c, (), tuple(at if n == "t" else Apply(n, 0, at) for n in names)))
    return tuple(parts)


@rule(latex=r"only ${variable} = {value}$ contributes", factor=NUMBER, variable=SYMBOL)
def sift(place: Place, factor: int, variable: Symbol) -> Result:
    """Evaluate a sum that an equation reduces to one point, without a division.

    the coefficient of v in the equation is 1 or -1
    ---------------------------------------------------
    ``sum_v F(v) [+-v + e = 0] = F(-+e)``
    """
    t, equation = place.term, place.expect(Equal, factor)
    require("bound", variable in t.variables, f"{variable} is not bound by this sum")
    c = coefficient(equation.value, variable)
    require("unit", c in (1, -1), f"the coefficient of {variable} is {c}, not 1 or -1")
    point = {variable: normal(variable - c * equation.value)}
    rest = tuple(substitute_factor(f, point) for f in place.others(factor))
    left = tuple(v for v in t.variables if v != variable)
    return place.replace(Term(t.coefficient, left, rest)), ()


@rule(latex="order of the sums", order=many(NUMBER))
def exchange(place: Place, order: tuple[int, ...]) -> Result:
    """Exchange the order of the sums; every term has finite support.

    order is a permutation
    -------------------------------------
    ``sum_{u, v} F = sum_{v, u} F``
    """
    t = place.term
    whole = sorted(order) == list(range(len(t.variables)))
    require("permutation", whole, f"{order} is not an order of {len(t.variables)} sums")
    return place.replace(Term(t.coefficient, tuple(t.variables[n] for n in order), t.factors)), ()


@rule(latex="substitute {mapping}", variables=many(SYMBOL), mapping=pairs(SYMBOL, INTEGRAL))
def reindex(
    place: Place, variables: tuple[Symbol, ...], mapping: tuple[tuple[Symbol, Expr], ...]
) -> Result:
    """Change bound variables by an affine bijection of Z^m.

    phi affine in the new variables, determinant 1 or -1; new names are new
    -----------------------------------------------------------------------------------
    ``sum_v F(v) = sum_u F(phi(u))``
    """
    t, by = place.term, dict(mapping)
    require("all sums", tuple(by) == t.variables, f"the map is of {tuple(by)}, not {t.variables}")
    require("square", len(variables) == len(by), f"{len(variables)} new variables for {len(by)}")
    require("few variables", len(variables) <= 64, f"found {len(variables)}, expected at most 64")
    outside = place.taken - set(t.variables)
    require("new names", not set(variables) & outside, f"{variables} would capture a name")
    for v, e in by.items():
        stray = symbols_of(e) & (set(t.variables) - set(variables))
        require("affine", degree(e, variables) <= 1, f"{v} = {e} is not affine")
        require("closed", not stray, f"{v} = {e} contains a variable that is replaced")
    matrix = sp.Matrix([[coefficient(e, u) for u in variables] for e in by.values()])
    unit = not variables or normal(matrix.det(method="berkowitz")) in (1, -1)
    require("unimodular", unit, f"the map of {t.variables} is not a bijection of the integers")
    factors = tuple(substitute_factor(f, by) for f in t.factors)
    return place.replace(Term(t.coefficient, variables, factors)), ()


@rule(latex="the supports agree", drop=many(NUMBER), add=many(BRACKET))
def bracket(place: Place, drop: tuple[int, ...], add: tuple[tm.Bracket, ...]) -> Result:
    """Replace brackets by others that are equivalent wherever the other factors can be nonzero.

    supports(A), new => each old     supports(A), old => each new
    ---------------------------------------------------------------
    ``A * old = A * new``
    """
    t, old = place.term, [place.factor(n) for n in drop]
    require("each once", len(set(drop)) == len(drop), "a factor is dropped twice")
    brackets = [f for f in old if isinstance(f, Equal | Range)]
    require("brackets", len(brackets) == len(old), "a dropped factor is not a bracket")
    context = place.context(place.others(*drop), [v for f in add for v in tm.factor_symbols(f)])
    needed = [Obligation((*context, *add), f) for f in brackets]
    needed += [Obligation((*context, *brackets), f) for f in add]
    new = Term(t.coefficient, t.variables, (*place.others(*drop), *add))
    return place.replace(new), tuple(needed)


@rule(latex="split the range at ${first}$", factor=NUMBER, first=INTEGRAL)
def split(place: Place, factor: int, first: Expr) -> Result:
    """Split a range into two.

    ``supports(A) => 0 <= m <= n``
    -----------------------------------------------------------------
    ``A [0 <= e < n] = A [0 <= e < m] + A [0 <= e - m < n - m]``
    """
    whole = place.expect(Range, factor)
    low, high = Range(whole.value, first), Range(whole.value - first, whole.size - first)
    context = place.context(place.others(factor), symbols_of(first))
    needed = tuple(Obligation(context, tm.AtLeast(part.size)) for part in (low, high))
    return place.distribute(factor, term(low), term(high)), needed


@rule(
    latex=r"division with remainder: ${value} = {modulus} {variable} + \text{{rest}}$",
    value=INTEGRAL, modulus=INTEGRAL, variable=SYMBOL,
)  # fmt: skip
def euclid(place: Place, value: Expr, modulus: Expr, variable: Symbol) -> Result:
    """Insert the unique quotient of an index by a modulus, as a sum.

    s >= 1, u is a new name
    ------------------------------------------
    ``A = sum_u A * [0 <= e - s u < s]``
    """
    t, used = place.term, place.taken | symbols_of(value) | symbols_of(modulus)
    require("new name", variable not in used, f"the name {variable} is in use")
    inserted = Range(value - modulus * variable, modulus)
    new = Term(t.coefficient, (*t.variables, variable), (*t.factors, inserted))
    positive = Obligation(place.context(t.factors, used), tm.AtLeast(modulus - 1))
    return place.replace(new), (positive,)


@rule(latex="${variable}$ takes ${size}$ values", factor=NUMBER)
def count(place: Place, factor: int) -> Result:
    """Count the points of a range that nothing else depends on.

    ``supports(A) => n >= 0``; A does not depend on v
    ---------------------------------------------------
    ``sum_v A [0 <= v < n] = n A``
    """
    t, over, rest = place.term, place.expect(Range, factor), place.others(factor)
    v, size = over.value, over.size
    require("bound", v in t.variables, f"{v} is not an index of this sum")
    alone = not any(v in tm.factor_symbols(f) for f in rest)
    require("alone", alone, f"another factor depends on {v}")
    needed = Obligation(place.context(rest, symbols_of(size)), tm.AtLeast(size))
    left = tuple(u for u in t.variables if u != v)
    return place.replace(Term(t.coefficient * size, left, rest)), (needed,)


@rule(latex=r"${divisor}$ is not 0", factor=NUMBER, inverse=NUMBER, divisor=TENSOR)
def invert(place: Place, factor: int, inverse: int, divisor: Tensor) -> Result:
    """Cancel an entry and its reciprocal, by a hypothesis of the theorem that the step adds.

    ``T[i] * reciprocal(T[i]) = 1`` for all i in the box of T (the hypothesis)
    ``supports(A) => e is in the box of T``
    -------------------------------------------------------------------------------------------
    ``A * T[e] * reciprocal(T[e]) = A``
    """
    entry, rest = place.expect(Access, factor), place.others(factor, inverse)
    require("reciprocal", place.factor(inverse) == Apply("reciprocal", 0, entry),
            f"factor {inverse} is not the reciprocal of factor {factor}")  # fmt: skip
    require("divisor", entry.tensor == divisor, f"factor {factor} is no entry of {divisor.name}")
    sides = [(e, n) for e, n in zip(entry.index, divisor.shape, strict=True) if n is not None]
    require("box", len(sides) == len(entry.index), f"{divisor.name} has an axis without a size")
    context = place.context(rest)
    needed = tuple(Obligation(context, Range(e, n)) for e, n in sides)
    return place.replace(Term(place.term.coefficient, place.term.variables, rest)), needed


def _unsigned(factor: tm.Factor) -> tm.Factor:
    """Return an equation with a canonical sign; other factors stay as they are."""
    if not isinstance(factor, Equal):
        return factor
    first = min(monomials(factor.value).items(), default=((), 1))
    return Equal(-factor.value) if first[1] < 0 else factor


@rule(latex="order of the factors", factors=many(FACTOR))
def reorder(place: Place, factors: tuple[tm.Factor, ...]) -> Result:
    """Reorder the factors; an equation may change its sign.

    the same factors, up to the signs of equations
    -----------------------------------------------
    ``F_1 F_2 [e = 0] = [-e = 0] F_2 F_1``
    """
    left = [_unsigned(f) for f in place.term.factors]
    for f in map(_unsigned, factors):
        require("no new factor", f in left, "a factor is new, or occurs more often than before")
        left.remove(f)
    require("no missing factor", not left, f"{len(left)} factors are missing")
    return place.replace(Term(place.term.coefficient, place.term.variables, factors)), ()


@rule(latex="like terms")
def collect(place: Place) -> Result:
    """Combine like terms, and drop terms that are 0.

    -------------------------------------------------------------------
    ``a F + b F = (a + b) F``      ``0 F = 0``      ``[1 = 0] F = 0``
    """
    require("whole line", place.at == 0, f"found term {place.at}, expected 0")
    total: dict[tuple[tuple[Symbol, ...], tuple[tm.Factor, ...]], Expr] = {}
    for t in place.expression:
        key = (t.variables, t.factors)
        total[key] = normal(total.get(key, sp.Integer(0)) + t.coefficient)
    sums = (Term(c, vs, fs) for (vs, fs), c in total.items() if c != 0)
    return tuple(t for t in sums if not any(map(_never, t.factors))), ()


def _never(factor: tm.Factor) -> bool:
    return isinstance(factor, Equal) and bool(factor.value.is_number) and factor.value != 0


@rule(latex="order of the terms", order=many(NUMBER))
def arrange(place: Place, order: tuple[int, ...]) -> Result:
    """Reorder the terms.

    order is a permutation
    -------------------------
    ``A + B = B + A``
    """
    require("whole line", place.at == 0, f"found term {place.at}, expected 0")
    whole = sorted(order) == list(range(len(place.expression)))
    require("permutation", whole, f"{order} is not an order of {len(place.expression)} terms")
    return tuple(place.expression[n] for n in order), ()
