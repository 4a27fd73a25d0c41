"""Evaluation, compared with plain loops and with finite identities of calculus."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import pytest
from sympy import Expr, Integer, Rational, Symbol

from rot180.derive.language.polynomial import symbol
from rot180.derive.language.terms import (
    Access,
    Apply,
    AtLeast,
    Condition,
    Derivative,
    Equal,
    Expression,
    Range,
    Tensor,
    define,
    tensor,
    term,
)
from rot180.derive.semantics.check import check
from rot180.derive.semantics.counterexample import counterexample
from rot180.derive.semantics.evaluate import evaluate
from rot180.derive.semantics.model import PRIME, EvaluationError, Model, Value, holds


def symbols(names: str) -> tuple[Symbol, ...]:
    """Return several symbols."""
    return tuple(map(symbol, names.split()))


n, o, p, c, k, h = symbols("n o p c k h")
u, r, q, m, i, j, t = symbols("u r q m i j t")
s, d, lo = symbols("s d lo")
N, O, P, C, K, H = symbols("N O P C K H")  # noqa: E741
x = tensor("x", "N", "C", "H")
w = tensor("w", "O", "C", "K")
bias = tensor("bias", "O")
g = tensor("grad_y", "N", "O", "P")
y = define(
    "y",
    (N, O, P),
    (n, o, p),
    (term(x[n, c, s * p + d * k - lo], w[o, c, k], over=(c, k)), term(bias[o])),
)
loss = define("L", (), (), (term(g[n, o, p], y[n, o, p], over=(n, o, p)),))
grad_x: Expression = (term(Derivative((loss[()],), x[n, c, h])),)
residue = h + lo - s * u
phases: Expression = (
    term(
        Range(residue, s),
        Range(r, s),
        Equal(residue - d * r - s * m),
        g[n, o, u - d * q + m],
        w[o, c, s * q + r],
        over=(o, u, r, q, m),
    ),
)
stuffed = define(
    "dilate", (None, None, None), (n, o, t), (term(g[n, o, p], Equal(t - s * p), over=(p,)),)
)
rotated = define("rot180", (O, C, K), (o, c, k), (term(w[o, c, K - 1 - k]),))
full = define(
    "correlate",
    (None, None, None),
    (n, c, h),
    (term(stuffed[n, o, h + d * j - d * (K - 1) + lo], rotated[o, c, j], over=(o, j)),),
)
named: Expression = (term(full[n, c, h]),)
of_x = ((n, N), (c, C), (h, H))
strides: tuple[Condition, ...] = (AtLeast(s - 1),)


@dataclass(frozen=True)
class Claim:
    """A statement to check."""

    variables: tuple[tuple[Symbol, Expr | None], ...]
    hypotheses: tuple[Condition, ...]
    lines: tuple[Expression, ...]
    divisors: tuple[Tensor, ...] = ()


CASES = [
    {"N": 2, "C": 2, "H": 6, "O": 3, "K": 3, "P": 2, "s": 3, "d": 1, "lo": 1},
    {"N": 1, "C": 1, "H": 1, "O": 1, "K": 2, "P": 3, "s": 1, "d": 2, "lo": 3},
    {"N": 2, "C": 3, "H": 7, "O": 1, "K": 2, "P": 2, "s": 4, "d": 2, "lo": -1},
    {"N": 1, "C": 2, "H": 5, "O": 2, "K": 3, "P": 4, "s": 2, "d": -1, "lo": -2},
    {"N": 1, "C": 2, "H": 5, "O": 2, "K": 0, "P": 4, "s": 2, "d": 1, "lo": 0},
    {"N": 1, "C": 2, "H": 4, "O": 2, "K": 3, "P": -2, "s": 1, "d": 1, "lo": 0},
]


@pytest.mark.parametrize("sizes", CASES, ids=str)
def test_layer_and_gradient_against_plain_loops(sizes: dict[str, int]) -> None:
    """Forward and three forms of the input gradient, at every index."""
    model = Model({symbol(v): value for v, value in sizes.items()}, seed=7)
    values = {v.name: model.values(v).astype(object) for v in (x, w, bias, g)}
    box = {v: range(sizes[v]) for v in "NCHOKP"}

    def source(at: int, tap: int) -> int:
        return sizes["s"] * at + sizes["d"] * tap - sizes["lo"]

    for at in itertools.product(box["N"], box["O"], box["P"]):
        expected = values["bias"][at[1]]
        for channel, tap in itertools.product(box["C"], box["K"]):
            if source(at[2], tap) in box["H"]:
                entry = values["x"][at[0], channel, source(at[2], tap)]
                expected += entry * values["w"][at[1], channel, tap]
        assert evaluate((term(y[n, o, p]),), model, dict(zip((n, o, p), at, strict=True))) == (
            expected % PRIME
        )
    for at in itertools.product(box["N"], box["C"], box["H"]):
        expected = sum(
            values["grad_y"][at[0], out, place] * values["w"][out, at[1], tap]
            for out, place, tap in itertools.product(box["O"], box["P"], box["K"])
            if source(place, tap) == at[2]
        )
        point = dict(zip((n, c, h), at, strict=True))
        for line in (grad_x, phases, named):
            assert evaluate(line, model, point) == expected % PRIME


def test_a_true_statement_passes_and_says_what_it_saw() -> None:
    """The report counts models, points and nonzero values."""
    report = check(Claim(of_x, strides, (grad_x, phases, named)), count=30)
    assert report.counterexample is None
    assert report.models >= 30
    assert report.nonzero >= report.points / 2


WRONG = {
    "not rotated": (term(stuffed[n, o, h + d * j - d * (K - 1) + lo], w[o, c, j], over=(o, j)),),
    "shifted by one": (
        term(stuffed[n, o, h + d * j - d * (K - 1) + lo + 1], rotated[o, c, j], over=(o, j)),
    ),
    "stride forgotten": (
        term(g[n, o, h + d * j - d * (K - 1) + lo], rotated[o, c, j], over=(o, j)),
    ),
    "doubled": (*named, *named),
    "a phase too few": (
        term(
            Range(residue, s),
            Range(r, s - 1),
            Equal(residue - d * r - s * m),
            g[n, o, u - d * q + m],
            w[o, c, s * q + r],
            over=(o, u, r, q, m),
        ),
    ),
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_a_false_statement_is_refuted(wrong: Expression) -> None:
    """`check` names the line; `counterexample` finds small sizes; both can be repeated."""
    report = check(Claim(of_x, strides, (grad_x, phases, wrong)), count=30)
    assert report.counterexample is not None
    assert report.counterexample.line == 2
    assert "line 2" in str(report.counterexample)
    found = counterexample(grad_x, wrong, of_x, strides)
    assert found is not None
    at = {**found.sizes, **found.index}
    assert all(holds(condition, at) for condition in strides)
    values = [evaluate(e, found.model, found.index) for e in (grad_x, wrong)]
    assert values == [found.left, found.right]
    assert max(abs(value) for value in found.sizes.values()) <= 3


def test_a_hypothesis_is_used() -> None:
    """Without s >= 1 the phase form is false: at s = 0 it is empty."""
    found = counterexample(grad_x, phases, of_x)
    assert found is not None
    assert found.sizes[s] == 0


def test_outside_the_box_the_named_form_differs() -> None:
    """The full correlation goes on outside the box of x."""
    everywhere = ((n, N), (c, C), (h, None))
    found = counterexample(grad_x, named, everywhere, strides)
    assert found is not None
    assert not 0 <= found.index[h] < found.sizes[H]


def test_equations_among_the_hypotheses_are_solved() -> None:
    """Small models satisfy the hypotheses of an output size with its remainder."""
    (rho, hi) = symbols("rho hi")
    hypotheses: tuple[Condition, ...] = (
        AtLeast(s - 1),
        AtLeast(d - 1),
        AtLeast(K - 1),
        AtLeast(P - 1),
        Range(rho, s),
        Equal(H + lo + hi - d * (K - 1) - 1 - s * (P - 1) - rho),
    )
    report = check(Claim(of_x, hypotheses, (grad_x, named)), count=10)
    assert report.counterexample is None
    assert report.models >= 10


def test_contradictory_hypotheses_are_reported() -> None:
    """A vacuous theorem is not silently accepted."""
    with pytest.raises(EvaluationError, match="no small model"):
        check(Claim(of_x, (AtLeast(s - 1), AtLeast(-s)), (grad_x, grad_x)))


a = tensor("a", "H")
b = tensor("b", "H")
sizes5 = Model({H: 5, K: 3, s: 2}, seed=1)


def value(*terms: object, at: dict[Symbol, int] | None = None) -> Value:
    """Return the value of a sum of terms at the sizes of `sizes5`."""
    return evaluate(terms, sizes5, at or {})  # type: ignore[arg-type]


def test_product_rule_and_second_derivatives() -> None:
    """Powers of one entry, inside definitions and nested."""
    cube = define("cube", (H,), (i,), (term(a[i], a[i], a[i]),))
    entry = int(sizes5.values(a)[2])
    first = Derivative((cube[2],), a[2])
    assert value(term(first)) == 3 * entry**2 % PRIME
    assert value(term(Derivative((first,), a[2]))) == 6 * entry % PRIME
    assert value(term(Derivative((first,), a[1]))) == 0
    third = Derivative((Derivative((first,), a[2]),), a[2])
    assert value(term(third)) == 6
    twice = define("twice", (H,), (i,), (term(first, b[i]),))
    assert value(term(Derivative((twice[1], a[2]), a[2]))) == (
        (6 * entry * entry + 3 * entry**2) * int(sizes5.values(b)[1]) % PRIME
    )


def test_a_derivative_whose_entry_is_summed_over() -> None:
    """Euler: the sum of a[i] d/da[i] is the degree."""
    square = define("square", (), (), (term(a[i], a[i + 1], over=(i,)),))
    euler = term(a[h], Derivative((square[()],), a[h]), over=(h,))
    assert value(euler) == 2 * value(term(square[()])) % PRIME


def test_a_derivative_outside_the_box_is_zero() -> None:
    """There is no entry to move."""
    for place in (-1, 5):
        assert value(term(Derivative((a[place],), a[place]))) == 0
        assert value(term(Derivative((a[h],), a[place]), over=(h,))) == 0
    assert value(term(Derivative((a[h],), a[4]), over=(h,))) == 1


def test_scalar_functions() -> None:
    """Orders are independent functions, linked by differentiation alone."""
    z = a[2]
    active = define("f_a", (H,), (i,), (term(Apply("f", 0, a[i])),))
    slope = Apply("f", 1, z)
    assert value(term(Derivative((active[2],), z))) == value(term(slope)) != 0
    assert (
        value(term(Derivative((slope, active[2]), z)))
        == (value(term(Apply("f", 2, z), Apply("f", 0, z))) + value(term(slope, slope))) % PRIME
    )
    second = Derivative((Derivative((active[2],), z),), z)
    assert value(term(second)) == value(term(Apply("f", 2, z)))
    assert value(term(Apply("f", 0, a[-3]))) == value(term(Apply("f", 0, a[7]))) != 0
    assert value(term(active[7])) == 0
    assert value(term(Apply("f", 0, z))) != value(term(Apply("g", 0, z)))
    with pytest.raises(EvaluationError, match="no factor bounds"):
        value(term(Apply("f", 0, a[i]), over=(i,)))


def test_the_chain_rule_through_an_inner_sum() -> None:
    """Sigma of a defined tensor is differentiated through its definition."""
    inner = define("z", (H,), (i,), (term(a[i + k], b[k], over=(k,)),))
    outer = define("sigma_z", (H,), (i,), (term(Apply("sigma", 0, inner[i])),))
    total = define("L", (), (), (term(outer[i], over=(i,)),))
    chain = term(Apply("sigma", 1, inner[i]), b[h - i], Range(i, H), over=(i,))
    claim = Claim(((h, H),), (), ((term(Derivative((total[()],), a[h])),), (chain,)))
    assert check(claim, count=20).counterexample is None


def test_a_box_cuts_off_what_its_tensor_s_factors_let_through() -> None:
    """An activation has no support of its own; a bracket may reach beyond the box, or miss it."""
    z = tensor("z", "H")
    active = define("sigma_z", (H,), (i,), (term(Apply("sigma", 0, z[i])),))
    reach = define("r", (H,), (i,), (term(Range(i - 2, Integer(3))),))
    for size in (-2, -1, 0, 1, 3):
        model = Model({H: size})
        seen = [evaluate((term(active[i]),), model, {i: at}) != 0 for at in range(-4, 5)]
        assert seen == [0 <= at < size for at in range(-4, 5)]
        seen = [evaluate((term(reach[i]),), model, {i: at}) != 0 for at in range(-4, 7)]
        assert seen == [0 <= at < size and 2 <= at < 5 for at in range(-4, 7)]


def test_functions_obey_their_relations() -> None:
    """The values of exp are arbitrary, but those of exp' are the same; log' is the reciprocal."""
    z = tensor("z", "H")
    model = Model({H: 2})
    for left, right in (
        (term(Apply("exp", 2, z[1])), (term(Apply("exp", 0, z[1])),)),
        (term(Apply("log", 1, z[1])), (term(Apply("reciprocal", 0, z[1])),)),
        (
            term(Apply("tanh", 1, z[1])),
            (term(), term(Apply("tanh", 0, z[1]), Apply("tanh", 0, z[1]), coefficient=-1)),
        ),
    ):
        assert evaluate((left,), model, {}) == evaluate(right, model, {}) != 0


def test_brackets_coefficients_and_empty_sums() -> None:
    """Counting points, fractions, divisibility, rank 0."""
    assert value(term(Range(i, K), coefficient=7, over=(i,))) == 21
    assert value(term(Range(i, K - 9), over=(i,))) == 0
    assert value(term(Equal(2 * i - h), Range(i, K), over=(i,)), at={h: 4}) == 1
    assert value(term(Equal(2 * i - h), Range(i, K), over=(i,)), at={h: 3}) == 0
    assert 2 * value(term(coefficient=Rational(3, 2))) % PRIME == 3
    assert value() == 0
    scalar = tensor("c")
    assert value(term(scalar[()])) == int(sizes5.values(scalar))
    assert value(term(Equal(2 * i + 3 * j - 12), Range(i, H), Range(j, H), over=(i, j))) == 2


def test_bounds_that_need_elimination() -> None:
    """Only sums and differences of i and j are bounded."""
    both = term(a[i + j], b[i - j], over=(i, j))
    expected = sum(
        int(sizes5.values(a)[e]) * int(sizes5.values(b)[f])
        for e, f in itertools.product(range(5), repeat=2)
        if (e + f) % 2 == 0
    )
    assert value(both) == expected % PRIME
    with pytest.raises(EvaluationError, match="no factor bounds"):
        value(term(a[i + j], b[2 * i + 2 * j], over=(i, j)))
    twisted = term(a[s * i + k], b[i + k], Range(k, K), over=(i, k))
    with pytest.raises(EvaluationError, match="s has no value"):
        evaluate((twisted,), Model({H: 5, K: 3}), {})
    assert evaluate((twisted,), Model({H: 5, K: 3, s: 0}), {}) != 0


def test_unboxed_tensors_and_shadowed_names() -> None:
    """Infinite supports are read where they are needed; formals hide outer names."""
    constant = define("ones", (None,), (h,), (term(),))
    assert value(term(constant[i - 40], a[i], over=(i,))) == int(sizes5.values(a).sum()) % PRIME
    spread = define("spread", (None, None), (i, j), (term(a[i - j], b[j]), term(a[i], b[j])))
    assert value(term(spread[i, h], over=(i,)), at={h: 3}) == (
        2 * int(sizes5.values(a).sum()) * int(sizes5.values(b)[3]) % PRIME
    )
    shadow = define("shadow", (H,), (h,), (term(a[h]),))
    assert value(term(shadow[h + 1]), at={h: 1}) == int(sizes5.values(a)[2])


def test_entries_belong_to_a_name_and_a_box() -> None:
    """Tensors that differ in name or box have independent entries."""
    assert value(term(a[1])) != value(term(b[1]))
    longer = tensor("a", 6)
    assert value(term(Derivative((longer[1],), a[1]))) == 0
    assert isinstance(a[1], Access)
    with pytest.raises(ValueError, match="a derivative by id, expected a free tensor"):
        value(term(Derivative((a[1],), define("id", (H,), (i,), (term(a[i]),))[1])))


def test_three_dimensions_are_quick() -> None:
    """Seventeen variables in the phase form, and equations instead of a dense grid."""
    names = [symbols(f"h{v} p{v} k{v} u{v} r{v} q{v} m{v} s{v} d{v} lo{v}") for v in range(3)]
    sizes = [symbols(f"H{v} P{v} K{v}") for v in range(3)]
    x3 = tensor("x", "N", "C", *(e[0] for e in sizes))
    g3 = tensor("g", "N", "O", *(e[1] for e in sizes))
    w3 = tensor("w", "O", "C", *(e[2] for e in sizes))
    outs, taps = tuple(e[1] for e in names), tuple(e[2] for e in names)
    source = tuple(e[7] * e[1] + e[8] * e[2] - e[9] for e in names)
    y3 = define(
        "y",
        (N, O, *(e[1] for e in sizes)),
        (n, o, *outs),
        (term(x3[(n, c, *source)], w3[(o, c, *taps)], over=(c, *taps)),),
    )
    indices = (n, o, *outs)
    loss3 = define("L", (), (), (term(g3[indices], y3[indices], over=indices),))
    rest = [e[0] + e[9] - e[7] * e[3] for e in names]
    steps = tuple(e[3] - e[8] * e[5] + e[6] for e in names)
    phase = tuple(e[7] * e[5] + e[4] for e in names)
    rhs = term(
        *(Range(e, v[7]) for e, v in zip(rest, names, strict=True)),
        *(Range(v[4], v[7]) for v in names),
        *(Equal(e - v[8] * v[4] - v[7] * v[6]) for e, v in zip(rest, names, strict=True)),
        g3[(n, o, *steps)],
        w3[(o, c, *phase)],
        over=(o, *(v[at] for v in names for at in (3, 4, 5, 6))),
    )
    place = (n, c, *(v[0] for v in names))
    claim = Claim(
        tuple(zip(place, x3.shape, strict=True)),
        tuple(AtLeast(v[7] - 1) for v in names),
        ((term(Derivative((loss3[()],), x3[place])),), (rhs,)),
    )
    assert check(claim, count=5).counterexample is None
