"""The public functions on NumPy's kernels: their checks and bodies as Python."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sympy import Expr

from rot180.codegen.kernels.checks import AxisCheck, Binding, FunctionChecks, Geometry
from rot180.codegen.kernels.expressions import TAB, definition, number, written_tuple
from rot180.codegen.kernels.numpy_runtime import PUBLIC, import_lines, imports
from rot180.codegen.kernels.output_sizes import size_text
from rot180.codegen.kernels.public_api import (
    Argument,
    AxisRule,
    PublicFunction,
    PublicLayer,
)
from rot180.codegen.kernels.public_shapes import group_axis
from rot180.codegen.kernels.public_text import (
    any_batch,
    docstring,
    indented,
    letters,
    statement_rows,
    stored,
    typed_definition,
    typed_signature,
)
from rot180.codegen.kernels.stored_functions import TABLE
from rot180.derive.display.statement import write_statement
from rot180.derive.language.polynomial import symbols_of, text
from rot180.derive.language.terms import Tensor


@dataclass(frozen=True)
class NumpyFunction:
    """A public function in Python, ready for the template; all but its name as lines.

    Attributes:
        name: what it is called.
        head: its definition.
        docstring: its docstring.
        body: its statements.
        check_head: the definition of what checks its arguments.
        checks: the statements of that.

    """

    name: str
    head: Sequence[str]
    docstring: str
    body: Sequence[str]
    check_head: Sequence[str]
    checks: Sequence[str]

    @property
    def lines(self) -> Iterator[str]:
        """Yield the lines with code."""
        yield from (*self.head, *self.body, *self.check_head, *self.checks)


@dataclass(frozen=True)
class NumpyLayer:
    """The public functions of a layer in Python, ready for the template.

    Attributes:
        name: what the layer is called.
        check: what checks its window; nothing where no filter slides.
        family: the statement that makes its `Family`, if it has a window.
        functions: its functions.
        core: the module of its kernels.

    """

    name: str
    check: str
    family: Sequence[str]
    functions: Sequence[NumpyFunction]
    core: str

    @property
    def imports(self) -> list[str]:
        """Return the statements that import what the functions use."""
        lines = [line for f in self.functions for line in f.lines] + [*self.family]
        used = "\n".join(lines)
        found = ["from collections.abc import Sequence", ""] if "Sequence[" in used else []
        found += ["import numpy as np", ""] if "np." in used else []
        found += [f"from rot180.generated import {self.core}", *imports(lines, PUBLIC)]
        found += import_lines(TABLE, ["STORED"])
        return [*found, *(import_lines(WINDOW_SIZES, [self.check]) if self.check else ())]


WINDOW_SIZES = "numpy_window_sizes"
"""The committed module that checks windows, and computes the sizes of their outputs."""


@dataclass(frozen=True)
class NumpyGeometry:
    """What checks a geometry in Python, ready for the template.

    Attributes:
        kind: the name of the layers without the number of axes.
        parameters: the parameters, as they are unpacked.
        theorem: the theorem that fixes the size of the output.
        statement: what it states, as lines.
        channels: the statements about parameters and channels.
        axis: the names of what is computed with on each axis.
        numbers: the statement that makes what is iterated over for them.
        axes: the statements for each axis.
        output: the size of an output on an axis.
        shape: the sizes of an output before the spatial ones.

    """

    kind: str
    parameters: str
    theorem: str
    statement: Sequence[str]
    channels: Sequence[str]
    axis: str
    numbers: Sequence[str]
    axes: Sequence[str]
    output: str
    shape: str

    @property
    def lines(self) -> list[str]:
        """Return the lines with code that differ between geometries."""
        return [*self.channels, *self.numbers, *self.axes]


def layer_lines(entry: PublicLayer, functions: Sequence[FunctionChecks]) -> NumpyLayer:
    """Write the public functions of a layer.

    Args:
        entry: the layer.
        functions: its functions with their checks.

    """
    check, family = "", tuple[str, ...]()
    if entry.window:
        check = f"{entry.window.kind}_window"
        fields = letters(entry.window.rank).items()
        rows = ((field, written_tuple([json.dumps(v) for v in called])) for field, called in fields)
        named = (f"{field}={row}" for field, row in rows)
        family = definition("FAMILY = Family", [check, *named], "")
    return NumpyLayer(entry.name, check, family, tuple(map(function_lines, functions)), entry.core)


def function_lines(checks: FunctionChecks) -> NumpyFunction:
    """Write a public function and what checks its arguments."""
    f = checks.function
    parameters = [p.split(" = ")[0] for p in typed_signature(f)[: len(f.arguments)]]
    parameters += ["parameters: tuple[object, ...]"] if checks.geometry else []
    returned = "CheckedWindow" if checks.geometry else "tuple[tuple[int, ...], ...]"
    return NumpyFunction(
        f.name,
        typed_definition(f),
        indented(docstring(checks)),
        tuple(_body(f)),
        definition(f"def check_{f.name}", parameters, f" -> {returned}:"),
        tuple(_checks(checks)),
    )


def _checks(checks: FunctionChecks) -> Iterator[str]:
    f = checks.function
    needed = [a for a in checks.arrays if not a.optional]
    yield f"arrays({', '.join(f'{a.argument}=({a.argument}, {a.rank})' for a in needed)})"
    for size in checks.sizes:
        yield f'{size.argument} = checked_size("{size.argument}", {size.argument}, {size.rank})'
    shapes = {a.name: _shape_of(a) for a in f.arguments}
    if checks.geometry:
        x, w = (next(a for a in f.arguments if a.tensor.name == word) for word in "xw")
        given = (shapes[x.name], shapes[w.name], "parameters", f'("{x.name}", "{w.name}")')
        yield from _call("window = checked_window", "FAMILY", *given)
    used = {v for c in checks.axes for v in symbols_of(c.size)}
    for b in checks.bindings:
        if b.size in used:
            value = _bound(b, shapes[b.argument], f'"{b.argument}"')
            yield f"{b.size} = {value}"
    for a in f.arguments:
        related = [c for c in checks.axes if c.argument == a.name]
        if not a.optional:
            yield from _related(related, a, checks.geometry)
            continue
        yield f"if {a.name} is not None:"
        first = needed[0]
        pair = f"{first.argument}=({first.argument}, {first.rank}), {a.name}=({a.name}, "
        yield f"{TAB}arrays({pair}{len(a.box)}))"
        yield from _related(related, a, checks.geometry, TAB)
    sizes = written_tuple([a.name for a in f.sizes])
    yield "return window" if checks.geometry else f"return {sizes}"


def _related(
    axes: Sequence[AxisCheck], a: Argument, geometry: bool, indent: str = ""
) -> Iterator[str]:
    """Write the checks of an argument's axes: the window has the whole shape, or axis by axis."""
    if geometry and axes:
        tensor = "bias" if a.name == "bias" else "y"
        given = (f'"{a.name}"', _shape_of(a), f'window.whole["{tensor}"]')
        yield from _call("check_axes", *given, *(f'"{c.words}"' for c in axes), indent=indent)
        return
    for c in axes:
        size = number(c.size)
        yield f'{indent}check_axis("{a.name}", {c.axis}, {_shape_of(a)}, {size}, " ({c.words})")'


def _call(head: str, *arguments: str, indent: str = "") -> list[str]:
    """Write a call in the body of a function."""
    return [line.removeprefix(TAB) for line in definition(head, arguments, "", TAB + indent)]


def _shape_of(a: Argument) -> str:
    return a.name if a.is_size else f"{a.name}.shape"


def _bound(b: Binding, shape: str, name: str) -> str:
    if b.divisor == 1:
        return f"{shape}[{b.axis}]"
    by = text(b.divisor)
    words = "groups" if by == "G" else by
    return f'divided({name}, {b.axis}, {shape}, {number(b.divisor)}, "{words}")'


def _body(f: PublicFunction) -> Iterator[str]:
    yield from any_batch(f)
    if f.fast:
        yield "check_accuracy(accuracy)"
    yield from stored(f)
    passed = [a.name for a in f.arguments]
    if f.window:
        passed.append(written_tuple([p.name for p in f.parameters]))
        yield from _call(f"window = check_{f.name}", *passed)
    else:
        sizes = [a.name for a in f.sizes]
        yield from _call(f"{f'{written_tuple(sizes)} = ' if sizes else ''}check_{f.name}", *passed)
    for a in f.arrays:
        if a.optional:
            shape = 'window.whole["bias"]' if f.window else written_tuple(list(_sizes(f, a.box)))
            yield f"if {a.name} is None:"
            yield f"    {a.name} = np.zeros({shape}, {f.arrays[0].name}.dtype)"
    arrays = [_argument(f, t.name) for t in f.compiled.interface.arrays]
    kernel = f"{f.layer.core}.{f.kernel}"
    if f.window:
        given = (f"{a.tensor.name}={a.name}" for a in arrays)
        yield from _call("return window.run", kernel, f'"{f.result.name}"', *given)
        return
    given = (a.name + _at_groups(a.tensor, "None") for a in arrays)
    shapes = (f"{a.tensor.name}_shape={a.name}" for a in f.sizes)
    *lines, last = _call(f"out: Array = {kernel}", *given, *shapes)
    yield from [*lines, last + _at_groups(f.result, "0"), "return out"]


def _at_groups(tensor: Tensor, index: str) -> str:
    """Write an index on the axis of groups, where there is one."""
    axis = group_axis(tensor)
    return f"[{':, ' * axis}{index}]" if axis >= 0 else ""


def _argument(f: PublicFunction, word: str) -> Argument:
    """Return the argument that an array of the kernel is."""
    return next(a for a in f.arrays if word in (a.tensor.name, f"grad_{a.tensor.name}"))


def _sizes(f: PublicFunction, box: Sequence[Expr]) -> Iterator[str]:
    """Write the sizes of a box by the axes of the arguments that have them."""
    for size in box:
        yield next(
            f"{_shape_of(a)}[{axis}]"
            for a in f.arguments
            for axis, n in enumerate(a.box)
            if n == size and not a.optional
        )


def geometry_lines(g: Geometry) -> NumpyGeometry:
    """Write what checks a geometry."""
    values = {
        "input_size[2:]": g.input,
        "weight_size[2:]": g.taps,
        **{f"{name}s": letter for name, letter in g.per_axis.items()},
        "pads": "(lo, hi)",
    }
    return NumpyGeometry(
        g.kind,
        ", ".join(p.name for p in g.parameters),
        g.size.name,
        statement_rows(write_statement(g.size)),
        tuple(_channels(g)),
        ", ".join(values.values()),
        _call("numbers = zip", *values, "strict=True"),
        tuple(_rules(g)),
        g.output,
        ", ".join(number(n) if n != g.channels[0] else "input_size[0]" for n in g.channels),
    )


def _channels(g: Geometry) -> Iterator[str]:
    for p in g.parameters:
        if p.letter == "G":
            yield f'{p.letter} = integer("{p.name}", {p.name}, {p.least})'
    used = {v for c in g.axes for v in symbols_of(c.size)}
    used |= {v for n in g.channels[1:] for v in symbols_of(n)}
    for b in g.bindings:
        if b.size in used or b.divisor != 1:
            yield f"{b.size} = {_bound(b, f'{b.argument}_size', b.argument)}"
    for c in g.axes:
        size = number(c.size)
        yield f'check_axis({c.argument}, {c.axis}, {c.argument}_size, {size}, " ({c.words})")'
    for p in g.parameters:
        if p.name in g.per_axis:
            yield f'{p.name}s = per_axis("{p.name}", {p.name}, len(input_size) - 2, {p.least})'
    for p in g.parameters:
        if p.letter == "lo":
            taps = "strides, dilations, weight_size[2:]"
            yield f'pads = padding_pairs("{p.name}", {p.name}, {taps})'


def _rules(g: Geometry) -> Iterator[str]:
    """Write the rules of an axis, each where all that it is about is known."""
    before = [rule for rule in g.rules if g.output not in rule.holds]
    for rule in before:
        yield from _rule(g, rule)
    yield f"{g.output} = {size_text(g.size, g.output, 'numpy')}"
    for rule in g.rules:
        if rule not in before:
            yield from _rule(g, rule)


def _rule(g: Geometry, rule: AxisRule) -> Iterator[str]:
    operands = {"x": "input", "w": "weight"}
    if rule.about in operands:
        name, found = operands[rule.about], f"shape {{{operands[rule.about]}_size}}"
    else:
        name, found = f'"{rule.about}"', f"{{{rule.about}}}"
    more = f" (output size {{{g.output}}})" if g.output in rule.holds else ""
    yield f"if not {rule.holds}:"
    yield f'    found = f"{found}{more}"'
    yield f'    raise wrong({name}, found, "{rule.expected}")'
