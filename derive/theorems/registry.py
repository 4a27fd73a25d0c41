"""Claims by name, and their proofs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache

from rot180.derive.gradients.stated import stated_gradient
from rot180.derive.kernel.proof import Theorem, Variables
from rot180.derive.language.programs import Program
from rot180.derive.language.terms import Condition, Derivative, Expression, Tensor
from rot180.derive.search.prove import prove


@dataclass(frozen=True)
class Claim:
    """An equation for all values of some indices, under hypotheses, with a description.

    Attributes:
        variables: the free indices with their sizes.
        lhs: the left side.
        rhs: the right side.
        hypotheses: conditions on the parameters.
        words: the right side in words.
        cites: names of the theorems that its proof is to cite.
        kept: a tensor whose indices stay summed in the proof where there is a choice.
        program: the program whose gradient the left side is; its proof goes backwards through the
            definitions, and may assume that its divisors are not 0.

    """

    variables: Variables
    lhs: Expression
    rhs: Expression
    hypotheses: tuple[Condition, ...] = ()
    words: str = ""
    cites: tuple[str, ...] = ()
    kept: Tensor | None = None
    program: Program | None = None

    @property
    def divisors(self) -> tuple[Tensor, ...]:
        """Return the tensors that the proof may assume to have no entry 0."""
        return self.program.divisors if self.program else ()


_CLAIMS: dict[str, Callable[[], Claim]] = {}


def claim(name: str, state: Callable[[], Claim]) -> None:
    """Register a claim.

    Raises:
        ValueError: the name is taken.

    """
    if name in _CLAIMS:
        raise ValueError(f"the theorem {name} is stated twice")
    _CLAIMS[name] = state


def claims() -> Mapping[str, Callable[[], Claim]]:
    """Return the registry: name to claim, in the order of the modules."""
    return dict(_CLAIMS)


@cache
def theorem(name: str) -> Theorem:
    """Prove a claim of the registry.

    Raises:
        ValueError: there is no such claim.
        NotProvedError: no proof was found.

    """
    if name not in _CLAIMS:
        raise ValueError(f"theorem: found {name!r}, expected one of {', '.join(_CLAIMS)}")
    c = _CLAIMS[name]()
    if c.program is not None:
        (slope,) = c.lhs[0].factors
        assert isinstance(slope, Derivative)
        found = stated_gradient(c.program, slope.wrt.tensor.name, c.rhs, name)
        return replace(found, words=c.words)
    lemmas = [theorem(cited) for cited in c.cites]
    proved = prove(c.lhs, c.rhs, c.variables, c.hypotheses, name, lemmas, c.kept)
    return replace(proved, words=c.words)


def theorems() -> Iterator[Theorem]:
    """Prove the registry, one by one."""
    for name in _CLAIMS:
        yield theorem(name)
