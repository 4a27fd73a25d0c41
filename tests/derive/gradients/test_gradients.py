"""Gradients are derived, not looked up: any layer, in any letters and order of axes."""

from __future__ import annotations

import pytest
from sympy import Integer

from rot180.codegen.plans.lower import lower
from rot180.codegen.plans.plan import Box, Divided, Phase
from rot180.derive.gradients.gradient import gradient, kernel_theorem, kernel_theorems
from rot180.derive.kernel.proof import Theorem
from rot180.derive.kernel.replay import replay
from rot180.derive.language.layers import Layer, catalogue, layer
from rot180.derive.language.notation import make_layer
from rot180.derive.language.polynomial import symbol
from rot180.derive.language.spelling import display_name
from rot180.derive.language.terms import Access, AtLeast, Range, define, tensor, term
from rot180.derive.search.derivation import NotProvedError
from rot180.derive.semantics.check import check

ODD = {
    "negative coefficient": "y[p] = sum[k] x[2*p - 3*k + 1] * w[k]",
    "locally connected": "y[o,p] = sum[c,k] x[c,s*p+k] * w[o,c,p,k]",
    "three operands": "y[n] = sum[a,b] u[n,a] * m[a,b] * v[n,b]",
    "the same tensor twice": "y[p] = sum[k] x[p+k] * x[k]",
    "activated": "sigma: function; y[p] = sum[k] sigma(z[p+k]) * w[k]",
    "two terms": "y[p] = sum[k] x[p+k] * w[k] - 3*sum[k] x[p-k] * v[k]",
    "a bracket": "y[t] = sum[p] x[p] * [t == s*p]",
    "channels last": "y[n,p,o] = sum[c,k] x[n,s*p+d*k-lo,c] * w[k,c,o]",
}
# few axes: the tests of the kernels go through the rest
CATALOGUE = [name for name in catalogue() if "2d" not in name and "3d" not in name]


def gradients(of: Layer) -> dict[str, Theorem]:
    """Return the gradients of all operands."""
    return {t.name: gradient(of, t.name) for t in of.tensors}


def shape(theorem: Theorem) -> list[tuple[str, int, bool]]:
    """Return what does not depend on names: rules, places and directions."""
    return [(step.rule, step.at, step.reverse) for step in theorem.proof.steps]


@pytest.mark.parametrize("name", [*CATALOGUE, "conv2d", "activated_conv2d"])
def test_the_catalogue_is_derived(name: str) -> None:
    """Every operand of every layer has a gradient: proved, true and not vacuous."""
    for theorem in gradients(layer(name)).values():
        assert replay(theorem.proof) == theorem
        assert not theorem.hypotheses
        report = check(theorem, count=1)
        assert report.counterexample is None


@pytest.mark.parametrize("name", ODD)
def test_odd_layers_are_derived(name: str) -> None:
    """The gradient and the theorems that kernels are lowered from are proved and true."""
    of = layer(ODD[name])
    for theorem in [*gradients(of).values(), *(t for _, t in kernel_theorems(of))]:
        assert replay(theorem.proof) == theorem
        report = check(theorem, count=2)
        assert report.counterexample is None
        assert report.nonzero > 0


def test_the_order_of_axes_does_not_matter() -> None:
    """A layer with its axes permuted is proved by the same rules in the same places."""
    turned = layer("y[o,p,n] = sum[k,c] x[c,n,s*p+d*k-lo] * w[k,o,c] + bias[o]")
    for name, theorem in gradients(layer("conv1d")).items():
        assert sorted(shape(gradient(turned, name))) == sorted(shape(theorem))


def test_names_do_not_matter() -> None:
    """A layer in other letters is proved by the same steps."""
    mine = layer("out[b,f,i] = sum[e,j] inp[b,e,z*i+r*j-a] * ker[f,e,j] + off[f]")
    names = {"x": "inp", "w": "ker", "bias": "off"}
    for name, theorem in gradients(layer("conv1d")).items():
        assert shape(gradient(mine, names[name])) == shape(theorem)


def test_a_sign_matters() -> None:
    """With one sign changed it is another theorem, and the named form says so."""
    one = gradient(layer("x[H]; y[p] = sum[k] x[p+k] * w[k]"), "x")
    other = gradient(layer("x[H]; y[p] = sum[k] x[p-k] * w[k]"), "x")
    assert one.rhs != other.rhs
    assert one.proof.digest != other.proof.digest
    assert "correlation" in one.words
    assert "convolution" in other.words


def test_a_named_form_is_found() -> None:
    """The input gradient of conv1d is one access to a full correlation with rot180(w)."""
    theorem = gradient(layer("conv1d"), "x")
    (only,) = theorem.rhs
    (access,) = only.factors
    assert isinstance(access, Access)
    assert display_name(access.tensor) == "correlate(dilate(grad_y, s), rot180(w))"
    assert "padding d*(K - 1) - lo" in theorem.words
    weight = gradient(layer("conv1d"), "w")
    assert "stride d" in weight.words
    assert "dilation s" in weight.words


@pytest.mark.parametrize("name", ["conv_transpose1d", "conv_transpose2d_grouped"])
def test_the_gradients_of_a_transposed_convolution_are_plain_correlations(name: str) -> None:
    """No bracket, no dilated zeros, no rotation: one access to a correlation, kernels the same."""
    kernels = dict(kernel_theorems(layer(name)))
    for wrt, swept in (("x", "w"), ("w", "x")):
        theorem = gradient(layer(name), wrt)
        (only,) = theorem.rhs
        (access,) = only.factors
        assert isinstance(access, Access)
        assert display_name(access.tensor) == f"correlate(grad_y, {swept})"
        assert theorem.words.startswith(f"the correlation of grad_y with {swept}, stride ")
        (term,) = kernels[f"grad_{wrt}"].rhs
        assert all(isinstance(f, Access) for f in term.factors)
    laid = gradient(layer("y[h] = sum[p,k] x[p] * w[k] * [h + lo == s*p - d*k]"), "x")
    assert laid.words.startswith("the convolution of grad_y with w, stride s, dilation d")


def test_a_transposed_forward_pass_multiplies_no_zero() -> None:
    """Its kernel runs over residue classes, as the input gradient of a convolution does."""
    for axes in (1, 2):
        nest, bias = lower(kernel_theorem(layer(f"conv_transpose{axes}d"), None)).nests
        (other,) = lower(kernel_theorem(layer(f"conv{axes}d"), "x")).nests
        assert [type(step) for step in nest.outer] == [type(step) for step in other.outer]
        assert [type(step) for step in nest.outer] == [Phase, Divided] * axes
        assert not any(isinstance(f, Box) for f in nest.factors)
        assert not bias.outer


def test_hypotheses_stand_only_where_they_are_needed() -> None:
    """Only a division by the stride needs s >= 1."""
    theorems = dict(kernel_theorems(layer("conv1d")))
    assert [name for name, t in theorems.items() if t.hypotheses] == ["grad_x"]
    theorems = dict(kernel_theorems(layer("conv_transpose1d")))
    assert [name for name, t in theorems.items() if t.hypotheses] == ["forward"]
    plain = layer("y[p] = sum[k] x[p+k] * w[k]")
    assert not any(t.hypotheses for _, t in kernel_theorems(plain))


def test_a_hypothesis_is_divided_by_numbers() -> None:
    """The modulus 3*s is at least 1 where s is, and the message about s = 0 says s >= 1."""
    odd = layer("y[n] = sum[k] x[s*n,n+3*k] * x[k,n]")
    ((_, theorem),) = kernel_theorems(odd, "x")[1:]
    assert theorem.hypotheses == (AtLeast(symbol("s") - 1),)


def test_an_operand_must_be_there() -> None:
    """The message lists the operands."""
    with pytest.raises(ValueError, match="found 'weight', expected one of x, w, bias"):
        gradient(layer("conv1d"), "weight")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("y[p] = sum[k] x[2*p+k] * w[k]", "correlate(dilate(grad_y, 2), rot180(w))"),
        ("y[p] = sum[k] x[s*p-k] * w[k]", "convolve(dilate(grad_y, s), rot180(w))"),
        ("y[p] = sum[k] x[p+2*k] * w[k]", "correlate(grad_y, rot180(w))"),
    ],
)
def test_a_stride_alone_dilates_the_output_gradient(text: str, name: str) -> None:
    (found,) = gradient(layer(text), "x").rhs
    (form,) = found.factors
    assert isinstance(form, Access)
    assert display_name(form.tensor) == name


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("y[n,o] = sum[c] x[n,c] * w[c,o] + transpose_w[n,o]", "transpose_w"),
        ("y[p] = sum[k] x[p+k] * w[k] + rot180_w[p]", "rot180_w"),
    ],
)
def test_an_operand_called_as_an_operator_calls_its_own_leaves_the_sum(
    text: str, taken: str
) -> None:
    """One name is one tensor: the gradient is proved as a sum, without the operator."""
    found = gradient(layer(text), "x")
    assert not found.words
    assert all(isinstance(f, Access) and f.tensor.definition is None for f in found.rhs[0].factors)
    assert gradient(layer(text.replace(taken, "b")), "x").words


@pytest.mark.parametrize("text", ["y[n] = sum[l] x[d*l - n]", "y[] = sum[i,j] x[i-j,t*i+t*j]"])
def test_a_gradient_that_may_be_an_infinite_sum_is_refused_with_a_cure(text: str) -> None:
    with pytest.raises(NotProvedError, match=r"[dt] != 0, .* infinite\ncure: write a number for"):
        gradient(layer(text), "x")


def test_a_bracket_that_is_never_true_leaves_the_other_brackets() -> None:
    """No text contains one, but a layer of terms may."""
    n, k, x = symbol("n"), symbol("k"), tensor("x", "N")
    never = term(x[n + symbol("a")], Range(Integer(2), Integer(1)), Range(k, Integer(3)), over=(k,))
    found = make_layer(define("y", (symbol("N"),), (n,), (never, term(x[n]))))
    for theorem in (gradient(found, "x"), kernel_theorem(found, "x")):
        assert check(theorem, count=1).counterexample is None
