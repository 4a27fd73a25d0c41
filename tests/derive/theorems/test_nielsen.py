"""The theorems of the derivations: what they say, and that near misses are false."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rot180.derive.display.axioms import axioms
from rot180.derive.display.proof_latex import latex_proof
from rot180.derive.display.statement import write_statement
from rot180.derive.language.polynomial import symbol
from rot180.derive.language.substitute import substitute
from rot180.derive.language.terms import Access, Apply, Expression, Range, tensor, tensors, term
from rot180.derive.search.derivation import NotProvedError
from rot180.derive.search.prove import prove
from rot180.derive.semantics.check import check
from rot180.derive.semantics.sign_conventions import WORDS, sign_convention, sign_conventions
from rot180.derive.theorems import claims, theorem
from rot180.derive.theorems.registry import Claim
from tests.support.proofs import refuted

SAID = {
    "perceptron_output": "dL/dz[j] = grad_a[j] * sigma'(z[j])",
    "perceptron_delta": "dL/dz[k] = sum[j] w[j,k] * grad_z1[j] * sigma'(z[k])",
    "perceptron_bias": "dL/db[j] = grad_z1[j]",
    "perceptron_weight": "dL/dw[j,k] = sigma(z)[k] * grad_z1[j]",
    "dense_written_out_1": "dL/dX1[] = dZ1[] * w11[] + dZ2[] * w12[]",
    "dense_written_out_2": "dL/dX2[] = dZ1[] * w21[] + dZ2[] * w22[]",
    "backpropagated_weight_2d": "dL/dw[k,l] = sum[p,q] grad_z1[p,q] * sigma(z)[p-k,q-l]",
    "backpropagated_weight_flip_1d": "dL/dw[k] = sum[p] grad_z1[p] * flip(sigma(z))[k-p]",
    "backpropagated_bias_1d": "dL/db[] = sum[p] grad_z1[p]",
    "cut_and_shared_1d": "dense[p] = sum[k] w[k] * sigma(z)[p-k] + b[]",
    "squared_error": "dC/da[n,o] = a[n,o] - t[n,o]",
    "softmax_cross_entropy": "dC/dz[n,o] = softmax(z)[n,o] - t[n,o]",
    "softmax_cross_entropy_weighted": "dC/dz[n,o] = T[n] * softmax(z)[n,o] - t[n,o]",
}


@pytest.mark.parametrize("name", SAID)
def test_what_the_theorems_say(name: str) -> None:
    assert write_statement(theorem(name)).splitlines()[0] == SAID[name]


def false_if(claim: Claim, right: Expression) -> bool:
    """Say whether another right side is refuted."""
    assert right != claim.rhs
    return refuted(claim.lhs, right, claim.variables, claim.hypotheses)


def test_the_weights_must_be_transposed() -> None:
    claim = claims()["perceptron_delta"]()
    (t,) = claim.rhs
    j, k = symbol("j"), symbol("k")
    w, *rest = t.factors
    assert isinstance(w, Access)
    assert false_if(claim, (replace(t, factors=(w.tensor[k, j], *rest)),))


def test_the_slope_stands_where_it_stands() -> None:
    """Sigma for sigma', and sigma' where there is none, are false."""
    claim = claims()["perceptron_output"]()
    (t,) = claim.rhs
    g, slope = t.factors
    assert isinstance(slope, Apply)
    assert false_if(claim, (replace(t, factors=(g, replace(slope, order=0))),))
    claim = claims()["perceptron_weight"]()
    (t,) = claim.rhs
    z = tensor("z", "K")
    assert false_if(claim, (replace(t, factors=(*t.factors, Apply("sigma", 1, z[symbol("k")]))),))


@pytest.mark.parametrize("by", ["flip", "rot180"])
def test_the_offset_of_the_weight_gradient(by: str) -> None:
    """Shifted by one it is false, whichever rotation is used."""
    claim = claims()[f"backpropagated_weight_{by}_1d"]()
    assert false_if(claim, tuple(substitute(t, {symbol("k"): symbol("k") + 1}) for t in claim.rhs))


@pytest.mark.parametrize("axes", [1, 2])
def test_full_and_valid_sizes_are_exact(axes: int) -> None:
    claim = claims()[f"full_convolution_{axes}d"]()
    (t,) = claim.rhs
    *rest, last = t.factors
    assert isinstance(last, Range)
    assert false_if(claim, (replace(t, factors=(*rest, Range(last.value, last.size - 1))),))
    claim = claims()["valid_convolution"]()
    (t,) = claim.rhs
    (inside,) = t.factors
    assert isinstance(inside, Range)
    assert false_if(claim, (term(Range(inside.value, inside.size + 1)),))


def test_the_derivatives_of_a_loss() -> None:
    claim = claims()["softmax_cross_entropy"]()
    share, target = claim.rhs
    assert false_if(claim, (share, replace(target, coefficient=-target.coefficient)))
    weighted = claims()["softmax_cross_entropy_weighted"]()
    assert false_if(weighted, claim.rhs)
    error = claims()["squared_error"]()
    assert false_if(error, tuple(replace(t, coefficient=2 * t.coefficient) for t in error.rhs))


def test_the_axioms_name_the_known_derivatives() -> None:
    listed = axioms(theorem("softmax_cross_entropy"))
    assert {"exp' = exp", "log' = reciprocal", "rule relate"} <= set(listed)
    listed = axioms(theorem("squared_error_delta"))
    assert "half_square' = t" in listed
    assert "sigma' is the derivative of sigma" in listed
    assert "compose" in {step.rule for step in theorem("perceptron_delta").proof.steps}


def test_proofs_say_which_derivative_is_used() -> None:
    found = latex_proof(theorem("softmax_cross_entropy"), "full")
    assert "\\operatorname{exp}' = \\operatorname{exp}" in found
    assert "\\operatorname{log}'(u) = \\frac{1}{u}" in found


def test_a_relation_is_used_only_where_the_other_side_lacks_the_derivative() -> None:
    z, g = tensor("z", "J"), tensor("g", "J")
    j = symbol("j")
    slope, value = Apply("tanh", 1, z[j]), Apply("tanh", 0, z[j])
    variables = ((j, symbol("J")),)
    kept = prove((term(g[j], slope),), (term(slope, g[j]),), variables)
    assert "relate" not in {step.rule for step in kept.proof.steps}
    square = (term(g[j]), term(value, value, g[j], coefficient=-1))
    found = prove((term(g[j], slope),), square, variables)
    assert "relate" in {step.rule for step in found.proof.steps}
    assert check(found).counterexample is None
    with pytest.raises(NotProvedError):
        prove((term(g[j], Apply("relu", 1, z[j])),), square, variables)


@pytest.mark.parametrize("axes", [1, 2])
def test_convolution_or_correlation_rotated_or_not(axes: int) -> None:
    """The same operation is right if rotated, the other operation if not."""
    found = sign_conventions(axes)
    assert len({(s.forward, s.backward, s.rotated) for s in found}) == 8
    for one in found:
        right = (one.forward == one.backward) == one.rotated
        assert one.verdict.word == ("proved" if right else "refuted"), one.words
        assert (one.verdict.counterexample is None) == right
        assert one.words.startswith(f"the input gradient of a {one.forward} is the c")
        assert any("rot180" in t.name for t in tensors(one.right)) == one.rotated


def test_other_operations_are_refused() -> None:
    with pytest.raises(ValueError, match="backward: found 'product', expected correlation or"):
        sign_convention(WORDS[0], "product", True)
    with pytest.raises(ValueError, match="axes: found 4, expected 1, 2 or 3"):
        sign_convention(*WORDS, True, axes=4)
