"""The gradient of a program is a program: its text reads back, and it has gradients in turn."""

from __future__ import annotations

import pytest

from rot180.derive.gradients.gradient_layer import gradient_layer
from rot180.derive.language.layers import Layer
from rot180.derive.language.programs import Program, read
from tests.derive.gradients.test_program_gradient import PROGRAMS

VANISHING = {
    *((name, operand) for name in ("uses that cancel", "all uses cancel") for operand in "wb"),
    ("attention", "m"),  # softmax does not change where all of a row are shifted
}
"""The operands of programs by which the gradient is zero."""


@pytest.mark.parametrize("name", PROGRAMS)
def test_gradients_read_back(name: str) -> None:
    program = read(PROGRAMS[name])
    for t in program.tensors:
        found = gradient_layer(program, t.name)
        if found is None:
            assert (name, t.name) in VANISHING
            continue
        gradient, upstream = found
        assert read(gradient.text) == gradient
        assert gradient.output.shape == t.shape
        names = {u.name for u in gradient.tensors}
        assert upstream in names and names <= {upstream, *(u.name for u in program.tensors)}


def test_a_selection_is_named_in_the_text() -> None:
    found = gradient_layer(read("y[n] = max[j] x[n,j]"), "x")
    assert found is not None
    gradient, _ = found
    assert gradient.text == "y[n] = max[j] x[n,j]; v[n,j] = g[n] * largest_x[n,j]"
    assert isinstance(gradient, Program)
    assert [s.tensor.name for s in gradient.selections] == ["largest_x"]
    assert [t.name for t in gradient.tensors] == ["x", "g"]


def test_a_function_of_indices_stays_its_formula() -> None:
    found = gradient_layer(read("y[k] = sum[t] x[t] * x[t] * cos(2*pi*k*t/T)"), "x")
    assert found is not None
    assert "cos(2*pi*k*t/T)" in found[0].text


def test_second_gradients() -> None:
    """The gradient of y = x^3 by x, and of that again."""
    cube = read("a[i] = x[i] * x[i]; y[i] = a[i] * x[i]")
    found = gradient_layer(cube, "x")
    assert found is not None
    again = gradient_layer(found[0], "x")
    assert again is not None
    assert {t.name for t in again[0].tensors} == {"x", found[1], again[1]}


def test_a_layer_stays_a_layer() -> None:
    found = gradient_layer(read("linear"), "w")
    assert found is not None
    assert isinstance(found[0], Layer)


def test_what_the_notation_cannot_say() -> None:
    with pytest.raises(ValueError, match="wrt: the gradient by x adds up what was read at idx"):
        gradient_layer(read("y[n,c] = x[idx[n],c]"), "x")
    with pytest.raises(ValueError, match="wrt: found 'z', expected one of x"):
        gradient_layer(read("a[i] = x[i] * x[i]; y[i] = a[i]"), "z")
