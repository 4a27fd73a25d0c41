"""What is wrong with a target: the smallest failure, the terms at fault, and the known mistake."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from rot180.codegen.audit.expectations import Closeness
from rot180.codegen.audit.judge import Judge, Mismatch
from rot180.codegen.audit.mistakes import Mistake, mistakes, with_remainders
from rot180.codegen.audit.products import Array, Products, shape_of
from rot180.codegen.audit.program_mistakes import ProgramMistake, program_mistakes
from rot180.codegen.audit.questions import Env
from rot180.codegen.audit.targets import UnsupportedCallError
from rot180.codegen.audit.tolerance import numpy_dtype
from rot180.derive.language.programs import Program

PROBES = 400
"""The most calls that find out which products a target sums."""

TRIED = 60
"""The most configurations that are tried for a name."""

SIMILAR = 16
"""How many tolerances a result may be off from what a known mistake gives."""

WITNESSES = 6
"""How many configurations a known mistake has to reproduce."""


@dataclass(frozen=True)
class Diagnosis:
    """What is wrong.

    Attributes:
        smallest: the smallest configuration at which it is wrong.
        mistake: the known mistake that gives the same results; "" if none does.
        terms: which products the first wrong entry lacks, has besides, or has with another number.

    """

    smallest: Mismatch
    mistake: str
    terms: tuple[str, ...]


def diagnose(judge: Judge, mismatch: Mismatch) -> Diagnosis:
    """Say what is wrong with a target.

    Args:
        judge: who judged it.
        mismatch: the first wrong result.

    """
    smallest = judge.shrunk(mismatch)
    return Diagnosis(smallest, named(judge, smallest), tuple(_terms(judge, smallest)))


def named(judge: Judge, smallest: Mismatch) -> str:
    """Return the known mistake whose results are those of the target.

    It must give them at the smallest configuration and at most of those that were tried; if not at
    all of them, there is another mistake too, and the text says so.
    """
    if smallest.kind == "shape":
        return _shaped(judge, smallest)
    if smallest.kind != "wrong":
        return ""
    witnesses = [smallest, *_witnesses(judge, smallest)]
    best, most = "", len(witnesses) // 2
    program = isinstance(judge.question.layer, Program)
    for mistake in program_mistakes(judge.question) if program else mistakes(judge.question):
        if not _reproduces(judge, mistake, smallest):
            continue
        count = sum(_reproduces(judge, mistake, found) for found in witnesses)
        if count == len(witnesses):
            return mistake.name
        if count > most:
            best, most = f"{mistake.name} (in {count} of {len(witnesses)} configurations)", count
    return best


def _witnesses(judge: Judge, smallest: Mismatch) -> list[Mismatch]:
    """Return other configurations at which a target is wrong."""
    found, choice = list[Mismatch](), judge.choice()
    for case in itertools.islice(choice, TRIED):
        if len(found) == WITNESSES:
            break
        try:
            mismatch = judge.again(case, smallest)
        except UnsupportedCallError:
            choice.refuse(case)
            continue
        choice.support(case)
        if mismatch is not None and mismatch.kind == "wrong":
            found.append(mismatch)
    return found


def _shaped(judge: Judge, smallest: Mismatch) -> str:
    """Name the mistake behind a wrong shape."""
    if smallest.result is not None and (
        smallest.result.ndim
        == len(judge.question.shape(judge.question.result, smallest.case.env)) + 1
    ):
        return "summed over one axis too few"
    env = with_remainders(judge.question, smallest.case.env)
    rests = [n for v, n in env.items() if v not in smallest.case.env]
    if smallest.result is None or not rests:
        return ""
    shape = judge.question.shape(judge.question.result, env)
    lacking = [a - b for a, b in zip(shape, smallest.result.shape, strict=False)]
    if len(shape) == smallest.result.ndim and lacking[-len(rests) :] == rests:
        return "remainder ignored: the shape is too small"
    return ""


def _reproduces(judge: Judge, mistake: Mistake | ProgramMistake, found: Mismatch) -> bool:
    env = with_remainders(judge.question, found.case.env)
    wrong = mistake.expected(env, judge.question.wrt)
    assert found.result is not None
    result = found.result.reshape(-1)
    if found.precision is None:
        values = wrong.exactly(found.arrays, found.dtype)
        return values is not None and np.array_equal(values.reshape(-1), result)
    close = wrong.closely(found.arrays, found.precision)
    if close is None:
        return not np.isfinite(result).any()  # nor has the mistake a value there
    if close.values.size != result.size:
        return False
    flat = Closeness(close.values.reshape(-1), close.bounds.reshape(-1))
    return not flat.wrong(result, SIMILAR)[0].any()


def _terms(judge: Judge, smallest: Mismatch) -> Iterator[str]:
    """Compare the products of the first wrong entry with those that one-hot arrays bring out."""
    env, question = smallest.case.env, judge.question
    if smallest.kind != "wrong" or smallest.index is None or smallest.result is None:
        return
    if isinstance(question.layer, Program):
        return  # its result is no sum of products
    sizes = {question.key(t): int(np.prod(shape_of(t, env))) for t in question.reads}
    if len(sizes) > 2 or np.prod(list(sizes.values())) > PROBES:
        return
    place = int(np.ravel_multi_index(smallest.index, smallest.result.shape))
    right = _coefficients(question.sum.products(env, question.wrt), place)
    found = _probed(judge, smallest, sizes, place)
    for at in sorted({*right, *found}):
        a, b = found.get(at, 0.0), right.get(at, 0.0)
        if a != b:
            product = " * ".join(_entry(judge, key, n, env) for key, n in at)
            word = "is missing" if a == 0 else "is extra" if b == 0 else f"has {a:g}, not {b:g}"
            yield f"{product} {word}"


Product: TypeAlias = tuple[tuple[str, int], ...]
"""The arrays that are multiplied, and the entry of each."""


def _coefficients(products: Products, place: int) -> dict[Product, float]:
    out: dict[Product, float] = {}
    for block in products.blocks:
        for n in np.flatnonzero(block.places == place):
            key = tuple(sorted((name, int(at[n])) for name, at in block.factors))
            out[key] = out.get(key, 0.0) + float(block.scale)
    return out


def _probed(
    judge: Judge, smallest: Mismatch, sizes: dict[str, int], place: int
) -> dict[Product, float]:
    """Return the coefficient of each product in an entry of a target's result."""
    out: dict[Product, float] = {}
    names = sorted(sizes)
    for at in np.ndindex(*(sizes[name] for name in names)):
        arrays: dict[str, Array] = {}
        for name, n in zip(names, at, strict=True):
            arrays[name] = np.zeros(sizes[name], numpy_dtype(smallest.dtype))
            arrays[name][n] = 1
        found = judge.call(smallest.case, smallest.dtype, arrays)
        if isinstance(found, Mismatch):
            return {}
        value = float(found.reshape(-1)[place])
        if value:
            out[tuple(zip(names, at, strict=True))] = value
    return out


def _entry(judge: Judge, key: str, n: int, env: Env) -> str:
    question = judge.question
    t = next(t for t in question.reads if question.key(t) == key)
    shape = question.shape(t, env)
    at = ",".join(str(int(i)) for i in np.unravel_index(n, shape))
    return f"{question.array_name(t)}[{at}]"
