"""Forward definitions: the catalogue, and `layer`, which takes a name, a text or an equation.

What frameworks call convolution, ``sum_k x[p+k] w[k]``, is a correlation. The names here follow the
frameworks: ``conv`` is the correlation, ``true_conv`` the convolution ``sum_k x[p-k] w[k]``.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from functools import partial
from typing import NamedTuple

import sympy as sp

from rot180.derive.language.layer_catalogue import LAYERS, SAID, NamedLayer
from rot180.derive.language.notation import Layer, parse_layer
from rot180.derive.language.program_catalogue import NAMED_PROGRAMS, PROGRAMS
from rot180.derive.language.sympy_bridge import from_sympy

__all__ = [
    "AxisLetters",
    "Layer",
    "activation_layer",
    "avg_pool",
    "axis_letters",
    "catalogue",
    "conv",
    "conv_transpose",
    "flatten_linear",
    "layer",
    "named",
    "selected_pool",
]


class AxisLetters(NamedTuple):
    """The names of the indices and parameters of one spatial axis.

    Attributes:
        window: the index of a window: of a convolution's output, or a transposed one's input.
        tap: the index within the filter.
        position: the index that a window has at a tap: of a convolution's input, or a transposed
            one's output.
        stride: the stride.
        dilation: the dilation.
        low: the low padding.

    """

    window: str
    tap: str
    position: str
    stride: str
    dilation: str
    low: str


_AXES = (
    AxisLetters("p", "k", "h", "s", "d", "lo"),
    AxisLetters("q", "l", "v", "t", "e", "lp"),
    AxisLetters("r", "m", "i", "u", "f", "lq"),
)
_HIGHEST = 8


def axis_letters(n: int) -> Sequence[AxisLetters]:
    """Return the letters of n spatial axes.

    Raises:
        ValueError: n is not between 1 and 8.

    """
    if not 1 <= n <= _HIGHEST:
        raise ValueError(f"axes: found {n} spatial axes, expected 1 to {_HIGHEST}")
    if n <= len(_AXES):
        return _AXES[:n]
    return [AxisLetters(*(f"{letter}{i}" for letter in _AXES[0])) for i in range(1, n + 1)]


def _join(*parts: str | Sequence[str]) -> str:
    """Join indices by commas; each character of a plain string is an index."""
    return ",".join(name for part in parts for name in part)


def conv(
    n: int,
    *,
    grouped: bool = False,
    depthwise: bool = False,
    last: bool = False,
    true: bool = False,
) -> str:
    """Return the text of a convolution over n axes, with batch, channels and bias.

    Args:
        n: the number of spatial axes, at least 1.
        grouped: whether input, weight and output have a group axis g.
        depthwise: whether each channel has one filter of its own.
        last: whether the channels come after the spatial axes.
        true: whether it is a true convolution, not a correlation.

    Raises:
        ValueError: n is not between 1 and 8.

    """
    letters = axis_letters(n)
    group = "g" if grouped else ""
    out, into = ("c", "c") if depthwise else ("o", "c")
    windows = [a.window for a in letters]
    taps = [a.tap for a in letters]
    window = [
        f"{s}*{p}-{lo}-{d}*{k}" if true else f"{s}*{p}+{d}*{k}-{lo}"
        for p, k, _, s, d, lo in letters
    ]
    y = _join("n", group, windows, out) if last else _join("n", group, out, windows)
    x = _join("n", group, window, into) if last else _join("n", group, into, window)
    w = _join(group, taps, into, out) if last else _join(group, out, into, taps)
    if depthwise:
        w = _join(taps, "c") if last else _join("c", taps)
    summed = _join(taps) if depthwise else _join("c", taps)
    return f"y[{y}] = sum[{summed}] x[{x}] * w[{w}] + bias[{_join(group, out)}]"


def conv_transpose(n: int, *, grouped: bool = False) -> str:
    """Return the text of the transposed convolution over n axes, with channels and bias.

    Each input entry adds the filter, scaled by it, to the output; the bracket says where.

    Args:
        n: the number of spatial axes, at least 1.
        grouped: whether input, weight and output have a group axis g.

    Raises:
        ValueError: n is not between 1 and 8.

    """
    letters = axis_letters(n)
    group = "g" if grouped else ""
    windows, taps, places = ([a[i] for a in letters] for i in range(3))
    brackets = "".join(f" * [{h} + {lo} == {s}*{p} + {d}*{k}]" for p, k, h, s, d, lo in letters)
    return (
        f"y[{_join('n', group, 'o', places)}] = sum[{_join('c', windows, taps)}] "
        f"x[{_join('n', group, 'c', windows)}] * w[{_join(group, 'c', 'o', taps)}]{brackets}"
        f" + bias[{_join(group, 'o')}]"
    )


def avg_pool(n: int) -> str:
    """Return the text of average pooling over n axes: the sum of each window, times a scalar.

    The scalar ``mean[]`` is one over the number of taps of a window, taps in the padding included.

    Args:
        n: the number of spatial axes, at least 1.

    Raises:
        ValueError: n is not between 1 and 8.

    """
    letters = axis_letters(n)
    places = [f"{s}*{p}+{k}-{lo}" for p, k, _, s, _, lo in letters]
    inside = " * ".join(f"[0 <= {a.tap} < {a.tap.upper()}]" for a in letters)
    windows, taps = [a.window for a in letters], [a.tap for a in letters]
    return (
        f"y[{_join('nc', windows)}] = sum[{_join(taps)}] x[{_join('nc', places)}]"
        f" * {inside} * mean[]"
    )


def selected_pool(n: int) -> str:
    """Return the text of pooling over n axes that takes the entry that each window selects.

    ``sel`` is constant in the derivative: 1 at the tap of the largest entry of a window (the first
    in row-major order, as in PyTorch; never in the padding, which is minus infinity), else 0.

    Args:
        n: the number of spatial axes, at least 1.

    Raises:
        ValueError: n is not between 1 and 8.

    """
    letters = axis_letters(n)
    places = [f"{s}*{p}+{d}*{k}-{lo}" for p, k, _, s, d, lo in letters]
    windows, taps = [a.window for a in letters], [a.tap for a in letters]
    return (
        f"y[{_join('nc', windows)}] = sum[{_join(taps)}] sel[{_join('nc', windows, taps)}]"
        f" * x[{_join('nc', places)}]"
    )


def flatten_linear(n: int) -> str:
    """Return the text of the dense layer over channels and n axes, without a flattened index.

    Args:
        n: the number of spatial axes, at least 1.

    Raises:
        ValueError: n is not between 1 and 8.

    """
    places = [a.position for a in axis_letters(n)]
    inside = _join("c", places)
    return f"y[n,o] = sum[{inside}] x[n,{inside}] * w[o,{inside}] + bias[o]"


def activation_layer(function: str, indices: str = "i") -> str:
    """Return the text of an elementwise scalar function.

    Args:
        function: the name of a known scalar function.
        indices: the indices of an entry, one letter each.

    """
    at = _join(indices)
    return f"a[{at}] = {function}(z[{at}])"


_FAMILIES: dict[str, Callable[[int], str]] = {
    "conv{}d": conv,
    "conv{}d_grouped": partial(conv, grouped=True),
    "conv_transpose{}d": conv_transpose,
    "conv_transpose{}d_grouped": partial(conv_transpose, grouped=True),
    "depthwise_conv{}d": partial(conv, depthwise=True),
    "avg_pool{}d": avg_pool,
    "selected_pool{}d": selected_pool,
    "flatten_linear{}d": flatten_linear,
}
"""Layers over any number of axes: the prefix of their names, and the function for their text."""


def catalogue() -> dict[str, str]:
    """Return the layers that have a name: name to text."""
    out = {
        "linear": "y[n,o] = sum[c] x[n,c] * w[o,c] + bias[o]",
        "dense": "y[i,j] = sum[k] x[i,k] * w[k,j]",
    }
    for pattern, family in _FAMILIES.items():
        out |= {pattern.format(n): family(n) for n in range(1, len(_AXES) + 1)}
    out["squared_error"] = (
        "C[] = 1/2 * sum[n,o] a[n,o] * a[n,o] - sum[n,o] a[n,o] * t[n,o]"
        " + 1/2 * sum[n,o] t[n,o] * t[n,o]"
    )
    for n in (1, 2):
        letters = axis_letters(n)
        y, w = _join([a[0] for a in letters]), _join([a[1] for a in letters])
        x = _join([f"{a[0]}-{a[1]}" for a in letters])
        out[f"true_conv{n}d"] = f"y[{y}] = sum[{w}] x[{x}] * w[{w}] + b[]"
        x = _join([f"{a[0]}+{a[1]}" for a in letters])
        out[f"correlation{n}d"] = f"y[{y}] = sum[{w}] x[{x}] * w[{w}]"
        out[f"true_conv{n}d_batched"] = conv(n, true=True)
    out["conv2d_nhwc"] = conv(2, last=True)
    out["glu"] = "x[N,2,C]; y[N,C]; y[n,c] = x[n,0,c] * sigmoid(x[n,1,c])"
    out["local1d"] = "y[n,o,p] = sum[c,k] x[n,c,s*p+d*k-lo] * w[o,c,p,k] + bias[o,p]"
    out["activated_conv2d"] = (
        "sigma: function; z1[p,q] = sum[k,l] sigma(z[p-k,q-l]) * w[k,l] + b[]"
    )
    return out | {name: entry.text for name, entry in LAYERS.items()}


def named() -> dict[str, NamedLayer]:
    """Return all that has a name, layers and programs, with what is said of each.

    >>> named()["conv3d"].source
    'torch.nn.Conv3d'

    Raises:
        ValueError: nothing is said of a layer.

    """
    return {name: _said(name, text) for name, text in catalogue().items()} | NAMED_PROGRAMS


def _said(name: str, text: str) -> NamedLayer:
    """Return the entry of a layer: its own, or that of the first pattern of names in `SAID`."""
    if name in LAYERS:
        return LAYERS[name]
    axes = re.search(r"(\d)d(?:_|$)", name)
    for pattern, says, source in SAID:
        if fnmatchcase(name, pattern):
            return NamedLayer(text, says, source.format(axes[1] if axes else ""))
    raise ValueError(f"named: found nothing said of {name}, expected a pattern in SAID")


def layer(spec: str | sp.Equality) -> Layer:
    """Return the layer that a catalogue name, a text or a SymPy equation defines.

    >>> layer("linear").text
    'y[n,o] = sum[c] x[n,c] * w[o,c] + bias[o]'

    Raises:
        NotationError: the text is not in the notation.
        ValueError: no layer has that name, or a part of the equation is not in the language.
        TypeError: the argument is neither a text nor an equation.

    """
    if isinstance(spec, sp.Equality):
        return from_sympy(spec)
    if not isinstance(spec, str):
        raise TypeError(
            f"layer: found {type(spec).__name__}, expected a name, a text or a SymPy equation"
        )
    name = spec.strip()
    if not re.fullmatch(r"\w+", name):
        return parse_layer(spec)
    known = catalogue()
    if name in known:
        return parse_layer(known[name], name)
    for pattern, family in _FAMILIES.items():
        by_rank = re.fullmatch(pattern.format(f"([1-{_HIGHEST}])"), name)
        if by_rank:
            return parse_layer(family(int(by_rank[1])), name)
    if name in PROGRAMS:
        raise ValueError(
            f"layer: found {name!r}, a program of several definitions, expected a layer; "
            f"rot180.derive.program({name!r}) reads it"
        )
    every = {**known, **PROGRAMS}
    near = difflib.get_close_matches(name, every, n=3, cutoff=0.4) or sorted(every)
    raise ValueError(
        f"layer: found {name!r}, expected a catalogue name (near: {', '.join(near)}) or a text "
        "such as 'y[p] = sum[k] x[p+k] * w[k]'"
    )
