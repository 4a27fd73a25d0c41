"""The constructors of the language: what they accept, normalise and refuse."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from types import ModuleType
from typing import Any

import pytest
import sympy as sp
from sympy import Expr, Symbol

from rot180.derive.kernel.replay import replay
from rot180.derive.language import polynomial, terms
from rot180.derive.language.polynomial import integral, monomials, parse, rational, symbol
from rot180.derive.language.terms import (
    Access,
    Apply,
    AtLeast,
    Definition,
    Derivative,
    Equal,
    Range,
    Tensor,
    Term,
    define,
    tensor,
    term,
)
from tests.support.proofs import false, proof, step, symbols

h, i, j, k, s, t = symbols("h i j k s t")
N = symbol("N")
x, c = tensor("x", "N"), tensor("c")
ONE, TWO = sp.Integer(1), sp.Integer(2)
SEVERAL = sum(symbols(" ".join(f"v{n}" for n in range(30))), sp.Integer(0))


def deep(depth: int) -> Derivative:
    """Return a derivative of a derivative, and so on."""
    out = Derivative((x[h],), x[h])
    for _ in range(depth - 1):
        out = Derivative((out,), x[h])
    return out


@dataclass(frozen=True)
class _Look(Tensor):
    """A subclass of `Tensor`."""


class _Name(Symbol):
    """A class that is not that of symbols."""


NAMES = ("", "2x", "2 * x", "rot180(w)", "x y", "x\n", "x-1", "_x", "\u00e4", "\u0663", "x'", "x.y")
SYMBOLS = (
    Symbol("h"), Symbol("h", positive=True), Symbol("h", integer=True, positive=True),
    Symbol("h", integer=True, nonnegative=True), Symbol("h", commutative=False),
    sp.Dummy("h"), sp.Dummy("h", integer=True), sp.Wild("h"), symbol("2"), symbol("1000"),
    _Name("h", integer=True),  # type: ignore[no-untyped-call]
    symbol("h - 1"), symbol("2*h"), symbol("h\n"), symbol("\u00e4"), symbol("__h"), symbol("_"),
)  # fmt: skip
POLYNOMIALS = (
    *SYMBOLS, sp.Float(2), sp.Float("0.5"), sp.nan, sp.oo, -sp.oo, sp.zoo, sp.I, sp.pi, sp.E,
    sp.sqrt(2), sp.sqrt(h), 1 / h, h / s, h**-2, 2**h, h**s, (h + 1) ** sp.Rational(1, 2),
    sp.floor(h / 2), sp.ceiling(h / 2), sp.Mod(h, 2), sp.Abs(s), sp.Max(h, s), sp.sign(s),
    sp.exp(h), sp.Function("f")(h), sp.factorial(h), sp.KroneckerDelta(h, s),
    sp.Piecewise((h, h > 0), (0, True)), sp.Sum(h, (h, 0, N)), sp.Pow(h, 0, evaluate=False),
    sp.Mul(h, sp.Pow(h, -1), evaluate=False), sp.Indexed("x", h), sp.Pow(h, 5000, evaluate=False),
)  # fmt: skip
OTHERS = (
    "h", "1", b"1", "2*h", 1.0, 0.5, True, False, None, (), (h,), [h], {h}, 1j, Fraction(1, 2),
    sp.true, sp.false, sp.Eq(h, 1), h < s, sp.Matrix([h]), sp.Tuple(h), x, x[h], Equal(h), object(),
)  # fmt: skip
HALVES = (h / 2, sp.Rational(1, 2), h * (h - 1) / 2, N / 3 + 1)


def definition(*body: object, over: object = (i,)) -> Definition:
    """Return a definition with an arbitrary body."""
    return Definition(over, body)  # type: ignore[arg-type]


Maker = Callable[[], object]


def each(make: Callable[[Any], object], values: Iterable[Any]) -> tuple[Maker, ...]:
    """Return a function that constructs an object from each value."""
    return tuple(partial(make, value) for value in values)


REFUSED: dict[str, tuple[Maker, ...]] = {
    "a letter, then letters": (
        *each(lambda name: Tensor(name, (N,)), (*NAMES, None, 1, b"x", h)),
    ),
    "a tuple of sizes": each(lambda shape: Tensor("x", shape), (N, [N], None, "N", {N}, 3)),
    "a definition or None": each(
        lambda odd: Tensor("x", (N,), odd), (0, (), "x", (term(x[i]),), term(x[i]))
    ),
    "contains an index of its definition": (
        lambda: define("y", (i,), (i,), (term(x[i]),)),
        lambda: define("y", (N, N + i), (i, j), (term(x[i]),)),
    ),
    "an axis without a size needs a definition": (lambda: Tensor("x", (N, None)),),
    "axes, but its definition has": (
        lambda: define("y", (N,), (i, j), (term(x[i]),)),
        lambda: define("y", (), (i,), (term(x[i]),)),
    ),
    "access: found": each(
        lambda odd: Access(odd, (h,)), ("x", None, x[h], _Look("x", (N,)), Tensor)
    ),
    "axes, found": (lambda: x[h, s], lambda: x[()], lambda: Access(c, (h,))),
    "the name of a function": each(lambda name: Apply(name, 0, x[h]), (*NAMES, None, sp.exp)),
    "order: found": each(
        lambda n: Apply("f", n, x[h]), (-1, 101, True, 1.0, "1", None, ONE, 10**30)
    ),
    "an access": each(lambda odd: Apply("f", 0, odd), (x, h, Equal(h), "x[h]")),
    "an access to differentiate by": each(
        lambda odd: Derivative((x[h],), odd), (x, h, Equal(h), deep(1), "x[h]")
    ),
    "a derivative by y, expected a free tensor": (
        lambda: Derivative((x[h],), define("y", (N,), (i,), (term(x[i]),))[h]),
    ),
    "a derivative is nested inside 8 others": (lambda: deep(9),),
    "a tuple of factors": (
        *each(lambda odd: Term(ONE, (), odd), ([x[h]], x[h], None, "x")),
        *each(lambda odd: Derivative(odd, x[h]), ([x[h]], x[h], None, "x")),
    ),
    "an access, a bracket, a function or": (
        *each(lambda odd: term(odd), (x, h, 1, AtLeast(h), term(x[h]), (x[h],))),
        *each(lambda odd: Derivative((odd,), x[h]), (x, h, 1, AtLeast(h))),
    ),
    "a tuple of symbols": (
        *each(lambda odd: Term(ONE, odd, (x[h],)), ([h], h, None, "h")),
        *each(lambda odd: definition(over=odd), ([h], h, None, "h")),
    ),
    "a symbol made by `symbol`": (
        *each(lambda odd: term(c[()], over=(odd,)), (*SYMBOLS, h + 1, 1, ONE, "h", None)),
        *each(lambda odd: definition(over=(odd,)), (*SYMBOLS, h + 1, 1, "h", None)),
    ),
    "a variable is listed twice": (
        lambda: term(x[h], over=(h, h)),
        lambda: define("y", (N, N), (i, i), (term(x[i]),)),
    ),
    "a box or bound contains a bound variable": (
        lambda: term(Range(h, i), over=(i,)),
        lambda: term(Tensor("z", (i,))[h], over=(i,)),
        lambda: term(Apply("f", 0, Tensor("z", (i,))[h]), over=(i,)),
        lambda: term(Derivative((x[h],), Tensor("z", (i,))[h]), over=(i,)),
        lambda: term(define("y", (), (), (term(x[i]),))[()], over=(i,)),
        lambda: definition(term(Range(h, i))),
        lambda: definition(term(Tensor("z", (i,))[h])),
    ),
    "is not affine": (
        lambda: term(x[h * h], over=(h,)),
        lambda: term(x[h * i], over=(h, i)),
        lambda: term(Equal(h * i), over=(h, i)),
        lambda: term(Range(h * i - s, N), over=(h, i)),
        lambda: term(Apply("f", 0, x[i * i]), over=(i,)),
        lambda: term(Derivative((x[h * h],), x[s]), over=(h,)),
        lambda: term(Derivative((x[s],), x[h * h]), over=(h,)),
        # of definitions: jointly in formals and sums
        lambda: define("y", (N,), (i,), (term(x[i * i]),)),
        lambda: define("y", (N,), (i,), (term(x[i * k], over=(k,)),)),
        lambda: define("y", (N, N), (i, j), (term(x[i * j]),)),
        lambda: define("y", (N,), (i,), (term(Equal(i * i - s)),)),
    ),
    "contains a bound variable": (
        lambda: term(x[h], over=(h,), coefficient=h),
        lambda: term(x[h], over=(h,), coefficient=s + h / 2),
    ),
    "sums over one of its own indices": (
        lambda: define("y", (N,), (i,), (term(x[i], over=(i,)),)),
        lambda: define("y", (N,), (i,), (term(x[i]), term(x[i], over=(i,)))),
    ),
    "contains an index of the definition": (
        lambda: define("y", (N,), (i,), (term(x[i], coefficient=i),)),
        lambda: define("y", (N,), (i,), (term(x[i]), term(x[i], coefficient=s * i + 1))),
    ),
    "must not begin with an underscore": (
        lambda: define("y", (N,), (i,), (term(x[symbol("_i0")]),)),
        lambda: define("y", (N,), (i,), (term(x[i], coefficient=symbol("_b0")),)),
    ),
    "a tuple of terms": (
        *each(lambda odd: Definition((i,), odd), ([term(x[i])], term(x[i]), None)),
        *each(lambda odd: definition(odd), (x[i], i, 1, "x", None)),
    ),
    "expected a polynomial": (
        *each(lambda odd: Equal(odd), OTHERS),
        *each(lambda odd: AtLeast(odd), OTHERS),
        *each(lambda odd: Range(odd, N), OTHERS),
        *each(lambda odd: Range(h, odd), OTHERS),
        *each(lambda odd: Access(x, (odd,)), OTHERS),
        *each(lambda odd: Term(odd, (), ()), OTHERS),
        *each(lambda odd: Tensor("x", (odd,)), [o for o in OTHERS if o is not None]),
    ),
    "is not a polynomial": (
        *each(lambda odd: Equal(odd), POLYNOMIALS),
        *each(lambda odd: AtLeast(odd + 1), POLYNOMIALS),
        *each(lambda odd: Range(odd, N), POLYNOMIALS),
        *each(lambda odd: Range(h, odd), POLYNOMIALS),
        *each(lambda odd: Access(x, (odd,)), POLYNOMIALS),
        *each(lambda odd: Term(odd, (), ()), POLYNOMIALS),
        *each(lambda odd: Tensor("x", (odd,)), POLYNOMIALS),
    ),
    "not an integer": (
        *each(lambda odd: Equal(odd), HALVES),
        *each(lambda odd: AtLeast(odd), HALVES),
        *each(lambda odd: Range(odd, N), HALVES),
        *each(lambda odd: Range(h, odd), HALVES),
        *each(lambda odd: Access(x, (odd,)), HALVES),
        *each(lambda odd: Tensor("x", (odd,)), HALVES),
    ),
    "more than 1000 monomials": (
        lambda: Equal(sp.Mul(SEVERAL, *(SEVERAL + n for n in range(1, 5)), evaluate=False)),
        lambda: parse("h" + " + h" * 1000),
        lambda: parse("h" + " + h" * 1000),
    ),
    "expected + or -": (lambda: parse("h h"), lambda: parse("h)"), lambda: parse("h + h\n")),
    "expected a name or a number": (
        *each(lambda odd: parse(odd), ("", " ", "+", "h +", "(h)", "*h", "h*", "\u0663")),
    ),
    "a power": (lambda: parse("h^17"), lambda: parse("h^16*h"), lambda: parse("h^99999999999")),
    "a number has more than 100 digits": (
        lambda: parse("9" * 101), lambda: parse("h^" + "1" * 101), lambda: parse("1/" + "1" * 101)
    ),
    "found 0, expected a positive number": (lambda: parse("1/0"), lambda: parse("h^0")),
}  # fmt: skip
"""What is refused, by words of the message."""


def raising(module: ModuleType) -> dict[int, str]:
    """Return the lines on which a module raises, or requires what it raises without."""
    found: dict[int, str] = {}
    for function in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(function, ast.FunctionDef) and function.name != "_require":
            for node in ast.walk(function):
                required = isinstance(node, ast.Call) and ast.unparse(node.func) == "_require"
                if required or isinstance(node, ast.Raise):
                    assert isinstance(node, ast.stmt | ast.expr)
                    found[node.lineno] = ast.unparse(node)
    return found


def reached(make: Maker, words: str) -> set[tuple[str, int]]:
    """Return the lines of this package that raise an error with these words."""
    try:
        made = make()
    except (ValueError, TypeError) as error:
        assert words in str(error), f"expected {words!r}, found {error}"
        lines, trace = set(), error.__traceback__
        while trace is not None:
            lines.add((trace.tb_frame.f_code.co_filename, trace.tb_lineno))
            trace = trace.tb_next
        return lines
    raise AssertionError(f"accepted: {made!r}, expected {words!r}")


@pytest.mark.parametrize("words", REFUSED)
def test_what_is_not_in_the_language(words: str) -> None:
    for make in REFUSED[words]:
        reached(make, words)


@pytest.mark.parametrize("module", [terms, polynomial], ids=lambda m: m.__name__)
def test_every_refusal_is_tried(module: ModuleType) -> None:
    """The table has every refusal in the source of the language."""
    lines: set[tuple[str, int]] = set()
    for words, makers in REFUSED.items():
        for make in makers:
            lines |= reached(make, words)
    hit = {n for file, n in lines if file == inspect.getsourcefile(module)}
    left = {n: said for n, said in raising(module).items() if n not in hit}
    assert not left


UNEVALUATED: tuple[tuple[Expr, Expr], ...] = (
    (sp.Add(2, -2, evaluate=False), sp.Integer(0)),
    (sp.Add(h, -h, evaluate=False), sp.Integer(0)),
    (sp.Mul(0, h, evaluate=False), sp.Integer(0)),
    (sp.Mul(h, 2, evaluate=False), 2 * h),
    (sp.Mul(2, sp.Rational(1, 2), h, evaluate=False), h),
    (sp.Mul(h, h + 1, evaluate=False), h**2 + h),
    (sp.Pow(h, 1, evaluate=False), h),
    (sp.Pow(h + 1, 2, evaluate=False), h**2 + 2 * h + 1),
    (sp.Add(1, sp.Add(1, h, evaluate=False), evaluate=False), h + 2),
    (sp.Add(h, sp.Mul(-1, sp.Add(h, -s, evaluate=False), evaluate=False), evaluate=False), s),
    (h * (s + 1) - h * s, h),
    ((h + s) ** 2 - (h - s) ** 2, 4 * h * s),
)


@pytest.mark.parametrize(("written", "plain"), UNEVALUATED, ids=lambda e: sp.srepr(e)[:40])
def test_nothing_unevaluated_comes_in(written: Expr, plain: Expr) -> None:
    """An unevaluated expression is canonical everywhere, so equal terms are `==`."""
    assert rational(written) == integral(written) == plain
    assert monomials(rational(written)) == monomials(plain)
    assert Equal(written).value == AtLeast(written).value == plain
    assert Range(written, written) == Range(plain, plain)
    assert Access(x, (written,)) == x[written] == x[plain]
    assert Term(written, (), (x[written],)) == Term(plain, (), (x[plain],))
    assert Tensor("y", (written,)) == Tensor("y", (plain,))
    assert hash(Tensor("y", (written,))) == hash(Tensor("y", (plain,)))
    assert sp.srepr(Equal(written).value) == sp.srepr(Equal(plain).value)


def test_what_is_not_evaluated_would_be_taken_for_another_number() -> None:
    """``[2 - 2 = 0]`` would be an equation of two numbers that differ, and its term left out."""
    outside = Equal(sp.Integer(0))
    object.__setattr__(outside, "value", sp.Add(2, -2, evaluate=False))
    start = (term(c[()], outside),)
    theorem = replay(proof(start, step("collect")))
    assert theorem.rhs == ()
    inside = (term(c[()], Equal(sp.Add(2, -2, evaluate=False))),)
    assert replay(proof(inside, step("collect"))).rhs == inside
    assert false(inside, ())


def test_a_definition_is_what_it_says_up_to_bound_names() -> None:
    """Names of formals and sums do not count, names of parameters and tensors do."""
    one = define("y", (N,), (i,), (term(x[i + s], c[()], over=()), term(x[k], x[i], over=(k,))))
    same = define("y", (N,), (j,), (term(x[j + s], c[()], over=()), term(x[h], x[j], over=(h,))))
    assert one == same
    assert hash(one) == hash(same)
    for other in (
        define("y", (N,), (i,), (term(x[i + t], c[()]), term(x[k], x[i], over=(k,)))),
        define("y", (N,), (i,), (term(x[i + s], tensor("d")[()]), term(x[k], x[i], over=(k,)))),
        define("y", (N,), (i,), (term(x[k], x[i], over=(k,)), term(x[i + s], c[()]))),
        define("y", (None,), (i,), one.definition.body if one.definition else ()),
        replace(one, name="z"),
    ):
        assert one != other
