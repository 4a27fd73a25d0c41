"""The contestants for layers of one's own: the kernels that `compile` makes, and libraries.

The gradients of PyTorch are those of its autograd, of a graph that is recorded before; those of
NumPy are written by hand. All have what the forward pass saved for them. A convolution is also
compared with the kernel that is shipped for its other memory layout.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from benchmarks.operations import FORWARD, INPUT, WEIGHT
from benchmarks.peers import Array, Call, Calls, Peer
from benchmarks.results import COMPILED, NUMPY, SHIPPED, TORCH
from benchmarks.user_cases import UserCase

EMPTY: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class UserProblem:
    """A case and its arrays: each operand by its name, and the output gradient."""

    case: UserCase
    arrays: dict[str, Array]
    g: Array


def user_problem(case: UserCase) -> UserProblem:
    """Return a case with random arrays, the same in each call."""
    rng = np.random.default_rng(0)

    def array(name: str) -> Array:
        return rng.standard_normal(case.shape(name)).astype(case.dtype)

    return UserProblem(case, {name: array(name) for name in case.layer.operands}, array("y"))


def user_kernels(backend: str, given: UserProblem) -> Calls:
    """Return the calls of the functions that `rot180.codegen.compile` makes of the layer."""
    module = import_module("rot180.codegen").compile(given.case.layer.text, backend)
    by = given.case.layer.gradients
    forward = _call(module.forward, given)
    saved = {}
    if "save" in inspect.signature(module.forward).parameters:
        saved["saved"] = forward(save=True)[1]
    gradients = {o: _call(getattr(module, f"grad_{name}"), given, saved) for o, name in by.items()}
    return {FORWARD: forward, **gradients}


def _call(
    function: Callable[..., Any], given: UserProblem, saved: Mapping[str, Any] = EMPTY
) -> Callable[..., Any]:
    """Return the call of a function whose arguments are named after arrays and their shapes."""
    arrays = {**given.arrays, "grad_y": given.g}
    shapes = {f"{name}_shape": given.case.shape(name) for name in given.case.layer.arrays}
    others = {**given.case.keywords, **shapes, **saved}
    names = inspect.signature(function).parameters
    positional = [arrays[name] for name in names if name in arrays]
    return partial(function, *positional, **{n: others[n] for n in names if n in others})


def eager(given: UserProblem) -> Calls:
    """Return the calls of PyTorch, without a compiler of its own."""
    torch = import_module("torch")
    tensors = {name: torch.from_numpy(a) for name, a in given.arrays.items()}
    g = torch.from_numpy(given.g)
    change: Callable[[str, Any], Any] = _same
    if given.case.name == "NHWC strided convolution":  # as PyTorch lays such arrays out
        tensors["x"] = tensors["x"].permute(0, 3, 1, 2)
        weight = tensors["w"].permute(3, 2, 0, 1)
        tensors["w"] = weight.contiguous(memory_format=torch.channels_last)
        g, change = g.permute(0, 3, 1, 2), _channels_last
    for tensor in tensors.values():
        tensor.requires_grad_()
    function = partial(_TORCH[given.case.name], torch, given.case.keywords)
    y = function(**tensors)

    def forward() -> Any:
        with torch.no_grad():
            return change(FORWARD, function(**tensors))

    def gradient(operation: str, name: str) -> Any:
        (found,) = torch.autograd.grad(y, [tensors[name]], g, retain_graph=True)
        return change(operation, found)

    by = given.case.layer.gradients.items()
    return {FORWARD: forward, **{o: partial(gradient, o, name) for o, name in by}}


def _same(operation: str, a: Any) -> Any:
    return a


def _channels_last(operation: str, a: Any) -> Any:
    """View a result of a layer with channels first as one with channels last."""
    return np.asarray(a).transpose((2, 3, 1, 0) if operation == WEIGHT else (0, 2, 3, 1))


def _convolution(torch: Any, given: dict[str, int], x: Any, w: Any) -> Any:
    return torch.nn.functional.conv2d(x, w, stride=given["s"], padding=given["lo"])


def _locally_connected(torch: Any, _: dict[str, int], x: Any, w: Any) -> Any:
    o, c, p, q, i, j = w.shape
    windows = torch.nn.functional.unfold(x, (i, j))
    weight = w.permute(0, 2, 3, 1, 4, 5).reshape(o, p * q, c * i * j)
    return torch.einsum("nkp,opk->nop", windows, weight).view(-1, o, p, q)


def _attention(torch: Any, _: dict[str, int], q: Any, k: Any, v: Any) -> Any:
    return torch.softmax(q @ k.transpose(1, 2) / 8, 2) @ v


def _layer_norm(torch: Any, _: dict[str, int], x: Any, g: Any, b: Any) -> Any:
    return torch.nn.functional.layer_norm(x, x.shape[1:], g, b, 1e-5)


_TORCH: dict[str, Callable[..., Any]] = {
    "NHWC strided convolution": _convolution,
    "locally connected": _locally_connected,
    "bilinear": lambda torch, _, a, w, b: torch.nn.functional.bilinear(a, b, w),
    "QK^T": lambda torch, _, q, k: q @ k.transpose(2, 3),
    "attention": _attention,
    "layer normalization": _layer_norm,
    "max pooling": lambda torch, v, x: torch.nn.functional.max_pool2d(x, 2, v["s"]),
    "softmax": lambda torch, _, x: torch.softmax(x, 1),
}


def shipped(given: UserProblem) -> Calls:
    """Return the calls of the compiled convolution with channels first."""
    if given.case.name != "NHWC strided convolution":
        return {}
    public = import_module("rot180.generated.cython_kernels")
    stride, padding = given.case.keywords["s"], given.case.keywords["lo"]
    x, g = (np.ascontiguousarray(a.transpose(0, 3, 1, 2)) for a in (given.arrays["x"], given.g))
    w = np.ascontiguousarray(given.arrays["w"].transpose(3, 2, 0, 1))
    calls = {
        FORWARD: partial(public.conv2d, x, w, stride=stride, padding=padding),
        INPUT: partial(public.conv2d_input, x.shape, w, g, stride=stride, padding=padding),
        WEIGHT: partial(public.conv2d_weight, x, w.shape, g, stride=stride, padding=padding),
    }
    return {o: partial(_first_to_last, o, call) for o, call in calls.items()}


def _first_to_last(operation: str, call: Call) -> Any:
    return _channels_last(operation, call())


def by_numpy(given: UserProblem) -> Calls:
    """Return the calls of NumPy: `matmul` or `einsum`, which finds an order of contraction."""
    make = _NUMPY[given.case.name]
    calls: Calls = make(given.case.keywords, given.g, **given.arrays)
    return calls


def _einsum(subscripts: str, *arrays: Array) -> Call:
    order = np.einsum_path(subscripts, *arrays, optimize="optimal")[0]
    return partial(np.einsum, subscripts, *arrays, optimize=order)


def _numpy_convolution(given: dict[str, int], g: Array, x: Array, w: Array) -> Calls:
    s, lo = given["s"], given["lo"]

    def windows() -> Array:
        padded = np.pad(x, [(0, 0), (lo, lo), (lo, lo), (0, 0)])
        found = sliding_window_view(padded, w.shape[:2], (1, 2))[:, ::s, ::s]
        return found[:, : g.shape[1], : g.shape[2]]

    return {
        FORWARD: lambda: np.tensordot(windows(), w, ((4, 5, 3), (0, 1, 2))),
        WEIGHT: lambda: np.tensordot(windows(), g, ((0, 1, 2), (0, 1, 2))).transpose(1, 2, 0, 3),
    }


def _numpy_local(_: dict[str, int], g: Array, x: Array, w: Array) -> Calls:
    """Multiply matrices for each pixel; the gradient of the windows is added tap by tap."""
    o, c, p, q, i, j = w.shape

    def windows() -> Array:
        found = sliding_window_view(x, (i, j), (2, 3)).transpose(2, 3, 0, 1, 4, 5)
        return found.reshape(p, q, len(x), c * i * j)

    def weights() -> Array:
        return w.transpose(2, 3, 0, 1, 4, 5).reshape(p, q, o, c * i * j)

    def pixels() -> Array:
        return g.transpose(2, 3, 0, 1)

    def input_gradient() -> Array:
        parts = np.matmul(pixels(), weights()).reshape(p, q, len(x), c, i, j)
        out = np.zeros_like(x)
        for a in range(i):
            for b in range(j):
                out[:, :, a : a + p, b : b + q] += parts[..., a, b].transpose(2, 3, 0, 1)
        return out

    def weight_gradient() -> Array:
        found = np.matmul(pixels().swapaxes(2, 3), windows()).reshape(p, q, o, c, i, j)
        return np.ascontiguousarray(found.transpose(2, 3, 0, 1, 4, 5))

    return {
        FORWARD: lambda: np.matmul(windows(), weights().swapaxes(2, 3)).transpose(2, 3, 0, 1),
        INPUT: input_gradient,
        WEIGHT: weight_gradient,
    }


def _numpy_bilinear(_: dict[str, int], g: Array, a: Array, w: Array, b: Array) -> Calls:
    return {
        FORWARD: _einsum("ni,oij,nj->no", a, w, b),
        INPUT: _einsum("no,oij,nj->ni", g, w, b),
        WEIGHT: _einsum("no,ni,nj->oij", g, a, b),
    }


def _numpy_scores(_: dict[str, int], g: Array, q: Array, k: Array) -> Calls:
    return {
        FORWARD: lambda: q @ k.swapaxes(2, 3),
        INPUT: lambda: g @ k,
        WEIGHT: lambda: g.swapaxes(2, 3) @ q,
    }


def _softmax(z: Array) -> Array:
    e: Array = np.exp(z - z.max(-1, keepdims=True))
    e /= e.sum(-1, keepdims=True)
    return e


def _softmax_gradient(y: Array, g: Array) -> Array:
    product = y * g
    product -= y * product.sum(-1, keepdims=True)
    return product


def _numpy_attention(_: dict[str, int], g: Array, q: Array, k: Array, v: Array) -> Calls:
    def weights() -> Array:
        return _softmax(q @ k.swapaxes(1, 2) / 8)

    saved = weights()
    return {
        FORWARD: lambda: weights() @ v,
        INPUT: lambda: _softmax_gradient(saved, g @ v.swapaxes(1, 2)) @ k / 8,
        WEIGHT: lambda: saved.swapaxes(1, 2) @ g,
    }


def _numpy_layer_norm(_: dict[str, int], grad: Array, x: Array, g: Array, b: Array) -> Calls:
    def scaled() -> tuple[Array, Array]:
        centered = x - x.mean(1, keepdims=True)
        scale = 1 / np.sqrt((centered * centered).mean(1, keepdims=True) + 1e-5)
        return centered * scale, scale

    h, scale = scaled()

    def input_gradient() -> Array:
        u = grad * g
        means = u.mean(1, keepdims=True), (u * h).mean(1, keepdims=True)
        out: Array = (u - means[0] - h * means[1]) * scale
        return out

    return {
        FORWARD: lambda: scaled()[0] * g + b,
        INPUT: input_gradient,
        WEIGHT: lambda: (grad * h).sum(0),
    }


def _numpy_pooling(given: dict[str, int], g: Array, x: Array) -> Calls:
    s = given["s"]
    n, c, p, q = g.shape
    inside = x[:, :, : s * p, : s * q].reshape(n, c, p, s, q, s)
    return {FORWARD: lambda: inside.max((3, 5))}


def _numpy_softmax(_: dict[str, int], g: Array, x: Array) -> Calls:
    y = _softmax(x)
    return {FORWARD: lambda: _softmax(x), INPUT: lambda: _softmax_gradient(y, g)}


_NUMPY: dict[str, Callable[..., Calls]] = {
    "NHWC strided convolution": _numpy_convolution,
    "locally connected": _numpy_local,
    "bilinear": _numpy_bilinear,
    "QK^T": _numpy_scores,
    "attention": _numpy_attention,
    "layer normalization": _numpy_layer_norm,
    "max pooling": _numpy_pooling,
    "softmax": _numpy_softmax,
}


def user_contestants() -> list[Peer[UserProblem]]:
    """Return the kernels and all peers, installed or not."""
    return [
        Peer(COMPILED, "rot180", partial(user_kernels, "compiled")),
        Peer(NUMPY, "rot180", partial(user_kernels, "numpy")),
        Peer(SHIPPED, "rot180", shipped),
        Peer(TORCH, "torch", eager),
        Peer("NumPy", "numpy", by_numpy),
    ]
