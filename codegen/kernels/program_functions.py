"""The functions of a program: Python that checks the arguments and computes step by step.

A gradient needs arrays of the forward pass. It computes them again, unless it is given what
``forward(..., save=True)`` saved: then it begins with the steps of reverse mode.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from rot180.codegen.kernels.expressions import (
    TAB,
    WIDTH,
    definition,
    filled,
    size_tuple,
    written_tuple,
)
from rot180.codegen.kernels.fused_kernel import FusedKernel, said, steps_of
from rot180.codegen.kernels.interface import Interface, plain_axes, result, symbols_in
from rot180.codegen.kernels.kernel import (
    Kernel,
    Option,
    argument_checks,
    docstring,
    signature,
    typed_head,
)
from rot180.codegen.kernels.names import name
from rot180.codegen.kernels.program_calls import Call, calls_lines, inputs, plain_sizes, read_of
from rot180.codegen.plans.plan import LoweringError
from rot180.codegen.plans.windows import WindowPass
from rot180.derive.gradients.gather_steps import GatherStep
from rot180.derive.gradients.program_steps import (
    JVP,
    ProgramFunction,
    ProgramStep,
    TableStep,
)
from rot180.derive.language.polynomial import symbol, symbols_of
from rot180.derive.language.programs import Program, entries_in
from rot180.derive.language.terms import Tensor

_LINE = (
    "",
    "The derivative in a direction: x = x_0 + epsilon * tangent_x for each operand x.",
    "It has the value at x if epsilon is 0.",
)

STEP = "_step"
"""What the names of the functions begin with that compute one definition."""


@dataclass(frozen=True)
class ProgramKernel:
    """A function of a program in Python, which calls the kernels of its steps.

    Attributes:
        program: the definitions.
        function: what it computes.
        interface: what it takes.
        calls: each step, with its kernel if it has one.
        typed: whether its definition has types.
        saved: the definitions that it saves, or that it reads where they were saved.
        passes: the kernels that compute several steps each.

    """

    program: Program
    function: ProgramFunction
    interface: Interface
    calls: tuple[Call, ...]
    typed: bool
    saved: tuple[Tensor, ...]
    passes: tuple[FusedKernel, ...] = ()

    @property
    def name(self) -> str:
        """Return the function's name."""
        return self.function.name

    @property
    def option(self) -> Option | None:
        """Return the argument that says whether to save, or what was saved."""
        if self.function.name == JVP:
            return None
        if self.function.is_forward:
            words = ", ".join(t.name for t in self.saved) or "nothing"
            about = f"whether to return a pair: the output, and the arrays {words} for gradients"
            return Option("save", "bool", "False", tuple(filled(about.split(), WIDTH - 24)))
        return saved_option(self._forward, self.saved)

    @property
    def head(self) -> tuple[str, ...]:
        """Return the lines of its definition."""
        if self.typed:
            both = "Array | tuple[Array, dict[str, Array]]"
            returns = both if self.function.is_forward else "Array"
            return typed_head(self.name, self.interface, self.option, returns)
        parameters = signature(self.interface, self.option).split(", ")
        return definition(f"def {self.name}", parameters, ":")

    @property
    def docstring(self) -> list[str]:
        """Return the theorem, what must hold, and what the arguments are, in lines."""
        lines = [f"    {said(step)}" for step, _ in self.calls]
        order = ["", "Computed in this order:", *lines] if len(self.calls) > 1 else []
        order = [*reason(self.function), *order, *assumed(self.program, lines)]
        order = [*_LINE, *order] if self.function.name == JVP else order
        boxes = [self.interface.box]
        return docstring(self.interface, [self.function.computed], order, boxes, self.option)

    @property
    def checks(self) -> list[str]:
        """Return the statements that check the arguments and name the sizes."""
        return argument_checks(self.interface)

    @property
    def _forward(self) -> tuple[Call, ...]:
        """Return the steps of the forward pass."""
        return forward_calls(self.program, self.calls)

    @cached_property
    def body(self) -> list[str]:
        """Return the statements that compute the steps, and return the result."""
        output = name(self.calls[-1][0].name)
        forward = self._lines(self._forward)
        made = {t.name for t in forward_tensors(self.program)}
        back = self._lines([call for call in self.calls if call[0].name not in made])
        if self.function.is_forward:
            words = [name(t.name) for t in self.saved]
            pair = definition(f"return {output}, dict", [f"{w}={w}" for w in words], "", TAB)
            return [*forward, "if save:", *pair, f"return {output}"]
        return [*saved_or(forward, self.saved), *back, f"return {output}"]

    @property
    def closing(self) -> list[str]:
        """Return the statement that says what the forward pass saves; it stands at the end."""
        words = [f'"{name(t.name)}"' for t in self.saved if self.function.is_forward]
        return ["", "", f"SAVED = {written_tuple(words)}"] if words else []

    def _lines(self, calls: Sequence[Call]) -> list[str]:
        """Write the calls of steps."""
        saved = {t.name for t in self.saved} if self.function.is_forward else set()
        read = read_of(self.calls, self.passes, [self.calls[-1][0].name])
        named = [(name(step.name), step, kernel, dict[str, str]()) for step, kernel in calls]
        return calls_lines(named, self.passes, read, saved)


@lru_cache(maxsize=16)
def forward_tensors(program: Program) -> tuple[Tensor, ...]:
    """Return what the forward pass computes: definitions, and what is computed that they read."""
    values = {s.value for s in program.selections}
    read = {a.tensor for t in program.definitions if t.name not in values for a in entries_in(t)}
    chosen = [*(s.tensor for s in program.selections), *(t.tensor for t in program.tables)]
    return (*program.definitions, *(t for t in chosen if t in read))


def forward_calls(program: Program, calls: Sequence[Call]) -> tuple[Call, ...]:
    """Return the steps of the forward pass."""
    made = {t.name for t in forward_tensors(program)}
    return tuple((step, kernel) for step, kernel in calls if step.name in made)


def saved_or(forward: Sequence[str], saved: Sequence[Tensor]) -> list[str]:
    """Write what takes saved arrays, or else computes them again.

    Args:
        forward: the statements that compute them again.
        saved: what was saved.

    """
    if not forward or not saved:
        return [*forward]
    words = [name(t.name) for t in saved]
    shapes = [f"{name(t.name)}={size_tuple(plain_sizes(t))}" for t in saved]
    names = ", ".join(words) + ("," if len(words) == 1 else "")
    taken = definition(f"{names} = saved_arrays", ["saved", "dtype", *shapes], "", TAB)
    recomputed = [f"{TAB}{line}" for line in forward]
    return ["if saved is None:", *recomputed, "else:", *taken]


def saved_option(forward: Sequence[Call], saved: Sequence[Tensor]) -> Option:
    """Return the argument that says what was saved.

    Args:
        forward: the steps that are left out if it is given.
        saved: what is read from it.

    """
    words = ", ".join(t.name for t in saved) or "nothing"
    again = ", ".join(step.name for step, _ in forward)
    about = f"the second of what forward(..., save=True) returned; it reads {words}"
    about += f"; where it is left out, {again} are computed again" if again else ""
    kind = "Mapping[str, Array] | None"
    return Option("saved", kind, "None", tuple(filled(about.split(), WIDTH - 24)))


def reason(function: ProgramFunction) -> list[str]:
    """Return why a gradient is computed in this form, for a docstring."""
    if function.short is None:
        return []
    about = "This form is proved to be the gradient. It is computed, for it reads fewer entries "
    about += "than the gradients by all definitions, one after another."
    return ["", *filled(about.split(), WIDTH - 4)]


def assumed(program: Program, lines: Sequence[str]) -> list[str]:
    """Return what must hold so that a program has values, and conventions, for a docstring.

    Args:
        program: the definitions.
        lines: the steps, which may state conventions.

    """
    out = []
    if needed := program.hypotheses:
        out += ["", "Required; elsewhere values are NaN or infinite, as IEEE 754 says:"]
        out += [f"    {condition}" for condition in needed]
    agreed = [c for c in program.conventions if f"    {c}" not in lines]
    return out + (["", "By convention:", *(f"    {c}" for c in agreed)] if agreed else [])


def program_kernels(
    program: Program,
    functions: Sequence[ProgramFunction],
    kernels: Iterable[tuple[ProgramStep, Kernel]],
    typed: bool,
    passes: Mapping[str, tuple[FusedKernel, ...]],
) -> tuple[ProgramKernel, ...]:
    """Return the functions of a program.

    Args:
        program: the definitions.
        functions: its theorems and steps.
        kernels: the kernel of each step.
        typed: whether the definitions have types.
        passes: the kernels that compute several steps each, by the name of the function.

    Raises:
        LoweringError: no argument of a function determines a size that it needs.

    """
    made = dict(kernels)
    calls = {
        f: tuple((step, made[step] if isinstance(step, ProgramStep) else None) for step in f.steps)
        for f in functions
    }
    read = {
        f: read_back(program, calls[f], passes.get(f.name, ()))
        for f in functions
        if not f.is_forward
    }
    saved = {t for found in read.values() for t in found}
    kept = tuple(t for t in forward_tensors(program) if t in saved)
    out = []
    for f in functions:
        needed = read.get(f, kept)
        # a derivative in a direction has the box of the output, and reads nothing that was saved
        along = f.name == JVP
        needed = () if along else needed
        results = [(program.output, f.steps[-1].name) if along else result(f.theorem)]
        here = passes.get(f.name, ())
        known = () if f.is_forward else needed
        interface = interface_of(program, results, calls[f], known, here)
        out.append(ProgramKernel(program, f, interface, calls[f], typed, needed, here))
    return tuple(out)


def read_back(
    program: Program, calls: Sequence[Call], passes: Sequence[FusedKernel] = ()
) -> tuple[Tensor, ...]:
    """Return the definitions that the steps of reverse mode read.

    Args:
        program: the definitions.
        calls: the steps of a function.
        passes: the kernels that compute several of them each.

    """
    made = {t.name: t for t in forward_tensors(program)}
    over = [p.found for p in passes if isinstance(p.found, WindowPass)]
    own = {step for w in over for step in steps_of(w)}
    back = [call for call in calls if call[0].name not in made and call[0] not in own]
    names = {t.name for step, kernel in back for t in inputs(step, kernel)}
    names |= {t.name for w in over if steps_of(w)[-1].name not in made for t in w.inputs}
    return tuple(t for word, t in made.items() if word in names)


def interface_of(
    program: Program,
    results: Sequence[tuple[Tensor, str]],
    calls: Sequence[Call],
    saved: Sequence[Tensor],
    passes: Sequence[FusedKernel] = (),
) -> Interface:
    """Find out what a function of a program must be given.

    Args:
        program: the definitions.
        results: the tensor whose box each result has, and the name of the result.
        calls: its steps.
        saved: what it may be given besides.
        passes: the kernels that compute several steps each.

    Raises:
        LoweringError: no argument determines a size that is needed.

    """
    arrays = _arrays_read(program, calls)
    kernels = [k for _, k in calls if k is not None]
    gathers = [step for step, _ in calls if isinstance(step, GatherStep)]
    places = dict.fromkeys(
        (r.gather.array, r.gather.tensor.shape[-1]) for step in gathers for r in step.reads
    )
    functions = dict.fromkeys(g for k in kernels for g in k.interface.functions)
    made = (t for k in kernels for t, given in k.interface.shapes if given)
    wanted = symbols_in((*made, *saved))
    scalars = dict.fromkeys(v for k in kernels for v in k.interface.parameters)
    tables = [step.table for step, _ in calls if isinstance(step, TableStep)]
    wanted |= symbols_in(t.tensor for t in tables)
    scalars |= dict.fromkeys(symbol(word) for t in tables for word in t.names)
    numbers = {v for p in passes for v in (*p.sizes, *p.reals)}
    wanted |= {v for v in (*scalars, *numbers) if v not in program.parameters}
    wanted |= symbols_in(r.gather.tensor for step in gathers for r in step.reads)
    wanted |= {v for step in gathers if step.scatters for n in step.shape for v in symbols_of(n)}
    known = {v for t in (*arrays, *(t for t, _ in places)) for v in plain_axes(t)}
    shapes = []
    for box, _ in results:
        if len(results) == 1 or box not in arrays:
            shapes.append((box, not symbols_in([box]) <= known))
            known |= set(plain_axes(box))
    for t in (program.output, *program.tensors, *program.definitions):
        if (wanted - known) & set(plain_axes(t)):
            shapes.append((t, True))
            known |= set(plain_axes(t))
    if lost := wanted - known:
        names = ", ".join(sorted(v.name for v in lost))
        raise LoweringError(f"no argument determines {names}: no axis has exactly that size")
    parameters = tuple(v for v in program.parameters if v in scalars)
    sources = (*arrays, *(t for t, _ in places), *(t for t, _ in shapes))
    sizes = dict.fromkeys(v for t in sources for v in plain_axes(t) if v in wanted)
    reals = {v for v in parameters if all(v not in k.interface.integers for k in kernels)}
    box, output = results[-1]
    return Interface(
        box, output, arrays, tuple(functions), parameters, tuple(shapes), tuple(sizes),
        frozenset(reals), tuple((t, n) for t, n in places if n is not None),
    )  # fmt: skip


def _arrays_read(program: Program, calls: Sequence[Call]) -> tuple[Tensor, ...]:
    """Return the arrays that steps read and that none computes, those of the program last."""
    computed = {step.name for step, _ in calls}
    own = [t.name for t in program.tensors]
    every = [t for _, k in calls if k is not None for t in k.interface.arrays]
    every += [t for step, k in calls if k is None for t in inputs(step, k)]
    read = {t.name: t for t in every if t.name not in computed}
    order = {f"tangent_{word}": n for n, word in enumerate(own)}
    others = sorted(read.keys() - own, key=lambda word: (order.get(word, -1), word))
    upstream = [read[word] for word in others]
    return (*upstream, *(t for t in program.tensors if t.name in read))
