"""Parses the text of a network: ``conv2d 8 3x3 padding 1; relu; flatten; linear 10; ...``.

A part is a name and its numbers: the channels (``8``, or ``1->8`` with the input channels), the
window (``3x3``, or ``3`` for every axis), then ``stride``, ``padding`` and ``dilation``, each with
a number or one for each axis (``2x1``). The last part is the loss.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NoReturn

from rot180.derive.language.limits import cure as raising
from rot180.derive.language.limits import most
from rot180.derive.language.tokens import NotationError, Token

LOSSES = ("squared_error", "softmax_cross_entropy")
"""The parts that may only be, and one of which must be, the last part."""

ACTIVATIONS = ("relu", "sigmoid", "tanh", "softplus", "silu", "gelu")
"""The scalar functions that may be a part."""

_KINDS = ("conv", "avg_pool", "max_pool")
_OPTIONS = {
    "conv": {"stride": 1, "padding": 0, "dilation": 1},
    "avg_pool": {"stride": 0, "padding": 0},
    "max_pool": {"stride": 0, "padding": 0, "dilation": 1},
}
_MOST_AXES = 3


@dataclass(frozen=True)
class Part:
    """A part of a network.

    Attributes:
        word: its name, e.g. "conv2d".
        kind: its family: "conv", "avg_pool", "max_pool", "linear", "activation", "loss".
        axes: how many spatial axes its input has; a dense layer flattens them.
        inputs: the number of input channels, if the text has it.
        outputs: the number of output channels of a convolution or a dense layer, else 0.
        window: the size of the filter or of the pooling window on each axis.
        stride: the stride on each axis.
        padding: the padding on each axis.
        dilation: the dilation on each axis.

    """

    word: str
    kind: str
    axes: int = 0
    inputs: int | None = None
    outputs: int = 0
    window: tuple[int, ...] = ()
    stride: tuple[int, ...] = ()
    padding: tuple[int, ...] = ()
    dilation: tuple[int, ...] = ()
    at: Token = field(default=Token("", 0), compare=False, repr=False)

    def __str__(self) -> str:
        words = ["flatten; linear" if self.kind == "linear" and self.axes else self.word]
        if self.outputs:
            came = f"{self.inputs}->" if self.inputs else ""
            words.append(f"{came}{self.outputs}")
        words += ["x".join(map(str, self.window))] if self.window else []
        for option, usual in _OPTIONS.get(self.kind, {}).items():
            value = getattr(self, option)
            if value != (self.window if not usual and option == "stride" else (usual,) * self.axes):
                words.append(f"{option} {'x'.join(map(str, value))}")
        return " ".join(words)


def parse_network(source: str | Sequence[str]) -> tuple[Part, ...]:
    """Parse the parts of a network, from one text or from a list with one text for each part.

    >>> text = "conv2d 8 3 stride 2; relu; flatten; linear 10; squared_error"
    >>> [str(p) for p in parse_network(text)]
    ['conv2d 8 3x3 stride 2x2', 'relu', 'flatten; linear 10', 'squared_error']

    Raises:
        NotationError: the text is not a network; a caret in the message marks the error.

    """
    text = source if isinstance(source, str) else "; ".join(source)
    read = _NetworkReader(text)
    found = [m for m in re.finditer(r"[^;\n]+", text) if m[0].strip()]
    if len(found) > most("layers"):
        over = found[most("layers")]
        at = Token(over[0].strip(), over.end() - len(over[0].lstrip()))
        cure = f"write a shorter network, or {raising('layers', len(found))}"
        read.fail(f"{len(found)} layers", at, f"at most {most('layers')}", cure)
    return _checked(read, [read.part(m) for m in found])


class _NetworkReader:
    """Reads the words of one part after the other."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.words: list[Token] = []
        self.end = Token("", len(source))

    def fail(self, problem: str, at: Token, expected: str = "", cure: str = "") -> NoReturn:
        raise NotationError(problem, self.source, at, expected=expected, cure=cure)

    def part(self, found: re.Match[str]) -> Part:
        """Parse one part."""
        self.words = [Token(m[0], found.start() + m.start()) for m in re.finditer(r"\S+", found[0])]
        self.end = Token("", found.start() + len(found[0].rstrip()))
        head = self.words.pop(0)
        word = head.text
        windowed = re.fullmatch(rf"({'|'.join(_KINDS)})([1-{_MOST_AXES}])d", word)
        if windowed:
            part = self._windowed(head, windowed[1], int(windowed[2]))
        elif word == "linear":
            inputs, outputs = self._channels()
            part = Part(word, word, 0, inputs, outputs, at=head)
        elif word in (*ACTIVATIONS, *LOSSES, "flatten"):
            kind = "activation" if word in ACTIVATIONS else "loss" if word in LOSSES else word
            part = Part(word, kind, at=head)
        else:
            known = [*(f"{k}2d" for k in _KINDS), "linear", "flatten", *ACTIVATIONS, *LOSSES]
            self.fail("unknown layer or loss", head, ", ".join(known))
        if self.words:
            self.fail(f"extra words after {word}", self.words[0], "; or the end", "drop the rest")
        return part

    def _windowed(self, head: Token, kind: str, axes: int) -> Part:
        inputs, outputs = self._channels() if kind == "conv" else (None, 0)
        window = self._sizes(axes, "the window", 1)
        values = {name: (n,) * axes for name, n in _OPTIONS[kind].items()}
        values["stride"] = values["stride"] if kind == "conv" else window
        values.setdefault("dilation", (1,) * axes)
        while self.words:
            option = self.words.pop(0)
            if option.text not in _OPTIONS[kind]:
                self.fail(f"{head.text} has no such option", option, ", ".join(_OPTIONS[kind]))
            at = self.words[0] if self.words else self.end
            values[option.text] = self._sizes(axes, option.text, int(option.text != "padding"))
        extents = [d * (k - 1) + 1 for d, k in zip(values["dilation"], window, strict=True)]
        half = [e // 2 for e in extents]
        if kind != "conv" and any(p > h for p, h in zip(values["padding"], half, strict=True)):
            most = "x".join(map(str, half))
            self.fail("a window may lie entirely in the padding", at, f"padding {most} or less")
        return Part(head.text, kind, axes, inputs, outputs, window, **values, at=head)

    def _take(self, what: str, pattern: str, expected: str) -> re.Match[str]:
        token = self.words.pop(0) if self.words else self.end
        found = re.fullmatch(pattern, token.text)
        if not found:
            fault = "missing" if token is self.end else "malformed"
            self.fail(f"{what} is {fault}", token, expected)
        return found

    def _channels(self) -> tuple[int | None, int]:
        found = self._take(
            "the number of channels", r"(?:([1-9]\d{0,6})->)?([1-9]\d{0,6})", "such as 8 or 1->8"
        )
        return int(found[1]) if found[1] else None, int(found[2])

    def _sizes(self, axes: int, what: str, least: int) -> tuple[int, ...]:
        at = self.words[0] if self.words else self.end
        found = self._take(what, r"\d{1,6}(?:x\d{1,6})*", f"such as 3 or {'x'.join('3' * axes)}")
        sizes = tuple(map(int, found[0].split("x")))
        sizes = sizes * axes if len(sizes) == 1 else sizes
        if len(sizes) != axes or min(sizes) < least:
            many = "x".join("3" * axes)
            expected = f"one number >= {least}, or {axes} such as {many}"
            self.fail(f"{what} does not fit", at, expected)
        return sizes


def _checked(read: _NetworkReader, parts: Sequence[Part]) -> tuple[Part, ...]:
    """Check that each part accepts the output of the one before, and set its number of axes."""
    if not parts or parts[-1].kind != "loss":
        read.fail("the loss is missing", read.end, ", ".join(LOSSES), "end with a loss")
    if not any(p.outputs for p in parts):
        read.fail("there is nothing to train", parts[0].at, "a convolution or a linear layer")
    first = next((p for p in parts if p.kind not in ("activation", "loss")), parts[-1])
    axes = 2 if first.kind == "flatten" else first.axes
    channels: int | None = None
    flat = False
    out = []
    for part in parts:
        if problem := _misplaced(part, axes, flat, last=part is parts[-1]):
            read.fail(problem[0], part.at, cure=problem[1])
        if part.inputs and channels and part.inputs != channels and not flat:
            read.fail(f"{part.word} takes {part.inputs} channels", part.at, str(channels))
        if part.kind == "flatten":
            flat = True
            continue
        out.append(replace(part, axes=axes))
        channels = part.outputs or channels
        if part.kind == "linear":
            axes, flat = 0, False
    return tuple(out)


def _misplaced(part: Part, axes: int, flat: bool, last: bool) -> tuple[str, str] | None:
    """Return why a part cannot follow an input with `axes` spatial axes, and the cure."""
    if flat and part.kind != "linear":
        return "flatten may only precede a dense layer", "put linear after flatten"
    if part.kind in _KINDS and part.axes != axes:
        return f"{part.word} does not fit: there are {axes} spatial axes", "take another part"
    if part.kind == "linear" and axes and not flat:
        return f"linear does not fit: there are {axes} spatial axes", "put flatten before it"
    if part.kind == "flatten" and not axes:
        return "there is nothing to flatten", "drop it"
    if part.kind == "loss" and axes:
        return f"{part.word} does not fit: there are {axes} spatial axes", "end with linear"
    if part.kind == "loss" and not last:
        return f"{part.word} is not the last part", "end with one loss"
    return None
