"""Quotients, remainders and boundary modes in indices: both backends, exact against NumPy."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from rot180.codegen import compile
from rot180.codegen.kernels.build import BuildError, find_compiler

Array = npt.NDArray[Any]
Places = Callable[[int], int | None]
BACKENDS = ("numpy", "compiled")
MODES = {"circular": "wrap", "reflect": "reflect", "replicate": "edge", "zero": "constant"}
CONV = "y[n,o,p] = sum[c,k] x[n,c,{mode}(s*p+d*k-lo)] * w[o,c,k]"


@pytest.fixture(autouse=True)
def _needs_compiler(request: pytest.FixtureRequest) -> None:
    if "compiled" in request.node.name:
        try:
            find_compiler()
        except BuildError:
            pytest.skip("no C compiler")


def drawn(seed: int, *shape: int) -> Array:
    """Return small whole numbers, whose sums float64 holds exactly."""
    return np.random.default_rng([seed, *shape]).integers(-9, 10, shape).astype(np.float64)


def agrees(module: Any, operands: dict[str, Array], expected: Array, **parameters: int) -> None:
    """Compare a linear layer with what is expected, and each gradient with the exact adjoint.

    The layer is linear in each operand x, so that ``<g, A x> = <A^T g, x>`` for all x.
    """
    found = module.forward(**operands, **parameters, y_shape=expected.shape)
    assert np.array_equal(found, expected)
    g = drawn(99, *expected.shape)
    for word, x in operands.items():
        others = {n: a for n, a in operands.items() if n != word}
        shape = {f"{word}_shape": x.shape}
        gradient = getattr(module, f"grad_{word}")(g, **others, **parameters, **shape)
        assert gradient.shape == x.shape
        for seed in range(2):
            v = drawn(seed, *x.shape)
            image = module.forward(**{**operands, word: v}, **parameters, y_shape=expected.shape)
            assert np.vdot(g, image) == np.vdot(gradient, v)


@pytest.mark.parametrize("backend", BACKENDS)
def test_upsampling_repeats_entries(backend: str) -> None:
    module = compile("y[n,c,p] = x[n,c,p // s]", backend)
    for q, s, cut in itertools.product((0, 1, 3), (1, 2, 4), (0, 1)):
        x = drawn(q, 2, 3, q)
        whole = np.repeat(x, s, axis=2)
        expected = whole[:, :, : max(0, q * s - cut)]
        agrees(module, {"x": x}, expected, s=s)
        longer = np.pad(whole, ((0, 0), (0, 0), (0, s + 1)))  # zero outside
        agrees(module, {"x": x}, longer, s=s)
    nothing = module.forward(x, s=0, y_shape=(2, 3, 4))
    assert not nothing.any()  # no q satisfies the bracket


@pytest.mark.parametrize("backend", BACKENDS)
def test_remainders_repeat_the_axis(backend: str) -> None:
    module = compile("y[p,n] = x[n, p % s]", backend)
    for size, s, p in itertools.product((0, 1, 4, 5), (1, 3, 4), (0, 1, 9)):
        x = drawn(size, 2, size)
        expected = np.zeros((p, 2))
        for i in range(p):
            expected[i] = x[:, i % s] if i % s < size else 0
        agrees(module, {"x": x}, expected, s=s)
    with pytest.raises(ValueError, match=r"s: found 0, expected an integer >= 1"):
        module.forward(x, s=0, y_shape=(2, 2))


@pytest.mark.parametrize("backend", BACKENDS)
def test_pixel_shuffle(backend: str) -> None:
    module = compile("y[n,c,h,w] = x[n, r*r*c + r*(h % r) + w % r, h // r, w // r]", backend)
    for r, c, h, w in ((1, 2, 2, 3), (2, 1, 3, 2), (3, 2, 1, 2), (2, 0, 1, 1)):
        x = drawn(r, 2, c * r * r, h, w)
        laid = x.reshape(2, c, r, r, h, w).transpose(0, 1, 4, 2, 5, 3)
        agrees(module, {"x": x}, laid.reshape(2, c, h * r, w * r), r=r)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_quotient_of_a_sum_of_indices(backend: str) -> None:
    e = "(2*p + k - lo)"
    module = compile(f"y[p] = sum[k] x[{e} // 3 + k] * w[k] * u[{e} % 3]", backend)
    for lo, taps in ((0, 1), (2, 3), (-1, 2), (7, 4)):
        x, w, u = drawn(1, 6), drawn(2, taps), drawn(3, 2)
        expected = np.zeros(5)
        for p, k in itertools.product(range(5), range(taps)):
            q, r = divmod(2 * p + k - lo, 3)
            if 0 <= q + k < 6 and r < 2:
                expected[p] += x[q + k] * w[k] * u[r]
        agrees(module, {"x": x, "w": w, "u": u}, expected, lo=lo)


def correlation(x: Array, w: Array, size: int, entry: Places, s: int, d: int) -> Array:
    """Return the correlation of an axis that is read by a function from indices to places."""
    out = np.zeros((len(x), len(w), size))
    for p, k in itertools.product(range(size), range(w.shape[2])):
        place = entry(s * p + d * k)
        if place is not None:
            out[:, :, p] += x[:, :, place] @ w[:, :, k].T
    return out


def place_of(mode: str, size: int, low: int, high: int) -> Places:
    """Return the function from an index of a padded axis to a place on the axis, by `numpy.pad`."""
    kind: Any = MODES[mode]
    more = {"constant_values": -1} if kind == "constant" else {}
    padded = np.pad(np.arange(size), (low, high), kind, **more)

    def entry(t: int) -> int | None:
        return int(padded[t]) if 0 <= t < len(padded) and padded[t] >= 0 else None

    return entry


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("mode", MODES)
def test_boundary_modes_are_those_of_numpy(mode: str, backend: str) -> None:
    module = compile(CONV.format(mode=mode), backend)
    for size, taps, low, high, s, d in (
        (5, 3, 1, 1, 1, 1),
        (5, 3, 2, 4, 2, 1),
        (4, 2, 3, 3, 3, 2),
        (6, 4, 0, 5, 1, 1),
        (2, 1, 1, 1, 3, 1),
        (1, 1, 0, 0, 1, 1),
    ):
        count = (size + low + high - d * (taps - 1) - 1) // s + 1
        x, w = drawn(size, 2, 3, size), drawn(taps, 2, 3, taps)
        expected = correlation(x, w, count, place_of(mode, size, low, high), s, d)
        agrees(module, {"x": x, "w": w}, expected, s=s, d=d, lo=low)


@pytest.mark.parametrize("backend", BACKENDS)
def test_padding_as_long_as_the_axis_and_longer(backend: str) -> None:
    """The stated ranges: circular up to n, reflect below n, replicate any; zero further outside."""
    for size, pad in itertools.product((1, 2, 3), (0, 1, 2, 3, 5)):
        x = drawn(size, size)
        t = np.arange(-pad, size + pad)
        last = size - 1
        mirrored = np.where(t < 0, -t, np.where(t > last, 2 * last - t, t))
        wrapped = np.where(t < 0, t + size, np.where(t > last, t - size, t))
        places = {
            "circular": np.where((wrapped >= 0) & (wrapped <= last), wrapped, -1),
            "reflect": np.where((mirrored >= 0) & (mirrored <= last), mirrored, -1),
            "replicate": t.clip(0, last),
        }
        for mode, place in places.items():
            module = compile(f"x[N]; y[p] = x[{mode}(p - lo)]", backend)
            expected = np.where(place >= 0, x[place], 0)
            agrees(module, {"x": x}, expected, lo=pad)
            if pad <= size - (mode == "reflect") or mode == "replicate":
                kind: Any = MODES[mode]
                assert np.array_equal(expected, np.pad(x, pad, kind))


@pytest.mark.parametrize("backend", BACKENDS)
def test_two_axes_with_two_modes(backend: str) -> None:
    module = compile("y[p,q] = sum[k,l] x[circular(p+k-1), replicate(q+l-2)] * w[k,l]", backend)
    x, w = drawn(1, 4, 5), drawn(2, 3, 2)
    padded = np.pad(np.pad(x, ((1, 2), (0, 0)), "wrap"), ((0, 0), (2, 2)), "edge")
    expected = np.zeros((4, 6))
    for p, q, k, m in itertools.product(range(4), range(6), range(3), range(2)):
        expected[p, q] += padded[p + k, q + m] * w[k, m]
    agrees(module, {"x": x, "w": w}, expected)


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_embedding_gathers_and_scatters(backend: str) -> None:
    module = compile("y[n,c] = x[idx[n],c]", backend)
    for kind, (n, v, c) in itertools.product(
        (np.int64, np.int8, np.uint64), ((5, 3, 2), (0, 3, 2), (1, 1, 1), (4, 2, 0), (0, 0, 2))
    ):
        x, g = drawn(n, v, c), drawn(1, n, c)
        idx = np.random.default_rng(n).integers(0, max(v, 1), n).astype(kind)  # twice the same
        assert np.array_equal(module.forward(x, idx), x[idx.astype(int)])
        expected = np.zeros((v, c))
        np.add.at(expected, idx.astype(int), g)
        assert np.array_equal(module.grad_x(g, idx, x_shape=(v, c)), expected)


@pytest.mark.parametrize("backend", BACKENDS)
def test_wrong_indices_are_refused_before_anything_is_read(backend: str) -> None:
    module = compile("y[n,c] = x[idx[n],c]", backend)
    x, g = drawn(1, 3, 2), drawn(2, 4, 2)
    for bad, at in (([0, 3, 1, 9], 1), ([0, 1, 2, -1], 3), ([-(2**62), 0, 0, 0], 0)):
        said = rf"idx: found {bad[at]} at \[{at}\], expected integers >= 0 and < 3"
        with pytest.raises(ValueError, match=said):
            module.forward(x, np.array(bad))
        with pytest.raises(ValueError, match=said):
            module.grad_x(g, np.array(bad), x_shape=(3, 2))
    with pytest.raises(ValueError, match=r"idx: found 0 at \[0\], expected integers >= 0 and < 0"):
        module.forward(x[:0], np.array([0]))
    wrong: list[Any] = [np.array([0.0, 1.0]), [0, 1], np.array([True]), np.array([None])]
    for idx in wrong:
        with pytest.raises(TypeError, match=r"idx: found .*, expected .*integer"):
            module.forward(x, idx)
    with pytest.raises(ValueError, match="idx: found 2 axes"):
        module.forward(x, np.zeros((2, 2), int))
    with pytest.raises(ValueError, match="idx: found size 3"):
        module.grad_x(g, np.zeros(3, int), x_shape=(3, 2))


@pytest.mark.parametrize("backend", BACKENDS)
def test_grid_sampling_with_weights_as_operands(backend: str) -> None:
    module = compile(
        "y[n,c,p] = sum[k] w[n,p,k] * x[n,c,iy[n,p,k],ix[n,p,k]]", backend
    )
    x, w, g = drawn(1, 2, 3, 4, 5), drawn(2, 2, 6, 4), drawn(3, 2, 3, 6)
    random = np.random.default_rng(4)
    iy, ix = random.integers(0, 4, w.shape), random.integers(0, 5, w.shape)
    y, gx, gw = np.zeros(g.shape), np.zeros(x.shape), np.zeros(w.shape)
    for n, c, p, k in itertools.product(*map(range, (2, 3, 6, 4))):
        at = n, c, iy[n, p, k], ix[n, p, k]
        y[n, c, p] += w[n, p, k] * x[at]
        gx[at] += g[n, c, p] * w[n, p, k]
        gw[n, p, k] += g[n, c, p] * x[at]
    assert np.array_equal(module.forward(x, w, iy, ix), y)
    assert np.array_equal(module.grad_x(g, w, iy, ix, x_shape=x.shape), gx)
    assert np.array_equal(module.grad_w(g, x, iy, ix), gw)


@pytest.mark.parametrize("backend", BACKENDS)
def test_uses_of_one_table_add_up(backend: str) -> None:
    module = compile("y[n] = sum[c] x[a[n],c] * x[b[n],c] * u[c] + x[1,0]", backend)
    x, u, g = drawn(1, 3, 4), drawn(2, 4), drawn(3, 5)
    a, b = np.array([0, 2, 2, 0, 1]), np.array([2, 2, 1, 0, 1])
    assert np.array_equal(module.forward(x, u, a, b), (x[a] * x[b] * u).sum(1) + x[1, 0])
    gx = np.zeros(x.shape)
    np.add.at(gx, a, g[:, None] * x[b] * u)
    np.add.at(gx, b, g[:, None] * x[a] * u)
    gx[1, 0] += g.sum()
    assert np.array_equal(module.grad_x(g, x, u, a, b), gx)
    assert np.array_equal(module.grad_u(g, x, a, b), g @ (x[a] * x[b]))
    for found, expected in zip(module.vjp(g, x, u, a, b), (gx, g @ (x[a] * x[b])), strict=True):
        assert np.array_equal(found, expected)


@pytest.mark.parametrize("backend", BACKENDS)
def test_permutations_diagonals_and_recorded_places(backend: str) -> None:
    x, i = drawn(1, 4, 4), np.array([3, 1, 0, 1])
    taken = compile("y[i] = x[i,idx[i]]", backend)
    assert np.array_equal(taken.forward(x, i), x[range(4), i])
    expected = np.zeros((4, 4))
    expected[range(4), i] = drawn(2, 4)
    assert np.array_equal(taken.grad_x(drawn(2, 4), i, x_shape=(4, 4)), expected)
    moved = compile("y[p] = sum[k] u[k] * x[perm[p+k-1], 2]", backend)
    u = drawn(5, 3)
    around = np.pad(x[i, 2], 1)  # an index outside the array of indices reads zero
    whole = np.array([around[p : p + 3] @ u for p in range(4)])
    assert np.array_equal(moved.forward(x, u, i, y_shape=(4,)), whole)
    g, gx = drawn(3, 4), np.zeros((4, 4))
    for p, k in itertools.product(range(4), range(3)):
        if 0 <= p + k - 1 < 4:
            gx[i[p + k - 1], 2] += g[p] * u[k]
    assert np.array_equal(moved.grad_x(g, u, i, x_shape=(4, 4)), gx)
    unpooled = compile("y[n,c,q] = x[n,c,at[n,c,q]] ", backend)
    at = np.random.default_rng(0).integers(0, 7, (2, 3, 4))
    values = drawn(6, 2, 3, 7)
    assert np.array_equal(unpooled.forward(values, at), np.take_along_axis(values, at, 2))


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_gather_of_computed_values(backend: str) -> None:
    entry = "h[idx[n],c]"
    text = f"h[v,c] = exp(x[v,c]); y[n] = sum[c] {entry} * {entry} / w[n]"
    module = compile(text, backend)
    x, w, g = drawn(1, 3, 2) / 8, drawn(2, 4) + 20, drawn(3, 4)
    idx = np.array([2, 0, 2, 2])
    y = (np.exp(2 * x[idx])).sum(1) / w
    assert np.allclose(module.forward(x, w, idx), y, rtol=1e-14)
    gx = np.zeros(x.shape)
    np.add.at(gx, idx, 2 * np.exp(2 * x[idx]) * (g / w)[:, None])
    assert np.allclose(module.grad_x(g, x, w, idx), gx, rtol=1e-13)
    assert np.allclose(module.grad_w(g, x, w, idx), -g * y / w, rtol=1e-13)


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_discrete_fourier_transform(backend: str) -> None:
    module = compile(
        "re[k] = sum[t] cos(2*pi*k*t/T) * x[t]; im[k] = sum[t] sin(2*pi*k*t/T) * x[t]; "
        "y[k] = re[k]^2 + im[k]^2",
        backend,
    )
    for size in (1, 2, 7, 8):
        x, g = drawn(size, size), drawn(1, size)
        angle = 2 * np.pi * np.outer(np.arange(size), np.arange(size)) / size
        re, im = np.cos(angle) @ x, np.sin(angle) @ x
        assert np.allclose(module.forward(x, y_shape=(size,)), abs(np.fft.fft(x)) ** 2, atol=1e-9)
        gradient = 2 * (np.cos(angle).T @ (g * re) + np.sin(angle).T @ (g * im))
        assert np.allclose(module.grad_x(g, x), gradient, atol=1e-9)
        _, saved = module.forward(x, y_shape=(size,), save=True)
        assert np.allclose(module.grad_x(g, x, saved=saved), gradient, atol=1e-9)
    assert module.forward(x[:0], y_shape=(3,)).tolist() == [0, 0, 0]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_rotary_embedding_with_a_real_parameter(backend: str) -> None:
    module = compile(
        "x[N,D,2]; a[n,d] = cos(n*base^(-d/D)) * x[n,d,0] - sin(n*base^(-d/D)) * x[n,d,1]; "
        "b[n,d] = sin(n*base^(-d/D)) * x[n,d,0] + cos(n*base^(-d/D)) * x[n,d,1]; "
        "y[n,d,r] = [r == 0] * a[n,d] + [r == 1] * b[n,d]",
        backend,
    )
    x, g = drawn(1, 5, 3, 2), drawn(2, 5, 3, 2)
    turn = np.exp(1j * np.arange(5)[:, None] * 12.5 ** (-np.arange(3) / 3))
    turned = turn * (x[..., 0] + 1j * x[..., 1])
    back = turn.conj() * (g[..., 0] + 1j * g[..., 1])
    y = module.forward(x, base=12.5, y_shape=x.shape)
    assert np.allclose(y[..., 0] + 1j * y[..., 1], turned, rtol=1e-13)
    gx = module.grad_x(g, base=12.5, x_shape=x.shape)
    assert np.allclose(gx[..., 0] + 1j * gx[..., 1], back, rtol=1e-13)
    again = module.forward(x.astype(np.float32), base=12.5, y_shape=x.shape)
    assert again.dtype == np.float32 and np.allclose(again, y, atol=1e-5)


def test_a_function_of_indices_is_not_of_integers() -> None:
    module = compile("y[n] = x[n] * cos(n*t)", "numpy")
    with pytest.raises(TypeError, match="found int64, expected arrays of real or complex numbers"):
        module.forward(np.arange(3), t=2)
    x = np.ones(3)
    assert np.allclose(module.forward(x, t=0.5), np.cos(np.arange(3) / 2))
    assert np.allclose(module.forward(x * 1j, t=1), 1j * np.cos(np.arange(3)))


GATHERS: dict[str, Callable[[Array, Array], Array]] = {
    "y[n] = x[idx[n],idx[n]]": lambda x, i: x[i, i],
    "y[n] = max[c] x[idx[n],c]": lambda x, i: x[i].max(1),
    "y[n] = sum[c] x[idx[n],c]^2 * x[c,idx[n]]": lambda x, i: (x[i] ** 2 * x[:, i].T).sum(1),
    "u[n,c] = x[idx[n],c]; s[n] = sum[c] exp(u[n,c]); y[n,c] = exp(u[n,c]) / s[n]": (
        lambda x, i: np.exp(x[i]) / np.exp(x[i]).sum(1, keepdims=True)
    ),
    "y[] = sum[n] x[idx[n],idx[n]] * exp(x[idx[n],0])": (
        lambda x, i: np.asarray((x[i, i] * np.exp(x[i, 0])).sum())
    ),
}


@pytest.mark.parametrize("text", GATHERS)
def test_gathers_in_functions_maxima_and_products(text: str) -> None:
    random, idx = np.random.default_rng(0), np.array([3, 1, 1, 0, 2])
    x, module = random.random((4, 4)), compile(text, "numpy")
    y = GATHERS[text](x, idx)
    g = random.random(y.shape)
    assert np.allclose(module.forward(x, idx), y, rtol=1e-14)
    wanted = inspect.signature(module.grad_x).parameters
    given = {"grad_y": g, "x": x, "idx": idx, "x_shape": x.shape}
    found = module.grad_x(**{word: given[word] for word in wanted if word in given})
    for at in np.ndindex(4, 4):
        step = np.zeros((4, 4))
        step[at] = 1e-6
        difference = GATHERS[text](x + step, idx) - GATHERS[text](x - step, idx)
        assert abs((g * difference).sum() / 2e-6 - found[at]) < 1e-8
