"""The registry: every claim is proved for all sizes, true at small ones, and not vacuous."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rot180.derive.certificates.reader import loads
from rot180.derive.certificates.writer import dumps
from rot180.derive.display.axioms import axioms
from rot180.derive.kernel.place import RULES
from rot180.derive.kernel.replay import replay
from rot180.derive.search.derivation import NotProvedError
from rot180.derive.search.prove import prove
from rot180.derive.semantics.check import check
from rot180.derive.theorems import claims, theorem
from rot180.derive.theorems.convolutions import GENERAL, PLAIN, STRIDED, Convolution
from rot180.derive.theorems.input_gradient import input_gradient
from tests.support.proofs import refuted

NAMES = tuple(claims())
SMALL = tuple(n for n in NAMES if not n.endswith(("2d", "3d")))


@pytest.mark.parametrize("name", NAMES)
def test_the_claim_is_proved(name: str) -> None:
    """It replays, from its certificate too, with nothing left open and to the claim itself."""
    proved, claim = theorem(name), claims()[name]()
    again = replay(loads(dumps(proved.proof)))
    assert again.lines == proved.lines
    assert again.obligations == proved.obligations
    assert (again.lhs, again.rhs) == (claim.lhs, claim.rhs)
    assert (again.variables, again.hypotheses) == (claim.variables, claim.hypotheses)
    assert claim.words


@pytest.mark.parametrize("name", NAMES)
def test_every_line_is_true_at_small_sizes(name: str) -> None:
    """Each line of the proof has the value of the first, always 0 only where the right side is."""
    seen = 0
    for seed in range(6):
        report = check(theorem(name), count=3 if name in SMALL else 1, seed=seed)
        assert report.counterexample is None
        seen += report.nonzero
        if seen:
            break
    assert seen or all(t.coefficient == 0 for t in theorem(name).rhs)


@pytest.mark.parametrize(
    "conv", [s for s in (*PLAIN, *STRIDED, *GENERAL) if s.axes == 1], ids=lambda s: s.name
)
def test_the_other_word_is_false(conv: Convolution) -> None:
    """The full correlation where the convolution belongs is refuted; so no proof may be found.

    The search for one is slow where all parameters are symbols, and is left out there.
    """
    claim = input_gradient(conv)
    wrong = input_gradient(replace(conv, true=not conv.true)).rhs
    assert wrong != claim.rhs
    assert refuted(claim.lhs, wrong, claim.variables)
    if not conv.general:
        with pytest.raises(NotProvedError, match="normal forms"):
            prove(claim.lhs, wrong, claim.variables)


def test_hypotheses_stand_only_where_they_are_needed() -> None:
    """The gradients hold for every stride, dilation and size; only divisions need s >= 1."""
    with_some = {name for name in NAMES if claims()[name]().hypotheses}
    divide = {name for name in NAMES if name.startswith("phases")}
    sizes = {"output_size", "input_remainder", "weight_remainder", "weight_size", "transposed_size"}
    sizes |= {"valid_convolution", "full_restores_valid", "transposed_output_shape"}
    sizes |= {name for name in NAMES if name.startswith(("jax_", "same_"))} - {"jax_input_1d"}
    sizes -= {"jax_weight_1d"}
    assert with_some == divide | sizes


@pytest.mark.parametrize(
    "name",
    [
        "phases_correlation_general_channels_1d",
        "output_size",
        "transposed_size",
        "valid_convolution",
        "full_restores_valid",
        "jax_input_size",
        "jax_weight_size",
        "same_size",
        "same_size_unpadded",
    ],
)
def test_the_hypotheses_are_needed(name: str) -> None:
    """Without its hypotheses the theorem is not proved."""
    claim = claims()[name]()
    with pytest.raises(ValueError, match=r"finite only if|normal forms|no certificate"):
        prove(claim.lhs, claim.rhs, claim.variables)


def test_axioms_name_all_that_is_assumed() -> None:
    """An activation brings the axiom about its derivative, and nothing else does."""
    plain = axioms(theorem("rot180_correlation_1d"))
    used = {step.rule for step in theorem("rot180_correlation_1d").proof.steps}
    assert {f"rule {name}" for name in used} <= set(plain)
    assert not any("derivative of" in line for line in plain)
    active = axioms(theorem("activated_correlation_general_1d"))
    assert [line for line in active if "derivative of" in line] == [
        "sigma' is the derivative of sigma"
    ]
    for name in NAMES:
        assert {s.rule for s in theorem(name).proof.steps} <= RULES.keys()
