"""The public functions on NumPy's kernels: their checks and bodies as Python."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sympy import Expr

from rot180.codegen.kernels.checks import AxisCheck, Binding, FunctionChecks, Geometry
from rot180.codegen.kernels.expressions import definition, number
from rot180.codegen.kernels.output_sizes import size_text
from rot180.codegen.kernels.public_api import Argument, AxisRule, PublicFunction, group_axis
from rot180.codegen.kernels.public_text import (
    docstring,
    indented,
    typed_definition,
    typed_signature,
)
from rot180.derive.display.statement import write_statement
from rot180.derive.language.polynomial import symbols_of, text
from rot180.derive.language.terms import Tensor


@dataclass(frozen=True)
class NumpyFunction:
    """A public function in Python, ready for the template.

    Attributes:
        name: what it is called.
        head: the lines of its definition.
        docstring: its docstring.
        body: its statements.
        check_head: the lines of the definition of what checks its arguments.
        checks: the statements of that.

    """

    name: str
    head: tuple[str, ...]
    docstring: str
    body: tuple[str, ...]
    check_head: tuple[str, ...]
    checks: tuple[str, ...]


@dataclass(frozen=True)
class NumpyGeometry:
    """What checks a geometry in Python, ready for the template.

    Attributes:
        kind: the name of the layers without the number of axes.
        parameters: the parameters, as they are unpacked.
        theorem: the theorem that fixes the size of the output.
        statement: what it states.
        channels: the statements about parameters and channels.
        axis: the names of what is computed with on each axis.
        values: what is iterated over for them.
        axes: the statements for each axis.
        output: the size of an output on an axis.
        shape: the sizes of an output before the spatial ones.

    """

    kind: str
    parameters: str
    theorem: str
    statement: str
    channels: tuple[str, ...]
    axis: str
    values: str
    axes: tuple[str, ...]
    output: str
    shape: str


def function_lines(checks: FunctionChecks) -> NumpyFunction:
    """Write a public function and what checks its arguments."""
    f = checks.function
    parameters = [p.split(" = ")[0] for p in typed_signature(f)[: len(f.arguments)]]
    returned = "_CheckedWindow" if checks.geometry else "tuple[tuple[int, ...], ...]"
    parameters += ["arguments: tuple[object, ...]"] if checks.geometry else []
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
        yield f'{_checked(size.argument)} = _size("{size.argument}", {size.argument}, {size.rank})'
    shapes = {a.name: _shape_of(a) for a in f.arguments}
    if checks.geometry:
        x, w = (next(a for a in f.arguments if a.tensor.name == word) for word in "xw")
        record = f"_{f.layer.name.upper()}"
        yield f'names = "{x.name}", "{w.name}"'
        yield f"window = _window({record}, {shapes[x.name]}, {shapes[w.name]}, arguments, names)"
    used = {v for c in checks.axes for v in symbols_of(c.size)}
    for b in checks.bindings:
        if b.size in used:
            value = _bound(b, shapes[b.argument], f'"{b.argument}"')
            yield f"{b.size} = {value}"
    optional = {a.argument: a for a in checks.arrays if a.optional}
    related = [
        _axis(c, checks.geometry, shapes[c.argument])
        for c in checks.axes
        if c.argument not in optional
    ]
    if checks.geometry and related:
        yield f'if {shapes["grad_output"]} != window.whole["y"]:'
        related = [f"    {line}" for line in related]
    yield from related
    for name, array in optional.items():
        yield f"if {name} is not None:"
        first = needed[0]
        pair = f"{first.argument}=({first.argument}, {first.rank}), {name}=({name}, {array.rank})"
        yield f"    arrays({pair})"
        for c in checks.axes:
            if c.argument == name:
                yield f"    {_axis(c, checks.geometry, shapes[name])}"
    yield "return window" if checks.geometry else f"return {_tuple(map(_shape_of, f.sizes))}"


def _checked(size: str) -> str:
    return f"checked_{size}"


def _shape_of(a: Argument) -> str:
    return _checked(a.name) if a.is_size else f"{a.name}.shape"


def _tuple(items: Iterator[str] | Sequence[str]) -> str:
    found = list(items)
    return f"({found[0]},)" if len(found) == 1 else f"({', '.join(found)})"


def _bound(b: Binding, shape: str, name: str) -> str:
    if b.divisor == 1:
        return f"{shape}[{b.axis}]"
    by = text(b.divisor)
    words = "groups" if by == "G" else by
    return f'_divided({name}, {b.axis}, {shape}, {number(b.divisor)}, "{words}")'


def _axis(c: AxisCheck, geometry: bool, shape: str) -> str:
    size = f'window.whole["y"][{c.axis}]' if geometry else number(c.size)
    if geometry and c.argument == "bias":
        size = 'window.whole["bias"][0]'
    return f'check_axis("{c.argument}", {c.axis}, {shape}, {size}, " ({c.words})")'


def _body(f: PublicFunction) -> Iterator[str]:
    if f.fast:
        yield "_check_accuracy(accuracy)"
    passed = ", ".join(a.name for a in f.arguments)
    if f.window:
        yield f"arguments = {_tuple([p.name for p in f.parameters])}"
        yield f"window = check_{f.name}({passed}, arguments)"
    else:
        sizes = [_checked(a.name) for a in f.sizes]
        yield f"{f'{_tuple(sizes)} = ' if sizes else ''}check_{f.name}({passed})"
    for a in f.arrays:
        if a.optional:
            shape = 'window.whole["bias"]' if f.window else _tuple(list(_sizes(f, a.box)))
            yield f"if {a.name} is None:"
            yield f"    {a.name} = np.zeros({shape}, {f.arrays[0].name}.dtype)"
    arrays = [_argument(f, t.name) for t in f.compiled.interface.arrays]
    if f.window:
        given = ", ".join(f"{a.tensor.name}={a.name}" for a in arrays)
        yield f'return window.run("{f.kernel}", "{f.result.name}", {given})'
        return
    passed = ", ".join(
        [
            *(a.name + _at_groups(a.tensor, "None") for a in arrays),
            *(f"{a.tensor.name}_shape={_checked(a.name)}" for a in f.sizes),
        ]
    )
    yield f"out: Array = {f.layer.core}.{f.kernel}({passed}){_at_groups(f.result, '0')}"
    yield "return out"


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
        write_statement(g.size).replace("\n", "\n" + 8 * " "),
        tuple(_channels(g)),
        ", ".join(values.values()),
        ", ".join(values),
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
            yield f'{p.name}s = _per_axis("{p.name}", {p.name}, len(input_size) - 2, {p.least})'
    for p in g.parameters:
        if p.letter == "lo":
            taps = "strides, dilations, weight_size[2:]"
            yield f'pads = _pads("{p.name}", {p.name}, {taps})'


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
