"""The public functions on compiled kernels: checks as conditions in C, true for usual arguments."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from sympy import Expr

from rot180.codegen.kernels.checks import AxisCheck, FunctionChecks, Geometry
from rot180.codegen.kernels.expressions import definition, number
from rot180.codegen.kernels.output_sizes import size_text
from rot180.codegen.kernels.public_api import Argument, PublicFunction
from rot180.codegen.kernels.public_shapes import group_axis
from rot180.codegen.kernels.public_text import (
    any_batch,
    docstring,
    indented,
    letters,
    signature,
    stored,
)
from rot180.derive.language.polynomial import symbols_of


@dataclass(frozen=True)
class CythonFunction:
    """A public function in Cython, ready for the template.

    Attributes:
        name: what it is called.
        head: the lines of its definition.
        docstring: its docstring.
        declarations: its variables.
        usual: what holds for usual arguments, joined by "and".
        first: the array whose dtype counts.
        left: the call of NumPy's function.
        any_batch: the statements that call it again where the batch is not one axis, or with blocks
            in float32.
        recovery: what is done where something is unusual: errors are raised, numbers taken over.
        sizes: the statements that name sizes and the shape of the output.
        output: what makes the output.
        winograd: the statements that compute it with fewer products, where they can.
        kernel: the name of the kernel.
        passed: what it is passed.

    """

    name: str
    head: tuple[str, ...]
    docstring: str
    declarations: tuple[str, ...]
    usual: tuple[str, ...]
    first: str
    left: tuple[str, ...]
    any_batch: tuple[str, ...]
    recovery: tuple[str, ...]
    sizes: tuple[str, ...]
    output: str
    winograd: tuple[str, ...]
    kernel: str
    passed: tuple[str, ...]


@dataclass(frozen=True)
class CythonGeometry:
    """What checks a geometry in C, ready for the template.

    Attributes:
        kind: the name of the layers without the number of axes.
        parameters: the parameters, in order.
        sizes: the variables for sizes.
        usual: what holds for usual arguments, joined by "and".
        more: the parameters that the window does not keep, an array for each.
        channels: the statements that keep batch, groups and channels.
        shape: the statement that keeps the sizes of an output before the spatial ones.
        axis: the statements that read what belongs to an axis.
        before: what must hold on an axis before the output's size is known.
        size: how an output's size is computed.
        after: what must hold on an axis then.
        input: the size of an input.
        taps: the number of taps.
        output: the size of an output.

    """

    kind: str
    parameters: str
    sizes: str
    usual: tuple[str, ...]
    more: tuple[str, ...]
    channels: tuple[str, ...]
    shape: str
    axis: tuple[str, ...]
    before: tuple[str, ...]
    size: str
    after: tuple[str, ...]
    input: str
    taps: str
    output: str


def spelled(e: Expr, values: Mapping[str, str]) -> str:
    """Write a polynomial, its symbols by what they are called in C."""
    return re.sub(r"[A-Za-z]\w*", lambda found: values.get(found[0], found[0]), number(e))


def function_lines(checks: FunctionChecks, prefix: str) -> CythonFunction:
    """Write a public function.

    Args:
        checks: the function and its checks.
        prefix: what the names of its kernels begin with.

    """
    f = checks.function
    values = window_values(f) if f.window else {"G": "1"}
    operands = [next(a for a in f.arrays if word in _words(a)) for word in f.compiled.arrays[1:]]
    integers = [values.get(v, v) for v in f.compiled.integers]
    shape = _shape_of_output(f)
    whole = f"_whole_{prefix}_{f.kernel}({', '.join(integers)})" if f.compiled.whole else "False"
    first = f.arrays[0].name
    passed = ", ".join(a.name for a in f.arguments)
    keywords = [f"{p.name}={p.name}" for p in f.parameters]
    return CythonFunction(
        f.name,
        definition(f"def {f.name}", signature(f), ":"),
        indented(docstring(checks)),
        tuple(_declarations(checks)),
        _joined(_usual(checks, values)),
        first,
        definition(f"return kernels.{f.name}", [a.name for a in f.arguments] + keywords, ""),
        (*any_batch(f, "kernels."), *stored(f, "kernels.")),
        tuple(_recovery(checks, passed)),
        tuple(_sizes(checks, values)),
        f"_array({len(f.box)}, {shape}, _type({first}), {whole})",
        tuple(_winograd(f)) if f.fast else (),
        f"_{prefix}_{f.kernel}",
        (
            _view(f, f.result.name, "output", len(f.box), group_axis(f.result)),
            *(_operand(f, a) for a in operands),
            *([", ".join(integers)] if integers else []),
        ),
    )


def _joined(conditions: Iterable[str]) -> tuple[str, ...]:
    """Write what must hold together, a line for each condition."""
    first, *rest = conditions
    return (first, *(f"and {condition}" for condition in rest))


def _words(a: Argument) -> tuple[str, str]:
    """Return how a kernel may call an array."""
    return a.tensor.name, f"grad_{a.tensor.name}"


def window_values(f: PublicFunction) -> dict[str, str]:
    """Return where a checked ``Window v`` has each parameter and size of the layer."""
    assert f.window is not None
    boxes = {a.tensor.name: a.tensor.shape for a in f.arguments} | {f.result.name: f.result.shape}
    x, w, y = (boxes[name] for name in "xwy")
    values = dict(zip(map(str, x), ("v.batch", "v.groups", "v.channels"), strict=False))
    values[str(y[2])] = "v.outputs"
    for field, called in letters(f.window.rank).items():
        values |= {word: f"v.{field[:-1]}[{a}]" for a, word in enumerate(called)}
    for field, box in (("size", x), ("taps", w), ("out", y)):
        values |= {str(size): f"v.{field}[{a}]" for a, size in enumerate(box[3:])}
    return values


def _declarations(checks: FunctionChecks) -> Iterator[str]:
    f = checks.function
    if f.window:
        yield "Window v"
    if f.fast:
        yield "bint fast = _fast(accuracy)"
    tensors = (f.result, *(a.tensor for a in f.arrays))
    yield f"View {', '.join(f'_{t.name}' for t in dict.fromkeys(tensors))}"
    for size in f.sizes:
        yield f"Py_ssize_t[{len(size.box)}] _{size.tensor.name}_size"
    if _shape_of_output(f) == "_out_size":
        yield f"Py_ssize_t[{len(f.box)}] _out_size"
    if named := _named(checks):
        yield f"Py_ssize_t {', '.join(named)}"


def _shape_of_output(f: PublicFunction) -> str:
    own = next((a for a in f.sizes if a.tensor == f.result), None)
    return f"_{own.tensor.name}_size" if own else "_out_size"


def _named(checks: FunctionChecks) -> dict[str, str]:
    """Return the sizes that a function names, and the axis that fixes each."""
    f = checks.function
    used = {*f.compiled.integers, *(v.name for n in f.box for v in symbols_of(n))}
    found = _sources(checks)
    return {v: found[v] for v in found if v in used}


def _sources(checks: FunctionChecks) -> dict[str, str]:
    """Return which axis fixes each size, as C has it."""
    arguments = {a.name: a for a in checks.function.arguments}
    found: dict[str, str] = {}
    for b in checks.bindings:
        axis = _axis_of(arguments[b.argument], b.axis)
        divisor = spelled(b.divisor, found)
        found[b.size.name] = axis if b.divisor == 1 else f"({axis} // ({divisor}))"
    return found


def _axis_of(a: Argument, axis: int) -> str:
    return f"_{a.tensor.name}_size[{axis}]" if a.is_size else f"_shape({a.name})[{axis}]"


def _usual(checks: FunctionChecks, values: Mapping[str, str]) -> Iterator[str]:
    f = checks.function
    first = f.arrays[0].name
    for array in checks.arrays:
        if not array.optional:
            alike = "" if array.argument == first else f" and _alike({array.argument}, {first})"
            yield f"_usual({array.argument}, {array.rank}){alike}"
    for size in f.sizes:
        yield f"_size({size.name}, {len(size.box)}, _{size.tensor.name}_size)"
    if f.window:
        shapes = {
            a.tensor.name: f"_{a.tensor.name}_size" if a.is_size else f"_shape({a.name})"
            for a in f.arguments
        }
        given = ", ".join(p.name for p in f.parameters)
        yield f"_{f.window.kind}_window(&v, {f.window.rank}, {shapes['x']}, {shapes['w']}, {given})"
    sources = {**values, **_sources(checks)}
    for b in checks.bindings:
        if b.divisor != 1:
            axis = _axis_of(next(a for a in f.arguments if a.name == b.argument), b.axis)
            yield f"{axis} % ({spelled(b.divisor, sources)}) == 0"
    for a in f.arguments:
        related = [_relation(a, c, sources) for c in checks.axes if c.argument == a.name]
        if not a.optional:
            yield from related
            continue
        usual = [f"_usual({a.name}, {len(a.box)})", f"_alike({a.name}, {first})", *related]
        yield f"({a.name} is None or {' and '.join(usual)})"


def _relation(a: Argument, c: AxisCheck, sources: Mapping[str, str]) -> str:
    return f"{_axis_of(a, c.axis)} == {spelled(c.size, sources)}"


def _recovery(checks: FunctionChecks, passed: str) -> Iterator[str]:
    f = checks.function
    if f.window:
        parameters = ", ".join(p.name for p in f.parameters)
        yield f"checked = kernels.check_{f.name}({passed}, ({parameters}))"
        yield "_take(&v, checked)"
    else:
        yield f"{'checked = ' if f.sizes else ''}kernels.check_{f.name}({passed})"
    for at, size in enumerate(f.sizes):
        found = f'checked.whole["{size.tensor.name}"]' if f.window else f"checked[{at}]"
        yield f"{_entries(size)} = {found}"
    for a in f.arrays:
        aligned = f"_aligned({a.name})"
        unless = f"None if {a.name} is None else " if a.optional else ""
        yield f"{a.name} = {unless}{aligned}"


def _entries(size: Argument) -> str:
    entries = [f"_{size.tensor.name}_size[{axis}]" for axis in range(len(size.box))]
    return ", ".join(entries) + ("," if len(entries) == 1 else "")


def _sizes(checks: FunctionChecks, values: Mapping[str, str]) -> Iterator[str]:
    f = checks.function
    yield from (f"{size} = {axis}" for size, axis in _named(checks).items())
    if _shape_of_output(f) == "_out_size":
        yield from (f"_out_size[{a}] = {spelled(n, values)}" for a, n in enumerate(f.box))


def _view(f: PublicFunction, tensor: str, array: str, rank: int, split: int) -> str:
    return f"_view(&_{tensor}, {array}, {rank}, {split}, {'v.groups' if f.window else '1'})"


def _operand(f: PublicFunction, a: Argument) -> str:
    view = _view(f, a.tensor.name, a.name, len(a.box), group_axis(a.tensor))
    return f"NULL if {a.name} is None else {view}" if a.optional else view


def _winograd(f: PublicFunction) -> Iterator[str]:
    forward = not f.operand
    channels, outputs = ("v.channels", "v.outputs") if forward else ("v.outputs", "v.channels")
    slides, filtered = f.arrays[:2] if forward else (f.arrays[1], f.arrays[0])
    size, rank = "v.out" if forward else "v.size", len(f.box) - 2
    yield f"if fast and _suits(&v, {channels}, {outputs}, {size}, {rank}):"
    yield f"    {slides.name} = _with_contiguous_rows({slides.name})"
    bias = "NULL"
    for a in f.arrays:
        if a.optional:
            contiguous = f"np.ascontiguousarray({a.name})"
            yield f"    {a.name} = None if {a.name} is None else {contiguous}"
            bias = f"NULL if {a.name} is None else cnp.PyArray_DATA({a.name})"
    yield "    if _winograd("
    yield f"        &v, {not forward},"
    yield f"        {_view(f, f.result.name, 'output', len(f.box), group_axis(f.result))},"
    yield f"        {_operand(f, slides)},"
    yield f"        {_operand(f, filtered)},"
    yield f"        {bias},"
    yield "    ):  # else an output is not finite: the sum as it is written says how"
    yield "        return output"


def geometry_lines(g: Geometry) -> CythonGeometry:
    """Write what checks a geometry."""
    kept = {"s": "v.stride", "d": "v.dilation", "lo": "v.low"}
    usual, more = ["_few(w, rank + 2)", "_few(x, rank + 2)"], []
    for p in g.parameters:
        least = "-LARGEST_PARAMETER" if p.least is None else p.least
        if p.letter == "G":
            usual.append(f"_integer({p.name}, {least}, &G)")
            continue
        if p.letter not in kept:
            more.append(f"more_{p.letter}")
        to = kept.get(p.letter, f"more_{p.letter}")
        usual.append(f"_per_axis({p.name}, rank, {least}, {to})")
    shapes = {"input": "x", "weight": "w"}
    axes = {b.size.name: f"{shapes[b.argument]}[{b.axis}]" for b in g.bindings}
    divided = [b for b in g.bindings if b.divisor != 1]
    usual += [f"_divided({axes[b.size.name]}, {number(b.divisor)}, &{b.size})" for b in divided]
    known = axes | {b.size.name: b.size.name for b in divided}
    usual += [f"{shapes[c.argument]}[{c.axis}] == {spelled(c.size, known)}" for c in g.axes]
    read = {letter: f"{kept.get(letter, f'more_{letter}')}[a]" for letter in g.per_axis.values()}
    read = {g.input: "x[2 + a]", g.taps: "w[2 + a]", **read, "lo": "v.low[a]", "hi": "lo"}
    fields = ("batch", "groups", "channels", "outputs")
    return CythonGeometry(
        g.kind,
        ", ".join(p.name for p in g.parameters),
        ", ".join([*(b.size.name for b in divided), "G", *read, g.output]),
        _joined(usual),
        tuple(more),
        tuple(f"v.{f} = {spelled(n, known)}" for f, n in zip(fields, g.roles, strict=True)),
        f"shape[0], shape[1] = {', '.join(spelled(n, known) for n in g.channels)}",
        tuple(f"{v} = {value}" for v, value in read.items()),
        tuple(rule.holds for rule in g.rules if g.output not in rule.holds),
        size_text(g.size, g.output, "cython"),
        tuple(rule.holds for rule in g.rules if g.output in rule.holds),
        g.input,
        g.taps,
        g.output,
    )
