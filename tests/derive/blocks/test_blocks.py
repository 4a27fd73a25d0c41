"""Blocks of layers: windows that cover what is read, and no more; parameters that move."""

from __future__ import annotations

import doctest
import itertools
import random
from dataclasses import replace
from pathlib import Path

import pytest

from rot180.codegen import blocks
from rot180.derive.blocks import LayerBlock, block
from rot180.derive.language.layers import layer
from rot180.derive.search.derivation import NotProvedError
from rot180.derive.semantics.check import check

CONV = "y[p] = sum[k] x[s*p+d*k-lo] * w[k]"


@pytest.mark.parametrize(
    ("text", "index", "wrt", "cut", "moved"),
    [
        (CONV, "p", "", {"x"}, {"lo"}),
        (CONV, "h", "x", {"g"}, {"lo"}),
        (CONV, "p", "w", {"g", "x"}, {"lo"}),
        ("y[n,o] = sum[c] x[n,c]*w[o,c] + b[o]", "n", "", {"x"}, set()),
        ("y[n,o] = sum[c] x[n,c]*w[o,c] + b[o]", "o", "", {"w", "b"}, set()),
        ("y[p] = sum[k] x[p-k] * w[k]", "p", "", {"x"}, {"move"}),
        ("y[i] = x[i+2] - 2*x[i] + x[i-1]", "i", "", {"x"}, {"move", "move1", "move2"}),
        ("y[i] = sum[j] x[j]*v[j] * [j <= i]", "i", "", {"x", "v"}, {"move", "move1"}),
        ("y[i] = x[a + s*i] * w[i]", "i", "", {"x", "w"}, {"a"}),
        ("y[p] = x[p // s]", "p", "", {"x"}, {"move"}),
    ],
)
def test_a_block_is_the_layer_on_windows(
    text: str, index: str, wrt: str, cut: set[str], moved: set[str]
) -> None:
    found = blocks(text, index, wrt)
    assert {w.operand for w in found.windows} == cut
    assert {p.name for p, _ in found.moves} == moved
    assert check(found.theorem, seed=1).models > 0


def read_by(found: LayerBlock, numbers: dict[str, int]) -> tuple[set[int], set[int]]:
    """Return the indices of x that windows read in a block, and those that a filter touches."""
    s, d, lo, taps = (numbers[n] for n in ("s", "d", "lo", "K"))
    windows = range(numbers["first"], numbers["first"] + numbers["count"])
    touched = {s * p + d * k - lo for p, k in itertools.product(windows, range(taps))}
    ((_, covered),) = found.at(**numbers)[0].items()
    return set(covered), touched


def test_windows_are_the_smallest_intervals() -> None:
    found, rng = blocks(CONV, "p"), random.Random(0)
    for _ in range(200):
        numbers = {n: rng.randrange(1, 6) for n in ("s", "d", "K", "count")}
        numbers |= {"first": rng.randrange(9), "lo": rng.randrange(-3, 9), "H": 50, "P": 50}
        covered, touched = read_by(found, numbers)
        assert covered == set(range(min(touched), max(touched) + 1))


def test_the_windows_that_reach_a_part_of_the_input() -> None:
    found, rng = blocks(CONV, "h", wrt="x"), random.Random(0)
    for _ in range(200):
        numbers = {n: rng.randrange(1, 6) for n in ("s", "d", "K", "count")}
        numbers |= {"first": rng.randrange(9), "lo": rng.randrange(-3, 9), "H": 50, "P": 50}
        s, d, lo, taps = (numbers[n] for n in ("s", "d", "lo", "K"))
        part = range(numbers["first"], numbers["first"] + numbers["count"])
        reaching = {p for p in range(-60, 60) for k in range(taps) if s * p + d * k - lo in part}
        ((_, window),) = found.at(**numbers)[0].items()
        covered = set(window)
        assert reaching <= covered
        if reaching and d == 1 and s <= taps:
            assert covered == set(range(min(reaching), max(reaching) + 1))


def test_another_layer_has_another_block() -> None:
    """The signs in the layer decide what is read and how the padding moves."""
    numbers = {"first": 10, "count": 5, "s": 2, "d": 1, "lo": 1, "K": 3, "H": 99, "P": 50}
    convolution = CONV.replace("+d*k", "-d*k")
    assert blocks(CONV, "p").at(**numbers)[0] == {("x", 0): range(19, 30)}
    assert blocks(convolution, "p").at(**numbers)[0] == {("x", 0): range(17, 28)}


def test_a_window_that_is_one_too_small_is_not_proved() -> None:
    found = block(layer(CONV), "p")
    (window,) = found.windows
    (reach,) = window.reaches
    for wrong in (
        reach._replace(lowest=reach.lowest + 1),
        reach._replace(highest=reach.highest - 1),
    ):
        smaller = replace(found, windows=(replace(window, reaches=(wrong,)),))
        with pytest.raises(NotProvedError):
            _ = smaller.theorem


@pytest.mark.parametrize(
    ("text", "index", "said"),
    [
        (CONV, "z", "index: found 'z', expected one of p, k"),
        ("y[i,j] = A[i,j] + A[j,i]", "i", "no operand can be cut"),
        ("y[] = sum[p] x[p]*x[p+1]", "p", "no operand can be cut"),
        ("a[i] = exp(x[i]); y[] = sum[i] a[i]*a[i]", "i", "found a program"),
    ],
)
def test_what_cannot_be_cut_is_refused(text: str, index: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        blocks(text, index)


def test_the_document() -> None:
    """The examples in docs/blocks.md."""
    path = Path(__file__).parents[3] / "docs" / "blocks.md"
    assert doctest.testfile(str(path), module_relative=False).failed == 0
