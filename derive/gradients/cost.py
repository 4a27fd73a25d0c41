"""A cost that depends on a program through one definition, by which its derivative is known.

The gradients of a program hold for any loss L of its output y, because dL/dy is a free tensor.
For a known cost C, as that of a network, a theorem says what dC/dy is. The chain rule through y
(the rule `compose`) is then the first step, and the theorems are about dC/d(operand).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sympy import Symbol

from rot180.derive.kernel.place import Place
from rot180.derive.kernel.proof import Theorem
from rot180.derive.language.polynomial import symbol
from rot180.derive.language.substitute import fresh
from rot180.derive.language.terms import Access, Condition, Derivative, Tensor, term
from rot180.derive.search.citation import instantiate_tensor
from rot180.derive.search.derivation import Derivation


@dataclass(frozen=True, eq=False)
class Cost:
    """A cost of the output of a program.

    Attributes:
        theorem: dC/dy[i] = g[i], y free and with the name of the output.
        called: returns the name of dC/dT for the name of a definition T.
        letters: the indices of what is differentiated by, by the names of these tensors.

    """

    theorem: Theorem
    called: Callable[[str], str]
    letters: Mapping[str, tuple[Symbol, ...]]


def chain_through(
    known: Theorem,
    y: Tensor,
    wrt: Access,
    name: str,
    hypotheses: tuple[Condition, ...],
) -> Derivation:
    """Start the derivation of dC/d(operand) with the chain rule through a definition y.

    Args:
        known: dC/dy[i] = g[i], y free.
        y: the definition.
        wrt: the operand, at its indices.
        name: the name of the new theorem.
        hypotheses: what is assumed.

    """
    pending = derivative(known)
    (cost,) = pending.factors
    assert isinstance(cost, Access)
    total = instantiate_tensor(cost.tensor, {}, {pending.wrt.tensor.name: y})
    index = (v for v in wrt.index if isinstance(v, Symbol))
    variables = tuple(zip(index, wrt.tensor.shape, strict=True))
    d = Derivation(name, variables, hypotheses, (term(Derivative((total[()],), wrt)),))
    taken, new = set(Place(d.current, 0, d.statement.facts).taken), list[Symbol]()
    for n in range(1, len(y.shape) + 1):
        new.append(fresh(symbol(f"i{n}"), taken.union(new)))
    places = (v for v, _ in known.variables)
    d.apply(
        "compose", factor=0, theorem=known.proof, tensors=(), inner=y,
        symbols=tuple(zip(places, new, strict=True)),
    )  # fmt: skip
    return d


def derivative(theorem: Theorem) -> Derivative:
    """Return the derivative that a theorem is about."""
    ((known,),) = (t.factors for t in theorem.lhs)
    assert isinstance(known, Derivative)
    return known
