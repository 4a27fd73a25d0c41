"""What is judged: the forward pass of a layer or one of its gradients, as a function of arrays.

A shipped layer is called as its public function of `rot180.generated`, which has PyTorch's names;
any other layer or program of the language by the names in its text.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

from sympy import Expr, Symbol

from rot180.codegen.audit.expectations import (
    ESTIMATED,
    PROVED,
    Expectation,
    ProgramExpectation,
    SumExpectation,
    depends,
)
from rot180.codegen.audit.products import UPSTREAM, Array, NotASumError, Sum, sum_of
from rot180.codegen.kernels.names import name as python_name
from rot180.codegen.kernels.public_api import LAYERS, PublicLayer
from rot180.codegen.kernels.public_shapes import public_box
from rot180.derive.gradients.program_gradient import compact_gradient, program_gradient
from rot180.derive.language.layers import axis_letters, layer
from rot180.derive.language.notation import Layer, only_in_coefficients
from rot180.derive.language.polynomial import coefficient, normal, symbol, symbols_of
from rot180.derive.language.programs import Program, applications, parse_program, read
from rot180.derive.language.scalar_functions import FUNCTIONS
from rot180.derive.language.terms import (
    Equal,
    Expression,
    Range,
    Tensor,
)
from rot180.derive.semantics.model import affine, integer
from rot180.derive.semantics.program_values import Variables, entry
from rot180.derive.theorems import theorem

Env = Mapping[str, int]


@dataclass(frozen=True)
class Question:
    """A layer, and what of it is judged.

    Attributes:
        name: how the layer was given.
        layer: the layer, or the program.
        wrt: the operand whose gradient is judged; "" for the forward pass.
        entry: the layer's public functions, if it is shipped.

    """

    name: str
    layer: Layer | Program
    wrt: str
    entry: PublicLayer | None

    @cached_property
    def letters(self) -> tuple[str, ...]:
        """Return the sizes and parameters, in order of appearance."""
        tensors = (*self.layer.tensors, *self.arrays, *self.definitions)
        found = [v for t in tensors for n in t.shape if n is not None for v in ordered(n)]
        return tuple(dict.fromkeys(v.name for v in (*found, *self.layer.parameters)))

    @property
    def definitions(self) -> tuple[Tensor, ...]:
        """Return the defined tensors; the last is the output."""
        known = self.layer
        return known.definitions if isinstance(known, Program) else (known.output,)

    @property
    def arrays(self) -> tuple[Tensor, ...]:
        """Return the arrays of indices."""
        return self.layer.arrays if isinstance(self.layer, Program) else ()

    @cached_property
    def below(self) -> dict[str, Expr]:
        """Return for each array of indices the size that its entries are below."""
        gathers = self.layer.gathers if isinstance(self.layer, Program) else ()
        return {g.array.name: n for g in gathers if (n := g.tensor.shape[-1]) is not None}

    @cached_property
    def reals(self) -> frozenset[str]:
        """Return the parameters of a program that need not be integers: coefficients."""
        if not isinstance(self.layer, Program):
            return frozenset()
        return frozenset(v.name for v in only_in_coefficients(self.layer.output))

    def values(self, env: Env) -> dict[str, int | Fraction]:
        """Return sizes and parameters; those that need not be integers are counted in eighths."""
        return {v: Fraction(n, 8) if v in self.reals else n for v, n in env.items()}

    @cached_property
    def sum(self) -> Sum:
        """Return the definition as a sum of products of entries."""
        return sum_of(self.layer.output)

    @cached_property
    def hidden(self) -> tuple[str, ...]:
        """Return the sizes of a program that no array of a call has."""
        shown = {v for t in (*self.reads, self.result) for v in _sizes(t)}
        every = {v for t in self.definitions for v in _sizes(t)}
        return tuple(sorted(every - shown)) if isinstance(self.layer, Program) else ()

    @cached_property
    def theorem(self) -> tuple[Expression, Variables]:
        """Return what a program computes: its output, or the right side that is derived for it."""
        assert isinstance(self.layer, Program)
        return stated(self.layer, self.wrt)

    @cached_property
    def needed(self) -> frozenset[str]:
        """Return what arguments are called on which the result of a program depends."""
        assert isinstance(self.layer, Program)
        return frozenset(map(python_name, depends(self.theorem[0], self.layer)))

    def optional(self, word: str) -> bool:
        """Say whether a function need not take an argument, because nothing depends on it."""
        return isinstance(self.layer, Program) and word not in self.needed

    @property
    def parameters(self) -> tuple[str, ...]:
        """Return what the parameters are called in a call."""
        if self.entry is None:
            return tuple(python_name(v.name) for v in self.layer.parameters)
        return tuple(p.name for p in self.entry.window.parameters) if self.entry.window else ()

    def expected(self, env: Env) -> Expectation:
        """Return what the function must return."""
        if isinstance(self.layer, Program):
            return ProgramExpectation(self.layer, *self.theorem, self.values(env))
        return SumExpectation(self.sum.products(env, self.wrt))

    @property
    def tolerance(self) -> str:
        """Return what the tolerance of a result is, in words."""
        return ESTIMATED if isinstance(self.layer, Program) else PROVED

    @property
    def result(self) -> Tensor:
        """Return the tensor whose shape the result has."""
        tensors = {t.name: t for t in self.layer.tensors}
        return tensors.get(self.wrt, self.layer.output)

    @cached_property
    def reads(self) -> tuple[Tensor, ...]:
        """Return the tensors that are passed as arrays; the output stands for its gradient."""
        if isinstance(self.layer, Program):
            inputs = (*self.layer.tensors, *self.layer.arrays)
            return (*inputs, self.layer.output) if self.wrt else inputs
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
            values = self.values(env)
            out: dict[str, Any] = {
                python_name(v.name): values[v.name] for v in self.layer.parameters
            }
            out = {word: float(n) if isinstance(n, Fraction) else n for word, n in out.items()}
            out |= {v: env[v] for v in self.hidden}
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


def _sizes(t: Tensor) -> frozenset[str]:
    return frozenset(v.name for n in t.shape if n is not None for v in symbols_of(n))


def ordered(e: Any) -> list[Symbol]:
    """Return the symbols of a size, by name."""
    return sorted(symbols_of(e), key=lambda v: v.name)


def question(source: str, wrt: str = "") -> Question:
    """Return what ``--layer`` and ``--wrt`` ask for.

    Args:
        source: a shipped layer, a name of the catalogue, or a text.
        wrt: the operand, by its public name or by that in the text; "" for the forward pass.

    Raises:
        ValueError: the layer is unknown, has a function without values, or no such operand.

    """
    public = next((e for e in LAYERS if e.name == source), None)
    found = layer(public.layer) if public else judged(source)
    names = {word: t for t, word in public.arguments.items()} if public else {}
    operand = names.get(wrt, wrt)
    known = [t.name for t in found.tensors]
    if operand and operand not in known:
        expected = ", ".join(names or known)
        raise ValueError(f"--wrt: found {wrt!r}, expected one of {expected}, or nothing")
    return Question(source, found, operand, public)


def judged(source: str) -> Layer | Program:
    """Return the layer of a text if it is a sum of products, else the program.

    Raises:
        ValueError: the text is no layer, or applies a function that has no values.

    """
    found = read(source)
    if isinstance(found, Layer):
        try:
            _ = sum_of(found.output)
            return found
        except NotASumError:
            found = parse_program(found.text)
    applied = {a.function for t in found.definitions for a in applications(t)}
    if unknown := sorted(applied - FUNCTIONS.keys()):
        raise ValueError(
            f"--layer: found the function {unknown[0]}, which has no values, expected one of "
            f"{', '.join(FUNCTIONS)}"
        )
    return found


def stated(program: Program, wrt: str) -> tuple[Expression, Variables]:
    """Return the output of a program or its gradient, and the indices of that with their sizes.

    Args:
        program: the program.
        wrt: the operand; "" for the output.

    """
    if wrt:
        derived = program_gradient(program, wrt)
        derived = compact_gradient(program, derived) or derived
        return derived.rhs, derived.variables
    y = program.output
    assert y.definition is not None
    return entry(y, y.definition.formals), tuple(zip(y.definition.formals, y.shape, strict=True))


def drawn(question: Question, env: Env, values: Mapping[str, Array]) -> dict[str, Array]:
    """Return the arrays of a call by their names, in the shapes that it takes."""
    return {
        question.array_name(t): values[question.key(t)].reshape(question.shape(t, env))
        for t in question.reads
    }
