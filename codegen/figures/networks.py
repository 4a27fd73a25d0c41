"""Pictures of networks: nodes and connections, from a dense layer to a convolution."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from rot180.codegen.figures.expand import Index
from rot180.codegen.figures.grid import grid
from rot180.codegen.figures.one_axis import legend
from rot180.codegen.figures.sample import SampledLayer, sampled_layer
from rot180.codegen.figures.shapes import Link, Node, Picture, Point, Shape
from rot180.codegen.figures.two_axes import window_positions
from rot180.derive.display.notations import DEEP_LEARNING, Symbols
from rot180.derive.language.layers import layer

RISE = 1.25
"""The distance between the nodes of a layer, in cells."""

ACROSS = 5.5
"""The distance between two layers, in cells."""

DENSE = "sigma: function; y[o] = sum[c] sigma(z[c]) * w[o,c] + b[o]"
SHARED = "sigma: function; y[p] = sum[k] sigma(z[p+2-k]) * w[k] + b[]"
SHARED_2D = "sigma: function; y[p,q] = sum[k,l] sigma(z[p+2-k,q+2-l]) * w[k,l] + b[]"


def network_pictures(symbols: Symbols = DEEP_LEARNING) -> list[Picture]:
    """Return the steps from a network to a convolution: deltas, connections cut, weights shared."""
    dense = sampled_layer(layer(DENSE), {"C": 5, "O": 3}, symbols=symbols)
    conv = sampled_layer(layer(SHARED), {"P": 3, "K": 3}, symbols=symbols)
    both = sampled_layer(layer(SHARED_2D), {"P": 3, "Q": 3, "K": 3, "L": 3}, symbols=symbols)
    plane = window_positions(grid(both, both.forward), "forward")
    found = [
        deltas(dense),
        cut(dense, conv),
        shared(conv),
        replace(plane, name="convolution", title="The same in two dimensions"),
    ]
    return [replace(p, name=f"network-{p.name}") for p in found]


def deltas(sample: SampledLayer) -> Picture:
    """Draw the delta of one node of a network."""
    x = sample.chosen()
    caption = (
        f"The node ${sample.label(sample.operand.name, x)}$ affects the loss through every "
        "node of the next layer, so its delta is the sum of theirs, each times the weight of the "
        f"connection: {sample.delta(x)}."
    )
    faint = [replace(w, look="cut") for w in _wires(sample)]
    pairs = zip(_wires(sample, x), sample.weights(x), strict=True)
    named = [replace(wire, label=weight) for wire, weight in pairs]
    looks = {p: "strong" if p == x else "faint" for p in sample.inputs()}
    shapes = (*faint, *named, *_nodes(sample, looks, back=True))
    return Picture("deltas", "The delta of one node of a network", caption, shapes)


def cut(dense: SampledLayer, conv: SampledLayer) -> Picture:
    """Draw the connections of a dense layer that a convolution keeps."""
    kept = {(x, y) for x, y, _ in conv.links}
    looks = ["plain" if (x, y) in kept else "cut" for x, y, _ in dense.links]
    wires = [replace(w, look=look) for w, look in zip(_wires(dense), looks, strict=True)]
    wires.sort(key=lambda w: w.look == "plain")
    caption = (
        f"Each output keeps {len(kept) // len(conv.outputs())} of its {len(dense.inputs())} "
        "connections, to inputs side by side; the dotted ones are cut. Every remaining connection "
        "still has a weight of its own."
    )
    shapes = (*wires, *_nodes(conv))
    return Picture("cut", "The network with connections cut", caption, shapes)


def shared(conv: SampledLayer) -> Picture:
    """Draw the remaining connections; those that share a weight look alike."""
    roles = conv.taps()
    pairs = zip(_wires(conv), conv.links, strict=True)
    wires = [replace(wire, role=roles[w]) for wire, (_, _, w) in pairs]
    caption = (
        f"Lines that look alike now share a weight: the same {len(roles)} weights are applied to "
        "other nodes as the window moves down. This is a convolution; its weights are the filter."
    )
    below = legend(conv, RISE * (len(conv.inputs()) - 1) + 1.1, ACROSS / 2)
    shapes = (*wires, *_nodes(conv), *below)
    return Picture("shared", "The weights shared", caption, shapes)


def _wires(sample: SampledLayer, only: Index | None = None) -> list[Link]:
    """Draw the connections, or those of one input."""
    return [
        Link(_node(sample, x, sample.inputs(), 0), _node(sample, y, sample.outputs(), 1), "ink",
             tooltip=sample.tooltip(x, y, w))
        for x, y, w in sample.links
        if only in (None, x)
    ]


def _nodes(
    sample: SampledLayer, looks: Mapping[Index, str] | None = None, back: bool = False
) -> list[Shape]:
    """Draw two layers of a network, side by side; `looks` are those of inputs not plain."""
    heads, tails, target = sample.inputs(), sample.outputs(), sample.forward.target.name
    name, role = (f"grad_{target}", "gradient") if back else (target, "output")
    shapes: list[Shape] = [
        Node(_node(sample, x, heads, 0), "input", sample.label(sample.operand.name, x),
             (looks or {}).get(x, "plain"))
        for x in heads
    ]
    return shapes + [Node(_node(sample, y, tails, 1), role, sample.label(name, y)) for y in tails]


def _node(sample: SampledLayer, place: Index, among: list[Index], layer: int) -> Point:
    """Return the centre of a node."""
    most = max(len(sample.inputs()), len(sample.outputs()))
    return (ACROSS * layer, RISE * (among.index(place) + (most - len(among)) / 2))
