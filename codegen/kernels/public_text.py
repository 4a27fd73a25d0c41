"""What every backend's public functions share: signatures and docstrings."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence

from sympy import Expr

from rot180.codegen.kernels.checks import FunctionChecks, size_words
from rot180.codegen.kernels.expressions import TAB, WIDTH, definition, filled, written_tuple
from rot180.codegen.kernels.output_sizes import size_text
from rot180.codegen.kernels.public_api import Argument, PublicFunction, WindowRules
from rot180.codegen.kernels.winograd_cost import FORMS
from rot180.derive.language.layers import axis_letters
from rot180.derive.theorems import theorem


def typed_signature(function: PublicFunction) -> tuple[str, ...]:
    """Return the parameters of a function with their types, as Python has them."""
    out = []
    for a in function.arguments:
        if a.is_size:
            out.append(f"{a.name}: Sequence[int]")
        else:
            out.append(f"{a.name}: Array" + (" | None = None" if a.optional else ""))
    out += [f"{p.name}: {p.annotation} = {p.default}" for p in function.parameters]
    return (*out, *(("*", 'accuracy: str = "exact"') if function.fast else ()))


def typed_definition(function: PublicFunction) -> tuple[str, ...]:
    """Write the head of a function with its types."""
    return definition(f"def {function.name}", typed_signature(function), " -> Array:")


def signature(function: PublicFunction) -> tuple[str, ...]:
    """Return the parameters of a function without their types."""
    out = [a.name + ("=None" if a.optional else "") for a in function.arguments]
    out += [f"{p.name}={p.default}" for p in function.parameters]
    return (*out, *(("*", 'accuracy="exact"') if function.fast else ()))


def any_batch(f: PublicFunction, module: str = "") -> Iterator[str]:
    """Write what calls a function again with a batch of one axis, where it is not one axis.

    Args:
        f: the function.
        module: what the helpers of NumPy's functions are written behind.

    """
    if not (again := f.batched):
        return
    names = ", ".join(a.name for a in again)
    rank, several = len(again[0].box), f.layer.window is None
    yield f"if other := {module}joined_batch({rank}, {several}, {names}):"
    kept = f.result.name in f.batch
    yield f"{TAB}({names + (',' if len(again) == 1 else '')}), {'batch' if kept else '_'} = other"
    passed = [a.name for a in f.arguments] + [p.name for p in f.parameters]
    passed += ["accuracy=accuracy"] if f.fast else []
    call = definition(f"{'again =' if kept else 'return'} {f.name}", passed, "", TAB * 2)
    yield from (line.removeprefix(TAB) for line in call)
    if kept:
        yield f"{TAB}return {module}with_batch(batch, again)"


def stored(f: PublicFunction, module: str = "") -> Iterator[str]:
    """Write what computes a function of arrays of 16 bits, block by block.

    Args:
        f: the function.
        module: what the helpers of NumPy's functions are written behind.

    """
    names = [a.name for a in f.arrays]
    given = ", ".join(f"{name}={name}" for name in names)
    yield f"if half := {module}halves({given}):"
    to = ", ".join(names) if len(names) > 1 else written_tuple(names)
    yield f"{TAB}{to} = half.stand_ins"
    passed = [a.name for a in f.arguments]
    passed += [f"({', '.join(p.name for p in f.parameters)})"] if f.window else []
    more = ["accuracy=accuracy"] if f.fast else []
    run = [f.name, f'{module}STORED["{f.name}"]', "checked", *more]
    lines = {f"checked = {module}check_{f.name}": passed, "return half.run": run}
    for head, arguments in lines.items():
        call = definition(head, arguments, "", TAB * 2)
        yield from (line.removeprefix(TAB) for line in call)


def box_text(box: Sequence[Expr]) -> str:
    """Write a shape: ``(N, G*C, H, V)``."""
    return f"({size_words(box[0])},)" if len(box) == 1 else f"({', '.join(map(size_words, box))})"


def docstring(checks: FunctionChecks) -> tuple[str, ...]:
    """Return the lines of a function's docstring, without the quotation marks."""
    f = checks.function
    lines = [*_summary(f), "", f"Theorem (`{f.kernel}` of `{f.layer.core}`)::", ""]
    lines += [f"    {row}" for row in statement_rows(f.statement)]
    lines += ["", "Args:", *_arguments(checks)]
    lines += ["", "Returns:", *_entry(_returns(f), 4), "", "Raises:", *_raises(checks)]
    return tuple(lines)


def statement_rows(statement: str) -> list[str]:
    """Return the lines of a statement, broken where they are too long for a docstring."""
    return [row for line in statement.splitlines() for row in _rows(line)]


def _rows(line: str) -> list[str]:
    """Break a line of a statement where it is too long, but never in a bracket or a difference."""
    kept = r"\[.*?\]|(?<=\S)\([^()]*\)| - "
    whole = re.sub(kept, lambda found: found[0].replace(" ", "\0"), line.lstrip())
    indent = " " * (len(line) - len(line.lstrip()))
    rows = filled(whole.split(" "), WIDTH - 12 - len(indent))
    return [
        f"{indent}{'    ' if at else ''}{row}".replace("\0", " ") for at, row in enumerate(rows)
    ]


def _summary(f: PublicFunction) -> list[str]:
    name = f.layer.name
    if f.operand:
        return [f"Return the gradient of `{name}` with respect to {f.operand}."]
    first, stop, rest = (f.layer.returns or f"the layer `{name}` of its operands").partition(". ")
    lines = textwrap.wrap(f"Return {first}.", WIDTH - 7)
    return lines + (["", *textwrap.wrap(f"{rest}.", WIDTH - 4)] if stop else [])


def _arguments(checks: FunctionChecks) -> Iterator[str]:
    f = checks.function
    first = f.arrays[0].name
    for a in f.arguments:
        yield from _entry(f"{a.name}: {_argument(f, a, first)}")
    for p in f.parameters:
        words = f"as in `{f.layer.name}`." if f.operand else p.words
        yield from _entry(f"{p.name}: {words}")
    if f.fast:
        yield from _entry(f"accuracy: {_accuracy(f)}")


def _argument(f: PublicFunction, a: Argument, first: str) -> str:
    box = _boxes(f, a.tensor.name, a.box)
    if a.is_size:
        return f"the shape of {a.name.removesuffix('_size')}, {box}."
    if a.optional:
        return f"shape {box}, or None."
    return f"shape {box}" + ("." if a.name == first else f", the dtype of `{first}`.")


def _boxes(f: PublicFunction, tensor: str, box: Sequence[Expr]) -> str:
    """Write the shapes that an array may have: the batch need not be one axis."""
    if not f.batched or tensor not in f.batch:
        return box_text(box)
    if f.layer.window:
        return f"{box_text(box)}, or {box_text(box[1:])} without a batch"
    return f"{box_text(box)}, or (..., {box_text(box[1:]).strip('(),')}) with any batch"


def _accuracy(f: PublicFunction) -> str:
    axes = len(f.box) - 2
    used = [
        f"`{tiling.name.format('input_' if f.operand else '')}`"
        for form in FORMS
        for tiling in form.tilings
        if tiling.axes == axes
    ]
    named = f"theorem{'s' if len(used) > 1 else ''} {', '.join(used)}"
    if f.operand:
        return f"as in `{f.layer.name}`; {named}."
    return (
        f'"exact" computes the sum as it is written. "fast" uses Winograd\'s algorithm ({named}) '
        "for stride 1 and dilation 1, where it is faster: with 16 channels or more, and "
        f"{'3 x 3' if axes > 1 else '5'} taps or more. The result differs by rounding errors of "
        "1e-6 to 7e-6 of its size in float32, up to 1e-4 in single outputs. The NumPy kernels "
        "always compute the sum as it is written."
    )


def _returns(f: PublicFunction) -> str:
    if f.operand:
        own = next((a for a in f.arguments if a.tensor == f.result and a.is_size), None)
        return f"Shape `{own.name}`." if own else f"Shape {box_text(f.box)}."
    words = f"Shape {_boxes(f, f.result.name, f.box)}"
    return words + (f"; {_size_words(f.window)}." if f.window else ".")


def _size_words(window: WindowRules) -> str:
    """Write the size of an output, as its theorem has it, on the first axis."""
    size = size_text(theorem(window.size), window.output, "words")
    letters = " and ".join(f"{p.letter} is the {p.name}" for p in window.parameters[:1])
    others = ", ".join(
        f"{p.letter} the {p.name}" for p in window.parameters[1:] if p.letter in ("d", "op")
    )
    where = f"{letters}, {others}, lo and hi the padding, G the groups"
    axis = "" if window.rank == 1 else ", and likewise on the other axes"
    return f"{window.output} = {size}{axis}, where {where}"


def _raises(checks: FunctionChecks) -> Iterator[str]:
    f = checks.function
    integers = "; a size or a parameter is not an integer" if f.parameters or f.sizes else ""
    dtypes = "the dtypes differ, or" if len(f.arrays) > 1 else "its dtype"
    unsupported = "are not supported" if len(f.arrays) > 1 else "is not supported"
    yield from _entry(f"TypeError: an argument is not an array; {dtypes} {unsupported}{integers}.")
    faults = ["an array has the wrong number of axes"]
    if f.sizes:
        faults.append("a size is negative")
    if checks.geometry:
        faults += [
            "the channels do not match or are not divisible by the groups",
            "a parameter is out of range",
            "the output would be empty",
        ]
    for name in dict.fromkeys(check.argument for check in checks.axes):
        sizes = {check.axis: check.size for check in checks.axes if check.argument == name}
        wrong = (f"axis {axis} is not {size_words(n)}" for axis, n in sizes.items())
        faults.append(f"in `{name}`, {' or '.join(wrong)}")
    yield from _entry(f"ValueError: {'; '.join(faults)}.")


def _entry(words: str, indent: int = 8) -> list[str]:
    """Write an entry of a section, continued at an indent."""
    return textwrap.wrap(
        words,
        WIDTH - 4,
        initial_indent="    ",
        subsequent_indent=" " * indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def indented(lines: Iterable[str]) -> str:
    """Return the lines of a docstring as a text inside a function."""
    return "\n".join(f"    {line}" if line else "" for line in lines).lstrip()


def letters(rank: int) -> dict[str, tuple[str, ...]]:
    """Return what kernels call the strides, dilations and low paddings of the axes."""
    found = axis_letters(rank)
    return {
        "strides": tuple(a.stride for a in found),
        "dilations": tuple(a.dilation for a in found),
        "lows": tuple(a.low for a in found),
    }
