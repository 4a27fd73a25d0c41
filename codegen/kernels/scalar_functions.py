"""The named scalar functions and their derivatives as NumPy text that does not overflow.

A rational function of exp(t) is written in terms of ``e = exp(-|t|)``, which is at most 1: for
t < 0, exp(t) is e; for t >= 0 it is 1/e, and both sides of the fraction are multiplied by a power
of e.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

import sympy as sp
from sympy import Expr, Symbol

from rot180.codegen.plans.plan import Plan
from rot180.derive.language.polynomial import normal, symbol, text
from rot180.derive.language.scalar_functions import FUNCTIONS, T

_EXP = Symbol("E", positive=True)  # exp(t)
_UPPER = sp.Function("upper")  # erfc(-t)
_EXACT = ("identity", "relu", "abs", "sign")
"""Functions that integers may be passed to, too."""


def functions_of(plans: Iterable[Plan]) -> tuple[tuple[str, int], ...]:
    """Return the functions of `FUNCTIONS` that plans use, each with its order."""
    used = {
        (f.function, f.order)
        for plan in plans
        for f in plan.operands
        if f.function in FUNCTIONS
    }
    return tuple(sorted(used))


def python_name(word: str, order: int) -> str:
    """Return the name that a function's derivative has in generated modules."""
    return f"_{word}{'_prime' * order}"


@cache
def function_lines(word: str, order: int) -> tuple[str, ...]:
    r"""Return the definition of a function's derivative, from an array to an array.

    Args:
        word: a name of `FUNCTIONS`.
        order: which derivative; 0 is the function.

    >>> print("\n".join(function_lines("sigmoid", 1)[2:]))
        _real("sigmoid", t, "f")
        e = np.exp(-np.abs(t))
        return e / (1 + 2*e + e**2)

    """
    value = FUNCTIONS[word].derivative(order)
    kinds = "iuf" if word in _EXACT else "f"
    elementary = value.args == (T,)
    body = (None if elementary else _stable(value)) or _plain(value)
    nth = "the derivative of " if order == 1 else f"derivative {order} of " if order else ""
    return (
        f"def {python_name(word, order)}(t):",
        f'    """Return {nth}{FUNCTIONS[word].rule}."""',
        f'    _real("{word}", t, "{kinds}")',
        *(f"    {line}" for line in body),
    )


def _stable(value: Expr) -> list[str] | None:
    """Write a rational function of exp(t), or its logarithm; None for any other function."""
    inner = value.args[0] if isinstance(value, sp.log) else value
    fraction = _in_powers(inner)
    if fraction is None or not fraction.has(_EXP) or fraction == _EXP:
        return None
    e = symbol("e")
    sides = [sp.fraction(sp.cancel(fraction.subs(_EXP, by))) for by in (1 / e, e)]
    if isinstance(value, sp.log):
        written = [_logarithm(*side) for side in sides]
    elif all(_at_zero(bottom) != 0 for _, bottom in sides):
        written = [_quotient(*side) for side in sides]
    else:
        return None
    above, below = written
    result = above if above == below else f"np.where(t >= 0, {above}, {below})"
    return ["e = np.exp(-np.abs(t))", f"return {result}"]


def _in_powers(value: Expr) -> Expr | None:
    """Replace exp(t) by a symbol; None if the result is not rational in it and t."""

    def power(one: Expr) -> Expr:
        k = one.args[0] / T
        found: Expr = _EXP**k if k.is_Integer else one
        return found

    rewritten: Any = value.rewrite(sp.exp) if value.has(sp.tanh) else value
    found: Expr = rewritten.replace(lambda one: isinstance(one, sp.exp), power)
    found = found.xreplace({T: symbol("t")})
    return found if found.is_rational_function(_EXP, symbol("t")) else None


def _at_zero(e: Expr) -> Expr:
    """Return the value of a polynomial in e at e = 0, the limit for large |t|."""
    found: Expr = normal(e).subs(symbol("e"), 0)
    return found


def _quotient(top: Expr, bottom: Expr) -> str:
    if _at_zero(bottom).is_negative:
        top, bottom = -top, -bottom
    above, below = _polynomial(top), _polynomial(bottom)
    above = f"({above})" if " " in above and below != "1" else above
    return above if below == "1" else f"{above} / ({below})"


def _logarithm(top: Expr, bottom: Expr) -> str:
    """Write ``log(N / e^k)`` as ``k |t| + log1p(N - 1)``."""
    power = sp.degree(bottom, symbol("e"))
    if normal(bottom - symbol("e") ** power) != 0 or _at_zero(top) != 1:
        raise ValueError(f"found the logarithm of {top}/{bottom}, expected one of 1 + exp(t)")
    inner = f"np.log1p({_polynomial(top - 1)})"
    return inner if power == 0 else f"{'' if power == 1 else f'{power}*'}np.abs(t) + {inner}"


def _polynomial(e: Expr) -> str:
    t, small = symbol("t"), symbol("e")
    parts = sp.Poly(normal(e), small)
    out = []
    for (power,), c in sorted(parts.terms()):
        out.append(text(normal(c * small**power), (t, small)).replace("^", "**"))
    return " + ".join(out).replace("+ -", "- ")


def _plain(value: Expr) -> list[str]:
    """Write a value term by term; ``t**2`` may overflow where ``exp(-t**2)`` is 0 anyway."""
    written = _write(sp.expand(value.replace(sp.erf, lambda x: _UPPER(x) - 1)))
    if not value.has(T):
        return [f"return np.full_like(t, {written})"]
    if value.has(sp.exp) and value.has(T**2):
        return ['with np.errstate(over="ignore"):', f"    return {written}"]
    return [f"return {written}"]


def _write(e: Any) -> str:
    """Write an expression as NumPy."""
    if isinstance(e, sp.Piecewise):
        low, high = e.args
        return f"np.where({low.args[1]}, {_write(low.args[0])}, {_write(high.args[0])})"
    if isinstance(e, sp.Add):
        return " + ".join(sorted(map(_write, e.args))).replace("+ -", "- ")
    number, rest = e.as_coeff_Mul()
    constants = [number, *(a for a in sp.Mul.make_args(rest) if not a.has(T))]
    factors = sorted(_factor(a) for a in sp.Mul.make_args(rest) if a.has(T))
    scale = sp.Mul(*constants)
    if scale == 1:
        return " * ".join(factors) or "1"
    written = str(scale) if scale.is_Integer else repr(float(scale))
    if scale == -1 and factors:
        return "-" + " * ".join(factors)
    return " * ".join([written, *factors])


def _factor(e: Expr) -> str:
    if e == T:
        return "t"
    if isinstance(e, sp.Pow) and e.exp.is_Integer:
        base = _factor(e.base)
        return f"{base}**{e.exp}" if e.exp > 0 else f"{base}**{e.exp}.0"
    if isinstance(e, sp.Pow) and e.base == T and e.exp.is_Rational:
        return "np.sqrt(t)" if 2 * e.exp == 1 else f"t**{float(e.exp)}"
    if isinstance(e, sp.exp | sp.log | sp.tanh | sp.sign | sp.Abs):
        return f"np.{type(e).__name__.lower()}({_write(e.args[0])})"
    if isinstance(e, _UPPER):
        return f"_upper({_write(e.args[0])})"
    raise ValueError(f"no NumPy text for {e}")


__all__ = ["function_lines", "functions_of", "python_name"]
