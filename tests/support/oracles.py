"""Layers and their gradients as plain loops over the definition, exact on Python numbers.

Nothing here imports the product. Arrays hold Python numbers (dtype object) in PyTorch's layout:
input (N, C, spatial), weight (O, C/groups, taps), output (N, O, spatial); a transposed weight is
(C, O/groups, taps).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
Index: TypeAlias = tuple[int, ...]


def output_size(size: int, taps: int, stride: int, padding: Sequence[int], dilation: int) -> int:
    """Count the windows that fit into the padded axis."""
    padded, extent = size + sum(padding), dilation * (taps - 1) + 1
    return len(range(0, padded - extent + 1, stride))


@dataclass(frozen=True)
class Convolution:
    """The parameters of a convolution of any rank; `padding` is (low, high) pairs."""

    stride: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    groups: int = 1

    def output_shape(self, input_shape: Sequence[int], weight_shape: Sequence[int]) -> Index:
        """Return the shape of the output."""
        axes = zip(
            input_shape[2:], weight_shape[2:], self.stride, self.padding, self.dilation, strict=True
        )
        return (input_shape[0], weight_shape[0], *(output_size(*axis) for axis in axes))

    def products(
        self, input_shape: Sequence[int], weight_shape: Sequence[int]
    ) -> Iterator[tuple[Index, Index, Index]]:
        """Walk over the indices (input, weight, output) of all products inside the input's box."""
        output_shape = self.output_shape(input_shape, weight_shape)
        axes = []
        for axis, (low, _) in enumerate(self.padding):
            places = []
            for p, k in itertools.product(
                range(output_shape[2 + axis]), range(weight_shape[2 + axis])
            ):
                h = self.stride[axis] * p + self.dilation[axis] * k - low
                if 0 <= h < input_shape[2 + axis]:
                    places.append((h, k, p))
            axes.append(places)
        outputs_per_group = weight_shape[0] // self.groups
        for n in range(input_shape[0]):
            for o in range(weight_shape[0]):
                for c in range(weight_shape[1]):
                    channel = o // outputs_per_group * weight_shape[1] + c
                    for place in itertools.product(*axes):
                        yield (
                            (n, channel, *(h for h, _, _ in place)),
                            (o, c, *(k for _, k, _ in place)),
                            (n, o, *(p for _, _, p in place)),
                        )

    def most_products(self, output_shape: Sequence[int], weight_shape: Sequence[int]) -> Array:
        """Return how many products each output would have if the input had no end."""
        out = zeros(output_shape)
        out += int(np.prod(weight_shape[1:]))
        return out

    def forward(self, x: Array, w: Array, bias: Array | None = None) -> Array:
        """Return the output."""
        out = zeros(self.output_shape(x.shape, w.shape))
        if bias is not None:
            for at in np.ndindex(out.shape):
                out[at] = bias[at[1]]
        for i, k, o in self.products(x.shape, w.shape):
            out[o] += x[i] * w[k]
        return out

    def input_gradient(self, input_shape: Sequence[int], w: Array, g: Array) -> Array:
        """Return the gradient of ``sum(g * output)`` with respect to the input."""
        out = zeros(input_shape)
        for i, k, o in self.products(input_shape, w.shape):
            out[i] += g[o] * w[k]
        return out

    def weight_gradient(self, x: Array, weight_shape: Sequence[int], g: Array) -> Array:
        """Return the gradient of ``sum(g * output)`` with respect to the weight."""
        out = zeros(weight_shape)
        for i, k, o in self.products(x.shape, weight_shape):
            out[k] += g[o] * x[i]
        return out


@dataclass(frozen=True)
class TransposedConvolution(Convolution):
    """The parameters of a transposed convolution.

    It is ``y[h] = sum x[p] w[k]`` over all p, k with h = stride p + dilation k - low.

    The sums are those of a convolution with input and output positions swapped.
    """

    output_padding: tuple[int, ...] = ()

    def output_shape(self, input_shape: Sequence[int], weight_shape: Sequence[int]) -> Index:
        """Return the shape of the output: the last product, uncropped, and output padding."""
        spatial = [
            s * (n - 1) + d * (k - 1) + 1 - sum(pads) + more
            for n, k, s, pads, d, more in zip(
                input_shape[2:],
                weight_shape[2:],
                self.stride,
                self.padding,
                self.dilation,
                self.output_padding,
                strict=True,
            )
        ]
        return (input_shape[0], weight_shape[1] * self.groups, *spatial)

    def products(
        self, input_shape: Sequence[int], weight_shape: Sequence[int]
    ) -> Iterator[tuple[Index, Index, Index]]:
        """Walk over the indices (input, weight, output) of all products in the output's box."""
        output_shape = self.output_shape(input_shape, weight_shape)
        axes = []
        for axis, (low, _) in enumerate(self.padding):
            places = []
            for p, k in itertools.product(
                range(input_shape[2 + axis]), range(weight_shape[2 + axis])
            ):
                h = self.stride[axis] * p + self.dilation[axis] * k - low
                if 0 <= h < output_shape[2 + axis]:
                    places.append((h, k, p))
            axes.append(places)
        inputs_per_group = weight_shape[0] // self.groups
        for n in range(input_shape[0]):
            for c in range(weight_shape[0]):
                for o in range(weight_shape[1]):
                    channel = c // inputs_per_group * weight_shape[1] + o
                    for place in itertools.product(*axes):
                        yield (
                            (n, c, *(p for _, _, p in place)),
                            (c, o, *(k for _, k, _ in place)),
                            (n, channel, *(h for h, _, _ in place)),
                        )

    def most_products(self, output_shape: Sequence[int], weight_shape: Sequence[int]) -> Array:
        """Return how many products each output would have if the input had no end."""
        out = zeros(output_shape)
        for at in np.ndindex(out.shape):
            out[at] = weight_shape[0] // self.groups
            for h, taps, s, (low, _), d in zip(
                at[2:], weight_shape[2:], self.stride, self.padding, self.dilation, strict=True
            ):
                out[at] *= sum((h + low - d * k) % s == 0 for k in range(taps))
        return out


def bias_gradient(g: Array) -> Array:
    """Return the gradient of ``sum(g * output)`` with respect to the bias: axis 1 stays."""
    out = zeros(g.shape[1:2])
    for at in np.ndindex(g.shape):
        out[at[1]] += g[at]
    return out


def linear(x: Array, w: Array, bias: Array | None = None) -> Array:
    """Return ``y[n, o] = sum_c x[n, c] w[o, c] + bias[o]``."""
    out = zeros((x.shape[0], w.shape[0]))
    for n, o in np.ndindex(out.shape):
        out[n, o] = sum((x[n, c] * w[o, c] for c in range(x.shape[1])), 0)
        if bias is not None:
            out[n, o] += bias[o]
    return out


def linear_input_gradient(w: Array, g: Array) -> Array:
    """Return the gradient of a linear layer with respect to its input."""
    out = zeros((g.shape[0], w.shape[1]))
    for n, o, c in np.ndindex(*g.shape, w.shape[1]):
        out[n, c] += g[n, o] * w[o, c]
    return out


def linear_weight_gradient(x: Array, g: Array) -> Array:
    """Return the gradient of a linear layer with respect to its weight."""
    out = zeros((g.shape[1], x.shape[1]))
    for n, o, c in np.ndindex(*g.shape, x.shape[1]):
        out[o, c] += g[n, o] * x[n, c]
    return out


def zeros(shape: Sequence[int]) -> Array:
    """Return an array of the Python number 0."""
    out = np.empty(shape, object)
    out.fill(0)
    return out
