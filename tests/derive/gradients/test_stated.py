"""Gradients of programs in the forms of papers: proved for the program, refused for another one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rot180.derive import checker
from rot180.derive.certificates.writer import dumps
from rot180.derive.gradients.program_gradient import compact_gradient, program_gradient
from rot180.derive.gradients.stated import stated_gradient
from rot180.derive.language.programs import parse_program
from rot180.derive.search.derivation import NotProvedError
from rot180.derive.semantics.check import check
from rot180.derive.theorems import theorem
from rot180.derive.theorems.programs import FORMS

CHANGED = {
    "another sign in the program": replace(
        FORMS["softmax_input"],
        program=FORMS["softmax_input"].program.replace("x[n,j] - m[n]", "m[n] - x[n,j]"),
    ),
    "another sign in the quotient": replace(
        FORMS["softmax_input"],
        program=FORMS["softmax_input"].program.replace("/ sum", "/ -sum"),
    ),
    "a maximum that does not cancel": replace(
        FORMS["softmax_input"],
        program=FORMS["softmax_input"].program.replace("e[n,j] / sum", "e[n,j] * m[n] / sum"),
    ),
    "the mean is added": replace(
        FORMS["layer_norm_input"],
        program=FORMS["layer_norm_input"].program.replace("] - mu[", "] + mu["),
    ),
    "the root itself": replace(
        FORMS["rms_norm_input"],
        program=FORMS["rms_norm_input"].program.replace("rsqrt", "sqrt"),
    ),
    "the mean of the wrong axis": replace(
        FORMS["layer_norm_input"],
        program=FORMS["layer_norm_input"].program.replace("x[n,c] / C;", "x[n,c] / N;"),
    ),
    "another sign in the form": replace(
        FORMS["softmax_input"],
        gradient=FORMS["softmax_input"].gradient.replace(" - ", " + "),
    ),
    "another row": replace(
        FORMS["softmax_input"],
        gradient=FORMS["softmax_input"].gradient.replace("grad_y[n,i]", "grad_y[n,j]"),
    ),
    "not transposed": replace(
        FORMS["attention_key"],
        gradient="scale * sum[i] delta[n,i,j] * k[n,i,d]",
    ),
    "without the mean": replace(
        FORMS["layer_norm_input"],
        gradient=FORMS["rms_norm_input"].gradient,
    ),
}


@pytest.mark.parametrize("name", FORMS)
def test_the_form_is_proved_and_true(name: str) -> None:
    found = theorem(name)
    (verdict,) = checker.check(dumps(found.proof))
    assert verdict.verdict == "proved", verdict
    assert found.rhs == FORMS[name].claim().rhs
    assert check(found, count=2).counterexample is None


@pytest.mark.parametrize("change", CHANGED)
def test_another_form_is_not_proved(change: str) -> None:
    form = CHANGED[change]
    with pytest.raises(NotProvedError):
        stated_gradient(parse_program(form.program), form.wrt, form.claim().rhs, "changed")


def test_the_proof_goes_backwards_through_the_definitions() -> None:
    """So it differentiates each definition once, and names the gradients by them."""
    proof = theorem("softmax_input").proof
    assert [s.rule for s in proof.steps].count("chain") == 2
    assert "grad_sum_e" in dumps(proof)


def test_equal_programs_with_other_letters_are_derived_in_one_process() -> None:
    """Only the letters of sums differ; in a proof a name is one tensor as it is spelled."""
    text = "m[n] = max[j] x[n,j]; e[n,j] = exp(x[n,j]-m[n]); y[n,j] = e[n,j] / sum[{0}] e[n,{0}]"
    for letter in "ikl":
        program = parse_program(text.format(letter))
        found = compact_gradient(program, program_gradient(program, "x"))
        assert found is not None
        assert [t.name for t in found.divisors] == ["sum_e"]
