"""What is judged: the forward pass of a layer or one of its gradients, as a function of arrays.

A shipped layer is called as its public function of `rot180.generated`, which has PyTorch's names;
any other layer of the language by the names in its text.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sympy import Symbol

from rot180.codegen.audit.products import UPSTREAM, Array, NotASumError, Products, Sum, sum_of
from rot180.codegen.kernels.names import name as python_name
from rot180.codegen.kernels.public_api import LAYERS, PublicLayer
from rot180.codegen.kernels.public_shapes import public_box
from rot180.derive.language.layers import axis_letters, layer
from rot180.derive.language.notation import Layer
from rot180.derive.language.polynomial import coefficient, normal, symbol, symbols_of
from rot180.derive.language.programs import Program, read
from rot180.derive.language.terms import Equal, Range, Tensor
from rot180.derive.semantics.model import affine, integer
from rot180.derive.theorems import theorem

Env = Mapping[str, int]


@dataclass(frozen=True)
class Question:
    """A layer, and what of it is judged.

    Attributes:
        name: how the layer was given.
        layer: the layer.
        wrt: the operand whose gradient is judged; "" for the forward pass.
        entry: the layer's public functions, if it is shipped.

    """

    name: str
    layer: Layer
    wrt: str
    entry: PublicLayer | None

    @cached_property
    def letters(self) -> tuple[str, ...]:
        """Return the sizes and parameters, in order of appearance."""
        tensors = (*self.layer.tensors, self.layer.output)
        found = [v for t in tensors for n in t.shape if n is not None for v in ordered(n)]
        return tuple(dict.fromkeys(v.name for v in (*found, *self.layer.parameters)))

    @cached_property
    def sum(self) -> Sum:
        """Return the definition as a sum of products of entries."""
        return sum_of(self.layer.output)

    @property
    def parameters(self) -> tuple[str, ...]:
        """Return what the parameters are called in a call."""
        if self.entry is None:
            return tuple(python_name(v.name) for v in self.layer.parameters)
        return tuple(p.name for p in self.entry.window.parameters) if self.entry.window else ()

    def expected(self, env: Env) -> Products:
        """Return the products that the function must sum."""
        return self.sum.products(env, self.wrt)

    @property
    def result(self) -> Tensor:
        """Return the tensor whose shape the result has."""
        tensors = {t.name: t for t in self.layer.tensors}
        return tensors.get(self.wrt, self.layer.output)

    @cached_property
    def reads(self) -> tuple[Tensor, ...]:
        """Return the tensors that are passed as arrays; the output stands for its gradient."""
        definition = self.layer.output.definition
        assert definition is not None
        used = set[str]()
        for term in definition.body:
            names = [f.tensor.name for f in term.factors if hasattr(f, "tensor")]
            if self.wrt in names:
                names.remove(self.wrt)
                used.update(names)
            elif not self.wrt:
                used.update(names)
        inputs = tuple(t for t in self.layer.tensors if t.name in used)
        return (*inputs, self.layer.output) if self.wrt else inputs

    def array_name(self, t: Tensor) -> str:
        """Return what an array is called in a call."""
        if t == self.layer.output:
            return "grad_output" if self.entry else python_name(UPSTREAM.format(t.name))
        return self.entry.arguments[t.name] if self.entry else python_name(t.name)

    def key(self, t: Tensor) -> str:
        """Return what the products call an array."""
        return UPSTREAM.format(t.name) if t == self.layer.output else t.name

    def shape(self, t: Tensor, env: Env) -> tuple[int, ...]:
        """Return the shape of an array in a call."""
        box = public_box(t, True) if self.entry else tuple(n for n in t.shape if n is not None)
        return tuple(max(0, integer(n, env)) for n in box)

    def keywords(self, env: Env) -> dict[str, Any]:
        """Return the sizes and parameters of a call."""
        window = self.entry.window if self.entry else None
        if not self.entry:
            out: dict[str, Any] = {python_name(v.name): env[v.name] for v in self.layer.parameters}
            out[f"{python_name(self.result.name)}_shape"] = self.shape(self.result, env)
            return out
        out = {}
        if self.wrt and len(self.reads) > 1:
            out[f"{self.entry.arguments[self.wrt]}_size"] = self.shape(self.result, env)
        if window is None or (self.wrt and len(self.reads) == 1):
            return out
        axes = axis_letters(window.rank)
        for p in window.parameters:
            if p.letter == "G":
                out[p.name] = env["G"]
            elif p.letter == "lo":
                pairs = ((env[a.low], env[f"hi_{a.low}"]) for a in axes)
                out[p.name] = tuple(pairs)
            elif p.letter in ("s", "d"):
                field = "stride" if p.letter == "s" else "dilation"
                out[p.name] = tuple(env[getattr(a, field)] for a in axes)
            else:
                out[p.name] = tuple(env[f"{p.letter}_{a.low}"] for a in axes)
        return out

    def complete(self, env: dict[str, int]) -> dict[str, int] | None:
        """Add the sizes of the output that the size theorem gives; None if nothing fits."""
        window = self.entry.window if self.entry else None
        if window is None:
            return env
        boxes = {t.name: t.shape for t in (*self.layer.tensors, self.layer.output)}
        out = dict(env)
        for a, letters in enumerate(axis_letters(window.rank)):
            x, w, y = (boxes[n][3 + a] for n in "xwy")
            own = {
                "s": env[letters.stride],
                "d": env[letters.dilation],
                "lo": env[letters.low],
                "hi": env[f"hi_{letters.low}"],
                "op": env.get(f"op_{letters.low}", 0),
                "K": env[str(w)],
            }
            given = "P" if window.output == "H" else "H"
            own[given] = env[str(x)]
            size = fixed_size(window.size, window.output, own)
            out[str(y)] = own[window.output] = size
            for rule in window.rules:
                # the rules are comparisons in these letters
                if not eval(rule.holds, {"__builtins__": {}, "max": max}, own):
                    return None
        return out


def fixed_size(name: str, unknown: str, env: Env) -> int:
    """Return the size that a theorem about sizes fixes."""
    t = theorem(name)
    (value,) = (c.value for c in t.hypotheses if isinstance(c, Equal))
    slope = coefficient(value, symbol(unknown))
    by = [str(c.value) for c in t.hypotheses if isinstance(c, Range)]
    rest, _ = affine(normal(value - slope * symbol(unknown)), {**env, **dict.fromkeys(by, 0)})
    step, _ = affine(slope, env)
    return math.floor(rest / -step)


def ordered(e: Any) -> list[Symbol]:
    """Return the symbols of a size, by name."""
    return sorted(symbols_of(e), key=lambda v: v.name)


def question(source: str, wrt: str = "") -> Question:
    """Return what ``--layer`` and ``--wrt`` ask for.

    Args:
        source: a shipped layer, a name of the catalogue, or a text.
        wrt: the operand, by its public name or by that in the text; "" for the forward pass.

    Raises:
        ValueError: the layer is unknown, is not a sum of products, or has no such operand.

    """
    entry = next((e for e in LAYERS if e.name == source), None)
    found = layer(entry.layer) if entry else read(source)
    if isinstance(found, Program):
        raise NotASumError(
            f"--layer: found a program of {len(found.definitions)} definitions, "
            "expected one sum of products"
        )
    names = {word: t for t, word in entry.arguments.items()} if entry else {}
    operand = names.get(wrt, wrt)
    known = [t.name for t in found.tensors]
    if operand and operand not in known:
        expected = ", ".join(names or known)
        raise ValueError(f"--wrt: found {wrt!r}, expected one of {expected}, or nothing")
    asked = Question(source, found, operand, entry)
    _ = asked.sum  # which says if it is none
    return asked


def drawn(question: Question, env: Env, values: Mapping[str, Array]) -> dict[str, Array]:
    """Return the arrays of a call by their names, in the shapes that it takes."""
    return {
        question.array_name(t): values[question.key(t)].reshape(question.shape(t, env))
        for t in question.reads
    }
