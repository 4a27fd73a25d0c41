"""Terms as text: what is written is read as the same terms."""

from __future__ import annotations

from typing import cast

import sympy as sp
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sympy import Expr

from rot180.derive.language.notation import (
    make_layer,
    parse_layer,
    write,
)
from rot180.derive.language.operators import activation
from rot180.derive.language.polynomial import symbol
from rot180.derive.language.terms import (
    Access,
    Apply,
    Derivative,
    Equal,
    Factor,
    Range,
    Term,
    define,
    tensor,
    term,
)

FREE = tuple(map(symbol, ("n", "p")))
BOUND = tuple(map(symbol, ("k", "c", "i")))
PARAMETERS = tuple(map(symbol, ("s", "d", "lo")))
TENSORS = (tensor("x", "N", "H"), tensor("w", 3), tensor("z", "H", 2, "R"), tensor("b"))


@st.composite
def indices(draw: st.DrawFn, bound: int) -> Expr:
    """Draw an affine index with polynomial coefficients."""
    total: Expr = sp.Integer(draw(st.integers(-3, 3)))
    for v in (*FREE, *BOUND[:bound]):
        total += v * draw(st.integers(-2, 2))
        if draw(st.booleans()):
            total += v * draw(st.sampled_from(PARAMETERS)) * draw(st.sampled_from((1, -1, 2)))
    return cast(Expr, total + draw(st.integers(-2, 2)) * draw(st.sampled_from(PARAMETERS)))


@st.composite
def terms(draw: st.DrawFn) -> Term:
    """Draw a term whose sums are bounded by ranges."""
    bound = draw(st.integers(0, 3))
    factors: list[Factor] = [Range(v, symbol("R")) for v in BOUND[:bound]]
    for _ in range(draw(st.integers(0, 2))):
        e = draw(indices(bound))
        brackets: tuple[Factor, ...] = (Equal(e), Range(e, symbol("R") + 1))
        factors.append(draw(st.sampled_from(brackets)))
    for _ in range(draw(st.integers(1, 3))):
        t = draw(st.sampled_from(TENSORS))
        if draw(st.booleans()):
            t = activation("sigma", draw(st.integers(0, 2)), t)
        index = tuple(draw(indices(bound)) for _ in t.shape)
        factors.append(Access(t, index))
    number = sp.Rational(draw(st.sampled_from((1, -1, 3))), draw(st.integers(1, 3)))
    coefficient = number * draw(st.sampled_from((1, symbol("a"), symbol("a") * symbol("d") ** 2)))
    factors = draw(st.permutations(factors))
    return term(*factors, over=BOUND[:bound], coefficient=coefficient)


@settings(max_examples=80, deadline=None)
@given(st.lists(terms(), min_size=1, max_size=3))
def test_terms_to_text_to_terms_is_the_identity(drawn: list[Term]) -> None:
    brackets = [f for t in drawn for f in t.factors if isinstance(f, Equal | Range)]
    assume(not any(b.value.is_number and b.value != 0 for b in brackets))  # may never be true
    output = define("y", (symbol("N"), symbol("P")), FREE, tuple(drawn))
    found = make_layer(output)
    again = parse_layer(found.text)
    assert again.output == output
    assert again == found
    definition = again.output.definition
    assert definition is not None
    assert definition.body == tuple(drawn)


def test_what_proofs_hold_is_written_too() -> None:
    h, p, s, u = map(symbol, ("h", "p", "s", "u"))
    y, x, z = tensor("y", "P"), tensor("x", "H"), tensor("z", "H")
    assert write((term(Derivative((y[p],), x[h])),), (h,)) == "d y[p]/d x[h]"
    two = Derivative((y[p], z[p]), x[h])
    assert write((term(two, coefficient=-2),), (h,)) == "-2 * d(y[p] * z[p])/d x[h]"
    assert write((term(Apply("sigma", 1, z[h])),)) == "sigma'(z[h])"
    assert write((term(activation("sigma", 0, z)[h]),)) == "sigma(z)[h]"
    assert write((term(Range(h - s * u, s), x[u], over=(u,)),), (h,)) == (
        "sum[u] [0 <= h - s*u < s] * x[u]"
    )
    assert write((term(Equal(-h), x[h]),), (h,)) == "[0 == h] * x[h]"
    sums = (term(coefficient=s + 1), term(x[h], coefficient=s - 1))
    assert write(sums) == "(s + 1) + (s - 1) * x[h]"
    assert write(()) == "0"
