"""Short forms of gradients as they are computed: proved, and chosen where they read less."""

from __future__ import annotations

import pytest

from rot180.derive import checker
from rot180.derive.certificates.writer import dumps
from rot180.derive.gradients.program_gradient import program_gradient
from rot180.derive.gradients.program_steps import program_functions
from rot180.derive.gradients.short_form import entries_read, short_form
from rot180.derive.language.printer import write
from rot180.derive.language.programs import definition_line, parse_program
from rot180.derive.semantics.check import check

SOFTMAX = "x[N,I]; e[n,i] = exp(x[n,i]); y[n,i] = e[n,i] / sum[j] e[n,j]"


def test_a_sum_that_entries_share_is_named() -> None:
    """The sum of softmax's gradient depends on the row alone."""
    program = parse_program(SOFTMAX)
    found = short_form(program, "x", program_gradient(program, "x"))
    assert found is not None
    theorem, sums = found
    assert [definition_line(t) for t in sums] == ["dot_x[n] = sum[i1] grad_y[n,i1] * y[n,i1]"]
    assert {write((t,)) for t in theorem.rhs} == {
        *("grad_y[n,i] * y[n,i]", "-y[n,i] * dot_x[n]"),
    }
    (verdict,) = checker.check(dumps(theorem.proof))
    assert verdict.verdict == "proved"
    assert check(theorem, count=2).counterexample is None


def test_the_cheaper_form_is_computed() -> None:
    (_, found) = program_functions(parse_program(SOFTMAX))
    assert found.short is not None and found.computed == found.short
    assert [s.name for s in found.steps][-2:] == ["dot_x", "grad_x"]


@pytest.mark.parametrize("text", ["a[i] = x[i] * w[i]; y[i] = a[i] * a[i]", "y[i] = x[i] * w[i]"])
def test_a_gradient_without_a_short_form_stays(text: str) -> None:
    for f in program_functions(parse_program(text))[1:]:
        assert f.short is None or entries_read([]) == 0
        assert f.steps[-1].name == f.name


def test_two_sums_of_a_gradient_have_two_names() -> None:
    """Both sums of a gradient are over the row, and one is used by two terms."""
    text = "x[N,I]; s[n] = sum[i] x[n,i] * w[i]; y[n,i] = s[n] * x[n,i] * v[i]"
    program = parse_program(text)
    for name in ("x", "w", "v"):
        found = short_form(program, name, program_gradient(program, name))
        if found is not None:
            (verdict,) = checker.check(dumps(found[0].proof))
            assert verdict.verdict == "proved"
            assert check(found[0], count=2).counterexample is None


def test_a_sum_keeps_the_bracket_that_makes_it_finite() -> None:
    """Without the bracket, nothing says that s is not zero."""
    program = parse_program("t[j] = sum[i] c[i,j % s]; y[n] = max(t[n], 1)")
    found = short_form(program, "c", program_gradient(program, "c"))
    assert found is not None
    theorem, (made,) = found
    assert definition_line(made).endswith(" * [0 <= r < s]")
    (verdict,) = checker.check(dumps(theorem.proof))
    assert verdict.verdict == "proved"
    assert check(theorem, count=2).counterexample is None
