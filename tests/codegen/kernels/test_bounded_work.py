"""Work, which is counted, follows the sizes of the arguments, not strides and paddings."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from rot180.generated import backend, explain, numpy_conv1d_grouped, numpy_conv_transpose1d_grouped
from rot180.generated import numpy_kernels as kernels

Array = np.ndarray[Any, Any]
FAR = [4096, 65_535, 1_048_575, 2**31 - 1]


def ones(*shape: int) -> Array:
    """Return an array of ones."""
    return np.ones(shape, "float32")


CALLS: dict[str, Callable[[int], tuple[Any, ...]]] = {
    "conv1d": lambda n: (ones(1, 1, 7), ones(1, 1, 3), None, n),
    "conv1d_input": lambda n: ((1, 1, 7), ones(1, 1, 3), ones(1, 1, 1), n),
    "conv1d_weight": lambda n: (ones(1, 1, 7), (1, 1, 3), ones(1, 1, 1), n),
    "conv_transpose1d": lambda n: (ones(1, 1, 1), ones(1, 1, 3), None, n),
    "conv_transpose1d_input": lambda n: ((1, 1, 1), ones(1, 1, 3), ones(1, 1, 3), n),
}
"""The arguments of a call with a stride; only one window is inside the input."""

PADDED: dict[str, Callable[[int], tuple[Any, ...]]] = {
    "conv1d": lambda n: (ones(1, 1, 7), ones(1, 1, 3), None, n, n),
    "conv1d_input": lambda n: ((1, 1, 7), ones(1, 1, 3), ones(1, 1, 3), n, n),
    "conv1d_weight": lambda n: (ones(1, 1, 7), (1, 1, 3), ones(1, 1, 3), n, n),
}
"""The same with as much padding: one window begins at the input, two are outside."""


def steps(call: Callable[[], Array], monkeypatch: pytest.MonkeyPatch) -> int:
    """Return how many products of arrays NumPy's kernels make."""
    count = 0

    def counted(real: Callable[..., None]) -> Callable[..., None]:
        def one_more(*arguments: Any, **named: Any) -> None:
            nonlocal count
            count += 1
            real(*arguments, **named)

        return one_more

    modules: tuple[ModuleType, ...] = (numpy_conv1d_grouped, numpy_conv_transpose1d_grouped)
    with monkeypatch.context() as patch:
        for module in modules:
            for name in ("add_product", "add_spread", "add_taps"):
                patch.setattr(module, name, counted(getattr(module, name)))
        call()
    return count


@pytest.mark.parametrize("far", FAR)
@pytest.mark.parametrize(("name", "arguments"), [*CALLS.items(), *PADDED.items()])
def test_numpy_makes_as_many_products_for_any_stride(
    name: str,
    arguments: Callable[[int], tuple[Any, ...]],
    far: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    far = min(far, 2**30) if arguments in PADDED.values() else far
    function = getattr(kernels, name)
    calls = [partial(function, *arguments(n)) for n in (7, far)]
    counts = [steps(call, monkeypatch) for call in calls]
    assert counts[0] == counts[1] <= 3
    assert np.array_equal(calls[0](), calls[1]())


@pytest.mark.parametrize("far", FAR)
@pytest.mark.parametrize("name", CALLS)
def test_c_computes_as_many_products_for_any_stride(name: str, far: int) -> None:
    if backend() != "cython":
        pytest.skip("no compiled kernels: no C compiler")
    near, there = (explain(name, *CALLS[name](n)) for n in (7, far))
    assert [e.products for e in near] == [e.products for e in there]
    assert len(near) <= 3 and all(e.scratch < 2**17 for e in there)
