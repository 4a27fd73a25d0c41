"""Programs as plain Python loops: a function for each definition, and functions that call them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rot180.codegen.kernels.expressions import TAB, definition, size_tuple
from rot180.codegen.kernels.fused_kernel import said
from rot180.codegen.kernels.names import name
from rot180.codegen.kernels.plain_backend import (
    PlainKernel,
    arguments,
    plain_functions,
    size_lines,
)
from rot180.codegen.kernels.program_calls import Call, called, step_arguments
from rot180.codegen.kernels.program_functions import ProgramKernel
from rot180.derive.gradients.gather_steps import GatherStep
from rot180.derive.gradients.program_steps import ProgramStep, SelectionStep, TableStep

_SELECTIONS = '''
def _extreme(array, axes, largest):
    """Return the largest or the smallest entries along some axes."""
    return (np.max if largest else np.min)(array, axes)


def _first_extreme(array, axes, largest):
    """Return 1 at the first of the extreme entries, in the order of the axes, and 0 elsewhere."""
    rest = [a for a in range(array.ndim) if a not in axes]
    moved = array.transpose([*rest, *axes])
    flat = moved.reshape((*moved.shape[: len(rest)], -1))
    first = np.zeros(flat.shape)
    for at in np.ndindex(flat.shape[:-1]):
        first[at][(np.argmax if largest else np.argmin)(flat[at])] = 1
    return first.reshape(moved.shape).transpose(np.argsort([*rest, *axes]))
'''
_GATHERS = '''
def _gathered(array, words, output, *reads):
    """Return entries of an array; the axes are words, of which some are read from arrays."""
    sizes = _lengths(array, words, reads)
    found = np.zeros([sizes[word] for word in output.split()])
    for values in np.ndindex(*sizes.values()):
        at = dict(zip(sizes, values))
        found[_place(output, at, [])] = array[_place(words, at, reads)]
    return found


def _scattered(array, words, output, shape, *reads):
    """Return an array to whose entries, some of them read from arrays, those of one are added."""
    sizes, found = _lengths(array, words, reads), np.zeros(shape)
    for values in np.ndindex(*sizes.values()):
        at = dict(zip(sizes, values))
        found[_place(output, at, reads)] += array[_place(words, at, [])]
    return found


def _lengths(array, words, reads):
    """Return the sizes of words, without those that are read."""
    found = dict(zip(words.split(), array.shape))
    for _, places, own in reads:
        found |= zip(own.split(), places.shape)
    read = [word for word, _, _ in reads]
    return {word: size for word, size in found.items() if word not in read}


def _place(words, at, reads):
    """Return an index: of each word its value, or what an array has at its own words."""
    read = {word: places[_place(own, at, [])] for word, places, own in reads}
    return tuple(read[word] if word in read else at[word] for word in words.split())
'''
_TABLES = '''
def _table(formula, shape, *numbers):
    """Return the values of a formula at all indices below some sizes."""
    found = np.zeros(shape)
    for at in np.ndindex(*shape):
        found[at] = formula(*at, *numbers)
    return found
'''
"""The functions of selections, of entries at arrays of integers, and of functions of indices."""


def plain_program(
    header: Sequence[str], wholes: Sequence[ProgramKernel], kernels: Sequence[PlainKernel]
) -> str:
    """Return the text of a file of plain loops for a program, after some lines of comment.

    Args:
        header: the comment.
        wholes: the functions of the program.
        kernels: those of its definitions.

    """
    top = [*(f"# {line}" for line in header), "import numpy as np", "\n"]
    calls = [call for whole in wholes for call in whole.calls]
    kinds = {SelectionStep: _SELECTIONS, GatherStep: _GATHERS, TableStep: _TABLES}
    used = [t.lstrip() for kind, t in kinds.items() if any(isinstance(s, kind) for s, _ in calls)]
    functions = [*map(_function, wholes), *used, plain_functions(kernels)]
    return "\n".join([*top, "\n\n".join(functions)])


def _function(whole: ProgramKernel) -> str:
    """Write a function of a program."""
    body = [line for call in whole.calls for line in _lines(call)]
    given = arguments(whole.interface)
    lines = [*size_lines(whole.interface, body), *body]
    lines.append(f"return {name(whole.calls[-1][0].name)}")
    head = definition(f"def {whole.name}", given, ":")
    return "\n".join((*head, *(f"{TAB}{line}" for line in lines))) + "\n"


def _lines(call: Call) -> Iterator[str]:
    """Write what computes a step, after what it is."""
    step, kernel = call
    yield f"# {said(step)}"
    for line in definition(f"{name(step.name)} = {called(step, kernel)}", [*_given(call)], "", TAB):
        yield line.removeprefix(TAB)


def _given(call: Call) -> Iterator[str]:
    step, kernel = call
    if isinstance(step, ProgramStep):
        assert kernel is not None
        shapes = [t for t, given in kernel.interface.shapes if given]
        found = arguments(kernel.interface)
        yield from found[: len(found) - len(shapes)]
        yield from (size_tuple([n for n in t.shape if n is not None]) for t in shapes)
        return
    # the arrays of plain loops have one dtype
    yield from (word for word in step_arguments(step, kernel, {}) if word != "dtype")
