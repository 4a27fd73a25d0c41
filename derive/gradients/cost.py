"""A cost that depends on a program through its output, and whose derivative is a known theorem.

The gradients of a program hold for any loss L of its output y, because dL/dy is a free tensor.
For a known cost C, as that of a network, a theorem says what dC/dy is. The chain rule through y
(the rule `compose`) is then the first step, and the theorems are about dC/d(operand).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sympy import Symbol

from rot180.derive.kernel.proof import Theorem
from rot180.derive.language.polynomial import symbol
from rot180.derive.language.programs import Program
from rot180.derive.language.terms import Access, Condition, Derivative, Tensor, term
from rot180.derive.search.citation import instantiate_tensor
from rot180.derive.search.derivation import Derivation


@dataclass(frozen=True)
class Cost:
    """A cost of the output of a program.

    Attributes:
        theorem: dC/dy[i] = g[i], y free and with the name of the output.
        called: returns the name of dC/dT for the name of a definition T.
        letters: the indices of operands, by the names of these.

    """

    theorem: Theorem
    called: Callable[[str], str]
    letters: Mapping[str, tuple[Symbol, ...]]

    def begin(
        self, program: Program, wrt: Tensor, name: str, hypotheses: tuple[Condition, ...]
    ) -> Derivation:
        """Start the derivation of dC/d(operand): the chain rule through the output of a program.

        Args:
            program: the definitions.
            wrt: the operand.
            name: the name of the new theorem.
            hypotheses: what is assumed.

        """
        index, y = self.letters[wrt.name], program.output
        known = derivative(self.theorem)
        (cost,) = known.factors
        assert isinstance(cost, Access)
        total = instantiate_tensor(cost.tensor, {}, {known.wrt.tensor.name: y})
        variables = tuple(zip(index, wrt.shape, strict=True))
        d = Derivation(name, variables, hypotheses, (term(Derivative((total[()],), wrt[index])),))
        new = (symbol(f"i{n}") for n in range(1, len(y.shape) + 1))
        places = (v for v, _ in self.theorem.variables)
        d.apply(
            "compose", factor=0, theorem=self.theorem.proof, tensors=(), inner=y,
            symbols=tuple(zip(places, new, strict=True)),
        )  # fmt: skip
        return d


def derivative(theorem: Theorem) -> Derivative:
    """Return the derivative that a theorem is about."""
    ((known,),) = (t.factors for t in theorem.lhs)
    assert isinstance(known, Derivative)
    return known
