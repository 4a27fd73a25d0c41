"""Each entry of the museum parses, is wrong where it says so, and right where it says so."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rot180.codegen.audit.museum import Entry, configuration, number
from rot180.codegen.audit.museum_entries import ENTRIES
from rot180.derive.language.layers import Layer
from rot180.derive.language.notation import parse_layer
from rot180.derive.language.programs import Program, read
from rot180.derive.language.terms import Tensor
from rot180.derive.semantics.model import integer
from tests.support.naive import meaning

Array = NDArray[Any]

EVERY = [pytest.param(e, id=e.key) for e in ENTRIES]


def shape(t: Tensor, values: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the sizes of a tensor, in numbers."""
    return tuple(max(0, integer(n, values)) for n in t.shape if n is not None)


def results(e: Entry, text: str, *, ones: bool = False) -> tuple[Array, Array]:
    """Return what is right and what the code computed, for random integers.

    Args:
        e: the entry.
        text: the configuration.
        ones: whether the gradient by the output is 1 everywhere.

    """
    layer, values = read(e.layer), configuration(e, text)
    random = np.random.default_rng(sum(map(ord, e.key + text)))
    exact = isinstance(layer, Layer)
    arrays = {t.name: random.integers(-9, 10, shape(t, values)) for t in layer.tensors}
    if "sel" in arrays:  # the largest entry is one that windows share, if any is shared
        arrays["x"][..., arrays["x"].shape[-1] // 2] += 50
        arrays["sel"] = selected(arrays["x"], arrays["sel"].shape, values)
    y = layer.output
    upstream = random.integers(2, 11, shape(y, values))
    upstream = np.ones_like(upstream) if ones else upstream
    found = meaning(layer, values, arrays, upstream, exact=exact)
    right = found.gradients[e.operand] if e.operand else found.output
    wrong = parse_layer(e.wrong)
    known = {**arrays, y.name: found.output, f"grad_{y.name}": upstream}
    given = {t.name: known[t.name] for t in wrong.tensors}
    return right, evaluated(wrong, values, given, exact=exact)


def selected(x: Array, box: tuple[int, ...], values: Mapping[str, Any]) -> Array:
    """Return 1 at the first largest entry of each window, else 0, without padding."""
    out = np.zeros(box, int)
    for n, c, p in np.ndindex(box[:3]):
        first = values["s"] * p
        out[n, c, p, x[n, c, first : first + box[3]].argmax()] = 1
    return out


def evaluated(
    layer: Layer, values: Mapping[str, Any], arrays: Mapping[str, Array], *, exact: bool
) -> Array:
    """Evaluate a definition."""
    if exact:
        nothing = np.zeros(shape(layer.output, values), int)
        return meaning(layer, values, arrays, nothing, exact=True).output
    nothing = np.zeros(shape(layer.output, values))
    return meaning(layer, values, arrays, nothing, exact=False).output


def same(right: Array, wrong: Array) -> bool:
    """Return whether two results have one shape and the same entries."""
    if right.shape != wrong.shape:
        return False
    if right.dtype == object:
        return bool((right == wrong).all())
    return bool(np.allclose(right, wrong, rtol=1e-12, atol=1e-12))


def test_there_are_many() -> None:
    """The museum has at least sixteen mistakes, each with a name and an address of its own."""
    assert len({e.references[0] for e in ENTRIES}) >= 16
    assert len({e.key for e in ENTRIES}) == len(ENTRIES)


@pytest.mark.parametrize("e", EVERY)
def test_what_an_entry_says_of_itself(e: Entry) -> None:
    """The expression defines the gradient by the operand, and the address has the number."""
    layer = read(e.layer)
    assert isinstance(layer, Layer | Program)
    name = f"grad_{e.operand}" if e.operand else layer.output.name
    assert parse_layer(e.wrong).output.name == name
    assert any(r.rpartition("/")[2] == str(e.issue) for r in e.references)
    assert e.outcome in ("values", "shape", "error")
    assert e.basis in ("code", "thread")
    assert e.fails


@pytest.mark.parametrize("e", EVERY)
def test_a_configuration_is_one_of_the_layer(e: Entry) -> None:
    """The number of windows is that of the layer; see the docstring of the modules for `hi`."""
    for text in (*e.fails, *e.agrees):
        v = configuration(e, text)
        if e.layer.startswith("conv1d") or e.key in ("mlx_3800", "pytorch_25101", "pytorch_51430"):
            free = v["H"] + v["lo"] + v.get("hi", v["lo"]) - v["d"] * (v["K"] - 1) - 1
            assert v["P"] == free // v["s"] + 1, text


@pytest.mark.parametrize("e", EVERY)
def test_an_entry_is_wrong(e: Entry) -> None:
    """Its configurations show it, in exact arithmetic."""
    for text in e.fails:
        values = configuration(e, text)
        if values.get("H", 0) > 100:
            continue  # the report's own sizes: the formula for the size says it
        assert not same(*results(e, text)), text


@pytest.mark.parametrize("e", EVERY)
def test_an_entry_looked_right(e: Entry) -> None:
    """Where it agrees, it agrees exactly."""
    for text in e.agrees:
        assert same(*results(e, text)), text


def test_formulas() -> None:
    """A formula is exact, and refuses what it does not know."""
    assert number("1/(2*3) - 1", {}) == Fraction(-5, 6)
    assert number("-(-H // s)", {"H": 7, "s": 2}) == 4
    for text in ("H**2", "open('x')", "K", "1.5"):
        with pytest.raises(ValueError, match="formula: found"):
            number(text, {"H": 1})
