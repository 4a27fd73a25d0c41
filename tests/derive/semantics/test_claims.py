"""Claims of users: refuted with small numbers before a proof is searched, or proved."""

from __future__ import annotations

import itertools
from fractions import Fraction

import pytest

from rot180.derive.language.polynomial import symbol
from rot180.derive.language.terms import Range, tensor, term
from rot180.derive.semantics import claims
from rot180.derive.semantics.claims import judge, parse_claim
from rot180.derive.semantics.counterexample import counterexample, refute
from rot180.derive.semantics.evaluate import evaluate
from rot180.derive.semantics.model import Model, holds
from rot180.derive.semantics.search_space import Equation

AT_LEAST = " if s >= 1, d >= 1"
GRADIENT = "h < H: sum[p,k] g[p]*w[k]*[h == s*p+d*k-lo] = sum[p,j] g[p]*"
PLANE = (
    "h < H, v < V: sum[p,q,k,l] g[p,q]*w[k,l]*[h == s*p+d*k-lo]*[v == t*q+e*l-mo]"
    " = sum[p,q,j,i] g[p,q]*"
)
PLANE_IF = AT_LEAST + ", t >= 1, e >= 1"

PROVED = (
    GRADIENT + "w[K-1-j]*[h+d*j-d*K+d+lo == s*p]" + AT_LEAST,
    PLANE + "w[K-1-j,L-1-i]*[h+d*j-d*K+d+lo == s*p]*[v+e*i-e*L+e+mo == t*q]" + PLANE_IF,
    "p: sum[k] x[p+k]*w[k] = sum[k] x[p+k]*w[k]*[0 <= k < K] if K >= 5",
)

REFUTED = {
    "flip forgotten": GRADIENT + "w[j]*[h+d*j-d*K+d+lo == s*p]" + AT_LEAST,
    "convolution": GRADIENT + "w[K-1-j]*[h-d*j+d*K-d+lo == s*p]" + AT_LEAST,
    "stride and dilation": GRADIENT + "w[K-1-j]*[h+s*j-s*K+s+lo == d*p]" + AT_LEAST,
    "padding by one": GRADIENT + "w[K-1-j]*[h+d*j-d*K+d+lo+1 == s*p]" + AT_LEAST,
    "forward, swapped": "p: sum[k] x[s*p+d*k-lo]*w[k] = sum[k] x[d*p+s*k-lo]*w[k]" + AT_LEAST,
    "weights, swapped": "k < K: sum[p] g[p]*x[s*p+d*k-lo] = sum[p] g[p]*x[d*p+s*k-lo]" + AT_LEAST,
    "remainder ignored": (
        "h < H: sum[p,k] g[p]*w[k]*[h == s*p+k] = sum[u,q] g[u]*w[s*q]*[h == s*u+s*q] if s >= 1"
    ),
    "output size": "H+lo+hi-d*K+d-1 = s*P-s" + AT_LEAST,
    "plane, flip forgotten": (
        PLANE + "w[j,i]*[h+d*j-d*K+d+lo == s*p]*[v+e*i-e*L+e+mo == t*q]" + PLANE_IF
    ),
    "plane, one axis flipped": (
        PLANE + "w[K-1-j,i]*[h+d*j-d*K+d+lo == s*p]*[v+e*i-e*L+e+mo == t*q]" + PLANE_IF
    ),
    "plane, padding by one": (
        PLANE + "w[K-1-j,L-1-i]*[h+d*j-d*K+d+lo == s*p]*[v+e*i-e*L+e+mo+1 == t*q]" + PLANE_IF
    ),
    "plane, convolution": (
        PLANE + "w[K-1-j,L-1-i]*[h-d*j+d*K-d+lo == s*p]*[v-e*i+e*L-e+mo == t*q]" + PLANE_IF
    ),
    "plane, stride and dilation": (
        PLANE + "w[K-1-j,L-1-i]*[h+s*j-s*K+s+lo == d*p]*[v+t*i-t*L+t+mo == e*q]" + PLANE_IF
    ),
}


@pytest.mark.parametrize("claim", PROVED)
def test_a_true_claim_is_proved(claim: str) -> None:
    verdict = judge(claim)
    assert verdict.word == "proved"
    assert verdict.theorem is not None


@pytest.mark.parametrize("name", REFUTED)
def test_a_false_claim_is_refuted_before_a_proof_is_searched(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The values are small exact integers, which evaluation repeats; nothing nearer refutes."""
    monkeypatch.setattr(claims, "prove", None)
    verdict = judge(REFUTED[name])
    found = verdict.counterexample
    assert verdict.word == "refuted"
    assert found is not None
    assert found.smallest
    assert found.model.limit is not None
    for value in (found.left, found.right):
        assert isinstance(value, int | Fraction)
        assert -100 < value < 100
    variables, lhs, rhs, hypotheses = parse_claim(REFUTED[name])
    values = [evaluate(e, found.model, found.index) for e in (lhs, rhs)]
    assert values == [found.left, found.right]
    assert found.left != found.right
    assert counterexample(lhs, rhs, variables, hypotheses, found.searched) is None


def test_nothing_smaller_refutes_by_plain_search() -> None:
    """Without the flip: no entries refute it at K = 1, and h = 0 is the first index."""
    verdict = judge(REFUTED["flip forgotten"])
    found = verdict.counterexample
    assert found is not None
    sizes = {v.name: n for v, n in found.sizes.items()}
    assert sizes == {"H": 1, "K": 2, "P": 1, "d": 1, "lo": 0, "s": 1}
    assert {v.name: n for v, n in found.index.items()} == {"h": 0}
    # h = s p + d k - lo at p = k = 0: the left side is g[0] w[0], the right one g[0] w[1]
    entries = {name: found.model.entries(name, (n,)) for name, n in (("g", 1), ("w", 2))}
    assert found.left == entries["g"][0] * entries["w"][0]
    assert found.right == entries["g"][0] * entries["w"][1]


def test_hypotheses_say_where_the_search_starts() -> None:
    """A size that is fixed far from 1 costs nothing; a lower bound is the smallest value."""
    claim = "p < P: sum[k] x[p+k]*w[k] = sum[k] x[p-k]*w[k] if K = 5, P >= 7"
    found = judge(claim).counterexample
    assert found is not None
    assert {v.name: n for v, n in found.sizes.items()} == {"H": 1, "K": 5, "P": 7}
    assert found.smallest


def test_a_counterexample_far_from_the_plainest_sizes() -> None:
    """It is found at random and made smaller; the claim's difference is at K >= 4 alone."""
    claim = "p < P: x[p]*[0 <= K-4 < K] = x[p]*[0 <= K-5 < K]"
    found = judge(claim).counterexample
    assert found is not None
    assert found.sizes[symbol("K")] == 4
    assert found.smallest


def test_a_counterexample_beyond_the_bound_says_so() -> None:
    """With a bound of 1 the search has excluded the distance 1, and nothing more."""
    variables, lhs, rhs, hypotheses = parse_claim(
        "p < P: x[p]*[0 <= K-4 < K] = x[p]*[0 <= K-5 < K]"
    )
    found = refute(Equation(variables, hypotheses, (lhs, rhs)), bound=1)
    assert found is not None
    assert not found.smallest
    assert found.sizes[symbol("K")] == 4
    assert "none up to the distance 1 from K=1, P=1; this one has the distance 3" in found.scope()


def test_residues_where_small_entries_agree() -> None:
    """The product of x - 1, ..., x - 9 is zero at all small entries, and is not zero."""
    coefficients = [1]
    for root in range(1, 10):
        shifted = [0, *coefficients]
        coefficients = [a - root * b for a, b in zip(shifted, [*coefficients, 0], strict=True)]
    powers = ["*".join([f"{abs(c)}"] + n * ["x[p]"]) for n, c in enumerate(coefficients)]
    odd, even = powers[1::2], powers[0::2]
    claim = f"p < P: {' + '.join(odd)} = {' + '.join(even)}"
    found = judge(claim).counterexample
    assert found is not None
    assert found.model.limit is None
    assert "(mod 2147483629)" in str(found)


def test_fractions_and_functions_are_exact() -> None:
    found = judge("p < P: 1/2*x[p] = 1/3*x[p]").counterexample
    assert found is not None
    assert (found.left, found.right) == (Fraction(1, 2), Fraction(1, 3))
    said = str(judge("sigma: function; p < P: sigma(x[p]) = x[p]*sigma(x[p])"))
    assert "sigma(2) = " in said
    assert "x = [2]" in said


def test_exact_values_agree_with_residues() -> None:
    """The same expressions, evaluated with plain integers."""
    _, lhs, rhs, _ = parse_claim(PROVED[0])
    for seed, stride in itertools.product(range(3), (1, 2)):
        names = {"H": 5, "K": 3, "P": 3, "s": stride, "d": 2, "lo": 1}
        model = Model({symbol(v): n for v, n in names.items()}, seed, 9)
        g, w = (model.entries(name, (3,)) for name in "gw")
        for h in range(5):
            expected = sum(
                g[p] * w[k]
                for p, k in itertools.product(range(3), repeat=2)
                if h == stride * p + 2 * k - 1
            )
            assert evaluate(lhs, model, {symbol("h"): h}) == expected
            assert evaluate(rhs, model, {symbol("h"): h}) == expected


def test_undecided_says_how_far() -> None:
    """What neither has a proof nor a counterexample."""
    verdict = judge("h < H: x[h]*[H*H*H == 10*a*a*H + 30*K*K + 7] = 0", 2)
    assert verdict.word == "undecided"
    assert str(verdict) == (
        "undecided up to the bound 2 and at some sizes around 7, 10, 21, 30, 101: "
        "no proof and no counterexample was found"
    )


FAR = {
    "a tap bound of 6": ("sum[k] x[k]*w[k] = sum[k] x[k]*w[k]*[0 <= k < 6]", {"K": 7}),
    "a tap bound of 20": ("sum[k] x[k]*w[k] = sum[k] x[k]*w[k]*[0 <= k < 20]", {"K": 21}),
    "a window of 6 taps": (
        "p: sum[k] x[p+k]*w[k] = sum[k] x[p+k]*w[k]*[0 <= k < 6]", {"H": 1, "K": 7},
    ),
    "two ranges, 3 + 30": (
        "sum[k] x[k]*w[k] = sum[k] x[k]*w[k]*([0 <= k < 3] + [0 <= k-3 < 30])", {"K": 34},
    ),
    "a bound of 100": ("h < H: x[h] = x[h]*[0 <= h < 100]", {"H": 101}),
    "zero up to 100": ("h < H: x[h]*[0 <= h-100 < H] = 0", {"H": 101}),
    "every other one up to 100": ("h < H: x[h] = x[h]*[0 <= 2*h < 100]", {"H": 51}),
    "far in a plane": (
        "p < P, q < Q: sum[k,l] x[s*p+k,s*q+l]*w[k,l]"
        " = sum[k,l] x[s*p+k,s*q+l]*w[k,l]*[0 <= l < 6] if s >= 1", {"L": 7},
    ),
    "a cube": ("h < H: x[h]*[H*H*H == 148877] = 0", {"H": 53}),
    "many taps and a hypothesis": (
        "p < P: sum[k] x[p+k]*w[k] = sum[k] x[p+k]*w[k]*[0 <= k < 60] if K >= 50", {"K": 61},
    ),
    "a parameter": ("h < H: x[h]*[0 <= a-40 < H] = 0", {"a": 40}),
    "an index": ("h: x[h-40] = 0", {"H": 1}),
    "a parameter in large boxes": (
        "sum[k] [k == a]*A[k+6,a+k] = sum[k] [k == a]*A[k+6,a+k]*[0 <= k < 6]", {"a": 6},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FAR)
def test_what_is_false_from_a_number_on_is_refuted_there(name: str) -> None:
    """The search uses the thresholds of a claim; no size or parameter of the result is larger."""
    claim, expected = FAR[name]
    verdict = judge(claim)
    found = verdict.counterexample
    assert verdict.word == "refuted"
    assert found is not None
    sizes = {v.name: n for v, n in found.sizes.items()}
    assert sizes | expected == sizes
    variables, lhs, rhs, hypotheses = parse_claim(claim)
    at = {**found.sizes, **found.index}
    assert all(holds(c, at) for c in hypotheses)
    assert all(n is None or holds(Range(v, n), at) for v, n in variables)
    values = [evaluate(e, found.model, found.index) for e in (lhs, rhs)]
    assert values == [found.left, found.right]
    assert found.left != found.right


VACUOUS = {
    "h < H: x[h] = w[h] if s >= 1, s <= 0": "contradict",
    "h < H: x[h] = x[h] if H = 0": "contradict",
    "h < 0: x[h] = 2*x[h]": "contradict",
    "h < H: x[h] = 0 if h >= 100, H <= 50": "contradict",
    "h < H: x[h] = x[h] if 2*a = 2*b + 1": "as far as was searched",
    "h < H: x[h] = x[h] if H >= 200, a*a = 2": "at random up to 400",
}


@pytest.mark.parametrize("claim", VACUOUS)
def test_a_claim_about_nothing_is_vacuous(claim: str) -> None:
    verdict = judge(claim)
    assert verdict.word == "vacuous"
    assert verdict.theorem is None
    assert str(verdict).startswith("vacuous")
    assert VACUOUS[claim] in str(verdict)


def test_a_claim_s_tensors_have_the_sizes_of_its_indices() -> None:
    """Two indices in one place need one size, and the indices say which."""
    found = judge("i < N, j < N: A[i,j] = A[j,i]").counterexample
    assert found is not None
    assert {v.name: n for v, n in found.sizes.items()} == {"N": 2}
    assert judge("i < N, j < N: A[i,j] + A[j,i] = A[j,i] + A[i,j]").word == "proved"
    with pytest.raises(ValueError, match=r"or i < I before the colon of a claim"):
        parse_claim("y[i] = sum[k] A[i,k]*A[k,i] + 5")


def test_a_sum_hides_a_free_index_of_its_name() -> None:
    """The bracket is of the summed h, and does not follow from the box of the free one."""
    h, size = symbol("h"), symbol("H")
    longer = tensor("longer", "M")
    sides = (term(longer[h], Range(h, size), over=(h,)),), (term(longer[h], over=(h,)),)
    found = counterexample(*sides, ((h, size),))
    assert found is not None
    assert found.sizes[symbol("M")] > found.sizes[size]
