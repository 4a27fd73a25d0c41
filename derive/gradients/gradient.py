"""Chain-rule goals, and the named form of what they lead to."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

from sympy import Expr, Symbol

from rot180.derive.kernel.proof import Theorem, Variables
from rot180.derive.kernel.replay import replay
from rot180.derive.language import operators
from rot180.derive.language.layers import Layer
from rot180.derive.language.operators import sign_of
from rot180.derive.language.polynomial import coefficient, factored, normal, symbols_of
from rot180.derive.language.spelling import spelled
from rot180.derive.language.substitute import fresh
from rot180.derive.language.terms import (
    Access,
    AtLeast,
    Derivative,
    Equal,
    Expression,
    Tensor,
    Term,
    define,
    tensors,
    term,
)
from rot180.derive.search.derivation import Derivation, NotProvedError
from rot180.derive.search.matching import join
from rot180.derive.search.remainders import modulus, split_equations
from rot180.derive.search.rewriting import normalise


def output_gradient(layer: Layer) -> Tensor:
    """Return the free tensor dL/dy, with the box of the output."""
    return Tensor(f"grad_{layer.output.name}", layer.output.shape)


def loss(layer: Layer) -> Tensor:
    """Return ``L := sum_i g[i] y[i]``: all that the chain rule needs to know of a loss.

    With g = dL/dy held fixed, the differential of any loss is that of this sum.
    """
    g, y = output_gradient(layer), layer.output
    assert y.definition is not None
    over, name = y.definition.formals, "L"
    while name in {y.name, *(t.name for t in layer.tensors)}:
        name += "_loss"
    return define(name, (), (), (term(g[over], y[over], over=over),))


def operand(layer: Layer, name: str) -> Tensor:
    """Return an operand by name.

    Raises:
        ValueError: the layer has no such operand.

    """
    for t in layer.tensors:
        if t.name == name:
            return t
    have = ", ".join(t.name for t in layer.tensors)
    raise ValueError(f"wrt: found {name!r}, expected one of {have}")


def free_index(layer: Layer, wrt: Tensor) -> tuple[Symbol, ...]:
    """Name the free indices of a gradient after the letters of the operand's axes."""
    assert layer.output.definition is not None
    taken = {*layer.parameters, *wrt.parameters}
    out: list[Symbol] = []
    for n, letter in enumerate(wrt.shape):
        lower = letter.name.lower() if isinstance(letter, Symbol) else f"i{n}"
        out.append(fresh(lower, taken | set(out)))
    return tuple(out)


def chain_goal(layer: Layer, wrt: Tensor) -> tuple[Variables, Expression]:
    """Return the free indices and ``dL/d(operand)[free indices]``: where a derivation starts."""
    index = free_index(layer, wrt)
    return (
        tuple(zip(index, wrt.shape, strict=True)),
        (term(Derivative((loss(layer)[()],), wrt[index])),),
    )


def gradient(layer: Layer, wrt: str) -> Theorem:
    """Derive dL/d(operand) by the chain rule, and prove the named form it has.

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
    left = Derivation(name, variables, (), goal)
    normalise(left, output_gradient(layer))
    form, words = name_form(layer, left.current, tuple(v for v, _ in variables))
    if form is None:
        return replace(replay(left.proof()), words=words)
    if _clash((*goal, term(form))):
        return replay(left.proof())
    right = Derivation(name, variables, (), (term(form),))
    normalise(right, output_gradient(layer))
    try:
        proof = join(left, right)
    except NotProvedError:
        return replay(left.proof())
    return replace(replay(proof), words=words)


def _clash(expression: Expression) -> bool:
    """Say whether one name stands for two tensors, as rot180_w where an operand is called so."""
    found = tensors(expression)
    return len({t.name for t in found}) < len(found)


def kernel_theorem(layer: Layer, wrt: str | None) -> Theorem:
    """Prove the normal form that code generation lowers: free tensors, affine indices.

    Args:
        layer: a forward pass.
        wrt: the operand to differentiate by; None for the forward pass itself.

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
    d = Derivation(name, variables, (), goal, trial=True)
    moduli = dict.fromkeys(_phases(layer, d))
    hypotheses = tuple(AtLeast(m - 1) for m in moduli if not m.is_number)
    d = Derivation(name, variables, hypotheses, goal)
    _phases(layer, d)
    return replay(d.proof())


def _phases(layer: Layer, d: Derivation) -> list[Expr]:
    """Normalise, then split every equation by remainder; return the moduli met."""
    normalise(d, output_gradient(layer))
    return split_equations(d)


def kernel_theorems(layer: Layer) -> list[tuple[str, Theorem]]:
    """Return the theorems that a layer's kernels are lowered from, by function name."""
    out = [("forward", kernel_theorem(layer, None))]
    out += [(f"grad_{t.name}", kernel_theorem(layer, t.name)) for t in layer.tensors]
    return out


# The named form.


def name_form(
    layer: Layer, line: Expression, free: tuple[Symbol, ...]
) -> tuple[Access | None, str]:
    """Find operators of which a normal form is an instance; say it in words.

    The operand that is swept is looked for first in the output gradient. Its index on a spatial
    axis is ``a * out + b * tap + c``; stride, dilation and padding are read off, and the window is
    rotated where the sign of the tap is not that of the forward pass.
    """
    if len(line) != 1 or line[0].coefficient != 1:
        return None, ""
    t = line[0]
    accesses = [f for f in t.factors if isinstance(f, Access)]
    equations = [f for f in t.factors if isinstance(f, Equal)]
    if len(accesses) + len(equations) != len(t.factors):
        return None, ""
    g = output_gradient(layer)
    if len(accesses) == 1 and not equations:
        over = ", ".join(v.name for v in t.variables)
        return None, f"the sum of {accesses[0].tensor.name} over {over}" if over else ""
    if len(accesses) != 2:
        return None, ""
    accesses.sort(key=lambda a: a.tensor != g)
    for main, window in (accesses, accesses[::-1]):
        found = _matrix_product(t, main, window, free) or _sweep(
            t, equations, main, window, free, _forward_sign(layer), main.tensor == g
        )
        if found is not None:
            return found
    return None, ""


def _forward_sign(layer: Layer) -> int:
    """Return 1 if every window of the forward pass is correlated, -1 if convolved, else 0.

    A window is an index ``a * out + b * tap``, or, of a transposed layer, an equation
    ``out == a * in + b * tap``: the signs of a and b count.
    """
    definition = layer.output.definition
    assert definition is not None
    signs = set()
    for t in definition.body:
        for f in t.factors:
            for e in f.index if isinstance(f, Access) else ():
                outs = [v for v in definition.formals if v in symbols_of(e)]
                taps = [v for v in t.variables if v in symbols_of(e)]
                for v in taps if outs else ():
                    signs.add(sign_of(coefficient(e, v)) * sign_of(coefficient(e, outs[0])))
            if isinstance(f, Equal):
                inside = [sign_of(coefficient(f.value, v)) for v in t.variables]
                signs |= {a * b for a, b in combinations([a for a in inside if a], 2)}
    return signs.pop() if len(signs) == 1 else 0


def _matrix_product(
    t: Term, left: Access, right: Access, free: tuple[Symbol, ...]
) -> tuple[Access, str] | None:
    """Read ``sum_k a[i, k] b[k, j]``, either factor transposed."""
    if len(t.factors) != 2 or len(t.variables) != 1 or len(free) != 2:
        return None
    k = t.variables[0]
    if set(left.index) != {free[0], k} or set(right.index) != {free[1], k}:
        left, right = right, left
    if set(left.index) != {free[0], k} or set(right.index) != {free[1], k}:
        return None
    a = left.tensor if left.index[1] == k else operators.transpose(left.tensor)
    b = right.tensor if right.index[0] == k else operators.transpose(right.tensor)
    form = operators.matmul(a, b)
    return form[free], f"the matrix product of {spelled(a)} with {spelled(b)}"


def _sweep(
    t: Term,
    equations: list[Equal],
    main: Access,
    window: Access,
    free: tuple[Symbol, ...],
    sign: int,
    full: bool,
) -> tuple[Access, str] | None:
    """Read a normal form as a correlation (sign 1) or convolution (-1) of main with window."""
    taps = window.index
    if sign == 0 or len(set(taps)) != len(taps) or not all(isinstance(e, Symbol) for e in taps):
        return None
    index, dilations = list(main.index), dict[int, Expr]()
    left = list(equations)
    for a, v in enumerate(main.index):
        solved = [f for f in left if v in symbols_of(f.value) and v in t.variables]
        if len(solved) == 1 and isinstance(v, Symbol) and v not in taps:
            dilations[a], index[a] = modulus(solved[0], v)
            left.remove(solved[0])
    gone = {main.index[a] for a in dilations}
    if left or any(symbols_of(e) & gone for e in index):
        return None
    strides, steps, paddings = list[Expr](), list[Expr](), list[Expr]()
    turned, rotated = list[int](), list[int]()
    for a, e in enumerate(index):
        if isinstance(e, Symbol):
            continue
        outs = [v for v in free if v in symbols_of(e)]
        inner = [v for v in t.variables if v in symbols_of(e)]
        if len(outs) != 1 or len(inner) != 1 or inner[0] not in taps:
            return None
        if sign_of(coefficient(e, outs[0])) < 0 and a not in dilations:
            turned.append(a)
            e = normal(operators.size(main.tensor, a) - 1 - e)
        stride, step = coefficient(e, outs[0]), coefficient(e, inner[0])
        if sign_of(stride) <= 0 or sign_of(step) == 0:
            return None
        if sign_of(step) != sign:
            axis = taps.index(inner[0])
            rotated.append(axis)
            e = normal(e.xreplace({inner[0]: operators.size(window.tensor, axis) - 1 - inner[0]}))
        index[a] = e
        strides.append(stride)
        steps.append(normal(sign * coefficient(e, inner[0])))
        rest = normal(e - stride * outs[0] - coefficient(e, inner[0]) * inner[0])
        paddings.append(normal(-rest))
    if not strides:
        return None
    swept, kernel = main.tensor, window.tensor
    if dilations:
        swept = operators.dilate(swept, dilations)
    if turned:
        swept = operators.rot180(swept, turned)
    if rotated:
        kernel = operators.rot180(kernel, rotated)
    summed = tuple(v for v in t.variables if v not in gone)
    word = "correlate" if sign > 0 else "convolve"
    factors = Access(swept, tuple(index)), Access(kernel, taps)
    if operators.sweep(*factors, free, summed) != word:
        return None
    form = operators.swept(word, *factors, free, summed)
    noun = "correlation" if sign > 0 else "convolution"
    words = f"the {'full ' if full and rotated else ''}{noun} of "
    words += f"{spelled(swept)} with {spelled(kernel)}"
    for said, values in (("stride", strides), ("dilation", steps), ("padding", paddings)):
        if any(e != (0 if said == "padding" else 1) for e in values):
            words += f", {said} {' and '.join(factored(e) for e in values)}"
    return form[free], words
