"""The contestants: the kernels and other libraries, each with its calls for a problem.

Arrays are converted before a call is timed. Each library is imported in a function, so that a
library that is not installed is no error.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from itertools import product
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from benchmarks.cases import Case
from benchmarks.operations import FORWARD, INPUT, OPERATIONS, WEIGHT
from benchmarks.results import COMPILED, NUMPY, SINGLE, TORCH

Array = NDArray[Any]
Call = Callable[[], Any]
"""Returns something that `numpy.asarray` accepts."""
Calls = dict[str, Call]


@dataclass(frozen=True, slots=True)
class Problem:
    """A case and its arrays: input, weight and output gradient."""

    case: Case
    x: Array
    w: Array
    g: Array


def problem(case: Case) -> Problem:
    """Return a case with random arrays, the same in each call."""
    rng = np.random.default_rng(0)
    shapes = (case.input_size, case.weight_size, case.output_size)
    return Problem(case, *(rng.standard_normal(s).astype(case.dtype) for s in shapes))


def as_convolution(given: Problem) -> tuple[Problem, dict[str, str]]:
    """Return a problem as one of convolution, and the name of each operation there.

    A transposed convolution is the input gradient of the convolution that maps its output to its
    input.
    """
    case = given.case
    if not case.transposed:
        return given, {name: name for name in OPERATIONS}
    convolution = replace(
        case,
        layer=case.layer.replace("_transpose", ""),
        channels=case.outputs,
        outputs=case.channels,
        size=case.output_size[2:],
    )
    names = {FORWARD: INPUT, INPUT: FORWARD, WEIGHT: WEIGHT}
    return Problem(convolution, given.g, given.w, given.x), names


def kernels(module: str, given: Problem) -> Calls:
    """Return the calls of the kernels; none if they do not support the accuracy of the case."""
    public = import_module(f"rot180.generated.{module}")
    case, x, w, g = given.case, given.x, given.w, given.g
    functions = {
        FORWARD: (getattr(public, case.layer), (x, w)),
        INPUT: (getattr(public, f"{case.layer}_input"), (x.shape, w, g)),
        WEIGHT: (getattr(public, f"{case.layer}_weight"), (x, w.shape, g)),
    }
    keywords: dict[str, Any] = case.keywords
    if case.accuracy and module == "cython_kernels":
        keywords["accuracy"] = case.accuracy
        functions = {
            name: (function, arguments)
            for name, (function, arguments) in functions.items()
            if "accuracy" in inspect.signature(function).parameters
        }
    return {name: partial(f, *arguments, **keywords) for name, (f, arguments) in functions.items()}


def on_one_thread(threads: int, given: Problem) -> Calls:
    """Return the calls of the compiled kernels on one thread, to measure the speedup."""
    set_num_threads = import_module("rot180.generated").set_num_threads

    def single(call: Call) -> Any:
        set_num_threads(1)
        try:
            return call()
        finally:
            set_num_threads(threads)

    calls = kernels("cython_kernels", given)
    return {name: partial(single, call) for name, call in calls.items()}


def pytorch(given: Problem) -> Calls:
    """Return the calls of PyTorch, which record no graph for autograd."""
    torch = import_module("torch")
    case = given.case
    x, w, g = map(torch.from_numpy, (given.x, given.w, given.g))
    if case.layer == "linear":
        return {
            FORWARD: lambda: torch.nn.functional.linear(x, w),
            INPUT: lambda: torch.mm(g, w),
            WEIGHT: lambda: torch.mm(g.t(), x),
        }
    rank = len(case.size)
    window = [[n] * rank for n in (case.stride, case.padding, case.dilation)]
    backward = partial(
        torch.ops.aten.convolution_backward.default,
        *(g, x, w, None, *window, case.transposed, [0] * rank, case.groups),
    )
    return {
        FORWARD: partial(getattr(torch.nn.functional, case.layer), x, w, **case.keywords),
        INPUT: lambda: backward([True, False, False])[0],
        WEIGHT: lambda: backward([False, True, False])[1],
    }


def plain(case: Case) -> bool:
    """Return whether the forward pass is one correlation of one image with one filter."""
    ones = (case.batch, case.channels, case.outputs, case.stride, case.dilation, case.groups)
    return bool(case.size) and not case.transposed and set(ones) == {1}


def correlations(
    given: Problem, correlate: Callable[[Array, Array], Array], *operations: str
) -> Calls:
    """Return the calls of a function that computes the "valid" correlation of two arrays.

    The input gradient is the full correlation with the rotated filter, cropped by the padding.
    """
    case = given.case
    if not plain(case):
        return {}
    x, w, g = (a[0, 0] for a in (given.x, given.w, given.g))
    padding = case.padding
    around = [(k - 1, k - 1) for k in case.taps]
    rotated = np.ascontiguousarray(np.flip(w))
    inside = tuple(slice(padding, padding + n) for n in case.size)

    def padded() -> Array:
        return np.pad(x, padding) if padding else x

    calls: Calls = {
        FORWARD: lambda: correlate(padded(), w)[None, None],
        INPUT: lambda: correlate(np.pad(g, around), rotated)[inside][None, None],
        WEIGHT: lambda: correlate(padded(), g)[None, None],
    }
    return {name: calls[name] for name in operations}


def scipy_correlate(given: Problem) -> Calls:
    """Return the calls of `scipy.signal.correlate` with the direct method."""
    signal = import_module("scipy.signal")
    direct = partial(signal.correlate, mode="valid", method="direct")
    return correlations(given, direct, *OPERATIONS)


def scipy_fft(name: str, threads: int, given: Problem) -> Calls:
    """Return the calls of one of SciPy's convolutions by FFT."""
    convolve = getattr(import_module("scipy.signal"), name)
    fft = import_module("scipy.fft")

    def correlate(a: Array, b: Array) -> Array:
        with fft.set_workers(threads):
            out: Array = convolve(a, np.flip(b), mode="valid")
        return out

    return correlations(given, correlate, *OPERATIONS)


def scipy_ndimage(given: Problem) -> Calls:
    """Return the calls of `scipy.ndimage.correlate`, for small filters: no weight gradient."""
    ndimage = import_module("scipy.ndimage")

    def correlate(a: Array, b: Array) -> Array:
        whole: Array = ndimage.correlate(a, b, mode="constant")
        starts = [k // 2 for k in b.shape]
        return whole[tuple(slice(k, k + n) for k, n in zip(starts, sizes(a, b), strict=True))]

    def sizes(a: Array, b: Array) -> list[int]:
        return [n - k + 1 for n, k in zip(a.shape, b.shape, strict=True)]

    return correlations(given, correlate, FORWARD, INPUT)


_COLUMNS = 2**23
"""The number of entries of a matrix of windows above which the batch is split."""


class Windows:
    """Convolution in NumPy, written for speed.

    The windows are copied into the columns of a matrix (im2col), and BLAS computes one product for
    each sample and group; with one channel per group, shifted images are summed over the taps.
    """

    def __init__(self, given: Problem) -> None:
        case = self.case = given.case
        self.x, self.w, self.g = given.x, given.w, given.g
        self.spatial = case.output_size[2:]
        self.extents = tuple(case.dilation * (k - 1) + 1 for k in case.taps)
        self.matrix = given.w.reshape(case.groups, case.outputs // case.groups, -1)
        per_sample = case.channels * math.prod(case.taps) * math.prod(self.spatial)
        step = max(1, _COLUMNS // per_sample)
        self.chunks = [slice(n, min(n + step, case.batch)) for n in range(0, case.batch, step)]
        self.single = case.channels == case.outputs == case.groups

    def padded(self, x: Array) -> Array:
        """Return samples with their padding."""
        p = self.case.padding
        return np.pad(x, [(0, 0), (0, 0), *[(p, p)] * len(self.spatial)]) if p else x

    def columns(self, x: Array) -> Array:
        """Return the windows of some samples: (N, groups, channels per group x taps, pixels)."""
        rank, s, d = len(self.spatial), self.case.stride, self.case.dilation
        axes = tuple(range(2, 2 + rank))
        steps: Any = (..., *[slice(None, None, s)] * rank, *[slice(None, None, d)] * rank)
        windows: Array = sliding_window_view(self.padded(x), self.extents, axes)[steps]
        order = (0, 1, *range(2 + rank, 2 + 2 * rank), *axes)
        groups = self.case.groups
        return windows.transpose(order).reshape(len(x), groups, self.matrix.shape[2], -1)

    def pixels(self, g: Array) -> Array:
        """Return an output as (N, groups, outputs per group, pixels)."""
        return g.reshape(len(g), *self.matrix.shape[:2], -1)

    def shifts(self) -> Iterator[tuple[Any, Any]]:
        """Yield the index of each tap in the filter, and its slice of the padded image."""
        s, d = self.case.stride, self.case.dilation
        for tap in product(*map(range, self.case.taps)):
            along = zip(tap, self.spatial, strict=True)
            slices = (slice(d * k, d * k + s * (n - 1) + 1, s) for k, n in along)
            yield (slice(None), slice(None), *tap), (..., *slices)

    def scale(self, tap: Any) -> Array:
        """Return the weights of a tap, one for each channel."""
        weights: Array = self.w[tap]
        return weights.reshape(-1, *[1] * len(self.spatial))

    def forward(self) -> Array:
        """Return the output."""
        out = np.zeros(self.case.output_size, self.x.dtype)
        if self.single:
            padded = self.padded(self.x)
            for tap, where in self.shifts():
                out += self.scale(tap) * padded[where]
            return out
        for chunk in self.chunks:
            np.matmul(self.matrix, self.columns(self.x[chunk]), out=self.pixels(out[chunk]))
        return out

    def input(self) -> Array:
        """Return the input gradient."""
        case, p = self.case, self.case.padding
        out = np.zeros((*case.input_size[:2], *(n + 2 * p for n in case.size)), self.x.dtype)
        for chunk in [slice(None)] if self.single else self.chunks:
            g, into = self.g[chunk], out[chunk]
            if self.single:
                for tap, where in self.shifts():
                    into[where] += self.scale(tap) * g
                continue
            columns = np.matmul(self.matrix.swapaxes(1, 2), self.pixels(g))
            columns = columns.reshape(len(g), case.channels, *case.taps, *self.spatial)
            for tap, where in self.shifts():
                into[where] += columns[tap]
        return out[(slice(None), slice(None), *(slice(p, p + n) for n in case.size))]

    def weight(self) -> Array:
        """Return the weight gradient."""
        if self.single:
            out = np.empty(self.w.shape, self.x.dtype)
            padded, axes = self.padded(self.x), "nchij"[: self.x.ndim]
            for tap, where in self.shifts():
                out[tap] = np.einsum(f"{axes},{axes}->c", padded[where], self.g)[:, None]
            return out
        total = np.zeros(self.matrix.shape, self.x.dtype)
        for chunk in self.chunks:
            columns = self.columns(self.x[chunk])
            total += np.matmul(self.pixels(self.g[chunk]), columns.swapaxes(2, 3)).sum(0)
        return total.reshape(self.w.shape)


def numpy_windows(given: Problem) -> Calls:
    """Return the calls of a NumPy kernel written for speed."""
    if given.case.layer == "linear":
        x, w, g = given.x, given.w, given.g
        return {FORWARD: lambda: x @ w.T, INPUT: lambda: g @ w, WEIGHT: lambda: g.T @ x}
    convolution, names = as_convolution(given)
    windows = Windows(convolution)
    calls = {FORWARD: windows.forward, INPUT: windows.input, WEIGHT: windows.weight}
    return {name: calls[there] for name, there in names.items()}


def numba_loops(given: Problem) -> Calls:
    """Return the calls of plain loops, compiled by Numba."""
    if given.case.layer == "linear":
        return {}
    loops = import_module("benchmarks.loops")
    convolution, names = as_convolution(given)
    case = convolution.case
    ones = [1] * (3 - len(case.size))

    def with_three_axes(a: Array) -> Array:
        return a.reshape(*a.shape[:2], *ones, *a.shape[2:])

    x, w, g = map(with_three_axes, (convolution.x, convolution.w, convolution.g))
    stride, dilation = ((*ones, *[n] * len(case.size)) for n in (case.stride, case.dilation))
    padding = (*[0] * len(ones), *[case.padding] * len(case.size))
    window = (stride, padding, dilation, case.groups)
    calls: Calls = {
        FORWARD: lambda: loops.forward(x, w, np.zeros_like(g), *window).reshape(
            convolution.g.shape
        ),
        INPUT: lambda: loops.input_gradient(np.zeros_like(x), w, g, *window).reshape(
            convolution.x.shape
        ),
        WEIGHT: lambda: loops.weight_gradient(x, np.zeros_like(w), g, *window).reshape(
            convolution.w.shape
        ),
    }
    return {name: calls[there] for name, there in names.items()}


def jax_lax(given: Problem) -> Calls:
    """Return the calls of JAX; each gradient is the transpose of a linear map, compiled once."""
    jax = import_module("jax")
    jax.config.update("jax_enable_x64", True)
    convolution, names = as_convolution(given)
    case = convolution.case
    x, w, g = map(jax.numpy.asarray, (convolution.x, convolution.w, convolution.g))

    def forward(x: Any, w: Any) -> Any:
        if case.layer == "linear":
            return x @ w.T
        rank = len(case.size)
        return jax.lax.conv_general_dilated(
            x, w, (case.stride,) * rank, [(case.padding,) * 2] * rank,
            rhs_dilation=(case.dilation,) * rank, feature_group_count=case.groups,
        )  # fmt: skip

    by_input = jax.jit(lambda w, g: jax.linear_transpose(lambda x: forward(x, w), x)(g)[0])
    by_weight = jax.jit(lambda x, g: jax.linear_transpose(lambda w: forward(x, w), w)(g)[0])
    compiled = jax.jit(forward)
    calls: Calls = {
        FORWARD: lambda: compiled(x, w).block_until_ready(),
        INPUT: lambda: by_input(w, g).block_until_ready(),
        WEIGHT: lambda: by_weight(x, g).block_until_ready(),
    }
    return {name: calls[there] for name, there in names.items()}


P = TypeVar("P")


@dataclass(frozen=True, slots=True)
class Peer(Generic[P]):
    """A contestant.

    Attributes:
        name: its name in the tables.
        needs: the Python package that it needs.
        calls: maps a problem to the calls for the operations that it supports.

    """

    name: str
    needs: str
    calls: Callable[[P], Calls]


def contestants(threads: int) -> list[Peer[Problem]]:
    """Return the kernels and all peers, installed or not."""
    single = [Peer(SINGLE, "rot180", partial(on_one_thread, threads))] if threads > 1 else []
    return [
        Peer(COMPILED, "rot180", partial(kernels, "cython_kernels")),
        *single,
        Peer(NUMPY, "rot180", partial(kernels, "numpy_kernels")),
        Peer(TORCH, "torch", pytorch),
        Peer("NumPy, windows and BLAS", "numpy", numpy_windows),
        Peer("SciPy correlate", "scipy", scipy_correlate),
        Peer("SciPy fftconvolve", "scipy", partial(scipy_fft, "fftconvolve", threads)),
        Peer("SciPy oaconvolve", "scipy", partial(scipy_fft, "oaconvolve", threads)),
        Peer("SciPy ndimage", "scipy", scipy_ndimage),
        Peer("Numba", "numba", numba_loops),
        Peer("JAX", "jax", jax_lax),
    ]


def installed(peer: Peer[P]) -> bool:
    """Return whether the package that the peer needs is installed."""
    return find_spec(peer.needs) is not None
