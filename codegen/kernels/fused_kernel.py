"""A pass of a program as a function: Python that makes its arrays, and its loops in C."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sympy import Symbol

from rot180.codegen.kernels.c_functions import REALS, c_scalar_function, exponential
from rot180.codegen.kernels.expressions import TAB, definition, number, size_tuple, written_tuple
from rot180.codegen.kernels.fused_loops import PassText
from rot180.codegen.kernels.names import name
from rot180.codegen.plans.fusion import FusedPass, all_reads
from rot180.derive.gradients.program_steps import AnyStep, ProgramStep
from rot180.derive.language.polynomial import symbols_of, text
from rot180.derive.language.programs import definition_line
from rot180.derive.language.terms import Tensor


def steps_of(found: FusedPass) -> tuple[AnyStep, ...]:
    """Return the steps that a pass computes."""
    return tuple(s.step for s in found.steps)


def said(step: AnyStep) -> str:
    """Return what a step computes, as text."""
    return definition_line(step.layer.output) if isinstance(step, ProgramStep) else step.text


@dataclass(frozen=True)
class FusedKernel:
    """A function that computes a pass.

    Attributes:
        name: its name.
        found: the pass.
        outputs: what others read of it.

    """

    name: str
    found: FusedPass
    outputs: tuple[str, ...]

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """Return what it returns."""
        return tuple(s.tensor for s in self.found.steps if s.tensor.name in self.outputs)

    @property
    def _added(self) -> set[Tensor]:
        """Return what each row adds to."""
        return {s.tensor for s in self.found.steps if self.found.is_spread(s)}

    @property
    def reals(self) -> tuple[Symbol, ...]:
        """Return what the coefficients depend on."""
        terms = (t for s in self.found.steps for t in s.terms)
        return _sorted({v for t in terms for v in symbols_of(t.coefficient)})

    @property
    def sizes(self) -> tuple[Symbol, ...]:
        """Return what the sizes of the loops depend on."""
        return _sorted({v for n in self.found.domain for v in symbols_of(n)})

    @property
    def numbers(self) -> tuple[str, ...]:
        """Return the numbers that it is called with."""
        return tuple(dict.fromkeys(name(v.name) for v in (*self.sizes, *self.reals)))

    @property
    def head(self) -> tuple[str, ...]:
        """Return the lines of its definition."""
        inputs = [name(t.name) for t in self.found.inputs]
        return definition(f"def {self.name}", [*inputs, "*", *self.numbers, "_wanted"], ":")

    @property
    def docstring(self) -> list[str]:
        """Return the steps, in lines."""
        around = [f"axis {a} of size {number(n)}" for a, n in enumerate(self.found.domain)]
        loops = " and ".join(around[: self.found.outer])
        each = f" for each index of {loops}" if loops else ""
        return [
            f"{TAB}Compute in one pass{each}:",
            "",
            *(f"{TAB}{TAB}{said(s.step)}" for s in self.found.steps),
            "",
            f"{TAB}Each sum has an array with all its loops: no entry is computed twice.",
            f"{TAB}What is not in `_wanted` is None.",
        ]

    @property
    def explained(self) -> list[str]:
        """Return how it computes, for `rot180 explain`."""
        around = ", ".join(text(n) for n in self.found.domain[: self.found.outer])
        rows = f", row by row (rows: {around})" if around else ""
        lines = [f"one fused pass{rows}, element-wise and sums of rows; it computes in this order:"]
        lines += [f"    {said(s.step)}" for s in self.found.steps]
        reason = "why: in each sum one array has all loops, so nothing is computed twice and"
        return [*lines, f"{reason} no matrix product is left"]

    @property
    def checks(self) -> list[str]:
        """Return nothing: the function that calls it has checked the arguments."""
        return []

    @property
    def body(self) -> list[str]:
        """Return its statements."""
        inputs = [name(t.name) for t in self.found.inputs]
        lines = [f"{a} = np.ascontiguousarray({a})" for a in inputs]
        lines.append(f"dtype = {inputs[0]}.dtype")
        for t in self.tensors:
            word, shape = name(t.name), size_tuple([n for n in t.shape if n is not None])
            start = "zeros" if t in self._added else "_empty"  # the others are written once
            made = f'{start}("{word}", {shape}, dtype)'
            lines.append(f'{word} = {made} if "{word}" in _wanted else None')
        outputs = [name(t.name) for t in self.tensors]
        given = [*outputs, *inputs, *map(number, self.found.domain)]
        given += [name(v.name) for v in self.reals]
        call = definition(f"_library.{self.name}", given, "", TAB)
        lines += [line.removeprefix(TAB) for line in call]
        return [*lines, f"return {', '.join(outputs)}{',' * (len(outputs) == 1)}"]

    def called(
        self, wanted: Sequence[str], options: Sequence[str], names: Mapping[str, str]
    ) -> list[str]:
        """Write a call.

        Args:
            wanted: what is needed of it.
            options: what is needed too where `save` is true.
            names: the variables that have the tensors, where they have other names.

        """
        outputs = [names.get(t.name, name(t.name)) for t in self.tensors]
        quoted = [f'"{name(w)}"' for w in (*wanted, *options)]
        words = written_tuple(quoted[: len(wanted)])
        if options:
            words = f"{written_tuple(quoted)} if save else {words}"
        given = [names.get(t.name, name(t.name)) for t in self.found.inputs]
        given += [*(f"{n}={n}" for n in self.numbers), f"_wanted={words}"]
        head = f"{', '.join(outputs)}{',' * (len(outputs) == 1)} = {self.name}"
        return [line.removeprefix(TAB) for line in definition(head, given, "", TAB)]

    def c(self) -> Iterator[str]:
        """Yield its functions in C, the last of which is called from Python."""
        word = self.name.lstrip("_")
        reals = tuple(v.name for v in self.reals)
        outputs = tuple(t.name for t in self.tensors)
        for real in REALS:
            yield "\n".join(PassText(self.found, outputs, reals, real).lines(f"{word}_{real}"))
            yield f"LOOPS_FOR({word}_{real})"
        last = len(self.tensors)
        choice = f"arrays[{last}].itemsize == 4 ? {word}_float_best : {word}_double_best"
        yield (
            f"static int call_{self.name}(LOOPS_ARGUMENTS) {{\n"
            f"{TAB}return ({choice})(LOOPS_CALL);\n}}"
        )

    @property
    def row(self) -> str:
        """Return its row in the table of functions."""
        arrays = len(self.tensors) + len(self.found.inputs)
        counts = f"{arrays}, {len(self.found.domain)}, {len(self.reals)}, {len(self.tensors)}"
        return f'    {{"{self.name}", call_{self.name}, {counts}}},'


def fused_functions(kernels: Sequence[FusedKernel]) -> Iterator[str]:
    """Yield what the loops of passes call, and the functions of each."""
    if not kernels:
        return
    for real in REALS:
        yield exponential(real)
        yield f"LOOPS_FIRST({real})"
        for word, order in sorted(all_reads(k.found for k in kernels)):
            yield c_scalar_function(word, order, real)
    for kernel in kernels:
        yield from kernel.c()


def _sorted(symbols: set[Symbol]) -> tuple[Symbol, ...]:
    return tuple(sorted(symbols, key=lambda v: v.name))
