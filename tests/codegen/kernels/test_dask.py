"""Layers on Dask arrays are the layers in memory, for any chunks; what a block reads is enough."""

from __future__ import annotations

import pickle
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rot180.generated import numpy_kernels as whole

da = pytest.importorskip("dask.array")
blocks = pytest.importorskip("rot180.generated.dask")
UNKNOWN = da.zeros((1, 1, 2)).map_blocks(np.copy, chunks=((1,), (1,), (np.nan,)))
"""An array of which Dask does not know the size."""


def chunks(rng: random.Random, size: int) -> tuple[int, ...]:
    """Divide an axis at random, into parts of one index, too."""
    cuts = sorted(rng.sample(range(1, size), min(size - 1, rng.randrange(4)))) if size > 1 else []
    return tuple(b - a for a, b in zip([0, *cuts], [*cuts, size], strict=True))


def scattered(rng: random.Random, array: np.ndarray[Any, Any]) -> Any:
    return da.from_array(array, chunks=tuple(chunks(rng, n) for n in array.shape))


def integers(rng: random.Random, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    return np.random.default_rng(rng.randrange(1 << 30)).integers(-9, 10, shape).astype("f8")


def drawn(rng: random.Random, rank: int, transposed: bool) -> tuple[Any, Any, dict[str, Any]]:
    """Draw input, weight and parameters that fit."""
    while True:
        groups, batch = rng.choice((1, 1, 2)), rng.choice((0, 1, 3))
        x = (batch, 2 * groups, *(rng.randrange(1, 14) for _ in range(rank)))
        taps = [rng.randrange(1, 5) for _ in range(rank)]
        w = (2 * groups, 3, *taps) if transposed else (3 * groups, 2, *taps)
        how: dict[str, Any] = {
            "stride": tuple(rng.randrange(1, 5) for _ in range(rank)),
            "dilation": tuple(rng.randrange(1, 4) for _ in range(rank)),
            "padding": tuple((rng.randrange(-2, 7), rng.randrange(-2, 7)) for _ in range(rank)),
            "groups": groups,
        }
        if transposed:
            how["output_padding"] = tuple(rng.randrange(s) for s in how["stride"])
        call = whole.conv_transpose1d if transposed else whole.conv1d
        call = getattr(whole, call.__name__.replace("1", str(rank)))
        try:
            call(np.zeros(x), np.zeros(w), None, **how)
        except ValueError:
            continue
        return integers(rng, x), integers(rng, w), how


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("kind", ["conv", "conv_transpose"])
def test_layers_and_gradients_are_exact_for_any_chunks(kind: str, rank: int) -> None:
    rng, name = random.Random(rank), f"{kind}{rank}d"
    for _ in range({1: 24, 2: 8, 3: 3}[rank]):
        x, w, how = drawn(rng, rank, kind != "conv")
        bias = integers(rng, (whole_channels(w, kind, how),))
        y = getattr(whole, name)(x, w, bias, **how)
        g = integers(rng, y.shape)
        lazy_x, lazy_g = scattered(rng, x), scattered(rng, g)
        found = {
            "": (getattr(blocks, name)(lazy_x, w, bias, **how), y),
            "input": (
                getattr(blocks, f"{name}_input")(x.shape, w, lazy_g, **how),
                getattr(whole, f"{name}_input")(x.shape, w, g, **how),
            ),
            "weight": (
                getattr(blocks, f"{name}_weight")(lazy_x, w.shape, lazy_g, **how),
                getattr(whole, f"{name}_weight")(x, w.shape, g, **how),
            ),
            "bias": (getattr(blocks, f"{name}_bias")(lazy_g), g.sum((0, *range(2, g.ndim)))),
        }
        for role, (lazy, exact) in found.items():
            assert lazy.shape == exact.shape, (role, how)
            values = lazy.compute(scheduler="synchronous")
            assert values.dtype == exact.dtype
            assert np.array_equal(values, exact), (role, x.shape, w.shape, how)


def whole_channels(w: np.ndarray[Any, Any], kind: str, how: dict[str, Any]) -> int:
    return int(w.shape[0] if kind == "conv" else w.shape[1] * how["groups"])


def test_linear() -> None:
    rng = random.Random(0)
    x, w, bias, g = (integers(rng, s) for s in ((7, 5), (4, 5), (4,), (7, 4)))
    lazy_x, lazy_g = scattered(rng, x), scattered(rng, g)
    found = (
        (blocks.linear(lazy_x, w, bias), whole.linear(x, w, bias)),
        (blocks.linear_input(x.shape, w, lazy_g), g @ w),
        (blocks.linear_weight(lazy_x, w.shape, lazy_g), g.T @ x),
        (blocks.linear_bias(lazy_g), g.sum(0)),
    )
    for lazy, exact in found:
        assert np.array_equal(lazy.compute(scheduler="synchronous"), exact)


class Store:
    """An array in a file, as Zarr has it, which knows the largest part that was read."""

    def __init__(self, array: np.ndarray[Any, Any], chunks: tuple[int, ...]) -> None:
        self.array, self.shape, self.dtype, self.chunks = array, array.shape, array.dtype, chunks
        self.largest = 0

    def __getitem__(self, part: Any) -> np.ndarray[Any, Any]:
        found: np.ndarray[Any, Any] = self.array[part].copy()
        self.largest = max(self.largest, found.size)
        return found


def test_each_block_reads_its_window_of_a_store_and_no_more() -> None:
    rng = random.Random(0)
    x, w = integers(rng, (2, 3, 40, 30)), integers(rng, (4, 3, 3, 2))
    how: dict[str, Any] = {"padding": 1, "stride": (1, 2)}
    y = whole.conv2d(x, w, None, **how)
    g = integers(rng, y.shape)
    lazy_x, lazy_g = Store(x, (1, 3, 8, 10)), Store(g, (1, 4, 8, 5))
    found = (
        (blocks.conv2d(lazy_x, w, None, **how), y),
        (blocks.conv2d_input(x.shape, w, lazy_g, **how), whole.conv2d_input(x.shape, w, g, **how)),
        (
            blocks.conv2d_weight(lazy_x, w.shape, lazy_g, **how),
            whole.conv2d_weight(x, w.shape, g, **how),
        ),
    )
    for lazy, exact in found:
        assert np.array_equal(lazy.compute(scheduler="synchronous"), exact)
    assert lazy_x.largest <= 3 * (8 + 2) * (2 * 6 + 2)
    assert lazy_g.largest <= 4 * (8 + 2) * (5 + 1)
    assert np.array_equal(blocks.conv2d_bias(lazy_g).compute(), g.sum((0, 2, 3)))


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_mapped_file_is_sent_by_its_name(order: Any, tmp_path: Path) -> None:
    rng = random.Random(0)
    x, w = integers(rng, (2, 3, 40)), integers(rng, (4, 3, 3))
    mapped = np.memmap(tmp_path / "x", "f8", "w+", 64, x.shape, order)
    mapped[:] = x
    mapped.flush()
    lazy = blocks.conv1d(mapped, w, None)
    sent = pickle.dumps(lazy.dask)
    assert b"_mapped" in sent
    assert np.array_equal(lazy.compute(scheduler="synchronous"), whole.conv1d(x, w, None))
    arrays = pytest.importorskip("rot180.generated.dask_sources")
    part = arrays.StoredPart(mapped, (slice(1, 2), slice(None), slice(3, 9)))
    assert np.array_equal(pickle.loads(pickle.dumps(part)).read(), x[1:2, :, 3:9])
    view = arrays.StoredPart(mapped[1:], (slice(None),))  # its offset is not that of the file
    assert np.array_equal(pickle.loads(pickle.dumps(view)).read(), x[1:])


@pytest.mark.parametrize("depth", [2, 1])
def test_overlap_by_hand_needs_the_right_depth(depth: int) -> None:
    """With one index less on each side, map_overlap gives wrong borders without a message."""
    rng = random.Random(0)
    x, w = integers(rng, (1, 2, 40)), integers(rng, (3, 2, 3))
    how: dict[str, Any] = {"dilation": 2}
    exact = whole.conv1d(x, w, None, padding=2, **how)
    by_hand = da.from_array(x, chunks=(1, 2, 10)).map_overlap(
        lambda part: whole.conv1d(part, w, None, padding=2 - depth, **how),
        depth=(0, 0, depth),
        boundary=0,
        trim=False,
        meta=np.empty((0, 0, 0)),
    )
    assert np.array_equal(by_hand.compute(scheduler="synchronous"), exact) == (depth == 2)
    lazy = blocks.conv1d(da.from_array(x, chunks=(1, 2, 10)), w, None, padding=2, **how)
    assert lazy.chunks == ((1,), (3,), (10, 10, 10, 10))
    assert np.array_equal(lazy.compute(scheduler="synchronous"), exact)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        (("text", np.zeros((1, 1, 1))), "input"),
        ((np.zeros((1, 2, 5)), np.zeros((1, 1, 1))), "weight"),
        ((UNKNOWN, np.zeros((1, 1, 1))), "compute_chunk_sizes"),
        ((da.zeros((1, 1, 2)), np.zeros((1, 1, 3))), "padded size"),
    ],
)
def test_bad_input_is_refused_before_anything_is_computed(arrays: Any, said: str) -> None:
    with pytest.raises((TypeError, ValueError), match=said):
        blocks.conv1d(*arrays)
