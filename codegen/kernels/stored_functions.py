"""The table of how the arrays of public functions are cut, where they are stored in 16 bits."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from rot180.codegen.kernels.expressions import TAB, definition, written_tuple
from rot180.codegen.kernels.inline import copied
from rot180.codegen.kernels.numpy_runtime import CHECKS, import_lines
from rot180.codegen.kernels.public_api import PublicFunction
from rot180.codegen.kernels.public_shapes import group_axis, whole_axes
from rot180.codegen.system.templates import template
from rot180.derive.language.layers import axis_letters
from rot180.derive.language.terms import Access

LOOPS, SLIDING = "numpy_block_loops", "numpy_sliding"
STORAGE, TABLE = "numpy_storage", "numpy_stored_functions"
"""The committed modules: loops, those where a filter slides, calls by blocks, and the table."""


def stored_modules(
    functions: Sequence[PublicFunction], header: Sequence[str], arguments: str
) -> dict[str, tuple[str, dict[str, str]]]:
    """Return the modules that compute with arrays stored in 16 bits.

    Args:
        functions: the public functions.
        header: the comment at the top.
        arguments: the committed module that reads the arguments of public functions.

    """
    shared = {"arguments": arguments, "checks": CHECKS, "views": "numpy_views"}
    shared |= {"block_loops": LOOPS}
    places = sorted({_place(f) for f in functions if f.window})
    imports = import_lines(SLIDING, places) if places else ()
    text = template("kernels", "stored_functions.py.jinja").render(
        header=header,
        imports=[*import_lines(LOOPS, ["StoredFunction"]), *imports],
        rows=[row for f in functions for row in _rows(f)],
    )
    found = {TABLE: text, STORAGE: copied("numpy/storage", header, shared)}
    found[LOOPS] = copied("numpy/block_loops", header, shared)
    if places:
        found[SLIDING] = copied("numpy/sliding", header, shared)
    return {f"{name}.py": (text, {}) for name, text in found.items()}


def _rows(f: PublicFunction) -> Iterator[str]:
    """Write the entry of a function."""
    names = {a.tensor.name: a.name for a in f.arrays}
    groups = {t.name: group_axis(t) for t in (*(a.tensor for a in f.arrays), f.result)}
    groups = {name: axis for name, axis in groups.items() if axis >= 0}
    cuts = written_tuple([json.dumps(axes) for axes in cuts_of(f)])
    size = next((a.name for a in f.sizes if a.tensor == f.result), "")
    given = [
        json.dumps(f.result.name),
        json.dumps(names),
        json.dumps(size),
        cuts,
        json.dumps(groups),
    ]
    if f.window:
        windows, moved = _sliding(f)
        given += [f'windows="{windows}"', f'moved="{moved}"', f"place={_place(f)}"]
    yield from definition(f'"{f.name}": StoredFunction', given, ",", TAB)


def cuts_of(f: PublicFunction) -> list[Mapping[str, int]]:
    """Return the loops along which the arrays of a function can be cut, each as its axes.

    The result has the loop, or it is the sum of what the blocks give: the loop is an index of the
    layer's output.
    """
    forward = f.definition
    assert forward.output.definition is not None
    formals, body = forward.output.definition.formals, forward.output.definition.body
    if f.operand:
        body = tuple(t for t in body if f.result.name in _operands(t.factors))
    summed = dict.fromkeys(v for t in body for v in t.variables)
    known = {f.result.name, *(a.tensor.name for a in f.arrays)}
    found = list[Mapping[str, int]]()
    for index in (*formals, *summed):
        axes = whole_axes(forward, index, body)
        axes = {name: axis for name, axis in axes.items() if name in known}
        if axes and (index in formals or f.result.name in axes):
            found.append(axes)
    return found


def _operands(factors: Sequence[object]) -> set[str]:
    return {factor.tensor.name for factor in factors if isinstance(factor, Access)}


def _sliding(f: PublicFunction) -> tuple[str, str]:
    """Return the array with an entry for each window, and the one that they move over."""
    assert f.window is not None and f.definition.output.definition is not None
    formals = {v.name for v in f.definition.output.definition.formals}
    output, operand = f.definition.output.name, next(iter(f.layer.arguments))
    on_output = axis_letters(f.window.rank)[0].window in formals
    return (output, operand) if on_output else (operand, output)


def _place(f: PublicFunction) -> str:
    """Return what places a block along a spatial axis."""
    _, moved = _sliding(f)
    return "block_under_windows" if f.result.name == moved else "block_of_windows"
