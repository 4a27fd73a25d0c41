"""A network of layers in sequence, and the five steps of backpropagation as theorems about it.

`network` parses the text; `Network.steps` returns the five steps: input, feedforward, output error,
backpropagate, output the gradient. Each entry is a definition or a theorem. Sizes, channels and
batch are symbols; strides, paddings and pooling windows are the numbers in the text.
"""

from __future__ import annotations

import html
import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from sympy import Symbol

from rot180.derive.gradients.cost import Cost, derivative
from rot180.derive.gradients.gradient import free_index, gradient, operand
from rot180.derive.gradients.program_gradient import program_gradient
from rot180.derive.kernel.proof import Theorem
from rot180.derive.kernel.replay import replay
from rot180.derive.language.layers import axis_letters
from rot180.derive.language.polynomial import symbol
from rot180.derive.language.printer import on_one_line
from rot180.derive.language.programs import Program, entries_in
from rot180.derive.language.spelling import application
from rot180.derive.language.terms import Access, Expression, Tensor, tensors
from rot180.derive.networks.member import (
    COST,
    INPUT,
    PARAMETERS,
    TARGET,
    Member,
    definition_text,
    loss_gradient,
    make_member,
)
from rot180.derive.networks.parser import parse_network
from rot180.derive.search.derivation import Derivation, factors_of
from rot180.derive.search.rewriting import drop_implied
from rot180.derive.theorems.registry import theorem

_HELD = {
    "sel": "1 at the first largest entry of each window, held fixed",
    "mean": "one over the number of entries of a window",
    "m": "the largest entry of each row, held fixed",
}

PARAMETER = "a parameter"
"""The description of such an operand."""


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
    def program(self) -> Program:
        """Return all layers but the loss as a program, whose definitions are their outputs."""
        return self._behind(self.members[0].source, self.members[:-1])

    @cached_property
    def deltas(self) -> Mapping[str, Theorem]:
        """Prove dC/du for the output u of each member at or after the first weights, last to first.

        The keys are the names of u. In each theorem u is free and C is a function of u: it is about
        the program of the later layers.
        """
        *layers, loss = self.members
        found = {loss.source.name: self._cost.theorem}
        for n in range(len(layers) - 2, self._first - 1, -1):
            u = layers[n].output
            behind = self._behind(Tensor(u.name, u.shape), layers[n + 1 :])
            found[u.name] = program_gradient(behind, u.name, named=True, cost=self._cost)
        return found

    @cached_property
    def gradients(self) -> Mapping[str, Theorem]:
        """Prove dC/d(parameter) for every parameter, by name."""
        return {t.name: self.gradient(t.name) for t in self.parameters}

    def gradient(self, parameter: str) -> Theorem:
        """Prove dC/d(parameter) for the whole network.

        The gradients by the outputs of layers are tensors in it: ``delta1`` by a weighted input z1,
        else ``grad_a1``, each defined by those of later layers.

        Raises:
            ValueError: the network has no such parameter.

        """
        return program_gradient(self.program, parameter, named=True, cost=self._cost)

    @cached_property
    def _cost(self) -> Cost:
        """Return the loss as a cost of the output of the last layer."""
        loss, letters = self.members[-1], dict[str, tuple[Symbol, ...]]()
        for m in self.members[:-1]:
            for n, t in m.given(m.source).items():
                letters[t.name] = free_index(m.layer, operand(m.layer, n))
        last = Tensor(loss.source.name, loss.source.shape)
        proved = loss_gradient(loss, last)
        return Cost(proved, gradient_name, letters)

    def _behind(self, source: Tensor, layers: Sequence[Member]) -> Program:
        """Return some layers as a program of their input."""
        made = list[Tensor]()
        for m in layers:
            made.append(m.of(made[-1] if made else source))
        free = (a.tensor for t in made for a in entries_in(t) if a.tensor not in made)
        return Program(COST, tuple(made), tuple(dict.fromkeys(free)), (), str(self))

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
            _unfolded(proved, names), words=" times ".join(words) or proved.words
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


def _unfolded(theorem: Theorem, names: Collection[str]) -> Theorem:
    """Continue a proof until the right side has no entry of the tensors of these names."""
    d = Derivation.continuing(theorem)
    while place := next(_named(d.current, names), None):
        d.apply("definition", place[0], factor=place[1])
    drop_implied(d)
    return replay(d.proof())


def _named(expression: Expression, names: Collection[str]) -> Iterator[tuple[int, int]]:
    for at, n, f in factors_of(expression, Access):
        if isinstance(f, Access) and f.tensor.name in names:
            yield at, n


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
        members.append(make_member(part, here, number, taken))
        here = members[-1].output
    return Network(tuple(members))
