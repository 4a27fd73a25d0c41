"""A training program from a network: NumPy and the kernels, each line with the theorem it is from.

Convolutions and dense layers call the public kernels of ``rot180.generated``, which are compiled
where that was possible. Every other layer that is a sum gets a module of its own beside the
program, lowered from its theorems. Selecting a window's maximum and softmax are not sums of
products; they are functions of ``runtime/numpy/training.py``.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from math import prod

from rot180.codegen.kernels.derivation import GENERATED, Progress, certificate, header, quiet
from rot180.codegen.kernels.inline import inlined_functions, names_in
from rot180.codegen.kernels.interface import kernel_interface
from rot180.codegen.kernels.modules import render_module
from rot180.codegen.kernels.public_api import public_functions
from rot180.codegen.plans.lower import lower
from rot180.codegen.system.templates import template
from rot180.derive.gradients.gradient import kernel_theorem
from rot180.derive.kernel.proof import Theorem
from rot180.derive.kernel.replay import replay
from rot180.derive.language.layers import Layer
from rot180.derive.networks.member import PARAMETERS, Member, definition_text
from rot180.derive.networks.network import Network, gradient_name

GAINS = {"relu": 2, "silu": 2, "gelu": 2, "softplus": 2}
"""Variance of initial weights times their fan-in, by the activation that follows (He et al.)."""

LOSSES = {
    "squared_error": ("0.5 * np.square({} - t).sum()", "{} - t"),
    "softmax_cross_entropy": ("_cross_entropy({}, t)", "_softmax({}) - t"),
}
"""Each loss of an output and its gradient, as their theorems state them."""

FILES = ("__init__.py", "network.py", "certificate.json")
"""The files that are written for every network: those of a package, and the proofs."""

WIDTH = 90
"""Characters in a comment line."""


@dataclass(frozen=True)
class CodeLine:
    """A statement of the program with the comment lines above it."""

    text: str
    comment: tuple[str, ...] = ()

    @property
    def lines(self) -> tuple[str, ...]:
        """Return comment and statement."""
        return (*(f"# {remark}" for remark in self.comment), self.text)


@dataclass(frozen=True)
class TrainingProgram:
    """A program, ready for the template.

    Attributes:
        header: the comment lines at the top.
        spec: the network's text, in lines.
        kernels: the public kernels that it calls.
        modules: the modules beside it.
        parameters: the names of weights and biases.
        values: the names of what the forward pass keeps.
        initial: the statements that draw the parameters.
        forward: the statements of the forward pass.
        cost: the loss of an output and a target.
        backward: the statements of the backward pass.
        gradients: each parameter's name and the expression of its gradient.
        prediction: what the network predicts for its inputs.
        rank: how many axes an input has without the batch.

    """

    header: tuple[str, ...]
    spec: tuple[str, ...]
    kernels: tuple[str, ...]
    modules: tuple[str, ...]
    parameters: tuple[str, ...]
    values: tuple[str, ...]
    initial: tuple[CodeLine, ...]
    forward: tuple[CodeLine, ...]
    cost: str
    backward: tuple[CodeLine, ...]
    gradients: tuple[tuple[str, CodeLine], ...]
    prediction: str
    rank: int

    @property
    def imports(self) -> str:
        """Return the names of the modules as an import lists them."""
        return ", ".join(self.modules)

    @property
    def unpacked(self) -> str:
        """Return the parameters as the target of an assignment."""
        return ", ".join(self.parameters)


def program(network: Network, progress: Progress = quiet) -> dict[str, str]:
    """Return file name to text: the program, the modules that it imports, and the proofs.

    Args:
        network: a network; each of its theorems is replayed first.
        progress: called with what is being done.

    Raises:
        ProofError: a theorem does not replay.

    """
    progress("proving the backward pass")
    for proved in (*network.deltas.values(), *network.gradients.values()):
        replay(proved.proof)
    writer = _NetworkWriter(network)
    text = template("kernels", "network.py.jinja").render(program=writer.program())
    text += f"\n\n{inlined_functions('numpy/training', names_in(text))}\n"
    proofs = certificate({"network": str(network)}, network.gradients.values())
    texts = dict(zip(FILES, ("", text, proofs), strict=True))
    for name, layer in writer.modules.items():
        progress(f"writing {name}")
        texts[f"{name}.py"] = _module(layer, writer.functions[name])
    return texts


def _module(layer: Layer, functions: Sequence[str]) -> str:
    """Return the NumPy kernels of a layer: the forward pass and some gradients."""
    kernels = [(name, _kernel(layer, name)) for name in functions]
    return render_module(layer, kernels, "numpy", header(layer, kernels))


@cache
def _kernel(layer: Layer, function: str) -> Theorem:
    """Prove what a function of a layer's module computes."""
    wrt = function.removeprefix("grad_")
    return kernel_theorem(layer, None if function == "forward" else wrt)


class _NetworkWriter:
    """The statements for one network; it collects the modules that they need."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.modules: dict[str, Layer] = {}
        self.functions: dict[str, list[str]] = {}
        self.kernels: set[str] = set()

    def program(self) -> TrainingProgram:
        """Return all that the template needs."""
        *layers, loss = self.network.members
        forward = [line for m in layers for line in self.forward(m)]
        backward = [line for m in reversed(self.network.members) for line in self.backward(m)]
        gradients = [g for m in layers for g in self.gradients(m)]
        kept = [layers[0].source.name, *(line.text.split(" =")[0] for line in forward)]
        softmax = loss.part.word == "softmax_cross_entropy"
        output = f"v.{loss.source.name}"
        return TrainingProgram(
            header=(
                GENERATED,
                f'Regenerate: rot180 network "{self.network}" -o out',
            ),
            spec=_wrapped(f"{self.network}."),
            kernels=tuple(sorted(self.kernels)),
            modules=tuple(sorted(self.modules)),
            parameters=tuple(t.name for t in self.network.parameters),
            values=tuple(kept),
            initial=tuple(self.initial()),
            forward=tuple(forward),
            cost=LOSSES[loss.part.word][0].format(output),
            backward=tuple(backward),
            gradients=tuple(gradients),
            prediction=f"{output}.argmax(axis=1)" if softmax else output,
            rank=layers[0].part.axes + 1,
        )

    def initial(self) -> Iterator[CodeLine]:
        """Yield the statements that draw the parameters, layer by layer."""
        members = self.network.members
        for m, after in pairwise(members):
            part = m.part
            if part.inputs:
                count = "prod(here)" if part.kind == "linear" else "here[0]"
                yield CodeLine(f'_expect("{part.word}", {count}, {part.inputs})')
            if part.outputs:
                window = ", ".join(map(str, part.window))
                shape = "(*here,)" if part.kind == "linear" else f"(here[0], {window})"
                gain = GAINS.get(after.part.word, 1)
                names = [m.operands[n].name for n in PARAMETERS]
                yield CodeLine(f"{names[0]} = _normal(rng, {part.outputs}, {shape}, {gain}, dtype)")
                yield CodeLine(f"{names[1]} = np.zeros({part.outputs}, dtype)")
            if part.kind == "linear":
                yield CodeLine(f"here = ({part.outputs},)")
            elif part.window:
                channels = part.outputs or "here[0]"
                yield CodeLine(f"here = ({channels}, *_windows(here[1:], {_geometry(m)}))")

    def forward(self, m: Member) -> Iterator[CodeLine]:
        """Yield the statements that compute a layer's output."""
        source = m.source.name
        if m.part.kind == "max_pool":
            chosen = f"{m.operands['sel'].name} = _first_maximum({source}, {_geometry(m)})"
            yield CodeLine(chosen, ("1 at the first largest entry of each window",))
        if m.part.kind == "avg_pool":
            value = f"np.array(1 / {prod(m.part.window)}, {source}.dtype)"
            yield CodeLine(f"{m.operands['mean'].name} = {value}")
        value = self.call(m, "forward", "")
        yield CodeLine(f"{m.output.name} = {value}", _comment(definition_text(m.local)))

    def backward(self, m: Member) -> Iterator[CodeLine]:
        """Yield the statement that computes dC/d(input of a layer), where it is needed."""
        proved = self.network.deltas.get(m.source.name)
        if proved is None:
            return
        said = _comment(_citation(proved), str(proved).splitlines()[0])
        value = self.call(m, f"grad_{m.input}", "v.")
        yield CodeLine(f"{gradient_name(m.source.name)} = {value}", said)

    def gradients(self, m: Member) -> Iterator[tuple[str, CodeLine]]:
        """Yield name and gradient of each parameter of a layer."""
        for operand in PARAMETERS:
            if operand in m.operands:
                name = m.operands[operand].name
                proved = self.network.gradients[name]
                said = _comment(_citation(proved), str(proved).splitlines()[0])
                yield name, CodeLine(self.call(m, f"grad_{operand}", "v."), said)

    def call(self, m: Member, function: str, values: str) -> str:
        """Return the call of a kernel.

        Args:
            m: the layer.
            function: "forward" or "grad_" with the name of an operand.
            values: the prefix of the names of the forward pass's results.

        """
        if m.part.kind == "loss":
            return LOSSES[m.part.word][1].format(f"{values}{m.source.name}")
        names = self.names(m, values)
        if m.part.word in public_functions() and (m.part.kind == "conv" or not m.part.axes):
            return self.public(m, function, names)
        module = self.module(m.layer, function)
        proved = _kernel(m.layer, function)
        found = kernel_interface(m.layer, proved, lower(proved))
        given = [f"{t.name}={names[t.name]}" for t in found.arrays]
        for t, needed in found.shapes:
            if needed and t == m.layer.output:
                given.append(f"{t.name}_shape=_pooled({names[m.input]}, {_geometry(m)})")
            elif needed:
                given.append(f"{t.name}_shape={names[t.name]}.shape")
        return f"{module}.{function}({', '.join(given)})"

    def names(self, m: Member, values: str) -> Mapping[str, str]:
        """Return the names of a layer's operands, its input and dC/d(output)."""
        own = {
            n: t.name if n in PARAMETERS else f"{values}{t.name}" for n, t in m.operands.items()
        }
        above = {f"grad_{m.layer.output.name}": gradient_name(m.output.name)}
        return {m.input: f"{values}{m.source.name}", **above, **own}

    def public(self, m: Member, function: str, names: Mapping[str, str]) -> str:
        """Return the call of a public kernel, in PyTorch's order of arguments."""
        x, w, g = names["x"], names["w"], names["grad_y"]
        word, options = m.part.word, _options(m)
        kernel, *arguments = {
            "forward": (word, x, w, names["bias"], *options),
            "grad_x": (f"{word}_input", f"{x}.shape", w, g, *options),
            "grad_w": (f"{word}_weight", x, f"{w}.shape", g, *options),
            "grad_bias": (f"{word}_bias", g),
        }[function]
        self.kernels.add(kernel)
        return f"{kernel}({', '.join(arguments)})"

    def module(self, layer: Layer, function: str) -> str:
        """Return the name of a layer's module, to which a function is added."""
        name, n = layer.name, 1
        while self.modules.setdefault(name, layer) != layer:
            n += 1
            name = f"{layer.name}_{n}"
        functions = self.functions.setdefault(name, [])
        if function not in functions:
            functions.append(function)
        return name


def _geometry(m: Member) -> str:
    """Write window, stride, padding and dilation as arguments."""
    part = m.part
    return ", ".join(str(v) for v in (part.window, part.stride, part.padding, part.dilation))


def _options(m: Member) -> list[str]:
    """Write the options of a convolution that are not the defaults."""
    defaults = {"stride": 1, "padding": 0, "dilation": 1}
    out = []
    for word, default in defaults.items():
        values = getattr(m.part, word)
        if any(v != default for v in values):
            same = len(set(values)) == 1
            out.append(f"{word}={values[0] if same else values}")
    return out


def _citation(proved: Theorem) -> str:
    return f"theorem {proved.name}, proof {proved.proof.digest}:"


def _comment(*texts: str) -> tuple[str, ...]:
    """Break texts into comment lines."""
    return tuple(line for text in texts for line in _wrapped(text, "    "))


def _wrapped(text: str, indent: str = "") -> tuple[str, ...]:
    found = textwrap.wrap(
        text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )
    return tuple(found)
