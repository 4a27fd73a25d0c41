"""What is wrong with a target: the smallest failure, the terms at fault, and the known mistake."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeAlias

import numpy as np
import sympy as sp

from rot180.codegen.audit.expectations import Closeness
from rot180.codegen.audit.judge import Judge, Mismatch
from rot180.codegen.audit.mistake import Mistake
from rot180.codegen.audit.mistakes import mistakes, with_remainders
from rot180.codegen.audit.products import Array, Products, Sum, shape_of
from rot180.codegen.audit.program_mistakes import ProgramMistake, program_mistakes
from rot180.codegen.audit.questions import Env, Question
from rot180.codegen.audit.size_mistakes import SizeMistake, axes_of, size_mistakes
from rot180.codegen.audit.targets import UnsupportedCallError
from rot180.codegen.audit.tolerance import numpy_dtype
from rot180.derive.language.programs import Program
from rot180.derive.language.terms import Access, Factor, Tensor
from rot180.derive.semantics.model import EvaluationError, integer

PROBES = 400
"""The most calls that find out which products a target sums."""

TRIED = 120
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
    if mismatch.kind == "inaccurate":
        mismatch = _in_integers(judge, mismatch) or mismatch
    smallest = judge.shrunk(mismatch)
    return Diagnosis(smallest, named(judge, smallest), tuple(_terms(judge, smallest)))


def _in_integers(judge: Judge, mismatch: Mismatch) -> Mismatch | None:
    """Return a mismatch in small integers: a formula that is wrong has one, rounding has none."""
    choice = judge.choice()
    for case in itertools.islice(choice, TRIED // 3):
        try:
            found = judge.exactly(case, mismatch.dtype)
        except UnsupportedCallError:
            choice.refuse(case)
            continue
        choice.support(case)
        if found is not None and found[0] is not None:
            return found[0]
    return None


def named(judge: Judge, smallest: Mismatch) -> str:
    """Return the known mistake whose results are those of the target.

    It must give them at the smallest configuration and at most of those that were tried; if not at
    all of them, there is another mistake too, and the text says so.
    """
    if smallest.kind == "shape" and (said := _more_axes(judge, smallest)):
        return said
    if smallest.result is None or smallest.kind not in ("wrong", "shape"):
        return ""
    witnesses = [smallest, *_witnesses(judge, smallest)]
    best, most = "", len(witnesses) // 2
    for name, reproduces in _explanations(judge, smallest):
        if not reproduces(smallest):
            continue
        count = sum(map(reproduces, witnesses))
        if count == len(witnesses):
            return name
        if count > most:
            best, most = f"{name} (in {count} of {len(witnesses)} configurations)", count
    return best


def _witnesses(judge: Judge, smallest: Mismatch) -> list[Mismatch]:
    """Return other configurations at which a target is wrong in the same way."""
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
        if mismatch is not None and mismatch.kind == smallest.kind:
            found.append(mismatch)
    return found


def _more_axes(judge: Judge, smallest: Mismatch) -> str:
    shape = judge.question.shape(judge.question.result, smallest.case.env)
    more = smallest.result is not None and smallest.result.ndim == len(shape) + 1
    return "summed over one axis too few" if more else ""


Explanation: TypeAlias = tuple[str, Callable[[Mismatch], bool]]
"""A mistake, and whether it gives the result of a mismatch."""


def _explanations(judge: Judge, smallest: Mismatch) -> Iterator[Explanation]:
    """Yield what may be wrong; with a wrong shape, mistakes in sizes and in values together."""
    if isinstance(judge.question.layer, Program):
        for mistaken in program_mistakes(judge.question):
            yield mistaken.name, partial(_agrees, judge, mistaken)
        return
    known = list(mistakes(judge.question))
    for mistake in known:
        yield mistake.name, partial(_reproduces, judge, mistake)
    if smallest.kind == "wrong":
        return
    _, letter = axes_of(judge.question, smallest.case.env)
    right = Mistake("", judge.question.sum)
    for mistake in (right, *known):
        if not _reproduces(judge, mistake, smallest, resized=True):
            continue
        for size in size_mistakes(letter) if letter else ():
            same = mistake.name and size.name.startswith(mistake.name)
            name = mistake.name if same else "; ".join(filter(None, (mistake.name, size.name)))

            def both(m: Mismatch, mistake: Mistake = mistake, size: SizeMistake = size) -> bool:
                return _has_size(judge, size, m) and _reproduces(judge, mistake, m, resized=True)

            yield name, both
        if mistake.name:
            yield mistake.name, partial(_reproduces, judge, mistake, resized=True)


def _has_size(judge: Judge, mistake: SizeMistake, found: Mismatch) -> bool:
    """Say whether a mistake gives the shape of a result."""
    axes, letter = axes_of(judge.question, found.case.env)
    assert found.result is not None
    shape = judge.question.shape(judge.question.result, found.case.env)
    return any(
        (*shape[: -len(axes)], *sizes) == found.result.shape
        for sizes in mistake.sizes(axes, letter)
    )


def _agrees(judge: Judge, mistake: ProgramMistake, found: Mismatch) -> bool:
    """Say whether a program with a mistake gives a result, as closely as it was judged."""
    wrong = mistake.expected(found.case.env)
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


def _reproduces(judge: Judge, mistake: Mistake, found: Mismatch, resized: bool = False) -> bool:
    """Say whether a mistake gives a result, in an array of its own size or of that of the result.

    Args:
        judge: who judged it.
        mistake: the mistake.
        found: the result.
        resized: whether the definition is taken for the axes of the result.

    """
    assert found.result is not None
    question = judge.question
    env = with_remainders(question, found.case.env)
    if resized:
        boxed = _boxed(question, mistake.sum, found)
        if boxed is None:
            return False
        mistake = replace(mistake, sum=boxed)
    try:
        values = mistake.values(env, question.wrt, judge.integers(found.case.env))
    except EvaluationError:  # without dilation, say, an index that is ignored has no bounds
        return False
    if found.kind == "wrong":
        values = values.reshape(-1)
        return bool(np.array_equal(values, found.result.reshape(-1)))
    if values.ndim == found.result.ndim and values.shape != found.result.shape:
        return False
    return bool(np.array_equal(values.reshape(-1), found.result.reshape(-1)))


def _boxed(question: Question, s: Sum, found: Mismatch) -> Sum | None:
    """Return a definition with the sizes of a result on the last axes; None where others differ."""
    assert found.result is not None
    right = question.shape(question.result, found.case.env)
    if len(right) != found.result.ndim:
        return None
    other = [n for n, (a, b) in enumerate(zip(right, found.result.shape, strict=True)) if a != b]
    shape, behind = list(question.result.shape), len(right)
    for n in other:
        size = question.result.shape[n - behind]
        if size is None or integer(size, found.case.env) != right[n]:
            return None  # groups are joined with this axis
        shape[n - behind] = sp.Integer(found.result.shape[n])
    name = question.wrt or s.upstream.tensor.name

    def change(f: Factor) -> Factor:
        if not isinstance(f, Access) or f.tensor.name != name:
            return f
        return Access(Tensor(name, tuple(shape)), f.index)

    changed = s.changed(change)
    box = s.box if question.wrt else tuple(n for n in shape if n is not None)
    return replace(changed, box=box)


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
