"""A way to be wrong: a changed definition, and what it computes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import sympy as sp
from sympy import Expr

from rot180.codegen.audit.products import Array, Products, Sum
from rot180.codegen.audit.questions import Env, Question
from rot180.derive.language.polynomial import normal
from rot180.derive.language.terms import Term


@dataclass(frozen=True)
class Mistake:
    """A way to be wrong.

    Attributes:
        name: what it is called.
        sum: the changed definition.
        scale: a number by which all is multiplied.
        ones: an array that is read as if all its entries were 1; "" for none.
        last: whether a product overwrites those before it instead of being added.

    """

    name: str
    sum: Sum
    scale: Expr = sp.S.One
    ones: str = ""
    last: bool = False

    def products(self, env: Env, wrt: str) -> Products:
        """Return the products that it multiplies."""
        scaled = tuple(
            Term(normal(t.coefficient * self.scale), t.variables, t.factors) for t in self.sum.terms
        )
        changed = Sum(self.sum.upstream, self.sum.indices, self.sum.box, scaled)
        return changed.products(env, wrt)

    def values(self, env: Env, wrt: str, arrays: Mapping[str, Array]) -> Array:
        """Return what it computes.

        Args:
            env: sizes, parameters, and what `with_remainders` adds to them.
            wrt: the operand; "" for the output.
            arrays: the arrays, by their names in the products.

        """
        products = self.products(env, wrt)
        if self.ones:
            arrays = {**arrays, self.ones: np.ones_like(arrays[self.ones])}
        return products.last(arrays) if self.last else products.sum(arrays)


def public_name(question: Question, name: str) -> str:
    """Return what an array of the products is called in a call."""
    if name == question.sum.upstream.tensor.name:
        return question.array_name(question.layer.output)
    return next(question.array_name(t) for t in question.layer.tensors if t.name == name)
