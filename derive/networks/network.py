"""A network of layers in sequence, and the five steps of backpropagation as theorems about it.

`network` parses the text; `Network.steps` returns the five steps: input, feedforward, output error,
backpropagate, output the gradient. Each entry is a definition or a theorem. Sizes, channels and
batch are symbols; strides, paddings and pooling windows are the numbers in the text.
"""

from __future__ import annotations

import html
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property

import sympy as sp
from sympy import Expr, Symbol

from rot180.derive.gradients.gradient import gradient, operand
from rot180.derive.kernel.proof import Theorem
from rot180.derive.language.layers import Layer, activation_layer, axis_letters, layer
from rot180.derive.language.notation import make_layer, unfold_activation, write
from rot180.derive.language.polynomial import symbol, text
from rot180.derive.language.printer import on_one_line
from rot180.derive.language.spelling import application
from rot180.derive.language.terms import Access, Tensor, tensors
from rot180.derive.networks.chain_rule import (
    backpropagate,
    derivative,
    loss_gradient,
    operand_images,
    unfold_right_side,
)
from rot180.derive.networks.parser import Part, parse_network
from rot180.derive.search.citation import instantiate_tensor
from rot180.derive.theorems.registry import theorem

COST, TARGET, INPUT = "C", "t", "x"
_INPUTS = {"activation": "z"}
_LETTERS = {"conv": "z", "linear": "z", "activation": "a", "avg_pool": "p", "max_pool": "p"}
_OPERANDS = {"w": "w", "bias": "b", "mean": "mean", "sel": "sel", "m": "m"}
_HELD = {
    "sel": "1 at the first largest entry of each window, held fixed",
    "mean": "one over the number of entries of a window",
    "m": "the largest entry of each row, held fixed",
}
PARAMETERS = ("w", "bias")
"""The names of the trained operands in layers."""

PARAMETER = "a parameter"
"""The description of such an operand."""


@dataclass(frozen=True)
class Member:
    """A layer of a network.

    Attributes:
        part: its part of the text.
        layer: the layer, with its own names; equal members share it, and its theorems.
        symbols: the sizes of the layer in the network.
        operands: its operands except the input, by their names in the layer.
        source: the input of the layer.
        output: its output, as a function of the input of the network and of all parameters.

    """

    part: Part
    layer: Layer
    symbols: Mapping[Symbol, Expr]
    operands: Mapping[str, Tensor]
    source: Tensor
    output: Tensor

    @property
    def input(self) -> str:
        """Return the name of the input in the layer."""
        return next(t.name for t in self.layer.tensors if t.name not in self.operands)

    def theorem(self, wrt: str) -> str:
        """Return the name of the theorem about the gradient by an operand."""
        return self.layer.name if self.part.kind == "loss" else f"{self.layer.name}.grad_{wrt}"

    def of(self, source: Tensor) -> Tensor:
        """Return the output as a function of another input."""
        return _output(self.layer, self.symbols, self.given(source), self.output.name)

    @property
    def local(self) -> Tensor:
        """Return the output as a function of the input of the layer."""
        return self.of(Tensor(self.source.name, self.source.shape))

    def given(self, source: Tensor) -> dict[str, Tensor]:
        """Return all operands for a given input, by their names in the layer."""
        return {self.input: source, **self.operands}


@dataclass(frozen=True, repr=False)
class Network:
    """A sequence of layers, the last of which is the loss.

    Attributes:
        members: the layers.

    """

    members: tuple[Member, ...]

    def __str__(self) -> str:
        return "; ".join(str(m.part) for m in self.members)

    def __repr__(self) -> str:
        return on_one_line("Network", str(self))

    def _repr_html_(self) -> str:
        """Return its layers for a notebook, each with the output that it computes."""
        rows = (
            f"<tr>{_cell(str(m.part))}{_cell(definition_text(m.local))}</tr>" for m in self.members
        )
        return "\n".join(["<table>", *rows, "</table>"])

    @property
    def parameters(self) -> tuple[Tensor, ...]:
        """Return the weights and biases, in the order of the layers."""
        return tuple(m.operands[n] for m in self.members for n in PARAMETERS if n in m.operands)

    @cached_property
    def deltas(self) -> Mapping[str, Theorem]:
        """Prove dC/du for the output u of each member at or after the first weights, last to first.

        The keys are the names of u. In each theorem u is free and C is a function of u; the right
        side is a tensor, ``delta1`` for a weighted input z1, else ``grad_a1``, which is defined by
        those of later layers.
        """
        *layers, loss = self.members
        last = Tensor(loss.source.name, loss.source.shape)
        found = {
            last.name: loss_gradient(
                theorem(loss.part.word), loss.symbols, loss.given(last),
                f"{COST}.grad_{last.name}", gradient_name(last.name),
            )
        }  # fmt: skip
        for m in reversed(layers[self._first + 1 :]):
            source = Tensor(m.source.name, m.source.shape)
            found[source.name] = backpropagate(
                found[m.output.name], m.layer, m.input, m.of(source), m.symbols, m.given(source),
                f"{COST}.grad_{source.name}", gradient_name(source.name),
            )  # fmt: skip
        return found

    @cached_property
    def gradients(self) -> Mapping[str, Theorem]:
        """Prove dC/d(parameter) for the whole network, by name, in terms of the deltas."""
        found = {}
        for m in self.members:
            for n, t in ((n, m.operands[n]) for n in PARAMETERS if n in m.operands):
                found[t.name] = backpropagate(
                    self.deltas[m.output.name], m.layer, n, m.output, m.symbols,
                    m.given(m.source), f"{COST}.grad_{t.name}",
                )  # fmt: skip
        return found

    @property
    def cited(self) -> tuple[Theorem, ...]:
        """Return the cited theorems about single layers, each once, last layer first."""
        found: dict[str, Theorem] = {}
        for m in reversed(self.members[self._first :]):
            operands = [n for n in PARAMETERS if n in m.operands]
            for n in [m.input] * (m.source.name in self.deltas) + operands:
                loss = m.part.kind == "loss"
                known = theorem(m.part.word) if loss else gradient(m.layer, n)
                found[known.proof.digest] = known
        return tuple(found.values())

    @property
    def _first(self) -> int:
        """Return the number of the first member with weights."""
        return next(n for n, m in enumerate(self.members) if PARAMETERS[0] in m.operands)

    def steps(self) -> tuple[Stage, ...]:
        """Return the five steps of backpropagation for this network."""
        forward = [entry for m in self.members for entry in self._forward(m)]
        behind = self.members[self._first :]
        wanted = [m for m in behind if m.part.kind not in ("activation", "loss")]
        last, *others = [self._backward(m) for m in reversed(wanted)]
        x = self.members[0].source
        t = self.members[-1].operands[TARGET]
        given = [StageEntry(x.name, x, "a batch of inputs"), StageEntry(t.name, t, "their targets")]
        given += [StageEntry(p.name, p, PARAMETER) for p in self.parameters]
        gradients = [
            StageEntry(t.name, self.gradients[t.name], f"chain rule, {m.theorem(n)}")
            for m in self.members
            for n, t in m.operands.items()
            if n in PARAMETERS
        ]
        return (
            Stage("Input", tuple(given)),
            Stage("Feedforward", tuple(forward)),
            Stage("Output error", (last,)),
            Stage("Backpropagate the error", tuple(others)),
            Stage("Output the gradient", tuple(gradients)),
        )

    def _forward(self, m: Member) -> Iterator[StageEntry]:
        """Yield the output of a member as a function of its input, preceded by what it needs."""
        made = m.local
        for n, t in m.operands.items():
            if n in _HELD:
                yield StageEntry(t.name, t, _HELD[n])
        inside = tensors(made.definition.body) if made.definition else ()
        for t in inside if m.part.kind == "loss" else ():
            if t.definition is not None and application(t) is None:
                yield StageEntry(t.name, t, str(m.part))
        yield StageEntry(made.name, made, str(m.part))

    def _backward(self, m: Member) -> StageEntry:
        """Return dC/d(output of a member), in terms of the nearest later gradient of this kind."""
        after = self.members[self.members.index(m) + 1 :]
        between = list(itertools.takewhile(lambda n: n.part.kind == "activation", after))
        names = [gradient_name(n.output.name) for n in between]
        proved = self.deltas[m.output.name]
        words = [t.words for t in (self.deltas[n.output.name] for n in between[-1:]) if t.words]
        if words or not between:
            words += [f"{n.part.word}'({n.source.name})" for n in reversed(between)]
        shown = replace(
            unfold_right_side(proved, names), words=" times ".join(words) or proved.words
        )
        used = [n.theorem(n.input) for n in after[: len(between) + 1]]
        return StageEntry(gradient_name(m.output.name), shown, f"chain rule, {' and '.join(used)}")


def _cell(text: str) -> str:
    return f'<td style="text-align: left"><code>{html.escape(text)}</code></td>'


@dataclass(frozen=True)
class StageEntry:
    """A line of the five steps.

    Attributes:
        name: the tensor it is about.
        statement: the theorem about it, or the tensor: free, or with its definition.
        reason: the reason, in words.

    """

    name: str
    statement: Theorem | Tensor
    reason: str

    def __str__(self) -> str:
        if isinstance(self.statement, Theorem):
            said = str(self.statement).splitlines()[0]
            named = derivative(self.statement).wrt.tensor.name == self.name
            return f"{said if named else f'{self.name} = {said}'} ({self.reason})"
        return f"{definition_text(self.statement)} ({self.reason})"


@dataclass(frozen=True)
class Stage:
    """One of the five steps."""

    title: str
    entries: tuple[StageEntry, ...]


def definition_text(t: Tensor) -> str:
    """Return the definition of a tensor as text, or the sizes of a free tensor.

    >>> definition_text(network("linear 3; squared_error").members[0].output)
    'z1[n,o] = sum[c] x[n,c] * w1[o,c] + b1[o]'
    """
    if t.definition is None:
        return f"{t.name} with sizes {', '.join(text(n) for n in t.shape if n is not None)}"
    formals = t.definition.formals
    body = tuple(
        replace(u, factors=tuple(map(unfold_activation, u.factors))) for u in t.definition.body
    )
    return f"{t.name}[{','.join(v.name for v in formals)}] = {write(body, formals)}"


def gradient_name(name: str) -> str:
    """Return the name of dC/d(name).

    >>> gradient_name("z2"), gradient_name("a2")
    ('delta2', 'grad_a2')
    """
    return f"delta{name[1:]}" if name.startswith("z") else f"grad_{name}"


def network(source: str | Sequence[str]) -> Network:
    """Return the network that a text defines, or a list with one text for each part.

    >>> str(network("linear 3; sigmoid; squared_error"))
    'linear 3; sigmoid; squared_error'

    Raises:
        NotationError: the text is not a network; a caret in the message marks the error.

    """
    parts = parse_network(source)
    rank = parts[0].axes
    spatial = axis_letters(rank) if rank else ()
    sizes = ("N", "C0", *(f"{a.position.upper()}0" for a in spatial))
    here = Tensor(INPUT, tuple(map(symbol, sizes)))
    taken = {INPUT, TARGET, COST, *sizes}
    members: list[Member] = []
    number = 0
    for part in parts:
        number += part.kind in ("conv", "linear")
        members.append(_member(part, here, number, taken))
        here = members[-1].output
    return Network(tuple(members))


def _member(part: Part, source: Tensor, number: int, taken: set[str]) -> Member:
    """Apply a layer to a tensor; its names are new, and are added to `taken`."""
    own = _layer(part)
    x = own.tensors[0] if part.kind == "loss" else operand(own, _INPUTS.get(part.kind, INPUT))
    symbols: dict[Symbol, Expr] = {}
    for n, here in zip(x.shape, source.shape, strict=True):
        if isinstance(n, Symbol) and here is not None:
            symbols[n] = here
    for n in (n for t in (own.output, *own.tensors) for n in t.shape):
        if isinstance(n, Symbol) and n not in symbols:
            symbols[n] = symbol(_name(_size(part, n.name), number, taken))
    operands = {
        t.name: Tensor(
            TARGET if t.name == TARGET else _name(_OPERANDS[t.name], number, taken),
            instantiate_tensor(t, symbols, {}).shape,
        )
        for t in own.tensors
        if t != x
    }
    name = COST if part.kind == "loss" else _name(_LETTERS[part.kind], number, taken)
    output = _output(own, symbols, {x.name: source, **operands}, name)
    return Member(part, own, symbols, operands, source, output)


def _output(
    own: Layer, symbols: Mapping[Symbol, Expr], given: Mapping[str, Tensor], name: str
) -> Tensor:
    """Return the output of a layer for given sizes and operands, under another name."""
    assert own.output.definition is not None
    inside = operand_images(own.output.definition.body, symbols, given)
    return replace(instantiate_tensor(own.output, symbols, inside), name=name)


def _size(part: Part, name: str) -> str:
    """Return the name of a size; the outputs of pooling are the next layer's height and width."""
    spatial = axis_letters(part.axes) if part.axes else ()
    pooled = {a.window.upper(): a.position.upper() for a in spatial}
    return pooled.get(name, name) if part.kind.endswith("pool") else name


def _name(letter: str, number: int, taken: set[str]) -> str:
    """Return a new name: a1, or aa1 for a second one in the same layer."""
    times = 1
    while f"{letter * times}{number}" in taken:
        times += 1
    taken.add(f"{letter * times}{number}")
    return f"{letter * times}{number}"


@cache
def _layer(part: Part) -> Layer:
    """Return the layer of a part, with its own names and the numbers of the part."""
    if part.kind == "loss":
        return _loss(part.word)
    if part.kind == "activation":
        spatial = axis_letters(part.axes) if part.axes else ()
        letters = ("n", "c", *(a.position for a in spatial))
        return replace(layer(activation_layer(part.word, "".join(letters))), name=part.word)
    name = f"flatten_linear{part.axes}d" if part.kind == "linear" and part.axes else part.word
    # what a window selects is kept from the forward pass
    general = layer(name.replace("max_pool", "selected_pool"))
    numbers = {symbol(n): sp.Integer(v) for n, v in _numbers(part).items()}
    return make_layer(instantiate_tensor(general.output, numbers, {}), name)


def _loss(word: str) -> Layer:
    """Return a loss as a layer; the operand that its theorem differentiates by comes first."""
    known = derivative(theorem(word))
    (head,) = known.factors
    assert isinstance(head, Access)
    cost, wrt = head.tensor, known.wrt.tensor
    assert cost.definition is not None
    others = [t for t in tensors(theorem(word).lhs) if t.definition is None and t != wrt]
    return Layer(word, cost, (wrt, *others), (), definition_text(cost))


def _numbers(part: Part) -> dict[str, int]:
    """Return the values of stride, dilation, padding, and of a pooling window."""
    out: dict[str, int] = {}
    for n, a in enumerate(axis_letters(part.axes) if part.window else ()):
        out |= {a.stride: part.stride[n], a.dilation: part.dilation[n], a.low: part.padding[n]}
        if part.kind.endswith("pool"):
            out[a.tap.upper()] = part.window[n]
    return out
