"""The chain rule through a network, with one cited theorem for each layer.

For a layer y = f(x, w) with L := sum_i g[i] y[i], the theorem about dL/dx gives
``sum_i g[i] dy[i]/dx[h]`` for every g: the adjoint of the derivative of the layer (`adjoint`). If a
theorem says that dC/dy[i] = delta[i], then the chain rule through y (the rule `compose`) gives this
sum with delta for g, and the theorem of the layer (the rule `lemma`) evaluates it. No derivative is
computed twice.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache

from sympy import Expr, Symbol

from rot180.derive.gradients.gradient import gradient, output_gradient
from rot180.derive.kernel.citing import instantiate
from rot180.derive.kernel.proof import Step, Theorem
from rot180.derive.kernel.replay import replay
from rot180.derive.language.layers import Layer
from rot180.derive.language.polynomial import symbol, text
from rot180.derive.language.spelling import application
from rot180.derive.language.terms import (
    Access,
    Derivative,
    Expression,
    Range,
    Tensor,
    define,
    tensors,
    term,
)
from rot180.derive.search.citation import instantiate_tensor
from rot180.derive.search.derivation import Derivation
from rot180.derive.search.rewriting import drop_implied


@cache
def adjoint(layer: Layer, wrt: str) -> Theorem:
    """Prove a formula for ``sum_i g[i] dy[i]/d(operand)[h]``, from the theorem about dL/d(operand).

    Args:
        layer: a forward pass with a name.
        wrt: the name of an operand.

    Raises:
        ValueError: the layer has no such operand.

    """
    known = gradient(layer, wrt)
    goal = Derivation(f"{layer.name}.adjoint_{wrt}", known.variables, (), known.lhs)
    goal.apply("linearity", factor=0)
    goal.apply("leibniz", factor=0)
    goal.apply("entry", at=0, factor=_pending(goal.current[0].factors))
    unfolded = Derivation(goal.statement.name, known.variables, (), goal.current)
    for before, step in reversed(list(zip(goal.lines, goal.steps, strict=False))):
        unfolded.lines.append(before)
        unfolded.steps.append(Step(step.rule, step.at, step.arguments, before, step.certificates))
    unfolded.apply("lemma", theorem=known.proof, symbols=(), tensors=(), bound=(), factors=(0,))
    return replace(replay(unfolded.proof()), words=known.words)


def _pending(factors: Iterable[object]) -> int:
    return next(n for n, f in enumerate(factors) if isinstance(f, Derivative))


def operand_images(
    expression: Expression, symbols: Mapping[Symbol, Expr], given: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Return the image of every tensor of an expression; operators are named after their arguments.

    Args:
        expression: an expression with the names of the layer.
        symbols: the images of its sizes.
        given: the images of its tensors, by name; a tensor that is not listed does not change.

    """
    out = dict(given)
    names = {old: t.name for old, t in given.items()}
    for t in tensors(expression):
        if t.definition is not None and t.name not in out:
            now = instantiate_tensor(t, symbols, out)
            applied = application(now)
            name = names.get(t.name, t.name) if applied is None else applied.identifier
            out[t.name] = replace(now, name=name)
    return out


def _rename(text: str, names: Mapping[str, str]) -> str:
    return re.sub(r"[A-Za-z_]\w*", lambda m: names.get(m[0], m[0]), text)


def loss_gradient(
    known: Theorem,
    symbols: Mapping[Symbol, Expr],
    given: Mapping[str, Tensor],
    name: str,
    gradient_name: str,
) -> Theorem:
    """Prove dC/dz for the tensor z that the loss depends on, by renaming the theorem of the loss.

    Args:
        known: the theorem about the gradient of the loss.
        symbols: the images of its sizes.
        given: the images of its free tensors, by name.
        name: the name of the new theorem.
        gradient_name: the name of the tensor dC/dz.

    """
    wrt = derivative(known).wrt.tensor.name
    swaps = operand_images((*known.lhs, *known.rhs), symbols, given)
    lhs = instantiate(known.lhs, symbols, tuple(swaps.items()))
    index, shape = tuple(v for v, _ in known.variables), given[wrt].shape
    d = Derivation(name, tuple(zip(index, shape, strict=True)), (), lhs)
    d.apply(
        "lemma", theorem=known.proof, symbols=tuple(symbols.items()),
        tensors=tuple(swaps.items()), bound=(), factors=(0,),
    )  # fmt: skip
    _fold(d, gradient_name, shape, index)
    return replace(replay(d.proof()), words=_rename(known.words, {wrt: given[wrt].name}))


def derivative(theorem: Theorem) -> Derivative:
    """Return the derivative that a theorem is about."""
    ((known,),) = (t.factors for t in theorem.lhs)
    assert isinstance(known, Derivative)
    return known


def backpropagate(
    outer: Theorem,
    layer: Layer,
    wrt: str,
    inner: Tensor,
    symbols: Mapping[Symbol, Expr],
    given: Mapping[str, Tensor],
    name: str,
    gradient_name: str = "",
) -> Theorem:
    """Prove the derivative of the cost by an operand of a layer, from that by its output.

    Args:
        outer: dC/dy[i] = delta[i], y free.
        layer: the layer, with its own names.
        wrt: the name of the operand in the layer.
        inner: y as the layer computes it; it replaces the free y.
        symbols: the images of the sizes of the layer.
        given: the images of the operands of the layer, by name.
        name: the name of the new theorem.
        gradient_name: the name of the tensor for the derivative; "" to keep the formula.

    """
    local = adjoint(layer, wrt)
    known = derivative(outer)
    (cost,) = known.factors
    assert isinstance(cost, Access)
    total = instantiate_tensor(cost.tensor, {}, {known.wrt.tensor.name: inner})
    index, x = tuple(v for v, _ in local.variables), given[wrt]
    variables = tuple(zip(index, x.shape, strict=True))
    d = Derivation(name, variables, (), (term(Derivative((total[()],), x[index])),))
    new = tuple(symbol(f"i{n}") for n in range(1, len(inner.shape) + 1))
    places = [v for v, _ in outer.variables]
    d.apply(
        "compose", factor=0, theorem=outer.proof, tensors=(), inner=inner,
        symbols=tuple(zip(places, new, strict=True)),
    )  # fmt: skip
    delta = d.current[0].factors[0]
    assert isinstance(delta, Access)
    swaps = {**given, output_gradient(layer).name: delta.tensor, layer.output.name: inner}
    d.apply(
        "lemma", theorem=local.proof, symbols=tuple(symbols.items()),
        tensors=tuple(operand_images((*local.lhs, *local.rhs), symbols, swaps).items()),
        bound=new, factors=(0, 1),
    )  # fmt: skip
    if gradient_name:
        _fold(d, gradient_name, x.shape, index)
    names = {old: t.name for old, t in swaps.items()}
    names |= {v.name: text(e) for v, e in symbols.items()}
    return replace(replay(d.proof()), words=_rename(local.words, names))


def unfold_right_side(theorem: Theorem, names: Collection[str]) -> Theorem:
    """Unfold the tensor on the right side of a theorem, and in it the tensors of these names.

    Args:
        theorem: dC/dz[i] = delta[i], as `backpropagate` proves it.
        names: names of defined tensors.

    """
    s = theorem.proof
    d = Derivation(s.name, s.variables, s.hypotheses, s.start)
    d.lines, d.steps = list(theorem.lines), list(s.steps)
    (head,) = theorem.rhs[0].factors
    assert isinstance(head, Access)
    wanted = {head.tensor.name, *names}
    while place := next(_named(d.current, wanted), None):
        d.apply("definition", place[0], factor=place[1])
    drop_implied(d)
    return replace(replay(d.proof()), words=theorem.words)


def _named(expression: Expression, names: Collection[str]) -> Iterator[tuple[int, int]]:
    for at, t in enumerate(expression):
        for n, f in enumerate(t.factors):
            if isinstance(f, Access) and f.tensor.name in names:
                yield at, n


def _fold(
    d: Derivation, name: str, shape: tuple[Expr | None, ...], index: tuple[Symbol, ...]
) -> None:
    """Fold the line into a named tensor with a box."""
    tensor = define(name, shape, index, d.current)
    boxes = tuple(Range(v, n) for v, n in zip(index, shape, strict=True) if n is not None)
    for at in range(len(d.current)) if boxes else ():
        d.apply("bracket", at, drop=(), add=boxes)
        factors = d.current[at].factors
        kept = len(factors) - len(boxes)
        d.apply("reorder", at, factors=(*factors[kept:], *factors[:kept]))
    d.apply_backwards("definition", (term(tensor[index]),), 0, factor=0)
