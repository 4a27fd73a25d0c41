"""PyTorch: the functions that compute the programs of the catalogue.

Each takes the operands of its program by their names, as tensors, its parameters, and the sizes
that no operand has; `shape` is that of the output.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any


def softmax(f: Any, x: Any) -> Any:
    """Return the softmax of each row."""
    return f.softmax(x, 1)


def log_softmax(f: Any, x: Any) -> Any:
    """Return the logarithm of softmax."""
    return f.log_softmax(x, 1)


def cross_entropy(f: Any, z: Any, t: Any) -> Any:
    """Return the loss of all rows."""
    return f.cross_entropy(z, t, reduction="sum")


def layer_norm(f: Any, x: Any, g: Any, b: Any, eps: float) -> Any:
    """Return normalized rows."""
    return f.layer_norm(x, x.shape[1:], g, b, eps)


def rms_norm(f: Any, x: Any, g: Any, eps: float) -> Any:
    """Return rows over their root mean square."""
    return f.rms_norm(x, x.shape[1:], g, eps)


def group_norm(f: Any, x: Any, g: Any, b: Any, eps: float) -> Any:
    """Return normalized groups; the program has an axis for them."""
    n, groups, channels, places = x.shape
    if channels * places < 2:
        raise NotImplementedError("fewer than two values for a group")
    flat = x.reshape(n, groups * channels, places)
    return f.group_norm(flat, groups, g.reshape(-1), b.reshape(-1), eps).reshape(x.shape)


def batch_norm(f: Any, x: Any, g: Any, b: Any, eps: float) -> Any:
    """Return channels that are normalized over the batch."""
    if x.shape[0] * x.shape[2] < 2:
        raise NotImplementedError("fewer than two values for a channel")
    return f.batch_norm(x, None, None, g, b, True, 0.0, eps)


def attention(f: Any, q: Any, k: Any, v: Any, scale: float) -> Any:
    """Return the weighted values."""
    return f.scaled_dot_product_attention(q, k, v, scale=scale)


def causal_attention(f: Any, q: Any, k: Any, v: Any, scale: float) -> Any:
    """Return the weighted values; no query sees a later key."""
    return f.scaled_dot_product_attention(q, k, v, is_causal=True, scale=scale)


def embedding(f: Any, w: Any, idx: Any) -> Any:
    """Return rows of a table."""
    return f.embedding(idx, w)


def max_pool1d(f: Any, x: Any, shape: Any, K: int, s: int, d: int) -> Any:  # noqa: N803
    """Return the largest entries of windows."""
    _fill(x, shape, (K,), (s,), (d,))
    return f.max_pool1d(x, K, s, dilation=d)


def max_pool2d(
    f: Any, x: Any, shape: Any, K: int, L: int, s: int, d: int, t: int, e: int  # noqa: N803
) -> Any:  # fmt: skip
    """Return the largest entries of windows."""
    _fill(x, shape, (K, L), (s, t), (d, e))
    return f.max_pool2d(x, (K, L), (s, t), dilation=(d, e))


def lp_pool1d(f: Any, x: Any, a: Any, shape: Any, K: int, s: int) -> Any:  # noqa: N803
    """Return the norms of windows."""
    _fill(x, shape, (K,), (s,), (1,))
    return f.lp_pool1d(x, a, K, s)


def adaptive_avg_pool1d(f: Any, x: Any, shape: Any) -> Any:
    """Return the means of windows."""
    return f.adaptive_avg_pool1d(x, shape[2])


def adaptive_avg_pool2d(f: Any, x: Any, shape: Any) -> Any:
    """Return the means of windows."""
    return f.adaptive_avg_pool2d(x, shape[2:])


def upsample_linear1d(f: Any, x: Any, shape: Any) -> Any:
    """Return an interpolation."""
    return f.interpolate(x, shape[2], mode="linear")


def upsample_bilinear2d(f: Any, x: Any, shape: Any) -> Any:
    """Return an interpolation."""
    return f.interpolate(x, shape[2:], mode="bilinear")


def cosine_similarity(f: Any, a: Any, b: Any) -> Any:
    """Return the cosines of the angles between rows."""
    return f.cosine_similarity(a, b, eps=0.0)


def swiglu(f: Any, x: Any, w: Any, v: Any) -> Any:
    """Return a gated linear layer."""
    return f.silu(f.linear(x, w)) * f.linear(x, v)


def geglu(f: Any, x: Any, w: Any, v: Any) -> Any:
    """Return a gated linear layer."""
    return f.gelu(f.linear(x, w)) * f.linear(x, v)


def _fill(
    x: Any, shape: Sequence[int], taps: Sequence[int], stride: Sequence[int], gaps: Sequence[int]
) -> None:
    """Refuse windows that end outside the input, or that are too few for it.

    Raises:
        NotImplementedError: they are such windows.

    """
    pairs = zip(x.shape[2:], shape[2:], taps, stride, gaps, strict=True)
    if any((h - d * (k - 1) - 1) // s + 1 != p for h, p, k, s, d in pairs):
        raise NotImplementedError("windows beyond the input, or too few")


PROGRAMS: dict[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (
        softmax, log_softmax, cross_entropy, layer_norm, rms_norm, group_norm, batch_norm,
        attention, causal_attention, embedding, max_pool1d, max_pool2d, lp_pool1d,
        adaptive_avg_pool1d, adaptive_avg_pool2d, upsample_linear1d, upsample_bilinear2d,
        cosine_similarity, swiglu, geglu,
    )
}  # fmt: skip
"""The functions, by the names of the programs."""
