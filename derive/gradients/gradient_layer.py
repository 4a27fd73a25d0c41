"""The gradient of a layer or a program as one of its own, which has gradients in turn."""

from __future__ import annotations

from collections.abc import Collection
from functools import singledispatch

from sympy import Symbol

from rot180.derive.gradients.gradient import chain_goal, operand, output_gradient
from rot180.derive.gradients.other_factors import other_factors
from rot180.derive.gradients.program_gradient import compact_gradient, program_gradient
from rot180.derive.kernel.replay import replay
from rot180.derive.language.layers import Layer
from rot180.derive.language.notation import make_layer
from rot180.derive.language.polynomial import symbol
from rot180.derive.language.programs import Program, make_program, read, with_tensors
from rot180.derive.language.substitute import fresh, substitute_tensors
from rot180.derive.language.terms import Expression, Tensor, define, tensors
from rot180.derive.search.derivation import Derivation
from rot180.derive.search.rewriting import normalise


@singledispatch
def gradient_layer(layer: Layer | Program, wrt: str) -> tuple[Layer | Program, str] | None:
    """Derive dL/d(operand) as a layer or a program over dL/d(output) and the operands.

    Args:
        layer: a forward pass.
        wrt: the name of an operand.

    Returns:
        the layer or program, and the name that the gradient by the output has there. All other
        operands keep their names; those that the gradient does not depend on are not among them.
        None if the gradient is zero.

    Raises:
        ValueError: the layer has no such operand, or the gradient reads at an array of indices.

    >>> from rot180.derive.language.programs import read
    >>> gradient_layer(read("y[n,o] = sum[c] x[n,c] * w[o,c]"), "w")
    (<Layer v[o,c] = sum[n] g[n,o] * x[n,c]>, 'g')
    >>> gradient_layer(read("a[i] = exp(x[i]); y[] = sum[i] a[i] * a[i]"), "x")
    (<Program a[i] = exp(x[i]); v[i] = 2 * g[] * a[i] * a[i]>, 'g')

    """
    raise TypeError(f"layer: found {type(layer).__name__}, expected a Layer or a Program")


@gradient_layer.register
def _(layer: Layer, wrt: str) -> tuple[Layer | Program, str] | None:
    x, upstream = operand(layer, wrt), output_gradient(layer)
    variables, goal = chain_goal(layer, x)
    d = Derivation(f"{layer.name or 'layer'}.grad_{wrt}.layer", variables, (), goal)
    normalise(d, upstream)
    proved = replay(d.proof()).rhs
    if _is_zero(proved):
        return None
    index = tuple(v for v, _ in variables)
    taken = _names((*layer.tensors, layer.output), proved) | {v.name for v in index}
    # short names, because grad_x of grad_x would be a name of its own operand
    g = Tensor(_fresh("g", taken), upstream.shape)
    body = tuple(substitute_tensors(t, {upstream.name: g}) for t in proved)
    return read(make_layer(define(_fresh("v", taken), x.shape, index, body)).text), g.name


@gradient_layer.register
def _(program: Program, wrt: str) -> tuple[Layer | Program, str] | None:
    proved = program_gradient(program, wrt)
    if placed := [g.array.name for g in program.gathers if g.tensor in tensors(proved.rhs)]:
        raise ValueError(
            f"wrt: the gradient by {wrt} adds up what was read at {placed[0]}, which the notation "
            "cannot say; expected a program that reads at no array of indices"
        )
    proved = compact_gradient(program, proved) or proved
    if _is_zero(proved.rhs):
        return None
    upstream, x = output_gradient(program), operand(program, wrt)
    index = tuple(v for v, _ in proved.variables)
    chosen = [s for s in program.selections if s.tensor in tensors(proved.rhs)]
    values = {s.value for s in chosen if s.kind != "prod"}  # which names what is selected
    used = used_definitions(program, proved.rhs)
    made = [t for t in program.definitions if t in used or t.name in values]
    made += [t for t in used if t not in made]
    taken = _names((*program.tensors, *program.definitions), proved.rhs)
    taken |= {v.name for v in index}.union(
        *(_names((t,), t.definition.body) for t in made if t.definition)
    )
    g = Tensor(_fresh("g", taken), upstream.shape)
    new = {upstream.name: g}
    out = [t for t in made if t in program.definitions]
    products = dict[Tensor, Tensor]()
    for s in [s for s in chosen if s.kind == "prod"]:
        made_of, selection = other_factors(s, taken)
        products[s.tensor], chosen = made_of[-1], [*chosen, selection]
        taken |= _names(made_of, ()) | {v.name for t in made_of for v in _formals(t)}
        out += made_of
    for t in made:
        assert t.definition is not None
        if t not in program.definitions:
            body = tuple(substitute_tensors(u, new) for u in t.definition.body)
            name = _fresh(f"{g.name}_{t.name.removeprefix('grad_')}", taken)
            new[t.name] = whole = define(name, t.shape, t.definition.formals, body)
            taken.add(name)
            out.append(with_tensors(whole, products))
    last = tuple(substitute_tensors(u, new) for u in proved.rhs)
    out.append(with_tensors(define(_fresh("v", taken), x.shape, index, last), products))
    inside = tensors(tuple(u for t in out if t.definition for u in t.definition.body))
    tables = [t for t in program.tables if t.tensor in inside]
    return read(make_program(out, "", chosen, (), tables).text), g.name


def used_definitions(program: Program, expression: Expression) -> tuple[Tensor, ...]:
    """Return the definitions that an expression rests on, each after those that it uses.

    Args:
        program: its definitions come first, then the gradients by them.
        expression: a gradient by an operand.

    """
    inside = dict.fromkeys(tensors(expression))
    for s in reversed(program.selections):
        if s.tensor in inside:
            source = s.source.definition.body if s.source.definition else ()
            inside |= dict.fromkeys((*tensors(source), s.source))
    gradients = {f"grad_{t.name}" for t in program.definitions}
    back = [t for t in inside if t.definition is not None and t.name in gradients]
    return (*(t for t in program.definitions if t in inside), *back)


def _formals(t: Tensor) -> tuple[Symbol, ...]:
    return t.definition.formals if t.definition else ()


def _is_zero(expression: Expression) -> bool:
    return all(t.coefficient == 0 for t in expression)


def _names(every: Collection[Tensor], expression: Expression) -> set[str]:
    symbols = {v for t in expression for v in t.symbols} | {v for t in every for v in t.parameters}
    return {v.name for v in symbols} | {t.name for t in every}


def _fresh(name: str, taken: Collection[str]) -> str:
    return fresh(name, {symbol(word) for word in taken}).name
