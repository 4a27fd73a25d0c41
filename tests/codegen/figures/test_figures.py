"""Pictures show what the layer means: their links are the nonzero products, their taps rotated."""

from __future__ import annotations

import math
import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from rot180.codegen.documents.model import FIGURE_WIDTH
from rot180.codegen.figures.colors import COLORS
from rot180.codegen.figures.figures import Picture, crowded, network_pictures, pictures
from rot180.codegen.figures.math_labels import inline, plain, spans
from rot180.codegen.figures.sample import SampledLayer, sampled_layer
from rot180.codegen.figures.sample_sizes import sample_sizes
from rot180.codegen.figures.shapes import Cell, Frame, Label, Link, Node, extent
from rot180.codegen.figures.stepper import stepper_data
from rot180.codegen.figures.svg import svg
from rot180.codegen.figures.tikz import tikz, tikz_preamble
from rot180.codegen.figures.windows import Window, windowed_layer
from rot180.derive.display.notations import NIELSEN
from rot180.derive.language.layers import layer
from rot180.derive.language.polynomial import symbol
from rot180.derive.semantics.evaluate import evaluate
from rot180.derive.semantics.model import Model

SPECS = [
    "conv1d",
    "conv2d",
    "true_conv1d",
    "true_conv1d_batched",
    "correlation2d",
    "conv_transpose1d",
    "local1d",
    "depthwise_conv2d",
    "activated_conv2d",
    "linear",
    "y[p] = sum[k] x[3*p+2*k-a] * w[k]",
    "y[p] = sum[k] x[2*p+1-3*k] * w[k]",
    "y[p] = x[2*p]",
    "y[c,p] = sum[k] x[c,s*p+k] * [0 <= k < K]",
]


@cache
def every(spec: str) -> tuple[Picture, ...]:
    return tuple(network_pictures() if spec == "network" else pictures(layer(spec)))


def drawn(spec: str) -> dict[str, Picture]:
    """Return a layer's pictures by the word that ends their names."""
    return {p.name.split("-", 1)[1]: p for p in every(spec)}


def labels(shapes: tuple[object, ...], role: str) -> list[str]:
    return [s.label for s in shapes if isinstance(s, Cell) and s.role == role]


def entries(label: str) -> tuple[int, ...]:
    """Read the index of a label such as ``w_{12}``."""
    found = re.fullmatch(r".*_\{(?:\d+;)?([\d,]+)\}", label)
    assert found, label
    return tuple(map(int, found[1].split(",") if "," in found[1] else found[1]))


@pytest.mark.parametrize("spec", [s for s in SPECS if s != "activated_conv2d"])
@pytest.mark.parametrize("stride", [1, 2])
def test_the_links_are_the_nonzero_products(spec: str, stride: int) -> None:
    """Adding x times w over the links of an output gives the layer's value, and nothing more."""
    sample = sampled_layer(layer(spec), stride=stride)
    model = Model({symbol(name): n for name, n in sample.env.items()}, limit=9)
    window = sample.forward
    tables = {t.name: model.values(t) for t in sample.windowed.layer.tensors}
    for point in sample.outputs():
        found = [p for p in window.products(sample.env, point) if not p.is_zero]
        links = [(x, w) for x, y, w in sample.links if y == point]
        assert [(sample.where(window, p), sample.weight(window, p)) for p in found] == links
        read = [[m.entry for m in p.reads if m.entry] for p in found]
        value = sum(math.prod(int(tables[e.tensor][e.index]) for e in each) for each in read)
        index = dict.fromkeys(window.fixed, 0) | dict(zip(window.free, point, strict=True))
        assert value == evaluate((window.term,), model, index)


@pytest.mark.parametrize("spec", ["conv1d", "true_conv1d", "local1d"])
def test_links_of_the_picture_are_those_of_the_layer(spec: str) -> None:
    for name, picture in drawn(spec).items():
        if name.startswith("connections"):
            stride = 2 if name.endswith("2") else 1
            sample = sampled_layer(layer(spec), stride=stride)
            said = [s.tooltip for s in picture.shapes if isinstance(s, Link) and s.tooltip]
            assert said == [sample.tooltip(x, y, w) for x, y, w in sample.links]


def test_another_forward_index_is_another_picture() -> None:
    one, other, third = (
        drawn(f"y[p] = sum[k] x[{index}] * w[k]")["connections"].shapes
        for index in ("p+k", "2*p+k", "p+2*k")
    )
    assert one != other != third != one


@pytest.mark.parametrize(
    ("spec", "forward", "backward"),
    [
        ("y[p] = sum[k] x[p+k] * w[k]", [0, 1, 2], [2, 1, 0]),
        ("y[p] = sum[k] x[p-k] * w[k]", [2, 1, 0], [0, 1, 2]),
        ("y[p] = sum[k] x[2*p+3*k] * w[k]", [0, 1, 2], [2, 1, 0]),
    ],
)
def test_the_taps_of_the_backward_window_are_rotated(
    spec: str, forward: list[int], backward: list[int]
) -> None:
    found = drawn(spec)
    for direction, order in (("forward", forward), ("backward", backward)):
        taps = sorted(
            (s.at[1], s.at[0], entries(s.label)[0])
            for s in found[direction].shapes
            if isinstance(s, Cell) and s.role == "weight"
        )
        rows: dict[float, list[int]] = {}
        for y, _, tap in taps:
            rows.setdefault(y, []).append(tap)
        assert all(row == order for row in rows.values())


def test_the_backward_window_of_a_plane_is_rotated_by_180_degrees() -> None:
    found = drawn("conv2d")
    directions = ("forward", "backward")
    taps = {d: labels(found[f"{d}-2"].shapes, "weight") for d in directions}
    assert taps["backward"] == taps["forward"][::-1]
    assert "rotated by 180 degrees" in found["backward-2"].caption


def test_stride_puts_zeros_between_the_entries() -> None:
    found = drawn("conv1d")
    assert "zeros-1" not in found
    cells = [s for s in found["zeros-2"].shapes if isinstance(s, Cell) and s.at[1] > 1]
    shown = [s.label for s in sorted(cells, key=lambda s: s.at[0])]
    assert shown == ["g_{0}", "0", "g_{1}", "0", "g_{2}", "0", "g_{3}"]
    wide = drawn("y[p] = sum[k] x[3*p+2*k-a] * w[k]")["zeros"]
    assert [s.look for s in wide.shapes if isinstance(s, Cell)].count("zero") == 6


@pytest.mark.parametrize("spec", ["conv1d", "conv2d", "y[p] = sum[k] x[3*p+2*k-a] * w[k]"])
def test_hatched_inputs_have_no_gradient(spec: str) -> None:
    name = "remainder" if "[" in spec else "remainder-2"
    hatched = {
        s.label for s in drawn(spec)[name].shapes if isinstance(s, Cell) and s.look == "hatched"
    }
    assert hatched
    strides = 2
    given = layer(spec)
    gap = max(1, int(windowed_layer(given).axes[0].stride) - 1) if "[" in spec else 1
    sample = sampled_layer(given, stride=strides).larger(gap, ())
    fed = {sample.label(sample.operand.name, x) for x, _, _ in sample.links}
    everything = {sample.label(sample.operand.name, x) for x in sample.inputs()}
    assert hatched == everything - fed


def test_the_matrix_is_that_of_the_links_and_its_transpose() -> None:
    picture = drawn("conv1d")["toeplitz-2"]
    cells = [s for s in picture.shapes if isinstance(s, Cell) and s.label]
    sample = sampled_layer(layer("conv1d"), stride=2)
    assert len(cells) == 2 * len(sample.links)
    right = max(s.at[0] for s in picture.shapes if isinstance(s, Cell))
    middle = right - len(sample.outputs()) + 0.5
    matrix = [s for s in cells if s.at[0] < middle]
    left, top = (min(s.at[i] for s in matrix) for i in (0, 1))
    found = {(round(s.at[0] - left), round(s.at[1] - top), s.label) for s in matrix}
    first = min(x[0] for x, _, _ in sample.links)
    assert found == {(x[0] - first, y[0], w) for x, y, w in sample.links}


def test_the_network_becomes_a_convolution() -> None:
    deltas, cut, shared, plane = network_pictures()
    wires = [s for s in cut.shapes if isinstance(s, Link)]
    kept = [s for s in wires if s.look == "plain"]
    alike = [s for s in shared.shapes if isinstance(s, Link) and s.tooltip]
    assert len(wires) == 15
    assert {(s.start, s.end) for s in kept} == {(s.start, s.end) for s in alike}
    assert len({s.role for s in alike}) == 3
    by_weight = {(s.role, s.tooltip.rsplit(" ", 1)[1]) for s in alike}
    assert len(by_weight) == 3
    assert len([s for s in deltas.shapes if isinstance(s, Link) and s.label]) == 3
    assert any(isinstance(s, Frame) for s in plane.shapes)


@pytest.mark.parametrize("spec", [*SPECS, "network"])
def test_svg_is_well_formed_and_says_what_it_shows(spec: str) -> None:
    for picture in every(spec):
        root = ElementTree.fromstring(svg(picture))
        space = "{http://www.w3.org/2000/svg}"
        assert root.get("role") == "img"
        ids = [e.get("id") for e in root.iter() if e.get("id")]
        assert len(ids) == len(set(ids))
        assert root.get("aria-labelledby") == f"{picture.name}-title {picture.name}-desc"
        title = root.find(f"{space}title")
        assert title is not None
        assert title.text == plain(picture.title)
        assert "$" not in "".join(root.itertext())
        assert "\\" not in "".join(root.itertext())


def test_pictures_are_the_same_every_time() -> None:
    drawn_twice = (every("conv1d"), tuple(pictures(layer("conv1d"))))
    once, again = ([(svg(p), tikz(p, FIGURE_WIDTH)) for p in found] for found in drawn_twice)
    assert once == again


@pytest.mark.parametrize("spec", SPECS)
def test_nothing_overlaps_and_everything_is_inside(spec: str) -> None:
    for picture in every(spec):
        corners = [s.at for s in picture.shapes if isinstance(s, Cell)]
        assert len(corners) == len(set(corners))
        for (x, y), (u, v) in product(corners, repeat=2):
            assert (x, y) == (u, v) or abs(x - u) > 0.99 or abs(y - v) > 0.99
        nodes = [s.at for s in picture.shapes if isinstance(s, Node)]
        assert all(a == b or math.dist(a, b) > 1.1 for a, b in product(nodes, repeat=2))
        left, top, right, bottom = extent(picture.shapes)
        assert all(
            left < s.at[0] < right and top < s.at[1] < bottom
            for s in picture.shapes
            if isinstance(s, Cell | Label)
        )


def test_every_role_has_a_colour() -> None:
    found = [p for spec in ("conv1d", "conv2d", "network") for p in every(spec)]
    roles = {s.role for p in found for s in p.shapes if not isinstance(s, Label)}
    assert roles <= COLORS.keys()


def test_tikz_is_no_wider_than_the_text_and_compiles(tmp_path: Path) -> None:
    if not shutil.which("pdflatex"):
        pytest.skip("pdflatex is not installed")
    found = [p for spec in ("conv1d", "conv2d", "network") for p in every(spec)]
    body = "\n\n".join(f"{tikz(p, FIGURE_WIDTH)}\n\n{p.title}. {p.caption}" for p in found)
    head = (
        "\\documentclass[a4paper,10pt]{article}\\usepackage[margin=25mm]{geometry}"
        "\\usepackage{amsmath}\n"
    )
    text = f"{head}{tikz_preamble()}\\begin{{document}}\\noindent\n{body}\n\\end{{document}}\n"
    (tmp_path / "all.tex").write_text(text)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "all.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    for over in re.findall(r"Overfull \\hbox \(([\d.]+)pt", done.stdout):
        assert float(over) < 2
    units = re.findall(r"\[x=([\d.]+)mm", text)
    assert len(units) == len(found)
    for unit, picture in zip(units, found, strict=True):
        left, _, right, _ = extent(picture.shapes)
        assert float(unit) * (right - left) <= FIGURE_WIDTH + 0.1


def test_sizes_can_be_chosen() -> None:
    found = {p.name: p for p in pictures(layer("conv1d"), {"s": 3, "K": 4, "P": 3, "lo": 1})}
    assert "conv1d-connections" in found
    assert sample_sizes(windowed_layer(layer("conv1d")), {"H": 6, "s": 2})["P"] == 2
    with pytest.raises(ValueError, match="sizes: found 'Z', expected one of s, d, lo"):
        pictures(layer("conv1d"), {"Z": 3})


def test_layers_without_a_window_have_no_picture() -> None:
    assert pictures(layer("y[p] = x[p] * w[p]")) == []
    assert pictures(layer("conv3d")) == []
    assert pictures(layer("y[p] = sum[k] x[p+k] * x[p] * w[k]")) == []
    assert pictures(layer("y[p] = x[p] + sum[k] x[p+k] * w[k]")) == []


def nested(kernels: int) -> str:
    """Return a convolution with several kernels, one after another."""
    taps = [f"k{n}" for n in range(kernels)]
    read = " * ".join(f"w{k}[{k}]" for k in taps)
    return f"y[p] = sum[{','.join(taps)}] x[p+{'+'.join(taps)}] * {read}"


def test_a_sum_with_too_many_products_is_neither_drawn_nor_written_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    window = sampled_layer(layer(nested(3))).forward
    sizes = sample_sizes(windowed_layer(layer(nested(3))))
    assert window.count(sizes) == sum(len(window.products(sizes, p)) for p in window.points(sizes))
    assert window.count(sizes) == sizes["P"] * 3**3
    monkeypatch.setattr(Window, "products", lambda *_: pytest.fail("written out"))
    assert pictures(layer(nested(7))) == []
    assert crowded(layer(nested(7))) == f"{5 * 3**7} products"
    assert crowded(layer("conv2d")) == crowded(layer("conv3d")) == ""
    assert crowded(layer("y[p] = x[p] * w[p]")) == ""


@pytest.mark.parametrize(
    ("text", "entries"),
    [
        ("y[p] = x[p+20000]", 20005),
        ("y[p] = x[p+100000000]", 10**8 + 5),
        ("y[p] = sum[k] x[20000*p+k] * w[k]", 3 * 20000 + 3),
        ("y[p] = sum[k] x[p+20000*k] * w[k]", 4 + 2 * 20000 + 1),
        ("y[p,q] = x[p+20000,q+7]", 20003 * 10),
    ],
)
def test_many_entries_are_counted_and_not_listed(
    text: str, entries: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SampledLayer, "inputs", lambda _: pytest.fail("listed"))
    assert pictures(layer(text)) == []
    assert crowded(layer(text)) == f"{entries} entries"


def test_links_have_labels_where_each_is_one_product() -> None:
    """An input that contributes to an output by several products has no one weight there."""
    names = {p.name.removeprefix("layer-") for p in pictures(layer(nested(2)))}
    assert names == {"connections"}
    assert {"delta", "toeplitz"} <= {p.name.removeprefix("layer-") for p in pictures(
        layer(nested(1)))}


@pytest.mark.parametrize(
    ("spec", "weights"),
    [
        ("y[p] = sum[k] x[p+k] * w[k] * v[p]", "w_{0}\\,v_{0}"),
        ("y[p] = sum[k] x[p+k] * [0 <= k < K] * mean[]", "\\mathit{mean}"),
        ("y[p] = 2 * sum[k] x[p+k] * w[k]", "2\\,w_{0}"),
        ("y[p] = sum[k] x[p+k] * [0 <= k < K]", "1"),
    ],
)
def test_a_weight_is_everything_that_an_entry_is_multiplied_by(spec: str, weights: str) -> None:
    sample = sampled_layer(layer(spec))
    assert sample.links[0] == ((0,), (0,), weights)


def test_short_mathematics_as_characters() -> None:
    assert spans("\\sigma(z_{12})") == [
        ("\u03c3", True, 0), ("(", False, 0), ("z", True, 0), ("12", False, 1), (")", False, 0)
    ]
    assert inline("D_{2} g") == "<i>D</i><sub>2</sub><i>g</i>"
    assert plain("the $\\widetilde{w}$ of $T^{\\top}$") == "the w\u0303 of T\u22a4"
    assert inline("a<b") == "<i>a</i>&lt;<i>b</i>"
    assert inline(r"\varepsilon \phi") == "<i>\u03b5\u03d5</i>"


def test_a_notation_reaches_every_label() -> None:
    given = layer("sigma: function; z1[p] = sum[k] sigma(z[p+2-k]) * w[k] + b[]")
    found = {p.name: p for p in pictures(given, symbols=NIELSEN)}
    backward = found["layer-backward"]
    assert labels(backward.shapes, "gradient")[0] == "\\delta^{l+1}_{0}"
    assert "scaled by $\\sigma'(z^{l}_{x})$" in backward.caption
    assert "\\partial C / \\partial z^{l}_{3}" in found["layer-delta"].caption
    views: Any = stepper_data(given, NIELSEN)["views"]
    assert [view["target"] for view in views] == [
        "<i>z</i><sup><i>l</i>+1</sup>", "<i>\u03b4</i><sup><i>l</i></sup>"
    ]


@pytest.mark.parametrize(
    ("given", "kind", "name"),
    [
        ("y[p] = sum[k] x[p+k] * w[k]", "delta", "delta.svg"),
        ("y[p] = sum[k] x[2*p+k] * w[k]", "backward", "window.svg"),
    ],
)
def test_the_pictures_in_the_readme(
    given: str, kind: str, name: str, request: pytest.FixtureRequest
) -> None:
    text = svg(next(p for p in pictures(layer(given)) if p.name.endswith(kind)))
    path = Path(__file__).parents[3] / "docs" / name
    if request.config.getoption("--update-golden"):
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text, "run pytest --update-golden"
