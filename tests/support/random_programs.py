"""Derives programs drawn at random, checks their proofs, and runs their kernels.

``python -m tests.support.random_programs --count 2000``. A program must read back; its proofs must
be accepted by replay, as read from their certificates, and by the checker; its gradients must be
those of its forward pass, by differences along a random direction; and what is compiled must agree
with NumPy. The last lines say how many were derived, and the seconds for their sizes.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import math
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from rot180.codegen import compile
from rot180.codegen.kernels.build import BuildError, find_compiler
from rot180.codegen.kernels.program_derivation import ProvedProgram, prove_program
from rot180.codegen.system import cache
from rot180.derive import checker
from rot180.derive.certificates.reader import loads
from rot180.derive.certificates.writer import dumps
from rot180.derive.kernel.replay import replay
from rot180.derive.language.programs import Program, parse_program
from rot180.derive.language.tokens import NotationError
from tests.support.program_draw import FEW, drawn_program
from tests.support.program_runs import Array, call, drawn, numpy_module

STEP = 1e-5
LONG = (FEW, FEW, FEW, 8, 16, 32)
"""The most definitions, of seed 0, 1, ...; then again from the first."""
LARGE = 1e8
"""From here on a difference says nothing about a derivative."""
COMPILED = 25
"""Of this many programs, one is compiled."""


@dataclass(frozen=True)
class Outcome:
    """The result of the checks of a program.

    Attributes:
        kind: derived, refused or faulty.
        text: the program, and what is wrong.
        size: the number of its definitions, intermediates among them.
        seconds: the processor time of its proofs.

    """

    kind: str
    text: str
    size: int = 0
    seconds: float = 0.0


def examine(seed: int, compiled: bool = False) -> Outcome:
    """Derive a program and check all that must hold.

    Args:
        seed: the program, and the arrays that its kernels get.
        compiled: whether its kernels are compiled, too.

    """
    text = drawn_program(seed, LONG[seed % len(LONG)])
    try:
        program = parse_program(text)
    except NotationError as error:
        return Outcome("refused", f"{text}\n{error}")
    try:
        begin = time.process_time()
        proved = prove_program(program)
        seconds = time.process_time() - begin
        faults = [*_unproved(program, proved), *_different(program, seed, compiled)]
    except Exception:  # a program that was read must be derived
        return Outcome("faulty", f"{text}\n{traceback.format_exc()}")
    kind = "faulty" if faults else "derived"
    return Outcome(kind, "\n".join([text, *faults]), len(program.definitions), seconds)


def has_compiler() -> bool:
    """Say whether there is a C compiler."""
    try:
        find_compiler()
    except BuildError:
        return False
    return True


def _unproved(program: Program, proved: ProvedProgram) -> list[str]:
    faults = []
    if parse_program(program.text) != program:
        faults.append("it reads back differently")
    for name, theorem in proved.gradients:
        certificate = dumps(theorem.proof)
        if replay(loads(certificate)) != theorem:
            faults.append(f"{name}: its certificate proves another theorem")
        (verdict,) = checker.check(certificate)
        if verdict.verdict != "proved":
            faults.append(f"{name}: the checker says {verdict}")
    return faults


def _different(program: Program, seed: int, compiled: bool) -> list[str]:
    """Compare the gradients with differences of the forward pass, and the back ends."""
    module, arrays, faults = numpy_module(program.text), drawn(program, seed), []
    g = arrays[f"grad_{program.output.name}"]
    random = np.random.default_rng(seed)
    other = compile(program.text, "compiled") if compiled else None
    for t in program.tensors:
        function = f"grad_{t.name}"
        found = call(program, getattr(module, function), arrays)
        way = random.uniform(-1, 1, found.shape)

        def loss(h: float, name: str = t.name, way: Array = way) -> float:
            moved = {**arrays, name: np.asarray(arrays[name] + h * way)}
            return float((call(program, module.forward, moved) * g).sum())

        wanted, given = (loss(STEP) - loss(-STEP)) / (2 * STEP), float((found * way).sum())
        scale = float(np.abs(found * way).sum()) + 1
        size = abs(loss(0))
        if size < LARGE and abs(wanted - given) > 1e-5 * scale + 1e-10 * size / STEP:
            faults.append(f"{function}: {given} along a direction, expected {wanted}")
        if other is not None:
            same = call(program, getattr(other, function), arrays)
            if not np.allclose(same, found, rtol=1e-11, atol=1e-12):
                faults.append(f"{function}: the compiled kernel differs from NumPy")
    return faults


def _examined(seed: int, compiler: bool) -> Outcome:
    return examine(seed, compiler and seed % COMPILED == 0)


def growth(outcomes: Sequence[Outcome]) -> tuple[list[tuple[int, int, float]], float]:
    """Return size, programs and median seconds, and the exponent p of ``seconds ~ size^p``."""
    sizes: dict[int, list[float]] = {}
    for o in outcomes:
        if o.kind == "derived":
            sizes.setdefault(o.size, []).append(o.seconds)
    table = [(n, len(found), statistics.median(found)) for n, found in sorted(sizes.items())]
    points = [(math.log(n), math.log(max(s, 1e-9)), count) for n, count, s in table]
    total = sum(w for *_, w in points)
    if len(points) < 2:
        return table, 0.0
    x, y = (sum(p[k] * p[2] for p in points) / total for k in (0, 1))
    slope = sum(w * (a - x) * (b - y) for a, b, w in points)
    return table, slope / sum(w * (a - x) ** 2 for a, _, w in points)


def _plot(outcomes: Sequence[Outcome], file: str) -> None:
    figures = importlib.import_module("matplotlib.figure")
    figure = figures.Figure(figsize=(6, 4), layout="constrained")
    axes = figure.add_subplot()
    derived = [o for o in outcomes if o.kind == "derived"]
    axes.loglog([o.size for o in derived], [o.seconds for o in derived], ".", alpha=0.4)
    axes.set(xlabel="definitions", ylabel="seconds, all gradients proved")
    figure.savefig(file)


def main(arguments: Sequence[str] | None = None) -> int:
    """Examine programs; return 1 if one is faulty."""
    parser = argparse.ArgumentParser(description="Programs drawn at random: derived and checked.")
    parser.add_argument("--count", type=int, default=100, help="how many programs")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--jobs", type=int, default=1, help="how many processes")
    parser.add_argument("--plot", help="write seconds against sizes as SVG, if there is matplotlib")
    options = parser.parse_args(arguments)
    seeds = range(options.first, options.first + options.count)
    outcomes: list[Outcome] = []
    work = partial(_examined, compiler=has_compiler())
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"CFLAGS": "-O0", cache.VARIABLE: folder}
        with multiprocessing.Pool(options.jobs) as pool:
            for seed, outcome in zip(seeds, pool.imap(work, seeds), strict=True):
                outcomes.append(outcome)
                if outcome.kind != "derived":
                    print(f"seed {seed}, {outcome.kind}: {outcome.text}", flush=True)
    table, power = growth(outcomes)
    print("definitions  programs  seconds (median)")
    for size, count, seconds in table:
        print(f"{size:11d}  {count:8d}  {seconds:7.2f}")
    if options.plot and importlib.util.find_spec("matplotlib"):
        _plot(outcomes, options.plot)
    found = Counter(o.kind for o in outcomes)
    kinds = ", ".join(f"{found[k]} {k}" for k in ("derived", "refused", "faulty"))
    print(f"{len(outcomes)} random programs: {kinds}; seconds grow as definitions^{power:.2f}")
    return 1 if found["faulty"] else 0


if __name__ == "__main__":
    sys.exit(main())
