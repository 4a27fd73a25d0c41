"""Layers, networks, theorems and proofs show themselves: `repr` in a line, notebooks as HTML."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from rot180.derive import gradient, layer, theorem
from rot180.derive.display import mathml
from rot180.derive.language.printer import ONE_LINE
from rot180.derive.networks.network import network

LAYER = layer("y[n,o,p] = sum[c,k] x[n,c,s*p+d*k-lo] * w[o,c,k] + bias[o]")
NETWORK = network("conv1d 1->2 3; relu; max_pool1d 2; flatten; linear 2; squared_error")
THEOREM = gradient(LAYER, "x")
SHOWN = (LAYER, NETWORK, THEOREM, THEOREM.proof, theorem("output_size"), layer("y[i] = 5"))

HARMLESS = {"table", "tr", "td", "p", "span", "code", "em", "strong", "br", "wbr"}
MATHML = {"math", *(name for name in mathml._NAMES if name.startswith("m"))}


class Tags(HTMLParser):
    """Finds the tags and the attributes of a text in HTML."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.open += [] if tag in ("br", "wbr") else [tag]

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("one", SHOWN, ids=lambda one: type(one).__name__)
def test_repr_is_a_line(one: object) -> None:
    shown = repr(one)
    assert shown.startswith(f"<{type(one).__name__} ") and shown.endswith(">")
    assert len(shown) <= ONE_LINE and shown.isprintable()


def test_repr_has_the_name_and_the_statement() -> None:
    assert repr(layer("dense")) == "<Layer y[i,j] = sum[k] x[i,k] * w[k,j]>"
    assert repr(theorem("output_size")).startswith("<Theorem output_size: [0 <= p < P] = [0 <= s*p")
    assert repr(theorem("output_size").proof) == "<Proof output_size: 1 step from [0 <= p < P]>"
    assert repr(network("linear 3; squared_error")) == "<Network linear 3; squared_error>"


@pytest.mark.parametrize("one", SHOWN, ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("available", [True, False])
def test_notebooks_show_html_without_scripts(
    one: object, available: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With MathML or without; its tags are closed, and nothing in it runs or loads anything."""
    if available and not mathml.available():
        pytest.skip(mathml.MISSING)
    monkeypatch.setattr(mathml, "available", lambda: available)
    html = getattr(one, "_repr_html_")()  # noqa: B009
    found = Tags()
    found.feed(html)
    found.close()
    assert found.open == [] and found.tags and found.tags <= HARMLESS | MATHML
    assert not [name for name in found.attributes if name.startswith("on") or name == "href"]


def test_a_layer_in_a_notebook_has_its_sum_and_its_boxes() -> None:
    latex = getattr(LAYER, "_repr_latex_")()  # noqa: B009
    assert r"\sum_{c, k} x[n, c, s p + d k - \mathit{lo}]\,w[o, c, k]" in latex
    assert re.search(r"Here \$x\$ has the box \$N \\times C \\times H\$, ", latex)
