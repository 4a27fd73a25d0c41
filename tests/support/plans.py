"""Values of plans at small sizes: of their loops, and of the expressions that are lifted."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import cache
from itertools import product

import numpy as np
from sympy import Symbol

from rot180.codegen.plans.interpreter import Point, interpret
from rot180.codegen.plans.plan import Operand, Plan
from rot180.derive.gradients.gradient import kernel_theorems
from rot180.derive.kernel.proof import Theorem
from rot180.derive.language.layers import layer
from rot180.derive.language.polynomial import number
from rot180.derive.language.terms import Expression, factor_symbols, free_symbols
from rot180.derive.semantics.evaluate import evaluate
from rot180.derive.semantics.model import Model, holds

LARGEST = 3
"""The largest entry, and the largest value of a function, of a model."""


@cache
def theorems(text: str) -> dict[str, Theorem]:
    """Return the theorems that a layer's kernels are lowered from, by function name."""
    return dict(kernel_theorems(layer(text)))


def parameters(theorem: Theorem) -> list[Symbol]:
    """Return the sizes and parameters of a theorem."""
    sides = free_symbols((*theorem.lhs, *theorem.rhs))
    found = sides.union(*(factor_symbols(c) for c in theorem.conditions))
    return sorted(found - {v for v, _ in theorem.variables}, key=lambda v: v.name)


def models(theorem: Theorem, count: int, seed: int = 0) -> Iterator[Model]:
    """Draw small models of a theorem's hypotheses; sizes are 0 and parameters negative too."""
    rng, axes = random.Random(seed), {v for v in parameters(theorem) if v.name[0].isupper()}
    while count:
        sizes = {
            v: rng.choice((0, 1, 1, 2, 2, 3, 4)) if v in axes else rng.choice((-1, 0, 1, 2, 2, 3))
            for v in parameters(theorem)
        }
        if all(holds(c, sizes) for c in theorem.hypotheses):
            count -= 1
            yield Model(sizes, rng.randrange(1 << 30), LARGEST)


def loops(plan: Plan, model: Model) -> dict[Point, Fraction]:
    """Run a plan's loops."""
    sizes = {v.name: n for v, n in model.sizes.items()}
    values: dict[str, dict[Point, int]] = {}
    functions: dict[tuple[str, int], Callable[[int | Fraction], int | Fraction]] = {}
    for f in plan.operands:
        values[f.tensor.name] = dict(np.ndenumerate(model.values(f.tensor)))
        functions[f.function, f.order] = _function(f, model)
    return interpret(plan, sizes, values, functions)


def _function(f: Operand, model: Model) -> Callable[[int | Fraction], int | Fraction]:
    def at(value: int | Fraction) -> int | Fraction:
        (found,) = model.function(f.function, f.order, np.array([value], object))
        assert isinstance(found, int)
        return found

    return at


def values(expression: Expression, theorem: Theorem, model: Model) -> dict[Point, Fraction]:
    """Evaluate an expression over the free variables of a theorem exactly."""
    sizes = {v.name: n for v, n in model.sizes.items()}
    index = [v for v, _ in theorem.variables]
    axes = [range(int(number(n, sizes))) for _, n in theorem.variables if n is not None]
    found = {}
    for at in product(*axes):
        value = evaluate(expression, model, dict(zip(index, at, strict=True)))
        found[at] = Fraction(value)
    return found
