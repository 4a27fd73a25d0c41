"""What kernels and modules have in common in all targets: signatures, docstrings, checks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from sympy import Symbol

from rot180.codegen.kernels.expressions import (
    TAB,
    definition,
    number,
    size_tuple,
    write_running_sum,
    write_sum,
    written_tuple,
)
from rot180.codegen.kernels.inline import inlined, inlined_functions, names_in
from rot180.codegen.kernels.interface import Interface
from rot180.codegen.kernels.names import applied_name, function_name, name, shape_name
from rot180.codegen.kernels.scalar_functions import function_lines, functions_of, python_name
from rot180.codegen.plans.plan import Intermediate, Nest, Plan
from rot180.derive.display.statement import write_condition, write_statement
from rot180.derive.kernel.proof import Theorem
from rot180.derive.language.polynomial import normal, symbols_of, text
from rot180.derive.language.scalar_functions import FUNCTIONS
from rot180.derive.language.terms import AtLeast, Condition, Equal, Tensor


@dataclass(frozen=True)
class Kernel:
    """A function of a module. Each target writes its body; the rest is the same in every target.

    Attributes:
        name: the function's name.
        theorem: what it computes.
        interface: what it takes.
        plan: the theorem, lowered.

    """

    name: str
    theorem: Theorem
    interface: Interface
    plan: Plan

    @property
    def output(self) -> str:
        """Return the array that is returned."""
        return name(self.interface.output)

    @property
    def signature(self) -> str:
        """Return its parameters."""
        return signature(self.interface)

    @property
    def docstring(self) -> list[str]:
        """Return the theorem and what the arguments are, in lines."""
        return docstring(self.interface, [self.theorem], self.order, [self.interface.box])

    @property
    def order(self) -> list[str]:
        """Return the sums in the order in which they are computed, where there is a choice."""
        orders = [p for p in self.plan.orders if p.intermediates]
        if not orders:
            return []
        if len(self.plan.orders) == 1:
            reads = "in which no array is read along a diagonal"
            why = reads if orders[0].along_diagonals else "with the fewest products"
            sums = _sums(orders[0], self.output)
            return ["", f"Computed in this order, {why}:", *sums, *running_note(self.plan)]
        lines = ["", "Computed in the order with the fewest products at the sizes of the call:"]
        for plan in self.plan.orders:
            lines += [f"  {text(plan.products)} products:", *_sums(plan, self.output)]
        return [*lines, *running_note(self.plan)]

    @property
    def checks(self) -> list[str]:
        """Return the statements that check the arguments, name the sizes and make the output."""
        return check_lines(self.interface, self.plan)

    @property
    def body(self) -> list[str]:
        """Return the statements that compute the output.

        Raises:
            LoweringError: the target has no room for a sum.

        """
        raise NotImplementedError


@dataclass(frozen=True)
class Module:
    """A module of kernels.

    Attributes:
        header: the comment lines at the top.
        layer: the forward pass in the notation.
        kernels: its functions.
        shared: whether it imports what kernels share, where the target allows it.
        programs: functions in Python that call the kernels; they come first.
        passes: functions that compute several steps of a program.

    """

    header: tuple[str, ...]
    layer: str
    kernels: tuple[Kernel, ...]
    shared: bool = False
    programs: tuple[Any, ...] = ()
    passes: tuple[Any, ...] = ()

    @property
    def functions(self) -> list[tuple[str, ...]]:
        """Return the definitions of the scalar functions that are known by name, in lines."""
        used = functions_of(kernel.plan for kernel in self.kernels)
        return [function_lines(word, order) for word, order in used]

    @property
    def shared_parts(self) -> str:
        """Return the functions of the runtime that those of a program call."""
        functions = (*self.programs, *self.passes)
        called = names_in("\n".join(line for f in functions for line in (*f.checks, *f.body)))
        parts = ("selection", "saved", "gathering", "tables", "unset")
        found = (inlined_functions(f"numpy/{part}", called) for part in parts)
        return "\n\n\n".join(text for text in found if text)

    @property
    def checks(self) -> str:
        """Return the code of the checks of arguments."""
        return inlined("numpy/checks", constants=False)

    @property
    def normal(self) -> bool:
        """Say whether a scalar function needs the normal distribution."""
        return any("_upper(" in line for lines in self.functions for line in lines)


@dataclass(frozen=True)
class Option:
    """An argument by keyword that no array or size of a theorem is.

    Attributes:
        name: what it is called.
        kind: its type.
        default: its default, as text.
        said: what it is, in lines.

    """

    name: str
    kind: str
    default: str
    said: tuple[str, ...]


def typed_head(
    word: str, found: Interface, option: Option | None = None, returns: str = "Array"
) -> tuple[str, ...]:
    """Write the lines of a function's definition, with types."""
    shapes = [f"{shape_name(t)}: Sequence[int]" for t, given in found.shapes if given]
    spare = [f"{shape_name(t)}: Sequence[int] | None" for t, given in found.shapes if not given]
    arrays = [f"{name(t.name)}: Array" for t in (*found.arrays, *found.index_arrays)]
    keywords = [
        *(f"{word}: Callable[[Array], object]" for word in found.callables),
        *(f"{name(v.name)}: {'float' if v in found.reals else 'int'}" for v in found.parameters),
        *shapes,
        *(f"{shape} = None" for shape in spare),
        *([f"{option.name}: {option.kind} = {option.default}"] if option else []),
    ]
    parameters = [*arrays, *(["*", *keywords] if keywords else [])]
    return definition(f"def {word}", parameters, f" -> {returns}:")


def signature(found: Interface, option: Option | None = None) -> str:
    """Write the parameters of a function."""
    arrays = [name(t.name) for t in (*found.arrays, *found.index_arrays)]
    shapes = [shape_name(t) + ("" if given else "=None") for t, given in found.shapes]
    shapes.sort(key=lambda s: s.endswith("=None"))
    parameters = [name(v.name) for v in found.parameters]
    spare = [f"{option.name}={option.default}"] if option else []
    keywords = [*found.callables, *parameters, *shapes, *spare]
    return ", ".join([*arrays, *(["*", *keywords] if keywords else [])])


def _sums(plan: Plan, output: str) -> list[str]:
    """Write the sums of a plan in the notation of layers."""
    steps = computed_steps(plan, output)
    return [f"    {write_step(step)}" for step in steps]


Computed: TypeAlias = tuple[str, Nest] | Intermediate
"""A sum with the name of its result, or an intermediate that becomes a running sum."""


def computed_steps(plan: Plan, output: str) -> list[Computed]:
    """Return what a plan computes, in order."""
    steps: list[Computed] = []
    for i in plan.intermediates:
        steps += [*((i.tensor.name, nest) for nest in i.nests), *([i] if i.running else [])]
    return [*steps, *((output, nest) for nest in plan.nests)]


def write_step(step: Computed) -> str:
    """Write a sum, or a running sum, in the notation of layers."""
    if isinstance(step, Intermediate):
        return write_running_sum(step)
    return write_sum(step[1], step[0])


def running_note(plan: Plan) -> list[str]:
    """Say why a running sum is the sum up to a bound that moves, and how it rounds."""
    found = [i for p in plan.orders for i in p.intermediates if i.running]
    words = list(dict.fromkeys(i.tensor.name for i in found))
    if not words:
        return []
    kind = "is a running sum" if len(words) == 1 else "are running sums"
    return [
        f"{', '.join(words)} {kind}: it is proved, for all sizes, that each entry is the one",
        "before it and what is added there. It is added in order, and rounds as a loop does.",
    ]


def docstring(
    found: Interface,
    theorems: Sequence[Theorem],
    order: Sequence[str],
    boxes: Sequence[Tensor],
    option: Option | None = None,
) -> list[str]:
    """Write what a function computes, and what its arguments are, in lines.

    Args:
        found: what it takes.
        theorems: what it computes, one for each array that it returns.
        order: lines between the theorems and the arguments.
        boxes: the tensors whose boxes the arrays have that it returns.
        option: an argument more.

    """

    def shape(t: Tensor) -> str:
        return written_tuple([text(n) for n in t.shape if n is not None])

    statements = [line for t in theorems for line in (*write_statement(t).splitlines(), "")][:-1]
    lines = [*statements, *order, "", "Args:"]
    lines += [f"    {name(t.name)}: array {shape(t)}, zero outside" for t in found.arrays]
    for t in found.index_arrays:
        sizes = dict.fromkeys(text(n) for u, n in found.places if u == t)
        below = " and ".join(sizes)
        lines.append(f"    {name(t.name)}: array {shape(t)} of integers >= 0 and < {below}")
    for word in found.callables:
        lines.append(f"    {word}: a function from an array to the array of its values")
    reals = [v for v in found.parameters if v in found.reals]
    for words, one, several in (
        (found.integers, "an integer", "integers"),
        (reals, "a real number", "real numbers"),
    ):
        if words:
            kind = several if len(words) > 1 else one
            lines.append(f"    {', '.join(name(v.name) for v in words)}: {kind}")
    for t, given in found.shapes:
        note = "" if given else "; may be left out"
        lines.append(f"    {shape_name(t)}: the tuple {shape(t)} of integers >= 0{note}")
    if option:
        first, *more = option.said
        lines += [f"    {option.name}: {first}", *(f"        {line}" for line in more)]
    dtype = "of the arguments' dtype" if found.arrays else "of dtype float64"
    returned = ", ".join(f"array {shape(t)}" for t in boxes)
    lines += ["", "Returns:", f"    {returned} {dtype}"]
    lines += ["", "Raises:", "    TypeError, ValueError: naming the argument, with what was found"]
    return [f"    {line}" if line else "" for line in lines]


def check_lines(found: Interface, plan: Plan) -> list[str]:
    """Write the statements that check arguments, name the sizes and make the output."""
    lines = argument_checks(found)
    lines += [_requirement(c) for c in plan.hypotheses]
    for f, order, t in found.functions:
        word = function_name(f, order)
        by = python_name(f, order) if f in FUNCTIONS else word
        lines.append(f'{applied_name(f, order, t)} = applied("{word}", {by}, {name(t.name)})')
    shape = size_tuple(plan.shape)
    lines.append(f'{name(found.output)} = zeros("{shape_name(found.box)}", {shape}, dtype)')
    return lines


def argument_checks(found: Interface) -> list[str]:
    """Write the statements that check arguments and name the sizes."""
    return [*_parameter_checks(found), *_size_checks(found)]


def _parameter_checks(found: Interface) -> list[str]:
    names = [name(v.name) for v in found.integers]
    return [f"{_target(names)} = integers({', '.join(f'{v}={v}' for v in names)})"] if names else []


def _size_checks(found: Interface) -> list[str]:
    arrays = [(name(t.name), t) for t in found.arrays]
    ranks = ", ".join(f"{word}=({word}, {len(t.shape)})" for word, t in arrays)
    lines = [f"dtype = arrays({ranks})"]
    if reals := [name(v.name) for v in found.parameters if v in found.reals]:
        lines.append(f"{_target(reals)} = reals(dtype, {', '.join(f'{v}={v}' for v in reals)})")
    indices = [(name(t.name), t) for t in found.index_arrays]
    if indices:
        each = ", ".join(f"{word}=({word}, {len(t.shape)})" for word, t in indices)
        lines.append(f"_index_arrays({each})")
    arrays += indices
    sources = [f"{word}=({word}.shape, {_axes_in_words(t)})" for word, t in arrays]
    for t, given in found.shapes:
        word = shape_name(t)
        optional = "" if given else ", optional=True"
        lines.append(f'{word} = checked_shape("{word}", {word}, {len(t.shape)}{optional})')
        sources.append(f"{word}=({word}, {_axes_in_words(t)})")
    names = [name(v.name) for v in found.sizes]
    wanted = " ".join(v.name for v in found.sizes)
    target = f"{_target(names)} = " if names else ""
    call = definition(f"{target}sizes", [f'"{wanted}"', *sources], "", TAB)
    lines += [line.removeprefix(TAB) for line in call]
    for word, t in arrays:
        lines += _composite_axes(t, word, f"{word}.shape")
    for t, _ in found.shapes:
        lines += _composite_axes(t, shape_name(t), shape_name(t))
    for t, n in found.places:
        word = name(t.name)
        lines.append(f'{word} = _in_range("{word}", {word}, {number(n)})')
    return lines


def _axes_in_words(t: Tensor) -> str:
    """Write the axes' sizes as words: a name, a number, or ``*`` for anything else."""
    words = [number(n) if n.is_Symbol or n.is_Integer else "*" for n in t.shape if n is not None]
    words = [n.name if isinstance(n, Symbol) else w for n, w in zip(t.shape, words, strict=True)]
    return f'"{" ".join(words)}"'


def _composite_axes(t: Tensor, word: str, shape: str) -> list[str]:
    """Write the checks of sizes that are neither a name nor a number."""
    return [
        f'check_axis("{word}", {axis}, {shape}, {number(n)})'
        for axis, n in enumerate(t.shape)
        if n is not None and not n.is_Symbol and not n.is_Integer
    ]


def _requirement(c: Condition) -> str:
    """Write a hypothesis as a check that names what it is about."""
    symbols = sorted(symbols_of(c.value), key=lambda v: v.name)
    if isinstance(c, AtLeast):
        constant = c.value.as_coeff_Add()[0]
        holds = f"{number(normal(c.value - constant))} >= {number(-constant)}"
        wanted = f"an integer >= {-constant}" if c.value - constant in symbols else ""
    elif isinstance(c, Equal):
        holds, wanted = f"{number(c.value)} == 0", ""
    else:
        symbols = sorted(symbols_of(c.value) | symbols_of(c.size), key=lambda v: v.name)
        holds, wanted = f"0 <= {number(c.value)} < {number(c.size)}", ""
    found = ", ".join(f"{name(v.name)}={name(v.name)}" for v in symbols)
    return f'require({holds}, "{wanted or write_condition(c)}", {found})'


def _target(names: Sequence[str]) -> str:
    """Write what a list of values is assigned to."""
    return ", ".join(names) + ("," if len(names) == 1 else "")
