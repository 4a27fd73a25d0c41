"""Quotients, remainders and boundary modes: what they abbreviate."""

from __future__ import annotations

import itertools

import pytest
import sympy as sp
from sympy import Expr

from rot180.derive.gradients.gradient import gradient
from rot180.derive.gradients.program_gradient import program_gradient
from rot180.derive.gradients.program_steps import ProgramStep, program_functions
from rot180.derive.language.boundaries import MODES, places
from rot180.derive.language.layers import layer
from rot180.derive.language.notation import NotationError, parse_expression
from rot180.derive.language.polynomial import symbol
from rot180.derive.language.programs import parse_program
from rot180.derive.language.terms import Range
from rot180.derive.language.tokens import RawBound, Token

QUOTIENT, REST = "[0 <= p - s*q < s]", "[p == s*q + r] * [0 <= r < s]"


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("y[p] = x[p // s]", f"y[p] = sum[q] x[q] * {QUOTIENT}"),
        ("y[p] = x[p % s]", "y[p] = sum[q,r] x[r] * [p == s*q + r] * [0 <= r < s]"),
        ("y[p] = x[p // s, p % s]", f"y[p] = sum[q,r] x[q,r] * {REST}"),
        ("y[p] = x[p // s] * w[p // s]", f"y[p] = sum[q] x[q] * {QUOTIENT} * w[q]"),
        ("y[p] = x[p // s] * w[p % s]", f"y[p] = sum[q,r] x[q] * w[r] * {REST}"),
        ("y[p] = x[p % s] * w[p // s]", f"y[p] = sum[q,r] x[r] * {REST} * w[q]"),
        ("y[p] = x[p // s]^2", f"y[p] = sum[q] x[q] * {QUOTIENT} * x[q]"),
        ("y[q] = x[q // 2]", "y[q] = sum[q1] x[q1] * [0 <= q - 2*q1 < 2]"),
        ("y[p] = x[-p // 2]", "y[p] = sum[q] x[q] * [0 <= -p - 2*q < 2]"),
        ("y[p] = x[1 - p // 2]", "y[p] = sum[q] x[1-q] * [0 <= p - 2*q < 2]"),
        ("y[p] = x[7 // 2 + p] * w[-7 % 4] * u[p // 1]", "y[p] = x[p+3] * w[1] * u[p]"),
        (
            "y[p] = x[p // 2 // 3]",
            "y[p] = sum[q,q1] x[q1] * [0 <= p - 2*q < 2] * [0 <= q - 3*q1 < 3]",
        ),
        ("y[p] = [p // 2 == 1] * x[p]", "y[p] = sum[q] [q == 1] * [0 <= p - 2*q < 2] * x[p]"),
        ("y[p] = exp(x[p // 2])", "y[p] = sum[q] exp(x[q]) * [0 <= p - 2*q < 2]"),
        ("x[N]; y[p] = x[zero(p-1)]", "x[N]; y[p] = x[p-1]"),
        ("x[4]; y[p] = x[circular(p)]", "x[4]; y[p] = x[p] + x[p+4] + x[p-4]"),
        ("x[1]; y[p] = x[reflect(p-1)]", "x[1]; y[p] = x[p-1]"),
        (
            "x[N]; y[p] = x[reflect(p)]",
            "x[N]; y[p] = x[p] + x[-p] * [0 <= -p - 1 < N - 1]"
            " + x[2*N-2-p] * [0 <= 2*N - 2 - p < N - 1]",
        ),
        (
            "x[N]; y[p] = x[replicate(p+1)]",
            "x[N]; y[p] = x[p+1] + x[N-1] * [0 <= p + 1 - N < P + 1 - N]",
        ),
        (
            "x[N]; y[p] = x[replicate(s*p-lo)]",
            "x[N]; y[p] = x[s*p-lo] + x[0] * [0 <= s*p < lo]"
            " + x[N-1] * [0 <= s*p - N - lo < P*s + 1 - N - lo - s]",
        ),
    ],
)
def test_an_abbreviation_is_what_it_stands_for(text: str, meaning: str) -> None:
    found = layer(text)
    assert found == layer(meaning)
    assert layer(found.text) == found


def test_at_most_one_entry_is_read() -> None:
    """Count the entries in the box and their brackets, for every index near the axis."""
    at, n = Token("", 0), symbol("n")
    for mode, size in itertools.product(MODES, range(5)):
        for e in range(-12, 13):
            read = []
            for index, brackets in places(mode, symbol("e"), n, at):

                def at_point(value: Expr, e: int = e, size: int = size) -> int:
                    return int(value.xreplace({symbol("e"): sp.Integer(e), n: sp.Integer(size)}))

                place = at_point(index)
                holds = 0 <= place < size
                for b in brackets:
                    if isinstance(b, Range):
                        holds &= 0 <= at_point(b.value) < at_point(b.size)
                    else:
                        assert isinstance(b, RawBound)
                        holds &= at_point(b.low) <= at_point(b.high)
                read += [place] if holds else []
            assert len(read) <= 1
            inside = {"circular": (-size, 2 * size), "reflect": (1 - size, 2 * size - 1)}
            low, end = inside.get(mode, (-12, 13) if mode == "replicate" else (0, size))
            assert len(read) == (low <= e < end and size > 0)


def test_a_positive_divisor_is_a_hypothesis_where_it_is_needed() -> None:
    assert gradient(layer("y[p] = x[p // s]"), "x").hypotheses == ()
    (needed,) = gradient(layer("y[p] = x[p % s]"), "x").hypotheses
    assert str(needed.value) == "s - 1"
    program = parse_program("u[p] = exp(x[p % s]); y[p] = u[p] * u[p]")
    (needed,) = program_gradient(program, "x").hypotheses
    assert str(needed.value) == "s - 1"


def test_a_step_backwards_keeps_the_hypothesis_on_a_divisor() -> None:
    program = parse_program("x[N]; u[N]; y[N]; u[p] = exp(x[p]); y[p] = u[p % s] + w[] * u[p]")
    (_, grad_x, _) = program_functions(program)
    (step,) = (s for s in grad_x.steps if s.name == "grad_u")
    assert isinstance(step, ProgramStep)
    (needed,) = step.theorem.hypotheses
    assert str(needed.value) == "s - 1"


def test_indices_in_a_program() -> None:
    found = parse_program("u[p] = x[p // 2]; y[p] = exp(u[p // 3] - w[p % 2]) / w[p // 5]")
    assert parse_program(found.text) == found
    assert found.text == (
        "x[Q]; w[Q3]; u[P]; y_part[P]; y[P]; u[p] = sum[q] x[q] * [0 <= p - 2*q < 2]; "
        "y_part[p] = sum[q1] u[q1] * [0 <= p - 3*q1 < 3]"
        " - sum[q2,r1] w[r1] * [p == 2*q2 + r1] * [0 <= r1 < 2]; "
        "y[p] = sum[q3] exp(y_part[p]) * reciprocal(w[q3]) * [0 <= p - 5*q3 < 5]"
    )


def test_a_derivative_is_by_a_plain_entry() -> None:
    with pytest.raises(NotationError, match="an index with a division or a boundary mode"):
        parse_expression("d x[h]/d x[circular(h)]", variables=(symbol("h"),))


GATHERS = {
    "y[n,c] = x[idx[n],c]": "y[n,c] = x[idx[n],c]",
    "y[n] = x[idx[n]] + x[idx[n]] * w[idx[n]]": (
        "x_at_idx[n] = x[idx[n]]; w_at_idx[n] = w[idx[n]]; "
        "y[n] = x_at_idx[n] + x_at_idx[n] * w_at_idx[n]"
    ),
    "y[i] = x[i,idx[i]]": "y[i] = x[i,idx[i]]",
    "y[p] = sum[k] w[k] * x[idx[p+k], p]": (
        "x_at_idx[i,p] = x[idx[i],p]; y[p] = sum[k] w[k] * x_at_idx[p+k,p]"
    ),
    "y[p] = x[idx[p // 2]]": (
        "x_at_idx[q] = x[idx[q]]; y[p] = sum[q] x_at_idx[q] * [0 <= p - 2*q < 2]"
    ),
    "y[c] = x[idx[],c]": "y[c] = x[idx[],c]",
    "onehot_idx[N]; y[n] = x[idx[n]] * onehot_idx[n]": (
        "x_at_idx[n] = x[idx[n]]; y[n] = x_at_idx[n] * onehot_idx[n]"
    ),
    "y[n] = exp(x[idx[n]])": "x_at_idx[n] = x[idx[n]]; y[n] = exp(x_at_idx[n])",
    "y[n] = max[c] x[idx[n],c]": "x_at_idx[n,c] = x[idx[n],c]; y[n] = max[c] x_at_idx[n,c]",
}


@pytest.mark.parametrize("text", GATHERS)
def test_a_gather_is_a_definition_of_its_own(text: str) -> None:
    found = parse_program(text)
    assert found.text == GATHERS[text]
    assert parse_program(found.text) == found
    assert [t.name for t in found.arrays] == ["idx"]
    assert "idx" not in [t.name for t in found.tensors]
    said = " is 1 where v == idx["
    assert all(said in g.convention for g in found.gathers)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("y[n] = x[idx[n]] * idx[n]", "its entries are values too"),
        ("y[n] = idx[n]; z[n] = y[n] * x[idx[n]]", "its entries are values too"),
        ("u[n] = a[n] * a[n]; y[n] = x[u[n]]", "the array of indices u is computed"),
        ("y[n] = x[idx[n] + 1]", "is not the whole index"),
        ("y[n] = x[2*idx[n]]", "a tensor entry inside an index"),
        ("y[n] = x[idx[n]] * x[idx[n,n]]", "used with two ranks"),
        ("y[n] = x[y[n]]", "y is defined by itself"),
        ("idx[3]; y[n] = x[idx[n],m]", "neither free nor summed"),
        ("y[n] = x[idx[n]", "unbalanced bracket"),
        ("y[n] = [idx[n] == 2] * x[n]", "a tensor entry inside an index"),
        ("y[n] = x[circular(idx[n])]", "a tensor entry inside an index"),
    ],
)
def test_a_wrong_gather_is_refused(text: str, problem: str) -> None:
    with pytest.raises(NotationError, match=problem):
        parse_program(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("y[k] = sum[t] cos(2*pi*k*t/T) * x[t]", "cos_k_t[k,t] = cos(2*pi*k*t/T)"),
        ("y[n] = exp(-c*n) * exp(-c*n) * x[n]", "exp_n[n] = exp(-c*n)"),
        ("y[n] = x[n] / cos((n + 1) / 2 - n^2)", "cos_n[n] = cos((n + 1)/2 - n^2)"),
        ("y[n] = sin(n * base^(-2*n/3)) * x[n]", "sin_n[n] = sin(n*base^(-2*n/3))"),
        ("y[i,j] = abs(i - j) * sqrt(exp(i)) * x[i,j]", "abs_i_j[i,j] = abs(i - j)"),
        ("y[n] = exp(cos(n) - x[n])", "cos_n[n] = cos(n)"),
    ],
)
def test_a_function_of_indices_is_a_table(text: str, said: str) -> None:
    found = parse_program(text)
    assert said in found.conventions
    assert [t.name for t in found.tensors] == ["x"]
    assert parse_program(found.text) == found
    formula = said.partition(" = ")[2]
    assert formula in found.text
    theorem = program_gradient(found, "x")
    assert said.partition("[")[0] in str(theorem)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("y[k] = x[k] * cos(foo(k))", "foo is no function of indices"),
        ("y[k] = x[k] * cos(k/0)", "a division by 0"),
        ("y[k] = x[k] * cos(k", "unbalanced bracket"),
        ("y[k] = x[k] * cos(k +)", "unexpected token"),
        ("y[k] = x[k] * cos(k * m[k])", "the function cos is not declared"),
        ("y[k] = x[k] * cos(k // 2)", "unexpected token"),
        ("y[k] = x[k] * exp(" + "(" * 40 + "k", "nested more than"),
    ],
)
def test_a_wrong_formula_is_refused(text: str, problem: str) -> None:
    with pytest.raises(NotationError, match=problem):
        parse_program(text)


def test_floor_and_mod_of_sympy_are_quotients() -> None:
    p, k, s = sp.symbols("p k s", integer=True)
    x, y, w = map(sp.IndexedBase, "xyw")
    for index, text in (
        (sp.floor(p / s), "p // s"),
        (sp.Mod(p, 3), "p % 3"),
        (sp.floor((p + 3) / 2) + 1, "(p + 3) // 2 + 1"),
        (2 * sp.Mod(sp.floor(p / 2), s), "2 * (p // 2 % s)"),
    ):
        assert layer(sp.Eq(y[p], x[index])) == layer(f"y[p] = x[{text}]")
    summed = sp.Sum(x[sp.floor((p + k) / s)] * w[k], (k, 0, symbol("K") - 1))
    assert layer(sp.Eq(y[p], summed)) == layer("y[p] = sum[k] w[k] * x[(p+k) // s]")
    with pytest.raises(ValueError, match="a division in an index"):
        layer(sp.Eq(y[p], x[p / 2]))
