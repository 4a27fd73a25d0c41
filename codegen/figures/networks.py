"""Pictures of networks: nodes and connections, from a dense layer to a convolution."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from rot180.codegen.figures.expand import Place
from rot180.codegen.figures.grid import grid
from rot180.codegen.figures.one_axis import legend
from rot180.codegen.figures.sample import Specimen, specimen
from rot180.codegen.figures.shapes import Link, Node, Picture, Point, Shape
from rot180.codegen.figures.two_axes import slide
from rot180.derive.display.notations import DEEP_LEARNING, Symbols
from rot180.derive.language.layers import layer

RISE = 1.25
"""How far the nodes of a layer are apart."""

ACROSS = 5.5
"""How far two layers are apart."""

DENSE = "y[o] = sum[c] sigma(z[c]) * w[o,c] + b[o]"
SHARED = "y[p] = sum[k] sigma(z[p+2-k]) * w[k] + b[]"
SHARED_2D = "y[p,q] = sum[k,l] sigma(z[p+2-k,q+2-l]) * w[k,l] + b[]"


def network_pictures(symbols: Symbols = DEEP_LEARNING) -> list[Picture]:
    """Return the way from a network to a convolution: deltas, cut connections, shared weights."""
    dense = specimen(layer(DENSE), {"C": 5, "O": 3}, symbols=symbols)
    conv = specimen(layer(SHARED), {"P": 3, "K": 3}, symbols=symbols)
    both = specimen(layer(SHARED_2D), {"P": 3, "Q": 3, "K": 3, "L": 3}, symbols=symbols)
    plane = slide(grid(both, both.forward), "forward")
    found = [
        deltas(dense),
        _cut(dense, conv),
        _shared(conv),
        replace(plane, name="convolution", title="The same in two dimensions"),
    ]
    return [replace(p, name=f"network-{p.name}") for p in found]


def deltas(at: Specimen) -> Picture:
    """Draw the delta of one node of a network."""
    x = at.chosen()
    caption = (
        f"The node ${at.label(at.moved.swept.name, x)}$ reaches the loss through every node of "
        "the next layer, so its delta adds theirs, each scaled by the weight between them: "
        f"{at.delta(x)}."
    )
    faint = [replace(w, look="cut") for w in _wires(at)]
    pairs = zip(_wires(at, x), at.weights(x), strict=True)
    named = [replace(wire, label=weight) for wire, weight in pairs]
    looks = {p: "strong" if p == x else "faint" for p in at.inputs()}
    shapes = (*faint, *named, *_nodes(at, looks, back=True))
    return Picture("deltas", "Deltas of a network, counted on fingers", caption, shapes)


def _cut(dense: Specimen, conv: Specimen) -> Picture:
    """Draw the connections of a dense layer that a convolution keeps."""
    kept = {(x, y) for x, y, _ in conv.feeds()}
    looks = ["plain" if (x, y) in kept else "cut" for x, y, _ in dense.feeds()]
    wires = [replace(w, look=look) for w, look in zip(_wires(dense), looks, strict=True)]
    wires.sort(key=lambda w: w.look == "plain")
    caption = (
        f"Each node keeps {len(kept) // len(conv.outputs())} of its {len(dense.inputs())} "
        "connections, those to neighbours; the dotted ones are cut. Every line still has a weight "
        "of its own."
    )
    shapes = (*wires, *_nodes(conv))
    return Picture("cut", "The network with connections cut", caption, shapes)


def _shared(conv: Specimen) -> Picture:
    """Draw the connections that are left, those that share a weight alike."""
    roles = conv.taps()
    pairs = zip(_wires(conv), conv.feeds(), strict=True)
    wires = [replace(wire, role=roles[w]) for wire, (_, _, w) in pairs]
    caption = (
        f"Lines that look alike now share one weight: the same {len(roles)} weights meet other "
        "nodes as the window moves down. That is a convolution, and its weights are the filter."
    )
    below = legend(conv, RISE * (len(conv.inputs()) - 1) + 1.1, ACROSS / 2)
    shapes = (*wires, *_nodes(conv), *below)
    return Picture("shared", "The weights shared", caption, shapes)


def _wires(at: Specimen, only: Place | None = None) -> list[Link]:
    """Draw the connections, or those of one input."""
    return [
        Link(_node(at, x, at.inputs(), 0), _node(at, y, at.outputs(), 1), "ink",
             says=at.says(x, y, w))
        for x, y, w in at.feeds()
        if only in (None, x)
    ]


def _nodes(
    at: Specimen, looks: Mapping[Place, str] | None = None, back: bool = False
) -> list[Shape]:
    """Draw two layers of a network, side by side; `looks` says which inputs stand out."""
    heads, tails, target = at.inputs(), at.outputs(), at.forward.target.name
    name, role = (f"grad_{target}", "gradient") if back else (target, "output")
    shapes: list[Shape] = [
        Node(_node(at, x, heads, 0), "input", at.label(at.moved.swept.name, x),
             (looks or {}).get(x, "plain"))
        for x in heads
    ]
    return shapes + [Node(_node(at, y, tails, 1), role, at.label(name, y)) for y in tails]


def _node(at: Specimen, place: Place, among: list[Place], layer: int) -> Point:
    """Return the centre of a node."""
    most = max(len(at.inputs()), len(at.outputs()))
    return (ACROSS * layer, RISE * (among.index(place) + (most - len(among)) / 2))
