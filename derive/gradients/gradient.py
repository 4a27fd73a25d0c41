"""Derives the gradients of a layer by the chain rule.

A gradient is a derivative, over the complex numbers too: nothing is conjugated.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from sympy import Expr, Symbol

from rot180.derive.gradients.named_form import name_form
from rot180.derive.kernel.finiteness import finiteness
from rot180.derive.kernel.proof import Theorem, Variables
from rot180.derive.kernel.replay import replay
from rot180.derive.language.layers import Layer
from rot180.derive.language.polynomial import coefficient, normal, primitive, symbol
from rot180.derive.language.programs import Program
from rot180.derive.language.substitute import fresh
from rot180.derive.language.terms import (
    AtLeast,
    Condition,
    Derivative,
    Expression,
    Range,
    Tensor,
    accesses_and_brackets,
    define,
    indices,
    tensors,
    term,
)
from rot180.derive.search.derivation import Derivation, NotProvedError
from rot180.derive.search.matching import join
from rot180.derive.search.remainders import split_equations
from rot180.derive.search.rewriting import normalise


def output_gradient(layer: Layer | Program) -> Tensor:
    """Return the free tensor dL/dy, with the box of the output."""
    return Tensor(f"grad_{layer.output.name}", layer.output.shape)


def loss(layer: Layer | Program) -> Tensor:
    """Return ``L := sum_i g[i] y[i]``, which stands for any loss in the chain rule.

    With g = dL/dy held fixed, any loss has the same differential as this sum.
    """
    g, y = output_gradient(layer), layer.output
    assert y.definition is not None
    over, name = y.definition.formals, "L"
    made = layer.definitions if isinstance(layer, Program) else (y,)
    while name in {t.name for t in (*made, *layer.tensors)}:
        name += "_loss"
    return define(name, (), (), (term(g[over], y[over], over=over),))


def operand(layer: Layer | Program, name: str) -> Tensor:
    """Return an operand by name.

    Raises:
        ValueError: the layer has no such operand.

    """
    for t in layer.tensors:
        if t.name == name:
            return t
    have = ", ".join(t.name for t in layer.tensors)
    raise ValueError(f"wrt: found {name!r}, expected one of {have}")


def free_index(layer: Layer | Program, wrt: Tensor) -> tuple[Symbol, ...]:
    """Name the free indices of a gradient after the letters of the operand's axes.

    No index has the name of an array: in a kernel both are variables.
    """
    made = layer.definitions if isinstance(layer, Program) else (layer.output,)
    taken = {*layer.parameters, *wrt.parameters}
    taken |= {symbol(t.name) for t in (*layer.tensors, *made)}
    out: list[Symbol] = []
    for n, letter in enumerate(wrt.shape):
        lower = letter.name.lower() if isinstance(letter, Symbol) else f"i{n}"
        out.append(fresh(lower, taken | set(out)))
    return tuple(out)


def chain_goal(layer: Layer | Program, wrt: Tensor) -> tuple[Variables, Expression]:
    """Return the free indices and ``dL/d(operand)[free indices]``, the start of a derivation."""
    index = free_index(layer, wrt)
    return (
        tuple(zip(index, wrt.shape, strict=True)),
        (term(Derivative((loss(layer)[()],), wrt[index])),),
    )


def divisor_hypotheses(definitions: Iterable[Tensor]) -> tuple[Condition, ...]:
    """Return that the divisors of quotients in some definitions are at least 1, where needed.

    It is needed where the sum over a quotient would be infinite otherwise, as in ``x[p % s]``.
    """
    found: dict[Condition, None] = {}
    for t in (t for d in definitions if d.definition for t in d.definition.body):
        sizes = [f.size for f in t.factors if isinstance(f, Range) and not f.size.is_number]
        values = [e for f in accesses_and_brackets(t.factors) for e in indices(f)]
        moduli = [
            s
            for s in sizes
            if any(coefficient(e, v) in (s, normal(-s)) for e in values for v in t.variables)
        ]
        if moduli and finiteness(t, ()):
            found |= dict.fromkeys(AtLeast(primitive(m) - 1) for m in moduli)
    return tuple(found)


def gradient(layer: Layer, wrt: str) -> Theorem:
    """Derive dL/d(operand) by the chain rule, and prove its named form.

    Args:
        layer: a forward pass.
        wrt: the name of an operand.

    Returns:
        the theorem; its right side is the named form where there is one, else the sum itself.

    Raises:
        ValueError: the layer has no such operand.

    """
    x = operand(layer, wrt)
    variables, goal = chain_goal(layer, x)
    name = f"{layer.name or 'layer'}.grad_{wrt}"
    needed = divisor_hypotheses((layer.output,))
    left = Derivation(name, variables, needed, goal)
    g = output_gradient(layer)
    normalise(left, g)
    form, words = name_form(layer.output, g, left.current, tuple(v for v, _ in variables))
    if form is None:
        return replace(replay(left.proof()), words=words)
    if _clash((*goal, term(form))):
        return replay(left.proof())
    right = Derivation(name, variables, needed, (term(form),))
    normalise(right, g)
    try:
        proof = join(left, right)
    except NotProvedError:
        return replay(left.proof())
    return replace(replay(proof), words=words)


def _clash(expression: Expression) -> bool:
    """Say whether two tensors have the same name, such as rot180_w and an operand of that name."""
    found = tensors(expression)
    return len({t.name for t in found}) < len(found)


def kernel_theorem(
    layer: Layer, wrt: str | None, gradients: Collection[Tensor] = ()
) -> Theorem:
    """Prove the normal form that code generation lowers: free tensors, affine indices.

    Args:
        layer: a forward pass.
        wrt: the operand to differentiate by; None for the forward pass itself.
        gradients: operands whose dilation stays visible, as that of the output gradient does.

    """
    if wrt is None:
        assert layer.output.definition is not None
        index = layer.output.definition.formals
        variables: Variables = tuple(zip(index, layer.output.shape, strict=True))
        goal: Expression = (term(layer.output[index]),)
        name = f"{layer.name or 'layer'}.forward"
    else:
        variables, goal = chain_goal(layer, operand(layer, wrt))
        name = f"{layer.name or 'layer'}.grad_{wrt}.kernel"
    needed = divisor_hypotheses((layer.output,))
    d = Derivation(name, variables, needed, goal, trial=True)
    moduli = dict.fromkeys(_phases(layer, d, gradients))
    # 3*s is at least 1 where s is
    least = dict.fromkeys(primitive(m) for m in moduli if not m.is_number)
    hypotheses = tuple(dict.fromkeys((*needed, *(AtLeast(m - 1) for m in least))))
    d = Derivation(name, variables, hypotheses, goal)
    _phases(layer, d, gradients)
    return replay(d.proof())


def _phases(layer: Layer, d: Derivation, gradients: Collection[Tensor]) -> list[Expr]:
    """Normalise, then split every equation by remainder; return the moduli."""
    normalise(d, (output_gradient(layer), *gradients))
    return split_equations(d)


def kernel_theorems(layer: Layer, wrt: str | None = None) -> list[tuple[str, Theorem]]:
    """Return the theorems that a layer's kernels are lowered from, by function name.

    Args:
        layer: a forward pass.
        wrt: the one operand to differentiate by; None for every operand.

    """
    names = [t.name for t in layer.tensors if wrt in (None, t.name)]
    out = [("forward", kernel_theorem(layer, None))]
    return out + [(f"grad_{name}", kernel_theorem(layer, name)) for name in names]
