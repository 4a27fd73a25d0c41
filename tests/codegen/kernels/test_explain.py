"""Which algorithm a sum uses: all give the same result, and `explain` says which, and why."""

from __future__ import annotations

import importlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rot180.codegen.kernels.algorithms import ALGORITHMS, AUTOMATIC, REASONS, REQUESTS, table
from rot180.generated import backend, explain, numpy_kernels

PAGE = Path(__file__).resolve().parents[3] / "docs" / "kernels.md"
ISAS = ("baseline", "avx2", "avx512")
CASES: tuple[tuple[str, tuple[int, ...], tuple[int, ...], dict[str, Any]], ...] = (
    ("conv2d", (2, 3, 9, 11), (5, 3, 3, 2), {"padding": 1, "stride": (2, 1)}),
    ("conv2d", (1, 8, 14, 23), (8, 1, 3, 3), {"padding": 1, "groups": 8}),
    ("conv2d", (2, 12, 8, 20), (9, 12, 1, 1), {}),
    ("conv1d", (3, 4, 70), (6, 2, 5), {"dilation": 3, "groups": 2, "padding": ((4, 2),)}),
    ("conv3d", (1, 3, 6, 7, 20), (4, 3, 2, 3, 3), {"padding": (0, 1, 1)}),
    ("conv_transpose2d", (2, 4, 6, 9), (4, 3, 3, 3), {"stride": 2, "padding": 1}),
)


@pytest.fixture
def compiled() -> Iterator[Any]:
    """Yield the compiled kernels, and restore their settings."""
    if backend() != "cython":
        pytest.skip("no compiled kernels: no C compiler")
    kernels = importlib.import_module("rot180.generated.cython_kernels")
    threads, isa = kernels.get_num_threads(), kernels.processor()
    yield kernels
    kernels.path(AUTOMATIC)
    kernels.processor(isa)
    kernels.set_num_threads(threads)


def usable(kernels: Any) -> list[str]:
    """Return the instruction sets that this processor has."""
    found = []
    for isa in ISAS:
        try:
            found.append(kernels.processor(isa))
        except ValueError:
            break
    return found


def calls(kernels: Any, dtype: str = "float32", span: int = 4) -> list[tuple[str, tuple[Any, ...]]]:
    """Return the names and arguments of forward passes and gradients, with small integers."""
    draw = np.random.default_rng(0)
    out = []
    for name, size, weight_size, how in CASES:
        x = draw.integers(-span, span, size).astype(dtype)
        w = draw.integers(-span, span, weight_size).astype(dtype)
        y = getattr(numpy_kernels, name)(x, w, **how)
        g = draw.integers(-span, span, y.shape).astype(dtype)
        out += [
            (name, (x, w, None, how)),
            (f"{name}_input", (size, w, g, how)),
            (f"{name}_weight", (x, weight_size, g, how)),
            (f"{name}_bias", (g, {})),
        ]
    x, w = (draw.integers(-span, span, n).astype(dtype) for n in ((30, 70), (20, 70)))
    return [*out, ("linear", (x, w, None, {})), ("linear_bias", (x, {}))]


@pytest.mark.parametrize("algorithm", REQUESTS)
@pytest.mark.parametrize("isa", ISAS)
def test_every_algorithm_gives_the_same(compiled: Any, isa: str, algorithm: str) -> None:
    """Sums of small integers are exact, for each instruction set and algorithm."""
    if isa not in usable(compiled):
        pytest.skip(f"this processor lacks {isa}")
    compiled.processor(isa)
    compiled.path(algorithm)
    for dtype in ("float32", "float64"):
        for name, (*arrays, how) in calls(compiled, dtype):
            found = getattr(compiled, name)(*arrays, **how)
            expected = getattr(numpy_kernels, name)(*arrays, **how)
            assert np.array_equal(found, expected), (name, how)
            for sum in explain(name, *arrays, **how):
                assert ISAS.index(sum.processor) <= ISAS.index(isa)


def test_random_numbers_agree_within_rounding(compiled: Any) -> None:
    """Algorithms add in different orders, so results differ by rounding."""
    draw = np.random.default_rng(1)
    x, w = draw.standard_normal((2, 24, 13, 17)), draw.standard_normal((10, 24, 3, 3))
    expected = numpy_kernels.conv2d(x, w, padding=1)
    bound = 24 * 9 * numpy_kernels.conv2d(abs(x), abs(w), padding=1)
    for isa in usable(compiled):
        compiled.processor(isa)
        for word in REQUESTS:
            compiled.path(word)
            for dtype in ("float32", "float64"):
                found = compiled.conv2d(x.astype(dtype), w.astype(dtype), padding=1)
                assert np.all(abs(found - expected) <= (bound * np.finfo(dtype).eps))


def test_a_requested_algorithm_is_used_where_it_can_be(compiled: Any) -> None:
    x, w = np.ones((2, 16, 20, 40), "float32"), np.ones((16, 16, 3, 3), "float32")
    for algorithm in REQUESTS[1:]:
        compiled.path(algorithm)
        (sum,) = explain("conv2d", x, w)
        assert sum.algorithm == algorithm
        assert sum.why == "ROT180_PATH or path() asks for it"
        assert sum.products == 2 * 16 * 18 * 38 * 16 * 9
    # Products along the channels are requested, but channels are not contiguous.
    compiled.path("dots")
    (sum,) = explain("conv2d", x[..., ::2], w[..., :1, :1])
    assert sum.algorithm == "packed"
    assert sum.why.startswith("the entries of a vector are not contiguous in memory")


def test_every_sum_has_an_algorithm_and_a_reason(compiled: Any) -> None:
    """Each reason is one of those that the list gives for the algorithm."""
    reasons = {a.name: {reason.words for reason in a.reasons} for a in ALGORITHMS}
    for name, (*arrays, how) in calls(compiled):
        for sum in explain(name, *arrays, **how):
            assert sum.why.partition("; padding or stride")[0] in reasons[sum.algorithm], name


def test_the_automatic_choice(compiled: Any) -> None:
    """The rules, at sizes for which each is meant."""

    def chosen(name: str, *arguments: Any, **how: Any) -> tuple[str, str]:
        shapes = [np.ones(a, "float32") if len(a) > 1 else a[0] for a in arguments]
        (sum,) = explain(name, *shapes, **how)
        return sum.algorithm, sum.why

    def conv2d(x: Any, w: Any, **how: Any) -> tuple[str, str]:
        return chosen("conv2d", x, w, **how)

    copied = "; padding or stride: phase-split copy of"
    assert conv2d((1, 1, 5, 5), (1, 1, 3, 3)) == ("loops", "at most 4096 products")
    assert conv2d((1, 64, 28, 28), (64, 64, 3, 3), padding=1) == (
        "transposed",
        f"one side is short and the other long: packing the short one takes less time{copied} m",
    )
    assert conv2d((1, 256, 14, 14), (256, 256, 3, 3), padding=1) == (
        "packed",
        f"the entries of a vector are not contiguous in memory{copied} n",
    )
    assert conv2d((1, 32, 28, 28), (32, 1, 3, 3), padding=1, groups=32) == (
        "direct",
        f"m has at most two tiles of rows: packing n takes longer{copied} n",
    )
    assert conv2d((1, 1, 200, 200), (1, 1, 5, 5)) == (
        "direct",
        "m has at most two tiles of rows: packing n takes longer",
    )
    assert conv2d((1, 3, 64, 64), (64, 3, 3, 3)) == (
        "direct",
        "k is short: packing n takes longer",
    )
    assert chosen("conv2d_bias", (4, 8, 90, 90)) == (
        "entries",
        "one factor: no two products share an entry",
    )
    assert chosen("linear", (4, 1024), (512, 1024)) == (
        "dots",
        "both sides are contiguous along k, and one is short",
    )


def test_threads_and_processor_of_an_explanation(compiled: Any) -> None:
    compiled.set_num_threads(2)
    x, w = np.ones((1, 64, 56, 56), "float32"), np.ones((64, 64, 3, 3), "float32")
    (sum,) = explain("conv2d", x, w, padding=1)
    assert sum.threads == 2
    assert sum.processor == compiled.processor()
    assert sum.why.endswith("phase-split copy of m")


def test_the_list_numbers_the_constants() -> None:
    """C numbers algorithms, requests and reasons in the order of the list."""
    names = [AUTOMATIC, *(algorithm.name for algorithm in ALGORITHMS)]
    assert list(REQUESTS) == names[: len(REQUESTS)]
    constants = [a.constant for a in ALGORITHMS] + [reason.constant for reason in REASONS]
    assert len(set(constants)) == len(constants)


def test_the_page_has_the_table(request: pytest.FixtureRequest) -> None:
    """docs/kernels.md describes the algorithms as the list does."""
    text = PAGE.read_text(encoding="utf-8")
    (found,) = re.findall(r"^\| algorithm \|.*\n(?:\|.*\n)+", text, re.MULTILINE)
    if request.config.getoption("--update-golden"):
        PAGE.write_text(text.replace(found, table()), encoding="utf-8")
    else:
        assert found == table(), "run pytest --update-golden"


def test_explaining_computes_nothing_and_refuses_what_a_call_refuses(compiled: Any) -> None:
    x, w = np.ones((1, 2, 30, 30), "float32"), np.ones((2, 2, 3, 3), "float32")
    assert explain("conv2d", x.astype(int), w.astype(int)) == []
    for _ in range(2):
        with pytest.raises(ValueError, match="stride: found 0"):
            explain("conv2d", x, w, stride=0)
        assert np.array_equal(compiled.conv2d(x, w), numpy_kernels.conv2d(x, w))
    with pytest.raises(ValueError, match="found 'conv9d'"):
        explain("conv9d", x, w)
    with pytest.raises(ValueError, match="path: found 'fast', expected one of automatic, loops"):
        compiled.path("fast")


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no processors can be chosen here")
def test_threads_keep_to_the_processors_that_are_allowed(compiled: Any) -> None:
    """Whatever they are, the sum is the same, and they are the same afterwards."""
    x, w = np.ones((2, 64, 40, 40), "float32"), np.ones((64, 64, 3, 3), "float32")
    compiled.set_num_threads(3)
    expected = compiled.conv2d(x, w)
    allowed = os.sched_getaffinity(0)
    try:
        for processors in ({min(allowed)}, {max(allowed)}, allowed):
            os.sched_setaffinity(0, processors)
            for accuracy in ("exact", "fast"):
                found = compiled.conv2d(x, w, accuracy=accuracy)
                assert np.allclose(found, expected, rtol=1e-5)
            assert os.sched_getaffinity(0) == processors
    finally:
        os.sched_setaffinity(0, allowed)


def test_scratch_memory_is_flat_in_the_batch(compiled: Any) -> None:
    """A padded sample and 32 MiB for each thread, whatever the batch: no matrix of patches."""
    w = np.ones((64, 64, 3, 3), "float32")
    sample = 64 * 226 * 226 * 4
    for threads in (1, 2):
        compiled.set_num_threads(threads)
        found = []
        for batch in (8, 64):
            x = np.broadcast_to(np.float32(1), (batch, 64, 224, 224))
            for name, arguments in (
                ("conv2d", (x, w)),
                ("conv2d_input", (x.shape, w, x)),
                ("conv2d_weight", (x, w.shape, x)),
            ):
                (sum,) = explain(name, *arguments, padding=1)
                assert sum.scratch <= threads * (sample + 2**25), (name, batch)
                found.append(sum.scratch)
        assert found[:3] == found[3:]


def test_memory_is_counted(compiled: Any) -> None:
    """What a call holds is what was explained, and it is given back."""
    compiled.set_num_threads(1)
    compiled.release()
    assert compiled.memory(reset=True) == (0, 0)
    x, w = np.ones((3, 32, 60, 60), "float32"), np.ones((32, 32, 3, 3), "float32")
    (sum,) = explain("conv2d", x, w, padding=1)
    compiled.release()
    compiled.memory(reset=True)
    compiled.conv2d(x, w, padding=1)
    held, most = compiled.memory()
    assert 0 < held <= most
    assert most <= 1.1 * sum.scratch + 65536
    compiled.release()
    assert compiled.memory()[0] == 0
