"""Derives programs drawn at random, checks their proofs, and runs their kernels.

``python -m tests.support.random_programs --count 2000``. A program must read back; the proof of
the gradient by each operand must be accepted by replay, as read from its certificate, and by the
checker; and the forward pass and all gradients, by the NumPy and by the compiled kernels, must be
what the definitions and their slopes are entry by entry: exactly, where the values are rational.
The last lines say how many were derived, and the seconds for their sizes.
"""

from __future__ import annotations

import argparse
import linecache
import math
import multiprocessing
import os
import sys
import tempfile
import time
import traceback
import types
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np

from rot180.codegen.kernels.build import BuildError, find_compiler
from rot180.codegen.kernels.compile import compiled_module
from rot180.codegen.kernels.program_derivation import ProvedProgram, joint_module, prove_program
from rot180.codegen.system import cache
from rot180.derive import checker
from rot180.derive.certificates.reader import loads
from rot180.derive.certificates.writer import dumps
from rot180.derive.kernel.replay import replay
from rot180.derive.language.programs import Program, parse_program
from rot180.derive.language.tokens import NotationError
from tests.support.naive import Meaning, meaning
from tests.support.program_draw import FEW, drawn_program, is_rational
from tests.support.program_plot import fitted, medians, picture
from tests.support.program_runs import (
    PARAMETERS,
    Array,
    call,
    drawn_indices,
    numpy_module,
    shape,
    sizes,
)

LONG = {16: 8, 80: 16, 400: 32}
"""One program in 16 has up to 8 definitions, one in 80 up to 16, one in 400 up to 32."""
FORMS = 4
"""Of this many programs, the forms of the gradients that documents print are checked for one."""
EXACT = 2.0**30
"""As long as all numbers are smaller, floats compute with these fractions exactly."""
TOLERANCE = 1e-10
"""Of the largest entry of an array; sums may cancel."""


@dataclass(frozen=True)
class Outcome:
    """The result of the checks of a program.

    Attributes:
        kind: derived, refused or faulty.
        text: the program, and what is wrong.
        size: the number of its definitions, intermediates among them.
        seconds: the processor time of each stage.
        exact: whether its values were compared exactly.

    """

    kind: str
    text: str
    size: int = 0
    seconds: Mapping[str, float] = field(default_factory=dict)
    exact: bool = False

    @property
    def total(self) -> float:
        """Return the processor time of all stages."""
        return sum(self.seconds.values())


class _Clock:
    """The processor time of stages, that of the compiler included."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Add the processor time of what is done to a stage."""
        begin = sum(os.times()[:4])
        yield
        self.seconds[name] = self.seconds.get(name, 0) + sum(os.times()[:4]) - begin


def examine(seed: int, compiled: bool = False) -> Outcome:
    """Derive a program and check all that must hold.

    Args:
        seed: the program, and the arrays that its kernels get.
        compiled: whether its kernels are compiled, too.

    """
    most = next((m for n, m in reversed(LONG.items()) if seed % n == n - 1), FEW)
    text, clock = drawn_program(seed, most), _Clock()
    try:
        with clock.stage("read"):
            program = parse_program(text)
    except NotationError as error:
        return Outcome("refused", f"{text}\n{error}")
    try:
        with clock.stage("derive"):
            proved = prove_program(program)
        with clock.stage("replay and check"):
            faults = _unproved(program, proved, seed % FORMS == 0)
        rational = is_rational(seed, most)
        modules = _modules(proved, compiled, clock)
        found, exact = _different(program, modules, seed, rational, clock)
    except Exception:  # a program that was read must be derived
        return Outcome("faulty", f"{text}\n{traceback.format_exc()}")
    faults += found
    kind, whole = "faulty" if faults else "derived", "\n".join([text, *faults])
    return Outcome(kind, whole, len(program.definitions), clock.seconds, exact)


def has_compiler() -> bool:
    """Say whether there is a C compiler."""
    try:
        find_compiler()
    except BuildError:
        return False
    return True


def _unproved(program: Program, proved: ProvedProgram, forms: bool) -> list[str]:
    """Replay and check the certificate of each gradient, and of its forms in documents if asked."""
    faults = []
    if parse_program(program.text) != program:
        faults.append("it reads back differently")
    theorems = [(f.name, f.computed) for f in proved.chains]  # it continues the proof of f.theorem
    theorems += [(n, t) for n, t in proved.gradients if (n, t) not in theorems] if forms else []
    for name, theorem in theorems:
        certificate = dumps(theorem.proof)
        if replay(loads(certificate)) != theorem:
            faults.append(f"{name}: its certificate proves another theorem")
        (verdict,) = checker.check(certificate)
        if verdict.verdict != "proved":
            faults.append(f"{name}: the checker says {verdict}")
    return faults


def _modules(
    proved: ProvedProgram, compiled: bool, clock: _Clock
) -> dict[str, types.ModuleType]:
    """Return the kernels of each back end."""
    with clock.stage("NumPy: write"):
        modules = {"NumPy": numpy_module(proved)}
    if compiled:
        with clock.stage("C: write"):
            module = joint_module(proved, "cython", fused=True)
        with clock.stage("C: print, compile"):
            modules["C"] = compiled_module(module)
    return modules


def _different(
    program: Program,
    modules: Mapping[str, types.ModuleType],
    seed: int,
    rational: bool,
    clock: _Clock,
) -> tuple[list[str], bool]:
    """Compare kernels with the definitions; say whether that was exact."""
    arrays = _arrays(program, seed, rational)
    with clock.stage("evaluate"):
        numbers = {n: Fraction(v) if rational else v for n, v in PARAMETERS.items()}
        upstream = arrays[f"grad_{program.output.name}"]
        expected = meaning(program, sizes(program) | numbers, arrays, upstream, exact=rational)
    exact = rational and expected.largest < EXACT
    faults = list[str]()
    for word, module in modules.items():
        with clock.stage(f"{word}: run"):
            faults += _faults(word, program, module, arrays, expected, exact)
    return faults, exact


def _arrays(program: Program, seed: int, rational: bool) -> dict[str, Array]:
    """Return arrays for the operands, the gradient by the output, and the arrays of indices."""
    random = np.random.default_rng(seed)
    out: dict[str, Array] = drawn_indices(program, seed)
    for name in [*(t.name for t in program.tensors), f"grad_{program.output.name}"]:
        box = shape(program, name)
        whole, real = random.integers(-2, 3, box), random.uniform(-1.5, 1.5, box)
        out[name] = whole.astype(float) if rational else real
    return out


def _faults(
    word: str,
    program: Program,
    module: types.ModuleType,
    arrays: Mapping[str, Array],
    expected: Meaning,
    exact: bool,
) -> Iterator[str]:
    """Run the forward pass, each gradient, and all gradients together."""
    together = call(program, module.vjp, arrays)
    for n, (name, wanted) in enumerate(expected.gradients.items()):
        own = call(program, getattr(module, f"grad_{name}"), arrays)
        for function, found in ((f"grad_{name}", own), (f"vjp, {name}", together[n])):
            if not _same(found, wanted, exact):
                yield f"{word}, {function}: {found.tolist()}, expected {wanted.tolist()}"
    found = call(program, module.forward, arrays)
    if not _same(found, expected.output, exact):
        yield f"{word}, forward: {found.tolist()}, expected {expected.output.tolist()}"


def _same(found: Array, wanted: Array, exact: bool) -> bool:
    if found.shape != wanted.shape:
        return False
    if exact:
        return bool((found == wanted).all())
    values = wanted.astype(float)
    most = TOLERANCE * max(1, abs(values).max(initial=0))
    return bool(np.isfinite(values).all() and (abs(found - values) <= most).all())


def _examined(seed: int, compiler: bool) -> Outcome:
    linecache.clearcache()
    return examine(seed, compiler)


def _report(outcomes: Sequence[Outcome]) -> None:
    """Print the seconds for each size and of each stage, and what was found."""
    derived = [o for o in outcomes if o.kind == "derived"]
    points = [(o.size, o.total) for o in derived]
    print("definitions  programs  seconds (median)")
    for size, count, seconds in medians(points):
        print(f"{size:11d}  {count:8d}  {seconds:7.2f}")
    for stage in dict.fromkeys(s for o in derived for s in o.seconds):
        mean = sum(o.seconds.get(stage, 0) for o in derived) / len(derived)
        print(f"{stage}: {mean:.3f} seconds a program")
    found = Counter(o.kind for o in outcomes)
    kinds = ", ".join(f"{found[k]} {k}" for k in ("derived", "refused", "faulty"))
    exact = sum(o.exact for o in derived)
    power = fitted(points)[1] if derived else 0.0
    mean = sum(s for _, s in points) / max(1, len(points))
    print(f"{exact} were compared exactly; {mean:.2f} processor seconds a program")
    print(f"{len(outcomes)} random programs: {kinds}; seconds grow as definitions^{power:.2f}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Examine programs; return 1 if one is faulty."""
    parser = argparse.ArgumentParser(description="Programs drawn at random: derived and checked.")
    parser.add_argument("--count", type=int, default=100, help="how many programs")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--jobs", type=int, default=1, help="how many processes")
    parser.add_argument("--minutes", type=float, help="no new program after so long")
    parser.add_argument("--plot", help="write seconds against sizes as SVG")
    options = parser.parse_args(arguments)
    seeds = range(options.first, options.first + options.count)
    outcomes: list[Outcome] = []
    end = time.monotonic() + 60 * options.minutes if options.minutes else math.inf
    work = partial(_examined, compiler=has_compiler())
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"CFLAGS": "-O0", cache.VARIABLE: folder}
        with multiprocessing.Pool(options.jobs, maxtasksperchild=200) as pool:
            for seed, outcome in zip(seeds, pool.imap(work, seeds), strict=True):
                outcomes.append(outcome)
                if outcome.kind != "derived":
                    print(f"seed {seed}, {outcome.kind}: {outcome.text}", flush=True)
                if len(outcomes) % 50 == 0:
                    spent = sum(o.total for o in outcomes)
                    print(f"{len(outcomes)} programs, {spent:.0f} processor seconds", flush=True)
                if time.monotonic() > end:
                    break
    _report(outcomes)
    points = [(o.size, o.total) for o in outcomes if o.kind == "derived"]
    if options.plot and points:
        Path(options.plot).write_text(picture(points), encoding="utf-8")
    return 1 if any(o.kind == "faulty" for o in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main())
