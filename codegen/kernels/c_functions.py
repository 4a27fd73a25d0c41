"""Scalar functions in C: the text of those in NumPy, translated; and exp as vector code."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import factorial

import sympy as sp

from rot180.codegen.kernels.scalar_functions import function_lines, python_name
from rot180.codegen.plans.plan import LoweringError
from rot180.codegen.system.files import resource

REALS = ("float", "double")
"""The types of entries."""


@dataclass(frozen=True)
class _Format:
    """A type of entries: the digits of its fraction, its bias, and where exp leaves its range."""

    digits: int
    bias: int
    bits: str
    most: int
    least: int


_FORMATS = {
    "float": _Format(23, 127, "uint32_t", 89, -104),
    "double": _Format(52, 1023, "uint64_t", 710, -746),
}

_CALLS = {"exp": "", "log": "log", "log1p": "log1p", "sqrt": "sqrt", "tanh": "tanh", "abs": "fabs"}
"""Functions of NumPy, and their names in C; exp is ours."""

_OPERATORS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/"}
_COMPARISONS = {ast.GtE: ">=", ast.LtE: "<=", ast.Gt: ">", ast.Lt: "<"}


def c_scalar_name(word: str, order: int, real: str) -> str:
    """Return the name of a function's derivative in C."""
    return f"f{python_name(word, order)}_{real}"


def c_scalar_function(word: str, order: int, real: str) -> str:
    """Write a function's derivative in C.

    Args:
        word: a name of `FUNCTIONS`.
        order: which derivative; 0 is the function.
        real: the type of entries.

    Raises:
        LoweringError: it cannot be written.

    """
    (found,) = ast.parse("\n".join(function_lines(word, order))).body
    assert isinstance(found, ast.FunctionDef)
    lines = [f"static ROT180_ALWAYS {real} {c_scalar_name(word, order, real)}({real} t) {{"]
    body = [s for s in found.body if not isinstance(s, ast.Expr)]  # no docstring, no checks
    while isinstance(body[0], ast.With):
        body = body[0].body
    for statement in body:
        if isinstance(statement, ast.Return) and statement.value is not None:
            lines.append(f"    return {_text(statement.value, real)};")
        elif isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            value = _text(statement.value, real)
            lines.append(f"    const {real} {statement.targets[0].id} = {value};")
        else:
            raise LoweringError(f"no C text for {ast.unparse(statement)}")
    return "\n".join([*lines, "}"])


def has_c_function(word: str, order: int) -> bool:
    """Say whether a function's derivative can be written in C."""
    try:
        c_scalar_function(word, order, "double")
    except LoweringError:
        return False
    return True


def _text(e: ast.expr, real: str) -> str:
    """Write an expression of NumPy for one entry."""
    if isinstance(e, ast.Name):
        return e.id
    if isinstance(e, ast.Constant) and isinstance(e.value, int | float):
        return f"({real}){float(e.value)!r}"
    if isinstance(e, ast.UnaryOp) and isinstance(e.op, ast.USub):
        return f"(-{_text(e.operand, real)})"
    if isinstance(e, ast.Compare) and type(e.ops[0]) in _COMPARISONS:
        sides = _text(e.left, real), _text(e.comparators[0], real)
        return f"({sides[0]} {_COMPARISONS[type(e.ops[0])]} {sides[1]})"
    if isinstance(e, ast.BinOp) and type(e.op) in _OPERATORS:
        sign = _OPERATORS[type(e.op)]
        return f"({_text(e.left, real)} {sign} {_text(e.right, real)})"
    if isinstance(e, ast.BinOp) and isinstance(e.op, ast.Pow):
        return _power(e, real)
    if isinstance(e, ast.Call):
        return _call(e, real)
    raise LoweringError(f"no C text for {ast.unparse(e)}")


def _power(e: ast.BinOp, real: str) -> str:
    """Write a power: a whole one as a product, a half one with a root."""
    base, exponent = _text(e.left, real), float(ast.literal_eval(e.right))
    whole, half = divmod(abs(exponent), 1)
    root = f"{_c_call('sqrt', real)}({base})"
    if half not in (0, 0.5):
        raise LoweringError(f"no C text for {ast.unparse(e)}")
    factors = [base] * int(whole) + [root] * (half == 0.5)
    product = f"({' * '.join(factors)})" if factors else f"({real})1"
    return f"(({real})1 / {product})" if exponent < 0 else product


def _call(e: ast.Call, real: str) -> str:
    name = ast.unparse(e.func).removeprefix("np.")
    given = [_text(a, real) for a in e.args]
    if name == "where":
        return f"({given[0]} ? {given[1]} : {given[2]})"
    if name == "sign":
        return f"({given[0]} > 0 ? 1 : {given[0]} < 0 ? -1 : {given[0]})"
    if name == "full_like":
        return given[1]
    if name == "_upper":
        return f"erfc{'f' if real == 'float' else ''}(-{given[0]})"
    if name not in _CALLS:
        raise LoweringError(f"no C text for {ast.unparse(e)}")
    return f"{_c_call(name, real)}({given[0]})"


def _c_call(name: str, real: str) -> str:
    if name == "exp":
        return f"rot180_exp_{real}"
    return _CALLS[name] + ("f" if real == "float" else "")


@lru_cache(maxsize=2)
def exponential(real: str) -> str:
    """Write exp for a type of entries, from the exact values of its constants."""
    f = _FORMATS[real]
    high, low = _split_log_2(f)
    constants = {
        "EXP_(name)": f"rot180_##name##_{real}",
        "EXP_MOST": f"({real}){f.most}",
        "EXP_LEAST": f"({real}){f.least}",
        "EXP_SHIFT": f"({real}){_hex(Fraction(3 * 2 ** (f.digits - 1)))}",
        "EXP_BIAS": f"({real}){f.bias}",
        "EXP_DIGITS": str(f.digits),
        "EXP_INVERSE": f"({real}){_hex(1 / _log_2())}",
        "EXP_HIGH": f"({real}){_hex(high)}",
        "EXP_LOW": f"({real}){_hex(low)}",
        "EXP_SERIES(r)": _series(f, real),
        "real": real,
        "bits": f.bits,
    }
    lines = [f"#define {name} {value}" for name, value in constants.items()]
    ends = [f"#undef {name.partition('(')[0]}" for name in constants]
    return "\n".join([*lines, resource("kernels", "runtime/extension/exponential.h"), *ends])


def _log_2() -> Fraction:
    """Return log 2 to more digits than any type has."""
    return Fraction(int(sp.floor(sp.log(2) * 2**200)), 2**200)


def _split_log_2(f: _Format) -> tuple[Fraction, Fraction]:
    """Split log 2 in two: the product of the first and any exponent is exact."""
    spare = (f.bias + f.digits + 1).bit_length()
    unit = Fraction(1, 2 ** (f.digits + 1 - spare))
    high = (_log_2() // unit) * unit
    return high, _log_2() - high


def series_length(digits: int) -> int:
    """Return how many powers of r exp(r) needs for |r| <= log(2)/2 and a rounding error less.

    What is left out is less than twice its first term.
    """
    r, k = _log_2() / 2 * Fraction(1001, 1000), 1
    while 2 * r ** (k + 1) / factorial(k + 1) > Fraction(1, 2 ** (digits + 4)):
        k += 1
    return k


def _series(f: _Format, real: str) -> str:
    """Write the power series of exp, from its last term on."""
    text = ""
    for k in range(series_length(f.digits), -1, -1):
        term = f"({real}){_hex(Fraction(1, factorial(k)))}"
        text = f"({term} + (r) * {text})" if text else term
    return text


def _hex(value: Fraction) -> str:
    """Write the double that is nearest to a number; the compiler rounds it to a float."""
    return float(value).hex()
