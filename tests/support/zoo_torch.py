"""The layers of the zoo that PyTorch has, by its functions; imported only where PyTorch is."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

torch: Any = import_module("torch")
f = torch.nn.functional

Function = Callable[[Any], Any]


def _normal(x: Any, axes: tuple[int, ...], t: Any) -> Any:
    """Return x minus its mean, over the root of its variance plus eps."""
    centred = x - t.mean * x.sum(axes, keepdim=True)
    return centred * torch.rsqrt(t.mean * centred.square().sum(axes, keepdim=True) + t.eps)


def _heads(t: Any) -> Any:
    q, k, v = (torch.einsum("nic,hdc->nhid", t.x, w) for w in (t.a, t.b, t.w))
    e = torch.softmax(torch.einsum("nhid,nhjd->nhij", q, k) * t.s, -1)
    return torch.einsum("nhij,nhjd,hdc->nic", e, v, t.u)


def _lstm(t: Any) -> Any:
    hidden = t.h.shape[1]
    w, u, b = (a.flatten(0, 1) for a in (t.w, t.u, t.b))
    h, _ = torch.lstm_cell(t.x, (t.h, t.old), w, u, b, torch.zeros(4 * hidden, dtype=t.b.dtype))
    return h


def _gru(t: Any) -> Any:
    w = torch.cat([t.a, t.d, t.u])
    u = torch.cat([t.b, t.e, t.v])
    return torch.gru_cell(t.x, t.h, w, u)


def _harris(t: Any) -> Any:
    x = f.pad(t.x, (1, 1, 1, 1))
    u, v = (x[2:, 1:-1] - x[:-2, 1:-1]), (x[1:-1, 2:] - x[1:-1, :-2])
    a, b, c = u * u, u * v, v * v
    return a * c - b * b - t.k * (a + c) ** 2


def _powers(x: Any, a: Any) -> Any:
    """Return the sum of powers along the last axis, as `lp_pool` has it for a number a."""
    return x.pow(a).sum(-1).pow(1 / a)


def _rotary(t: Any) -> Any:
    """Turn pairs as complex numbers."""
    places, features = (torch.arange(n, dtype=t.x.dtype) for n in (t.x.shape[1], t.x.shape[3]))
    angle = places[:, None] * 100 ** (-features / t.x.shape[3])
    turned = torch.complex(t.x[:, :, 0], t.x[:, :, 1]) * torch.polar(torch.ones_like(angle), angle)
    return torch.stack([turned.real, turned.imag], 2)


TORCH: dict[str, Function] = {
    "conv1d": lambda t: f.conv1d(t.x, t.w, t.bias, 2, 1),
    "conv2d": lambda t: f.conv2d(t.x, t.w, t.bias, 2, 1),
    "conv3d": lambda t: f.conv3d(t.x, t.w, t.bias, (2, 2, 1), (0, 1, 0)),
    "conv2d_grouped": lambda t: f.conv2d(
        t.x.flatten(1, 2), t.w.flatten(0, 1), t.bias.flatten(), 2, 1, 1, 2
    ).unflatten(1, (2, -1)),
    "conv2d_nhwc": lambda t: f.conv2d(
        t.x.permute(0, 3, 1, 2), t.w.permute(3, 2, 0, 1), t.bias, 2, 1
    ).permute(0, 2, 3, 1),
    "depthwise_conv1d": lambda t: f.conv1d(t.x, t.w[:, None], t.bias, 2, 1, 1, 3),
    "depthwise_conv2d": lambda t: f.conv2d(t.x, t.w[:, None], t.bias, 2, 1, 1, 3),
    "conv_transpose1d": lambda t: f.conv_transpose1d(t.x, t.w, t.bias, 2, 1, 1),
    "conv_transpose2d": lambda t: f.conv_transpose2d(t.x, t.w, t.bias, 2, 1),
    "depthwise_conv3d": lambda t: f.conv3d(t.x, t.w[:, None], t.bias, (2, 2, 1), 0, 1, 3),
    "circular_conv1d": lambda t: f.conv1d(f.pad(t.x, (1, 1), mode="circular"), t.w, t.bias),
    "circular_conv2d": lambda t: f.conv2d(
        f.pad(t.x, (1, 1, 1, 1), mode="circular"), t.w, t.bias
    ),
    "dynamic_conv2d": lambda t: f.conv2d(
        t.x, torch.einsum("e,eockl->ockl", t.a[0], t.w), None, 1, 1
    ),
    "involution2d": lambda t: torch.einsum(
        "ngklpq,ngcklpq->ngcpq",
        t.w,
        f.unfold(t.x.flatten(1, 2), 3, 1, 1).unflatten(2, (3, 3)).unflatten(1, (2, 2, 3, 3)),
    ),
    "correlation_layer": lambda t: torch.stack(
        [
            torch.stack(
                [
                    (t.a * f.pad(t.b, (1, 1, 1, 1))[..., d : d + 3, e : e + 3]).sum(1)
                    for e in range(3)
                ],
                1,
            )
            for d in range(3)
        ],
        1,
    ),
    "embedding": lambda t: f.embedding(t.idx, t.w),
    "reflected_pad": lambda t: f.pad(t.x, (2, 2), mode="reflect"),
    "replicated_pad": lambda t: f.pad(t.x, (2, 2), mode="replicate"),
    "l1_loss": lambda t: f.l1_loss(t.x, t.t, reduction="sum"),
    "l3_pool1d": lambda t: f.lp_pool1d(t.x, 3, 3, 2),
    "causal_conv1d": lambda t: f.conv1d(f.pad(t.x, (4, 0)), t.w.flip(2), t.bias, dilation=2),
    "pointwise_conv2d": lambda t: f.conv2d(t.x, t.w[:, :, None, None], t.b),
    "separable_conv2d": lambda t: f.conv2d(
        f.conv2d(t.x, t.u[:, None], None, 1, 1, 1, 3), t.w[:, :, None, None]
    ),
    "residual_block": lambda t: f.relu(
        f.conv1d(f.relu(f.conv1d(t.x, t.w, None, 1, 1)), t.u, None, 1, 1) + t.x
    ),
    "harris_corners": _harris,
    "linear": lambda t: f.linear(t.x, t.w, t.bias),
    "bilinear": lambda t: f.bilinear(t.x, t.z, t.w, t.bias),
    "batched_product": lambda t: torch.bmm(t.a, t.c),
    "query_key": lambda t: t.q @ t.k.transpose(-1, -2),
    "transposed_batched_product": lambda t: t.a.mT @ t.c.mT,
    "chain_of_four_matrices": lambda t: torch.linalg.multi_dot([t.a, t.b, t.c, t.d]),
    "outer_product": lambda t: t.a[:, :, None] * t.b[:, None],
    "diagonal": lambda t: torch.diag(t.x) + t.w,
    "trace": lambda t: torch.diagonal(t.x, dim1=1, dim2=2) @ t.w,
    "fcrelu": lambda t: f.relu(f.linear(t.x, t.w, t.b)),
    "two_layer_perceptron": lambda t: f.linear(f.relu(f.linear(t.x, t.w, t.b)), t.u, t.a),
    "kronecker": lambda t: (t.x.flatten(1) @ torch.kron(t.a, t.b).T).unflatten(
        1, (t.a.shape[0], t.b.shape[0])
    ),
    "tensor_train": lambda t: torch.einsum("nabc,iar,rjbs,skc->nijk", t.x, t.u, t.v, t.w),
    "tucker": lambda t: torch.einsum("abc,ia,jb,kc->ijk", t.g, t.u, t.v, t.w),
    "canonical_polyadic": lambda t: torch.einsum("ir,jr,kr->ijk", t.u, t.v, t.w),
    "graph_convolution": lambda t: t.a @ t.x @ t.w,
    "linear_attention": lambda t: (t.q @ t.k.T) @ t.v,
    "causal_linear_attention": lambda t: torch.tril(t.q @ t.k.T) @ t.v,
    "avg_pool1d": lambda t: f.avg_pool1d(t.x, 3, 2, 1) * 3 * t.mean,
    "avg_pool2d": lambda t: f.avg_pool2d(t.x, (3, 2), 2, 1) * 6 * t.mean,
    "global_avg_pool2d": lambda t: f.adaptive_avg_pool2d(t.x, 1)[..., 0, 0] * 9 * t.mean,
    "max_pool1d": lambda t: f.max_pool1d(t.x, 3, 2),
    "max_pool2d": lambda t: f.max_pool2d(t.x, (3, 2), 2),
    "max_pool3d": lambda t: f.max_pool3d(t.x, 2, 1),
    "lp_pool1d": lambda t: _powers(t.x.unfold(2, 3, 2), t.a),
    "lp_pool2d": lambda t: _powers(t.x.unfold(2, 3, 2).unfold(3, 2, 2).flatten(-2), t.a),
    "adaptive_avg_pool1d": lambda t: f.adaptive_avg_pool1d(t.x, 3),
    "adaptive_avg_pool2d": lambda t: f.adaptive_avg_pool2d(t.x, (3, 2)),
    "upsample_linear1d": lambda t: f.interpolate(t.x, 7, mode="linear"),
    "upsample_bilinear2d": lambda t: f.interpolate(t.x, (6, 5), mode="bilinear"),
    "min_pool1d": lambda t: -f.max_pool1d(-t.x, 3, 2),
    "global_max_pool1d": lambda t: t.x.max(-1).values,
    "maxout": lambda t: (torch.einsum("nc,okc->nok", t.x, t.w) + t.b).max(-1).values,
    "unfold2d": lambda t: f.unfold(t.x, 3, 1, 1, 2).unflatten(2, (3, 3)).unflatten(1, (3, 3, 3)),
    "unfold1d": lambda t: f.unfold(t.x[..., None], (3, 1), 1, (1, 0), (2, 1)).unflatten(1, (3, 3)),
    "fold1d": lambda t: f.fold(t.x.flatten(1, 2), (6, 1), (3, 1), 1, (1, 0), (2, 1))[..., 0],
    "fold2d": lambda t: f.fold(t.x.flatten(4).flatten(1, 3), (6, 5), (3, 2), 1, 1, 2),
    "pixel_shuffle": lambda t: f.pixel_shuffle(t.x.flatten(1, 3), 2),
    "pixel_unshuffle": lambda t: f.pixel_unshuffle(t.x, 2).unflatten(1, (2, 2, 2)),
    "upsample_nearest1d": lambda t: f.interpolate(t.x, scale_factor=2),
    "upsample_nearest2d": lambda t: f.interpolate(t.x, scale_factor=2),
    "flip": lambda t: t.x.flip(1) * t.w,
    "cumulative_sum": lambda t: t.x.cumsum(1),
    "total_variation": lambda t: f.pad(t.x, (1, 1)).diff().square().sum(1),
    "relu6": lambda t: f.relu(t.x) - f.relu(t.x - 6 * t.one),
    "softshrink": lambda t: f.relu(t.x - t.a) - f.relu(-t.x - t.a),
    "hard_tanh": lambda t: f.hardtanh(t.x, -2.5, 2.5),
    "squared_error": lambda t: f.mse_loss(t.a, t.t, reduction="sum") / 2,
    "sigmoid": lambda t: torch.sigmoid(t.x),
    "tanh": lambda t: torch.tanh(t.x),
    "gelu": lambda t: f.gelu(t.x),
    "silu": lambda t: f.silu(t.x),
    "softplus": lambda t: f.softplus(t.x),
    "swish": lambda t: t.x * torch.sigmoid(t.b * t.x),
    "mish": lambda t: f.mish(t.x),
    "log_sigmoid": lambda t: f.logsigmoid(t.x),
    "tanhshrink": lambda t: f.tanhshrink(t.x),
    "elu": lambda t: f.elu(t.x),
    "glu": lambda t: f.glu(t.x.flatten(1), 1),
    "swiglu": lambda t: f.silu(f.linear(t.x, t.w)) * f.linear(t.x, t.v),
    "geglu": lambda t: f.gelu(f.linear(t.x, t.w)) * f.linear(t.x, t.v),
    "gated_tanh": lambda t: torch.tanh(t.x[:, 0]) * torch.sigmoid(t.x[:, 1]),
    "softmax": lambda t: f.softmax(t.x, -1),
    "softmin": lambda t: f.softmin(t.x, -1),
    "log_softmax": lambda t: f.log_softmax(t.x, -1),
    "logsumexp": lambda t: torch.logsumexp(t.x, -1),
    "softmax_over_channels": lambda t: f.softmax(t.x, 1),
    "cross_entropy": lambda t: f.cross_entropy(t.z, t.t, reduction="sum"),
    "binary_cross_entropy": lambda t: f.binary_cross_entropy_with_logits(t.z, t.t, reduction="sum"),
    "poisson_loss": lambda t: f.poisson_nll_loss(t.z, t.t, reduction="sum"),
    "kl_divergence": lambda t: f.kl_div(t.x, t.t, reduction="sum"),
    "gaussian_loss": lambda t: f.gaussian_nll_loss(t.x, t.t, t.v, reduction="sum"),
    "soft_margin_loss": lambda t: f.softplus(-t.t * t.z).sum(),
    "focal_loss": lambda t: -((1 - torch.sigmoid(t.z)) ** 2 * f.logsigmoid(t.z)).sum(),
    "layer_norm": lambda t: f.layer_norm(t.x, (3,), t.g, t.b, 0.25),
    "rms_norm": lambda t: f.rms_norm(t.x, (3,), t.g, 0.25),
    "group_norm": lambda t: f.group_norm(
        t.x.flatten(1, 2), 2, t.g.flatten(), t.b.flatten(), 0.25
    ).view_as(t.x),
    "batch_norm": lambda t: f.batch_norm(t.x, None, None, t.g, t.b, True, eps=0.25),
    "instance_norm": lambda t: _normal(t.x, (2,), t),
    "weight_norm": lambda t: f.linear(t.x, torch._weight_norm(t.w, t.g[:, None], 0)),
    "l2_normalize": lambda t: f.normalize(t.x),
    "l2_pool1d": lambda t: f.lp_pool1d(t.x, 2, 3, 2),
    "product": lambda t: t.x.prod(2),
    "product_over_two_axes": lambda t: (
        ((t.x - t.w) * t.v[:, None]).transpose(0, 1).flatten(1).prod(1)
    ),
    "squared_product": lambda t: t.x.prod(1).square() - t.x.prod(1) * t.w,
    "maximum": lambda t: torch.maximum(t.x, t.w),
    "clamp": lambda t: torch.minimum(
        torch.maximum(t.x, -torch.ones_like(t.x)), 2 * torch.ones_like(t.x)
    ),
    "l1_distance": lambda t: (t.x - t.w).abs().sum(1),
    "square_of_a_sum": lambda t: t.x.sum(1).square() - t.x.sum(1) * t.w.sum(),
    "attention": lambda t: f.scaled_dot_product_attention(t.q, t.k, t.v, scale=1.5),
    "causal_attention": lambda t: f.scaled_dot_product_attention(
        t.q, t.k, t.v, is_causal=True, scale=1.5
    ),
    "relative_attention": lambda t: f.scaled_dot_product_attention(
        t.q, t.k, t.v, t.b[torch.arange(3) - torch.arange(3)[:, None] + 2], scale=1.5
    ),
    "normalized_linear_attention": lambda t: (
        t.q @ (t.k.mT @ t.v) / (t.q @ t.k.sum(1)[..., None])
    ),
    "normalized_causal_linear_attention": lambda t: (
        torch.tril(t.q @ t.k.mT) @ t.v / torch.tril(t.q @ t.k.mT).sum(2, keepdim=True)
    ),
    "rotary_embedding": _rotary,
    "multi_head_attention": _heads,
    "additive_attention": lambda t: (
        torch.softmax(torch.tanh(t.q[:, None] + t.k[None]) @ t.u, -1) @ t.v
    ),
    "pairwise_distance": lambda t: torch.sqrt((t.a - t.b).square().sum(1) + 0.25),
    "cosine_similarity": lambda t: f.cosine_similarity(t.a, t.b, eps=0),
    "rnn_cell": lambda t: torch.rnn_tanh_cell(t.x, t.h, t.w, t.u, t.b, torch.zeros_like(t.b)),
    "gru_cell": _gru,
    "lstm_cell": _lstm,
}
"""What computes a layer from its operands, by the names that they have in its text."""
