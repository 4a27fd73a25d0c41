"""Divides a long program, so that its gradients share the proofs about what comes later.

If all that a program computes before a definition D reaches its output through D, then dL/dD is a
theorem about the later definitions alone, with D free, and the gradients by all operands of earlier
ones cite it. Without that, each operand would need the whole way back from the output.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rot180.derive.language.programs import Program, entries_in, with_tensors
from rot180.derive.language.terms import Tensor

SEGMENT = 16
"""How many definitions are differentiated in one proof at least, before another is cited."""


def cut(program: Program, x: Tensor) -> Tensor | None:
    """Return the earliest definition to divide a program at, if there is one behind an operand.

    Args:
        program: the definitions.
        x: the operand.

    """
    read = [{a.tensor for a in entries_in(t)} for t in program.definitions]
    last = {u: n for n, inside in enumerate(read) for u in inside}  # the last use of each tensor
    bound = len(program.definitions) - 1 - SEGMENT
    found = None
    for n in range(bound, last.get(x, bound + 1) - 1, -1):
        through = all(last.get(u, 0) <= n for u in program.definitions[:n])
        if n <= bound and through:
            found, bound = program.definitions[n], n - SEGMENT
    return found


def behind(program: Program, t: Tensor) -> Program:
    """Return the definitions after one of them as a program, of which that one is an operand."""
    images = {t: Tensor(t.name, t.shape)}
    later: Sequence[Tensor] = program.definitions[program.definitions.index(t) + 1 :]
    for u in later:
        images[u] = with_tensors(u, images)
    made = tuple(images[u] for u in later)
    used = {a.tensor for u in made for a in entries_in(u)}
    free = tuple(u for u in (images[t], *program.tensors) if u in used)
    return replace(program, definitions=made, tensors=free)


def segment(program: Program, x: Tensor, y: Tensor) -> tuple[Program, dict[str, Tensor]]:
    """Return the definitions that lead from an operand to a definition; all others are free.

    Args:
        program: the definitions.
        x: the operand.
        y: the definition.

    Returns:
        a program with the definition as its output, and the definitions that are free in it.

    """
    images: dict[Tensor, Tensor] = {}
    used: dict[str, Tensor] = {}
    for t in program.definitions[: program.definitions.index(y) + 1]:
        inside = {a.tensor for a in entries_in(t)}
        if x in inside or any(images[u].definition for u in inside if u in images):
            images[t] = with_tensors(t, images)
            used |= {u.name: u for u in inside if u in images and not images[u].definition}
        else:
            images[t] = Tensor(t.name, t.shape)
    made = tuple(t for t in images.values() if t.definition)
    free = dict.fromkeys(a.tensor for t in made for a in entries_in(t) if a.tensor not in made)
    return replace(program, definitions=made, tensors=tuple(free)), used
