"""Backpropagation through a true convolution, z1 = w * sigma(z) + b, in the textbook form.

Indices count from 0 and tensors are zero outside their boxes. With the rotation about the origin,
``flip(w)[j] = w[-j]``, no formula has an offset; ``rot180(w)[j] = w[K-1-j]`` is the same tensor,
shifted into the box of w.
"""

from __future__ import annotations

from functools import partial

from sympy import Expr, Symbol

from rot180.derive.gradients.gradient import chain_goal, operand, output_gradient
from rot180.derive.kernel.proof import Variables
from rot180.derive.language.layers import Layer, axis_letters, layer
from rot180.derive.language.operators import activation, convolve, dilate, flip, rot180, size
from rot180.derive.language.polynomial import symbol, text
from rot180.derive.language.spelling import display_name
from rot180.derive.language.terms import (
    Access,
    Apply,
    AtLeast,
    Equal,
    Expression,
    Range,
    Tensor,
    define,
    tensor,
    term,
)
from rot180.derive.theorems.registry import Claim, claim

Index = tuple[Symbol, ...]


def _letters(axes: int) -> tuple[Index, Index, Index, Index]:
    """Return the indices of outputs, taps and inputs, and the strides."""
    outs, taps, places, strides = (
        tuple(symbol(a[n]) for a in axis_letters(axes)) for n in (0, 1, 2, 3)
    )
    return outs, taps, places, strides


def _list(index: Index) -> str:
    return ",".join(v.name for v in index)


def _forward(axes: int, strided: bool = False) -> Layer:
    """Return the layer z1 = w * sigma(z) + b."""
    outs, taps, places, strides = _letters(axes)
    inside = ",".join(
        f"{f'{s}*' if strided else ''}{p}-{k}" for s, p, k in zip(strides, outs, taps, strict=True)
    )
    sizes = ",".join(h.name.upper() for h in places)
    return layer(
        f"sigma: function; z[{sizes}]; z1[{_list(outs)}] = "
        f"sum[{_list(taps)}] w[{_list(taps)}] * sigma(z[{inside}]) + b[]"
    )


def _minus(a: Index, b: Index) -> tuple[Expr, ...]:
    return tuple(v - u for v, u in zip(a, b, strict=True))


def strided_delta(axes: int) -> Claim:
    """State delta = (dilate(delta1, s) * flip(w)) sigma'(z), with zeros between the strides."""
    forward = _forward(axes, strided=True)
    z, w, g = operand(forward, "z"), operand(forward, "w"), output_gradient(forward)
    variables, lhs = chain_goal(forward, z)
    index = tuple(v for v, _ in variables)
    steps = tuple(symbol(f"i{n}") for n in range(axes))
    filled = dilate(g, dict(enumerate(_letters(axes)[3])))
    form = convolve(filled[steps], flip(w)[_minus(index, steps)], index, steps)
    right = (term(form[index], Apply("sigma", 1, z[index])),)
    words = f"the full convolution of {display_name(filled)} with "
    words += f"{display_name(flip(w))}, times sigma'(z)"
    return Claim(variables, lhs, right, (), words)


def _weight_goal(axes: int) -> tuple[Variables, Expression, Index, Index, Tensor, Tensor]:
    """Return variables, left side, taps, outputs, sigma(z) and delta for a claim about weights."""
    forward = _forward(axes)
    variables, lhs = chain_goal(forward, operand(forward, "w"))
    a = activation("sigma", 0, operand(forward, "z"))
    taps = tuple(v for v, _ in variables)
    return variables, lhs, taps, _letters(axes)[0], a, output_gradient(forward)


def weight_gradient(axes: int) -> Claim:
    """State dC/dw[k] = sum_p delta[p] sigma(z)[p - k]."""
    variables, lhs, taps, outs, a, g = _weight_goal(axes)
    right = (term(g[outs], a[_minus(outs, taps)], over=outs),)
    return Claim(variables, lhs, right, (), "the delta times the activation at each weight")


def weight_by_flip(axes: int) -> Claim:
    """State dC/dw = delta * flip(sigma(z)): a convolution with the rotated activation."""
    variables, lhs, taps, outs, a, g = _weight_goal(axes)
    form = convolve(g[outs], flip(a)[_minus(taps, outs)], taps, outs)
    words = f"the convolution of {g.name} with {display_name(flip(a))}"
    return Claim(variables, lhs, (term(form[taps]),), (), words)


def weight_by_rotation(axes: int) -> Claim:
    """State dC/dw[k] = (delta * rot180(sigma(z)))[k + H - 1]; rot180 brings an offset."""
    variables, lhs, taps, outs, a, g = _weight_goal(axes)
    rotated = rot180(a, range(axes))
    offset = tuple(e + size(a, n) - 1 for n, e in enumerate(_minus(taps, outs)))
    form = convolve(g[outs], rotated[offset], taps, outs)
    first = [text(size(a, n) - 1) for n in range(axes)]
    where = first[0] if axes == 1 else f"({', '.join(first)})"
    words = f"the convolution of {g.name} with {display_name(rotated)}, read from {where} on"
    return Claim(variables, lhs, (term(form[taps]),), (), words)


def bias_gradient(axes: int) -> Claim:
    """State dC/db = sum_p delta[p]."""
    forward = _forward(axes)
    variables, lhs = chain_goal(forward, operand(forward, "b"))
    outs = _letters(axes)[0]
    right = (term(output_gradient(forward)[outs], over=outs),)
    return Claim(variables, lhs, right, (), "the sum of the delta")


# A dense layer whose connections are removed and whose weights are shared.


def _cut(axes: int) -> tuple[Layer, Tensor, Index, Index]:
    """Return z1[p] = sum_h W[p,h] sigma(z)[h] + b[] with W[p,h] = sum_k w[k] [h = p - k]."""
    forward = _forward(axes)
    outs, taps, places, _ = _letters(axes)
    z, w, b = (operand(forward, name) for name in ("z", "w", "b"))
    brackets = [Equal(h - p + k) for h, p, k in zip(places, outs, taps, strict=True)]
    shape = (*forward.output.shape, *z.shape)
    shared = define("W", shape, (*outs, *places), (term(w[taps], *brackets, over=taps),))
    a = activation("sigma", 0, z)
    dense = (term(shared[(*outs, *places)], a[places], over=places), term(b[()]))
    return forward, define("dense", forward.output.shape, outs, dense), outs, places


def cut_forward(axes: int) -> Claim:
    """State that the dense layer with local connections and shared weights is the convolution."""
    forward, dense, outs, _ = _cut(axes)
    variables = tuple(zip(outs, forward.output.shape, strict=True))
    assert forward.output.definition is not None
    words = "a dense layer with local connections and shared weights is a convolution"
    left = (term(dense[outs]),)
    return Claim(variables, left, (term(forward.output[outs]),), (), words)


def transposed_flip(axes: int, sign: int) -> Claim:
    """State that the transposed matrix of a filter is the matrix of the flipped filter.

    Args:
        axes: 1 or 2.
        sign: -1 for a convolution, ``T[p,h] = sum_k w[k] [h = p - k]``; 1 for a correlation.

    """
    outs, taps, places, _ = _letters(axes)
    w = tensor("w", *(k.name.upper() for k in taps))

    def matrix(name: str, window: Tensor) -> Tensor:
        brackets = [Equal(h - p - sign * k) for h, p, k in zip(places, outs, taps, strict=True)]
        body = (term(window[taps], *brackets, over=taps),)
        return define(name, (None,) * (2 * axes), (*outs, *places), body)

    plain, rotated = matrix("T", w), matrix("T_flipped", flip(w))
    variables: Variables = tuple((v, None) for v in (*places, *outs))
    left, right = (term(plain[(*outs, *places)]),), (term(rotated[(*places, *outs)]),)
    return Claim(variables, left, right, (), "the transposed matrix is that of the flipped filter")


def shifted_flip(axes: int) -> Claim:
    """State rot180(w)[j] = flip(w)[j - (K - 1)] everywhere: the rotations differ by a shift."""
    taps = _letters(axes)[1]
    w = tensor("w", *(k.name.upper() for k in taps))
    shifted = tuple(k - size(w, n) + 1 for n, k in enumerate(taps))
    variables: Variables = tuple((v, None) for v in taps)
    left, right = (term(rot180(w, range(axes))[taps]),), (term(flip(w)[shifted]),)
    return Claim(variables, left, right, (), "the rotation about the origin, shifted into the box")


# Full and valid.


def _product(axes: int) -> tuple[Tensor, Tensor, Access, Access, Index, Index]:
    """Return x, w, and ``x[p - k] w[k]`` with p and k."""
    outs, taps, places, _ = _letters(axes)
    x = tensor("x", *(h.name.upper() for h in places))
    w = tensor("w", *(k.name.upper() for k in taps))
    return x, w, x[_minus(outs, taps)], w[taps], outs, taps


def full(axes: int) -> Claim:
    """State that a convolution is zero outside 0 <= p < H + K - 1, its full size."""
    x, w, main, window, outs, taps = _product(axes)
    sizes = [size(x, n) + size(w, n) - 1 for n in range(axes)]
    boxes = [Range(p, n) for p, n in zip(outs, sizes, strict=True)]
    variables: Variables = tuple((p, None) for p in outs)
    left = (term(main, window, over=taps),)
    right = (term(main, window, *boxes, over=taps),)
    words = f"the full convolution has {' by '.join(map(text, sizes))} entries"
    return Claim(variables, left, right, (), words)


def valid() -> Claim:
    """State that a window lies inside the input exactly for K - 1 <= p < H."""
    h, k, p = symbol("H"), symbol("K"), symbol("p")
    ends = (term(Range(p, h), Range(p - k + 1, h)),)
    inside = (term(Range(p - k + 1, h - k + 1)),)
    words = "the valid convolution has H - K + 1 entries, starting at K - 1"
    return Claim(((p, None),), ends, inside, (AtLeast(k - 1),), words)


def restored() -> Claim:
    """State that a full convolution of a valid convolution has the size of the input."""
    h, k, p, v = symbol("H"), symbol("K"), symbol("P"), symbol("h")
    words = "the full backward pass restores the size before the valid forward pass"
    left, right = (term(Range(v, h)),), (term(Range(v, p + k - 1)),)
    return Claim(((v, None),), left, right, (Equal(p - h + k - 1),), words)


for _n in (1, 2):
    claim(f"backpropagated_strided_{_n}d", partial(strided_delta, _n))
    claim(f"backpropagated_weight_{_n}d", partial(weight_gradient, _n))
    claim(f"backpropagated_weight_flip_{_n}d", partial(weight_by_flip, _n))
    claim(f"backpropagated_weight_rot180_{_n}d", partial(weight_by_rotation, _n))
    claim(f"backpropagated_bias_{_n}d", partial(bias_gradient, _n))
    claim(f"cut_and_shared_{_n}d", partial(cut_forward, _n))
    claim(f"transposed_flip_convolution_{_n}d", partial(transposed_flip, _n, -1))
    claim(f"transposed_flip_correlation_{_n}d", partial(transposed_flip, _n, 1))
    claim(f"rot180_is_a_shifted_flip_{_n}d", partial(shifted_flip, _n))
    claim(f"full_convolution_{_n}d", partial(full, _n))
claim("valid_convolution", valid)
claim("full_restores_valid", restored)
