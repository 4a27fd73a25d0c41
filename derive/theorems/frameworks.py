"""The frameworks' formulas for paddings and sizes, and JAX's two rules of transposition.

JAX's convolution dilates both operands: ``y[p] = sum_k dilate(x, r)[s p + d k - lo] w[k]``. With
H inputs, K taps and P outputs, ``dil(H, r) = r (H - 1) + 1`` is the size of the dilated input and
``Ke = dil(K, d)`` the extent of the filter. The padding of a gradient is written ``before`` and
``after``.
"""

from __future__ import annotations

from sympy import Expr, Integer

from rot180.derive.gradients.gradient import chain_goal, operand, output_gradient
from rot180.derive.language.layers import layer
from rot180.derive.language.operators import correlate, dilate, rot180
from rot180.derive.language.polynomial import symbol
from rot180.derive.language.terms import AtLeast, Condition, Equal, Expression, Range, term
from rot180.derive.theorems.output_sizes import EXTENT, HI, LO, RHO, D, H, K, P, S
from rot180.derive.theorems.registry import Claim, claim

R, BEFORE, AFTER, OUT, OP, TOTAL = (
    symbol(n) for n in ("r", "before", "after", "out", "op", "total")
)
DILATED: Expr = R * (H - 1) + 1
DILATED_GRADIENT: Expr = S * (P - 1) + 1
BOTH = "x[H]; y[p] = sum[k,i] x[i] * w[k] * [r*i == s*p + d*k - lo]"
"""A convolution that dilates both operands."""


def _equal(left: Expr, right: Expr) -> tuple[Expression, Expression]:
    """Return both sides of an equation of integers: n is the one exactly if it is the other."""
    n = symbol("n")
    return (term(Equal(left - n)),), (term(Equal(right - n)),)


def jax_input_gradient() -> Claim:
    """State dx[h] = sum_j dilate(g, s)[r h + d j - (Ke - 1 - lo)] rot180(w)[j].

    So the input gradient has the input's dilation as stride, and the stride as dilation.
    """
    forward = layer(BOTH)
    variables, lhs = chain_goal(forward, operand(forward, "x"))
    h, j = variables[0][0], symbol("j")
    g, w = output_gradient(forward), operand(forward, "w")
    main, window = dilate(g, {0: S}), rot180(w, [0])
    form = correlate(main[R * h + D * j - (D * (K - 1) - LO)], window[j], (h,), (j,))
    words = "the input gradient strides by the input's dilation and dilates by the stride"
    return Claim(variables, lhs, (term(form[h]),), (), words)


def jax_weight_gradient() -> Claim:
    """State dw[k] = sum_p dilate(x, r)[d k + s p - lo] g[p]: stride and dilation change places."""
    forward = layer(BOTH)
    variables, lhs = chain_goal(forward, operand(forward, "w"))
    k, p = variables[0][0], symbol("p")
    g, x = output_gradient(forward), operand(forward, "x")
    form = correlate(dilate(x, {0: R})[D * k + S * p - LO], g[p], (k,), (p,))
    words = "the weight gradient of a dilated input, where stride and dilation are swapped"
    return Claim(variables, lhs, (term(form[k]),), (), words)


BOTH_FLOOR: tuple[Condition, ...] = (
    Equal(DILATED + LO + HI - EXTENT - S * (P - 1) - RHO),
    Range(RHO, S),
)
"""P outputs, and the remainder rho, where the input is dilated."""


def jax_input_size() -> Claim:
    """State that JAX's padding of the input gradient gives H outputs."""
    h = symbol("h")
    before = D * (K - 1) - LO
    after = DILATED + EXTENT - 1 - DILATED_GRADIENT - BEFORE
    padded = DILATED_GRADIENT + BEFORE + AFTER
    given: tuple[Condition, ...] = (AtLeast(R - 1), Equal(BEFORE - before), Equal(AFTER - after))
    right = (term(Range(R * h, padded - EXTENT + 1)),)
    words = "the padding of JAX gives the input gradient the size of the input"
    return Claim(((h, None),), (term(Range(h, H)),), right, given, words)


def jax_input_padding() -> Claim:
    """State that JAX's padding after the gradient is Ke - 1 - hi + rho."""
    left, right = _equal(AFTER, EXTENT - 1 - HI + RHO)
    after = DILATED + EXTENT - 1 - DILATED_GRADIENT - (EXTENT - 1 - LO)
    words = "the padding of JAX counts the remainder"
    return Claim(((symbol("n"), None),), left, right, (*BOTH_FLOOR, Equal(AFTER - after)), words)


def jax_weight_size() -> Claim:
    """State that JAX's padding of the weight gradient gives K outputs."""
    k = symbol("k")
    after = DILATED_GRADIENT + EXTENT - DILATED - LO - 1
    given: tuple[Condition, ...] = (AtLeast(D - 1), Equal(AFTER - after))
    right = (term(Range(D * k, DILATED + LO + AFTER - DILATED_GRADIENT + 1)),)
    words = "the padding of JAX gives the weight gradient the size of the filter"
    return Claim(((k, None),), (term(Range(k, K)),), right, given, words)


def jax_weight_padding() -> Claim:
    """State that JAX's padding after the input, for the weight gradient, is hi - rho."""
    left, right = _equal(AFTER, HI - RHO)
    after = DILATED_GRADIENT + EXTENT - DILATED - LO - 1
    words = "the padding of JAX cuts the remainder off"
    return Claim(((symbol("n"), None),), left, right, (*BOTH_FLOOR, Equal(AFTER - after)), words)


TWO = Integer(2)
ROUNDED_UP: tuple[Condition, ...] = (Range(S * P - H, S),)
"""P = ceil(H / s), as a relation."""


def same_size() -> Claim:
    """State that SAME gives ceil(H / s) outputs where it pads.

    Its padding is total = (P - 1) s + Ke - H.
    """
    p = symbol("p")
    given = (*ROUNDED_UP, Equal(TOTAL - (S * (P - 1) + EXTENT - H)))
    right = (term(Range(S * p, H + TOTAL - EXTENT + 1)),)
    words = "the least padding with which the outputs are the inputs over the stride, rounded up"
    return Claim(((p, None),), (term(Range(p, P)),), right, given, words)


def same_size_unpadded() -> Claim:
    """State that SAME gives ceil(H / s) outputs where (P - 1) s + Ke - H < 0, without padding."""
    p = symbol("p")
    given = (*ROUNDED_UP, AtLeast(EXTENT - 1), AtLeast(H - S * (P - 1) - EXTENT))
    right = (term(Range(S * p, H - EXTENT + 1)),)
    words = "a stride longer than the filter needs no padding"
    return Claim(((p, None),), (term(Range(p, P)),), right, given, words)


def same_remainder() -> Claim:
    """State that SAME leaves no remainder where it pads."""
    left, right = _equal(RHO, 0 * RHO)
    given = (
        Equal(H + TOTAL - EXTENT - S * (P - 1) - RHO),
        Equal(TOTAL - (S * (P - 1) + EXTENT - H)),
    )
    words = "SAME leaves no remainder where it pads"
    return Claim(((symbol("n"), None),), left, right, given, words)


def same_transposed() -> Claim:
    """State that the padding of a transposed SAME is that of a SAME convolution with s P inputs.

    Its output has s P entries, so what is cut off is total = Ke - s.
    """
    left, right = _equal(TOTAL, EXTENT - S)
    given = (Equal(H - S * P), Equal(TOTAL - (S * (P - 1) + EXTENT - H)))
    words = "a transposed SAME is the adjoint of a SAME convolution"
    return Claim(((symbol("n"), None),), left, right, given, words)


def same_transposed_halves() -> Claim:
    """State that JAX rounds the larger half up exactly where TensorFlow rounds the smaller down.

    JAX pads the dilated input by Ke + s - 2 in all, the larger half before it; TensorFlow cuts
    Ke - s off, the smaller half before the output, and ``before = Ke - 1 - lo``.
    """
    up, down = Range(2 * BEFORE - (EXTENT + S - 2), TWO), Range(EXTENT - S - 2 * LO, TWO)
    given = (Equal(BEFORE - (EXTENT - 1 - LO)),)
    words = "the larger half of the padding, rounded up, leaves the smaller half, rounded down"
    return Claim((), (term(up),), (term(down),), given, words)


def transposed_output_shape() -> Claim:
    """State that ONNX's padding for an output_shape gives this shape.

    The padding is total = s (P - 1) + op + Ke - out, of which `before` is cut off first.
    """
    h = symbol("h")
    total = S * (P - 1) + OP + EXTENT - OUT
    size = S * (P - 1) + OP + EXTENT - BEFORE - AFTER
    given = (Equal(BEFORE + AFTER - TOTAL), Equal(TOTAL - total))
    words = "the padding that ONNX computes from an output shape gives this shape"
    return Claim(((h, None),), (term(Range(h, OUT)),), (term(Range(h, size)),), given, words)


claim("jax_input_1d", jax_input_gradient)
claim("jax_weight_1d", jax_weight_gradient)
claim("jax_input_size", jax_input_size)
claim("jax_input_padding", jax_input_padding)
claim("jax_weight_size", jax_weight_size)
claim("jax_weight_padding", jax_weight_padding)
claim("same_size", same_size)
claim("same_size_unpadded", same_size_unpadded)
claim("same_remainder", same_remainder)
claim("same_transposed", same_transposed)
claim("same_transposed_halves", same_transposed_halves)
claim("transposed_output_shape", transposed_output_shape)
