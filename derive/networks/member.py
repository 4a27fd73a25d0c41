"""The layers of a network: what each part computes, with names that are new in the network."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache

import sympy as sp
from sympy import Expr, Symbol

from rot180.derive.gradients.cost import derivative
from rot180.derive.gradients.gradient import operand
from rot180.derive.kernel.citing import instantiate
from rot180.derive.kernel.proof import Theorem
from rot180.derive.kernel.replay import replay
from rot180.derive.language.layers import Layer, activation_layer, axis_letters, layer
from rot180.derive.language.notation import make_layer, unfold_activation, write
from rot180.derive.language.polynomial import symbol, text
from rot180.derive.language.spelling import application
from rot180.derive.language.terms import Access, Expression, Tensor, tensors
from rot180.derive.networks.parser import Part
from rot180.derive.search.citation import instantiate_tensor
from rot180.derive.search.derivation import Derivation
from rot180.derive.theorems.registry import theorem

COST, TARGET, INPUT = "C", "t", "x"
_INPUTS = {"activation": "z"}
_LETTERS = {"conv": "z", "linear": "z", "activation": "a", "avg_pool": "p", "max_pool": "p"}
_OPERANDS = {"w": "w", "bias": "b", "mean": "mean", "sel": "sel", "m": "m"}

PARAMETERS = ("w", "bias")
"""The names of the trained operands in layers."""


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


def make_member(part: Part, source: Tensor, number: int, taken: set[str]) -> Member:
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


def operand_images(
    expression: Expression, symbols: Mapping[Symbol, Expr], given: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Return the image of every tensor of an expression; operators are named after their arguments.

    Args:
        expression: an expression with the names of the layer.
        symbols: the images of its sizes.
        given: the images of its tensors, by name; a tensor that is not listed does not change.

    """
    out = dict(given)
    names = {old: t.name for old, t in given.items()}
    for t in tensors(expression):
        if t.definition is not None and t.name not in out:
            now = instantiate_tensor(t, symbols, out)
            applied = application(now)
            name = names.get(t.name, t.name) if applied is None else applied.identifier
            out[t.name] = replace(now, name=name)
    return out


def loss_gradient(loss: Member, z: Tensor) -> Theorem:
    """Prove dC/dz for a free tensor z that the loss depends on, by citing the theorem of the loss.

    Args:
        loss: the loss.
        z: a free tensor with the name of its input.

    """
    known, given = theorem(loss.part.word), loss.given(z)
    images = operand_images((*known.lhs, *known.rhs), loss.symbols, given)
    lhs = instantiate(known.lhs, loss.symbols, tuple(images.items()))
    variables = tuple((v, n) for (v, _), n in zip(known.variables, z.shape, strict=True))
    d = Derivation(f"{COST}.grad_{z.name}", variables, (), lhs)
    d.apply(
        "lemma", theorem=known.proof, symbols=tuple(loss.symbols.items()),
        tensors=tuple(images.items()), bound=(), factors=(0,),
    )  # fmt: skip
    words = re.sub(rf"\b{loss.input}\b", z.name, known.words)
    return replace(replay(d.proof()), words=words)


def definition_text(t: Tensor) -> str:
    """Return the definition of a tensor as text, or the sizes of a free tensor.

    >>> from rot180.derive.networks.network import network
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
