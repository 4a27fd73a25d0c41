"""What is printed is the plan: plain Python, NumPy, Cython and its C loops are read back."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from rot180.codegen.kernels.cython_backend import ArraySum, CythonKernel
from rot180.codegen.kernels.modules import lowered
from rot180.codegen.kernels.numpy_backend import NumpyKernel
from rot180.codegen.kernels.plain_backend import PlainKernel
from rot180.codegen.kernels.scalar_loops import ScalarLoops
from rot180.codegen.plans.plan import Phase
from rot180.derive.gradients.gradient import kernel_theorems
from rot180.derive.language.layers import layer
from tests.support.fuzz_draw import draw
from tests.support.printed_numpy import equal, planned_numpy, read_numpy
from tests.support.printed_plans import planned_orders, read_plain
from tests.support.printed_pointers import planned_pointers, read_pointers
from tests.support.printed_tables import read_cython

COMMITTED = (
    "linear",
    *(f"{kind}{n}d_grouped" for kind in ("conv", "conv_transpose") for n in (1, 2, 3)),
)
OTHERS = (
    "y[p] = 1/2 * sum[k] x[2*p - 3*k + 1] * w[k] * [0 <= p + k < d]",
    "sigma: function; y[i] = sum[k] w[i,k] * sigma(z[k-a]) * relu(w[i,k])",
    "y[p] = sum[k] x[d*k+p] * [0 <= d*k < 3] * w[k-1] + 5",
    "y[max] = sum[min,np] x[min,np] * w[max,np] * [0 <= np-min < 2]",
    "y[] = a[]*b[]",
    "y[i,l] = sum[j,k] A[i,j] * B[j,k] * C[k,l]",
    "y[i,j] = sum[k,l] x[k,l] * [k <= i] * [j <= l]",
    "y[p] = sum[h,i,j] x[h]*w[i]*v[j] * [2*p + i == 2*h + j]",
)


def agree(text: str) -> int:
    """Read the kernels of a layer back; return how many nests were compared."""
    known, count = layer(text), 0
    theorems = kernel_theorems(known)
    for plain in lowered(known, theorems, PlainKernel):
        assert read_plain(plain.text) == planned_orders(plain, "plain")[0], (text, plain.name)
        count += len(plain.plan.all_nests)
    for kernel in lowered(known, theorems, NumpyKernel):
        nests = read_numpy(kernel, kernel.body)
        assert equal(nests, planned_numpy(kernel)), (text, kernel.name)
        count += len(kernel.plan.all_nests)
    for compiled in lowered(known, theorems, CythonKernel):
        wanted = planned_orders(compiled, "cython")
        assert read_cython(compiled.body) == wanted, (text, compiled.name)
        nests_ = [nest for plan in compiled.plan.orders for nest in plan.all_nests]
        phases = [s for nest in nests_ for s in nest.outer if isinstance(s, Phase)]
        assert bool(phases) == ("_check_signals()" in map(str.strip, compiled.body))
        count += len(wanted)
        for s, small in small_sums(compiled):
            found = read_pointers(small, s.nest, [*compiled.integers, *compiled.reals])
            assert found == planned_pointers(s.nest, s.array), (text, small.name)
            count += 1
    return count


def small_sums(kernel: CythonKernel) -> Iterator[tuple[ArraySum, ScalarLoops]]:
    """Yield the sums of all orders that have a small form, with what is printed."""
    sums = [s for plan in kernel.plan.orders for s in kernel.sums(plan)]
    body = "\n".join(kernel.body)
    for s, small in zip(sums, kernel.small, strict=True):
        if small is not None:
            assert all(f"{small.name}(<{t}>0, {small.passed})" in body for t in ("float", "double"))
            yield s, small


@pytest.mark.parametrize("text", [*COMMITTED, *OTHERS])
def test_printed_loops_are_the_plan(text: str) -> None:
    assert agree(text)


@pytest.mark.parametrize("first", range(0, 40, 10))
def test_printed_loops_of_random_layers_are_the_plan(first: int) -> None:
    count = 0
    for seed in range(first, first + 10):
        try:
            count += agree(str(draw(seed)))
        except ValueError:
            continue  # refused: tests/fuzz checks how
    assert count


def mutants(text: str) -> Iterator[str]:
    """Yield a text with one number, sign or name changed."""
    for found in re.finditer(r"\d+|[-+]|\b[spkdKPHO]\b", text):
        word = found.group()
        new = str(int(word) + 1) if word.isdigit() else {"+": "-", "-": "+"}.get(word, "Z")
        yield text[: found.start()] + new + text[found.end() :]


def test_a_changed_print_is_another_plan() -> None:
    found = layer("y[o,p] = sum[c,k] x[c,s*p+d*k-lo] * w[o,c,k]")
    for plain in lowered(found, kernel_theorems(found), PlainKernel):
        head, zeros, body = plain.text.partition("np.zeros")
        (wanted,), tried = planned_orders(plain, "plain"), 0
        loops = body.partition("\n")
        for mutant in mutants(loops[2]):
            tried += 1
            try:
                different = read_plain("".join((head, zeros, *loops[:2], mutant))) != wanted
            except (AssertionError, SyntaxError, KeyError, ValueError):
                different = True
            assert different, mutant
        assert tried > 20
    for compiled in lowered(found, kernel_theorems(found), CythonKernel):
        lines = [line for line in compiled.body if "fresh" not in line]
        wanted_tables = planned_orders(compiled, "cython")
        at = next(n for n, line in enumerate(lines) if "_begin" in line)
        tables = "\n".join(lines[at:])
        for mutant in mutants(tables):
            try:
                different = read_cython([*lines[:at], *mutant.split("\n")]) != wanted_tables
            except (AssertionError, SyntaxError, KeyError, ValueError, TypeError):
                different = True
            assert different, mutant


def pointer_mutants(lines: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Yield a function without one line, or with one number, sign or name changed."""
    for at, line in enumerate(lines):
        if re.search(r"rot180_small|_fresh:|return", line):
            continue  # whether the sum is computed here, not what it is
        yield (*lines[:at], *lines[at + 1 :])
        for changed in mutants(line):
            yield (*lines[:at], changed, *lines[at + 1 :])


@pytest.mark.parametrize(
    "text",
    [
        "y[o,p] = sum[c,k] x[c,s*p+d*k-lo] * w[o,c,k]",
        "y[p] = 3/2 * sum[k] x[2*p-3*k+1] * w[k]",
    ],
)
def test_changed_pointers_are_another_plan(text: str) -> None:
    found, tried = layer(text), 0
    for compiled in lowered(found, kernel_theorems(found), CythonKernel):
        for s, small in small_sums(compiled):
            wanted = planned_pointers(s.nest, s.array)
            for lines in pointer_mutants(small.body):
                tried += 1
                try:
                    numbers = [*compiled.integers, *compiled.reals]
                    other = read_pointers(replace(small, body=lines), s.nest, numbers)
                except (AssertionError, SyntaxError, KeyError, ValueError, TypeError):
                    continue
                assert other != wanted, lines
    assert tried > 200


@pytest.mark.parametrize(
    "text",
    [
        "y[o,p] = sum[c,k] x[c,s*p+d*k-lo] * w[o,c,k]",
        "y[n,o] = 3/2 * sum[k] x[n,k] * [0 <= k-n < d] + b[o]",
        "y[i,l] = sum[j,k] A[i,j] * B[j,k] * C[k,l] + sum[j] D[i,l,j]",
    ],
)
def test_changed_numpy_is_another_plan(text: str) -> None:
    found, tried = layer(text), 0
    for kernel in lowered(found, kernel_theorems(found), NumpyKernel):
        wanted = planned_numpy(kernel)
        for lines in numpy_mutants(kernel.body):
            tried += 1
            try:
                same = equal(read_numpy(kernel, lines), wanted)
            except (AssertionError, SyntaxError, KeyError, ValueError, TypeError, IndexError):
                continue
            assert not same, lines
    assert tried >= 40


def numpy_mutants(lines: Sequence[str]) -> Iterator[list[str]]:
    """Yield statements without one line, or with one number, sign, name or colon changed."""
    choice = r"#|add = |(else )?add_\w+( if .*)?$|_order|(el)?if _order|[\[\])]|\d"
    for at, line in enumerate(lines):
        if re.match(rf"\s*({choice})", line):
            continue  # which function is chosen, and when: each computes the same
        yield [*lines[:at], *lines[at + 1 :]]
        for found in re.finditer(r"\d+|[-+:]|None|\b[a-zA-Z]\b", line):
            new = CHANGES.get(found.group(), "Z")
            yield [*lines[:at], line[: found.start()] + new + line[found.end() :], *lines[at + 1 :]]


CHANGES = {"+": "-", "-": "+", ":": "0", "None": ":", **{str(n): str(n + 1) for n in range(9)}}
