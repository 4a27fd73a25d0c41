"""The operators in the gradients of programs: found, proved for any tensors, and cited."""

from __future__ import annotations

from rot180.derive import checker
from rot180.derive.certificates.writer import dumps
from rot180.derive.display.statement import write_theorem
from rot180.derive.gradients.program_gradient import program_gradient
from rot180.derive.kernel.proof import Theorem
from rot180.derive.language.programs import parse_program

TWO = (
    "z[n,p] = sum[c,k] x[n,c,s*p+k-lo] * w[c,k]; a[n,p] = relu(z[n,p]); "
    "y[n,q] = sum[l] a[n,2*q+l] * v[l]"
)


def derived(text: str, wrt: str, named: bool = True) -> Theorem:
    """Derive a gradient; the checker accepts its proof."""
    found = program_gradient(parse_program(text), wrt, named)
    (verdict,) = checker.check(dumps(found.proof))
    assert verdict.verdict == "proved", verdict
    return found


def test_each_step_back_through_a_convolution_is_named() -> None:
    said = write_theorem(derived(TWO, "x"))
    assert "the full correlation of dilate(grad_z, s) with rot180(w), padding K - 1 - lo" in said
    assert "grad_a[n,p] = correlate(dilate(grad_y, 2), rot180(v))[n,p]" in said
    assert "rot180(v)[l] = v[L-1-l]" in said


def test_the_words_are_those_of_the_whole_result() -> None:
    text = "z[o,p] = sum[c,k] x[c,s*p+k-lo] * w[o,c,k] + b[o]; y[o,p] = tanh(z[o,p])"
    assert derived(text, "x").words == (
        "the full correlation of dilate(grad_z, s) with rot180(w), padding K - 1 - lo"
    )
    assert derived(text, "w").words == "the correlation of x with grad_z, dilation s, padding lo"
    assert derived(text, "b").words == "the sum of grad_z over p"
    assert derived(text, "x", named=False).words == ""


def test_a_forward_convolution_is_convolved_back() -> None:
    text = "z[p] = sum[k] x[p-k] * w[k]; y[p] = tanh(z[p])"
    said = write_theorem(derived(text, "x"))
    assert "convol" in said
    assert "correl" not in said


def test_a_sum_is_named_beside_the_slope_of_an_activation() -> None:
    """As in textbooks; a residual connection adds the gradient by its own output."""
    text = (
        "a[p] = sum[k] x[p+k] * w[k]; r[p] = a[p] + sum[k] relu(a[p+k]) * v[k]; "
        "y[p] = r[p] * r[p]"
    )
    said = write_theorem(derived(text, "x"))
    assert "grad_a[p] = grad_r[p] + relu'(a[p]) * correlate(grad_r, rot180(v))[p]" in said
    assert derived(text, "v").words == "the correlation of relu(a) with grad_r"


def test_names_that_an_operator_takes_are_not_taken_twice() -> None:
    """Where a definition has the name of an operator, the sum stays a sum."""
    text = (
        "rot180_v[l] = u[l] * u[l]; a[p] = sum[k] x[p+k] * v[k]; b[p] = tanh(a[p]); "
        "y[p] = sum[l] b[p+l] * v[l] * 2 + sum[l] x[p+l] * rot180_v[l]"
    )
    for wrt in "xuv":
        derived(text, wrt)
