"""Derives a gradient of a program in a stated form: reverse mode, continued to that form."""

from __future__ import annotations

from collections.abc import Iterator

from rot180.derive.gradients.cancelling import shorten
from rot180.derive.gradients.program_gradient import program_gradient
from rot180.derive.kernel.proof import Theorem
from rot180.derive.kernel.replay import replay
from rot180.derive.language.programs import Program
from rot180.derive.language.terms import Access, Expression, Tensor, tensors
from rot180.derive.search.derivation import Derivation, factors_of
from rot180.derive.search.matching import join


def stated_gradient(program: Program, wrt: str, right: Expression, name: str) -> Theorem:
    """Derive dL/d(operand) of a program, and prove that it is a stated expression.

    Both sides are unfolded down to what they share: the tensors of the program, and gradients by
    definitions that the statement defines too.

    Args:
        program: the definitions.
        wrt: the name of an operand.
        right: the statement.
        name: the name of the theorem.

    Raises:
        NotProvedError: no proof was found.
        ValueError: the program has no such operand.

    """
    derived = program_gradient(program, wrt)
    proof = derived.proof
    left = Derivation.continuing(derived, name, right)
    goal = Derivation(name, proof.variables, proof.hypotheses, right)
    goal.table = left.table
    sides = (left, goal)
    shared = {*tensors(derived.rhs)} & {*tensors(right)}
    for d in sides:
        while place := next(_places(d.current, shared, program), None):
            d.apply("definition", place[0], factor=place[1])
        shorten(d, program.definitions)
    return replay(join(left, goal))


def _places(e: Expression, shared: set[Tensor], program: Program) -> Iterator[tuple[int, int]]:
    """Yield the entries of defined tensors that the other side does not have."""
    kept = {*shared, *program.definitions}
    for at, n, f in factors_of(e, Access):
        if isinstance(f, Access) and f.tensor.definition is not None and f.tensor not in kept:
            yield at, n
