"""The catalogue: its texts are canonical, and agree with plain loops."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from rot180.derive.language.layers import Layer, catalogue, conv, conv_transpose, layer, named
from rot180.derive.language.notation import parse_layer
from rot180.derive.language.polynomial import symbol
from rot180.derive.semantics.evaluate import evaluate
from rot180.derive.semantics.model import PRIME, Model

ROOT = Path(__file__).parents[3]
Objects = np.ndarray[tuple[int, ...], np.dtype[np.object_]]


@pytest.mark.parametrize("name", catalogue())
def test_catalogue_texts_are_canonical(name: str) -> None:
    found = layer(name)
    written = catalogue()[name]
    assert found == parse_layer(written)
    assert found.name == name
    if "circular(" not in written and "//" not in written:  # which are abbreviations
        assert found.text == written
    assert layer(found.text) == found


def test_every_name_has_a_line_a_source_and_a_place_in_the_documentation() -> None:
    page = (ROOT / "docs" / "usage.md").read_text("utf-8")
    table = page.partition("## Layers by name")[2].partition("\nFamilies ")[0]
    assert set(re.findall(r"`(\w+)`", table)) >= named().keys()
    for name, entry in named().items():
        assert entry.says and entry.source, name
        assert "\n" not in "".join(entry), name


def test_the_frameworks_layers() -> None:
    known = catalogue()
    assert known["conv1d"] == "y[n,o,p] = sum[c,k] x[n,c,s*p+d*k-lo] * w[o,c,k] + bias[o]"
    assert known["conv1d_grouped"] == (
        "y[n,g,o,p] = sum[c,k] x[n,g,c,s*p+d*k-lo] * w[g,o,c,k] + bias[g,o]"
    )
    assert known["conv3d"] == (
        "y[n,o,p,q,r] = sum[c,k,l,m] x[n,c,s*p+d*k-lo,t*q+e*l-lp,u*r+f*m-lq] * w[o,c,k,l,m]"
        " + bias[o]"
    )
    assert known["conv_transpose2d"] == (
        "y[n,o,h,v] = sum[c,p,q,k,l] x[n,c,p,q] * w[c,o,k,l] * [h + lo == s*p + d*k]"
        " * [v + lp == t*q + e*l] + bias[o]"
    )
    assert known["conv_transpose1d_grouped"] == (
        "y[n,g,o,h] = sum[c,p,k] x[n,g,c,p] * w[g,c,o,k] * [h + lo == s*p + d*k] + bias[g,o]"
    )
    assert known["linear"] == "y[n,o] = sum[c] x[n,c] * w[o,c] + bias[o]"


def test_any_number_of_axes() -> None:
    found = layer("conv4d_grouped")
    assert found == layer(conv(4, grouped=True))
    assert found.name == "conv4d_grouped"
    assert len(found.output.shape) == 3 + 4
    assert [v.name for v in found.parameters[:3]] == ["s1", "d1", "lo1"]
    assert layer("conv_transpose4d") == layer(conv_transpose(4))
    for n in (0, 9):
        for text in (conv, conv_transpose):
            with pytest.raises(ValueError, match="expected 1 to 8"):
                text(n)


def test_unknown_names_and_other_objects_are_refused() -> None:
    with pytest.raises(ValueError, match=r"found 'conv2'.*near: .*conv2d"):
        layer("conv2")
    with pytest.raises(ValueError, match=r"expected a catalogue name \(near: .*linear"):
        layer("qqqqqqqq")
    with pytest.raises(TypeError, match="found int, expected a name, a text or a SymPy equation"):
        layer(3)  # type: ignore[arg-type]


def whole(found: Layer, sizes: Mapping[str, int]) -> tuple[Objects, dict[str, Objects]]:
    """Return a layer's output, evaluated entry by entry, and its operands."""
    model = Model({symbol(name): n for name, n in sizes.items()})
    definition = found.output.definition
    assert definition is not None
    shape = [sizes[str(n)] for n in found.output.shape]
    out = np.zeros(shape, dtype=object)
    for at in itertools.product(*map(range, shape)):
        out[at] = evaluate(definition.body, model, dict(zip(definition.formals, at, strict=True)))
    return out, {t.name: model.values(t).astype(object) for t in found.tensors}


def test_conv2d_is_the_correlation_of_the_padded_input() -> None:
    sizes = {"N": 2, "C": 2, "H": 5, "V": 4, "O": 3, "K": 2, "L": 3, "P": 3, "Q": 2}
    parameters = {"s": 2, "d": 2, "lo": 1, "t": 1, "e": 1, "lp": 0}
    y, of = whole(layer("conv2d"), {**sizes, **parameters})
    padded = np.pad(of["x"].astype(np.int64), ((0, 0), (0, 0), (1, 4), (0, 4))).astype(object)
    for n, o, p, q in np.ndindex(*y.shape):
        window = padded[n, :, 2 * p : 2 * p + 4 : 2, q : q + 3]
        assert y[n, o, p, q] == ((window * of["w"][o]).sum() + of["bias"][o]) % PRIME


def test_a_transposed_convolution_lays_out_filters() -> None:
    sizes = {"N": 1, "C": 2, "P": 3, "O": 2, "K": 2, "H": 8, "s": 3, "d": 2, "lo": 1}
    y, of = whole(layer("conv_transpose1d"), sizes)
    laid = np.zeros((1, 2, 10), object)
    for c, o, p, k in np.ndindex(2, 2, 3, 2):
        laid[0, o, 3 * p + 2 * k] += of["x"][0, c, p] * of["w"][c, o, k]
    expected = (laid[:, :, 1:9] + of["bias"][None, :, None]) % PRIME
    assert np.array_equal(y, expected)


def test_true_convolution_runs_backwards() -> None:
    y, of = whole(layer("true_conv1d"), {"P": 6, "H": 4, "K": 3})
    full = [sum(of["x"][p - k] * of["w"][k] for k in range(3) if 0 <= p - k < 4) for p in range(6)]
    assert list(y) == [(value + of["b"][()]) % PRIME for value in full]


@pytest.mark.parametrize("name", ["depthwise_conv1d", "local1d", "conv2d_nhwc", "dense"])
def test_variants_have_their_own_shapes(name: str) -> None:
    shapes = {
        "depthwise_conv1d": ("N C P", "N C H", "C K", "C"),
        "local1d": ("N O P", "N C H", "O C P K", "O P"),
        "conv2d_nhwc": ("N P Q O", "N H V C", "K L C O", "O"),
        "dense": ("I J", "I K", "K J"),
    }
    found = layer(name)
    tensors = (found.output, *found.tensors)
    assert tuple(" ".join(map(str, t.shape)) for t in tensors) == shapes[name]


def test_spaces_and_declarations_change_nothing() -> None:
    text = "x[N,C,H]; w[O,C,K]; " + catalogue()["conv1d"].replace(" ", "")
    assert parse_layer(text) == layer("conv1d")
