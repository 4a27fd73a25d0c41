"""Functions of operands as operands of their own: what holds for any array, holds for these."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from rot180.derive.language.layers import Layer
from rot180.derive.language.notation import make_layer, unfold_activation
from rot180.derive.language.operators import activation
from rot180.derive.language.polynomial import symbol
from rot180.derive.language.substitute import fresh
from rot180.derive.language.terms import Access, Apply, Factor, Tensor, Term, define

Applied = Mapping[str, Apply]
"""By the name of an operand, the function that it stands for, with the array that it is of."""


def without_functions(layer: Layer) -> tuple[Layer, Applied]:
    """Return a layer that reads an operand wherever it applies a function to one.

    A function of an array is 0 outside the array. A function of an entry is not, so it is left
    where another factor does not say that the index is inside.

    Args:
        layer: a layer.

    Returns:
        the layer, and what its new operands stand for.

    >>> from rot180.derive.language.layers import layer
    >>> found, applied = without_functions(layer("y[n] = sum[k] relu(x[n+k]) * w[k]"))
    >>> found.text
    'y[n] = sum[k] relu_x[n+k] * w[k]'
    >>> [(word, f.function, f.argument.tensor.name) for word, f in applied.items()]
    [('relu_x', 'relu', 'x')]
    >>> with_functions(found, applied).text
    'y[n] = sum[k] relu(relu_x[n+k]) * w[k]'

    """
    y = layer.output
    assert y.definition is not None
    boxes = set(zip(y.definition.formals, y.shape, strict=True))
    taken = {symbol(t.name) for t in (y, *layer.tensors)}
    made: dict[tuple[str, int, Tensor], Tensor] = {}
    applied: dict[str, Apply] = {}

    def term(t: Term) -> Term:
        read = [f for f in t.factors if isinstance(f, Access)]
        inside = boxes.union(*(zip(f.index, f.tensor.shape, strict=True) for f in read))

        def factor(f: Factor) -> Factor:
            found = unfold_activation(f)
            if not isinstance(found, Apply):
                return f
            entry = found.argument
            if found is f and not {*zip(entry.index, entry.tensor.shape, strict=True)} <= inside:
                return f
            key = found.function, found.order, entry.tensor
            if key not in made:
                hint = f"{found.function}{found.order or ''}_{entry.tensor.name}"
                name = fresh(hint, taken)
                taken.add(name)
                made[key], applied[name.name] = Tensor(name.name, entry.tensor.shape), found
            return Access(made[key], entry.index)

        return replace(t, factors=tuple(map(factor, t.factors)))

    return _changed(layer, term), applied


def with_functions(layer: Layer, applied: Applied) -> Layer:
    """Return a layer that applies the functions, to operands of the names that stood for them."""

    def factor(f: Factor) -> Factor:
        found = applied.get(f.tensor.name) if isinstance(f, Access) else None
        if found is None or not isinstance(f, Access):
            return f
        return Access(activation(found.function, found.order, f.tensor), f.index)

    return _changed(layer, lambda t: replace(t, factors=tuple(map(factor, t.factors))))


def _changed(layer: Layer, term: Callable[[Term], Term]) -> Layer:
    y = layer.output
    assert y.definition is not None
    body = tuple(map(term, y.definition.body))
    return make_layer(define(y.name, y.shape, y.definition.formals, body), layer.name)
