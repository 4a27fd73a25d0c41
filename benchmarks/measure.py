"""Interleaved timing, checks of the results, the machine and its peak."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.cases import Case
from benchmarks.operations import OPERATIONS
from benchmarks.peers import Array, Call, Calls, contestants, installed, problem
from benchmarks.results import CLOCKS, COMPILED, Ratio, Result, Run, Timing
from benchmarks.user_cases import UserCase
from benchmarks.user_peers import user_contestants, user_problem

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to measure.

    Attributes:
        rounds: the number of rounds; in each, every contestant has one turn.
        block: seconds of a turn; a fast call is repeated until they have passed.
        budget: seconds for all turns of a contestant; a slow one takes part in fewer rounds.
        least: the number of rounds in which every contestant takes part.
        side: the number of rows of the square matrices whose product measures the peak.
        clock: returns seconds.

    """

    rounds: int
    block: float
    budget: float
    least: int
    side: int
    clock: Callable[[], float] = time.perf_counter


FULL = Effort(rounds=21, block=0.005, budget=1.0, least=5, side=2048)
QUICK = Effort(rounds=5, block=0.001, budget=0.03, least=2, side=1024)
RECORDED = ("_NUM_THREADS", "OMP_WAIT_POLICY", "_THREAD_TIMEOUT")
"""A run records the environment variables whose names end like this."""
STEP = 0.002
"""Seconds between two checks of whether all threads are idle."""
CHECKS = 3
"""The number of checks in a row that must find them idle."""


def seconds(
    call: Call, repeats: int, clock: Callable[[], float] = time.perf_counter
) -> float:
    """Return the seconds of one call, the mean of the repeats of a turn."""
    if repeats > 1:
        call()  # fills the caches: the other contestants have evicted our arrays
    begin = clock()
    for _ in range(repeats):
        call()
    return (clock() - begin) / repeats


def plan(call: Call, effort: Effort) -> tuple[int, int]:
    """Return the number of calls in a turn, and of rounds that the contestant takes part in."""
    once = seconds(call, 1, effort.clock)
    if once < effort.block:
        once = min(once, seconds(call, 1, effort.clock))
    repeats = max(1, round(effort.block / once))
    rounds = int(effort.budget / (once * repeats))
    return repeats, min(effort.rounds, max(effort.least, rounds))


def wait_until_idle(longest: float = 0.2) -> None:
    """Wait until the threads of this process are idle: many libraries spin after a call.

    A spinning thread occupies a core that the next contestant needs.
    """
    end = time.perf_counter() + longest
    idle = 0
    while idle < CHECKS and time.perf_counter() < end:
        before = time.process_time()
        time.sleep(STEP)
        idle = idle + 1 if time.process_time() - before < 0.1 * STEP else 0


def interleave(
    calls: dict[str, Call], effort: Effort, threads: int = 1
) -> dict[str, list[float]]:
    """Return the times of each contestant's turns, taken in rounds: A B A B.

    With several threads, a turn starts when the threads of the previous turn are idle.
    """
    pause = wait_until_idle if threads > 1 else nothing
    plans = {}
    for name, call in calls.items():
        pause()
        plans[name] = plan(call, effort)
    times: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(plans[COMPILED][1]):
        for name, call in calls.items():
            repeats, rounds = plans[name]
            if turn < rounds:
                pause()
                times[name].append(seconds(call, repeats, effort.clock))
    return times


def nothing() -> None:
    """Do nothing."""


def timing(times: list[float]) -> Timing:
    """Return the median and the quartiles of the times."""
    low, median, high = np.quantile(times, (0.25, 0.5, 0.75))
    return Timing(float(median), float(low), float(high), len(times))


def ratio(other: list[float], ours: list[float]) -> Ratio:
    """Return the ratio of the medians over the rounds in which both took part."""
    rounds = min(len(other), len(ours))
    a, b = np.array(other[:rounds]), np.array(ours[:rounds])
    low, high = np.quantile(a / b, (0.25, 0.75))
    return Ratio(float(np.median(a) / np.median(b)), float(low), float(high))


def rms(a: Array) -> float:
    """Return the root mean square of an array."""
    return float(np.sqrt(np.mean(np.square(a, dtype=np.float64))))


def difference(found: Any, expected: Array, case: Case | UserCase, operation: str) -> str:
    """Return how a result differs from the expected one, or an empty string.

    The root mean square of the error may be 4 eps sqrt(n + 64) times that of the expected result,
    where each entry sums n products. A single wrong entry among a million exceeds this bound.
    """
    result = np.asarray(found)
    if result.shape != expected.shape:
        return f"shape {result.shape}, expected {expected.shape}"
    off, size = rms(result - expected), rms(expected)
    allowed = 4 * float(np.finfo(case.dtype).eps) * (case.terms(operation) + 64) ** 0.5
    return "" if off <= allowed * size else f"differs by {off / size:.1e}, allowed {allowed:.1e}"


def measure(
    case: Case | UserCase, calls: dict[str, Calls], effort: Effort, threads: int = 1
) -> Iterator[Result]:
    """Yield the results of a case, one for each operation that the compiled kernels have.

    Args:
        case: the case.
        calls: the calls of each contestant, by its name.
        effort: how long to measure.
        threads: the number of threads.

    """
    for operation in OPERATIONS:
        entrants = {name: found[operation] for name, found in calls.items() if operation in found}
        if COMPILED not in entrants:
            continue
        expected = np.asarray(entrants[COMPILED]())
        wrong = {}
        for name, call in entrants.items():
            why = difference(call(), expected, case, operation)
            if why:
                wrong[name] = why
        right = {name: call for name, call in entrants.items() if name not in wrong}
        times = interleave(right, effort, threads)
        ours = times[COMPILED]
        yield Result(
            case,
            operation,
            {name: timing(found) for name, found in times.items()},
            {name: ratio(found, ours) for name, found in times.items() if name != COMPILED},
            wrong,
        )


def calls_of(case: Case | UserCase, threads: int) -> dict[str, Calls]:
    """Return the calls of each contestant that is installed, by its name."""
    if isinstance(case, UserCase):
        mine = user_problem(case)
        return {p.name: p.calls(mine) for p in user_contestants() if installed(p)}
    given = problem(case)
    return {p.name: p.calls(given) for p in contestants(threads) if installed(p)}


def run(
    cases: list[Case | UserCase], effort: Effort, threads: int, progress: Progress
) -> Run:
    """Measure the cases and return the results.

    Raises:
        ImportError: the kernels are not compiled.
        ValueError: the compiled and the NumPy kernels are from different checkouts.

    """
    folders = origins()
    if len(folders) > 1:
        where = " and ".join(map(str, folders))
        raise ValueError(f"kernels: found in {where}, expected one folder")
    set_threads(threads)
    absent = [peer.name for peer in contestants(threads) if not installed(peer)]
    dtypes = sorted({case.dtype for case in cases})
    before = [peak(dtype, effort) for dtype in dtypes]
    results: list[Result] = []
    skipped = []
    for number, case in enumerate(cases, 1):
        begin = len(results)
        for result in measure(case, calls_of(case, threads), effort, threads):
            results.append(result)
            progress(f"[{number}/{len(cases)}] {line(result)}")
        if len(results) == begin:
            skipped.append(f"{case}: no kernel supports its accuracy")
            progress(f"[{number}/{len(cases)}] skipped {skipped[-1]}")
    after = [peak(dtype, effort) for dtype in dtypes]
    best = {d: max(a, b) for d, (a, _), (b, _) in zip(dtypes, before, after, strict=True)}
    cores = min(given for _, given in (*before, *after))
    about = {**machine(), "clock": CLOCKS[effort.clock is time.process_time]}
    return Run(about, threads, cores, best, absent, skipped, results)


def line(result: Result) -> str:
    """Return a line of progress for a result."""
    median = result.timings[COMPILED].median
    parts = [f"{result.case}, {result.operation}: {1e6 * median:.0f} us"]
    if result.fastest is not None:
        parts.append(f"{result.fastest} / compiled {result.ratios[result.fastest].value:.2f}")
    parts += [f"{name} IS WRONG: {why}" for name, why in result.wrong.items()]
    return "; ".join(parts)


def set_threads(threads: int) -> None:
    """Set the number of threads of PyTorch and of the kernels.

    BLAS, OpenMP and Numba read environment variables when they load; `python -m benchmarks` sets
    them.
    """
    if find_spec("torch") is not None:
        import_module("torch").set_num_threads(threads)
    set_num_threads = getattr(import_module("rot180.generated"), "set_num_threads", None)
    if set_num_threads is not None:
        set_num_threads(threads)


def peak(dtype: str, effort: Effort) -> tuple[float, float]:
    """Return the GFLOP/s of a product of square matrices in NumPy, and the cores that it got.

    The first is the best of five; the second is processor time / elapsed time.
    """
    rng, side = np.random.default_rng(0), effort.side
    a, b = (rng.standard_normal((side, side)).astype(dtype) for _ in range(2))
    out = np.empty_like(a)

    def multiply() -> None:
        np.matmul(a, b, out=out)

    multiply()
    wait_until_idle()
    begin, used = time.perf_counter(), time.process_time()
    best = min(seconds(multiply, 1, effort.clock) for _ in range(5))
    cores = (time.process_time() - used) / (time.perf_counter() - begin)
    return 2e-9 * side**3 / best, cores


def machine() -> dict[str, Any]:
    """Return what the results depend on: processor, compiler, libraries, environment, commit."""
    blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
    return {
        "processor": processor(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "compiler": compiler(),
        "versions": {"python": platform.python_version(), **versions()},
        "blas": f"{blas['name']} {blas['version']}",
        "environment": {k: v for k, v in os.environ.items() if k.endswith(RECORDED)},
        "openmp": openmp(),
        "revision": revision(),
    }


def versions() -> dict[str, str]:
    """Return the versions of the libraries that are installed."""
    found = {}
    for name in ("numpy", "scipy", "torch", "numba", "jax"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def processor() -> str:
    """Return the processor's name."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def origins() -> list[Path]:
    """Return the folders of the kernels: two if only an installed copy of them is compiled."""
    import_module("rot180.generated.cython_kernels")
    modules = [m for name, m in sys.modules.items() if name.startswith("rot180.generated")]
    return sorted({Path(str(module.__file__)).resolve().parent for module in modules})


def compiler() -> str:
    """Return the compiler of the kernels, as recorded in the binary."""
    module = import_module("rot180.generated.cython_kernels")
    binary = Path(str(module.__file__)).read_bytes()
    found = re.search(rb"GCC: \([^)]*\) [\d.]+|clang version [\d.]+", binary)
    return found[0].decode() if found else "unknown"


def openmp() -> list[str]:
    """Return the OpenMP libraries in the process; the thread pools of two would compete."""
    maps = Path("/proc/self/maps")
    text = maps.read_text() if maps.exists() else ""
    return sorted(set(re.findall(r"[^/\s]*(?:gomp|iomp|libomp)[^/\s]*", text)))


def revision() -> str:
    """Return the commit of the kernels, or an empty string outside a checkout."""
    folder = Path(str(import_module("rot180.generated").__file__)).resolve().parent
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return done.stdout.strip()


def to_stderr(text: str) -> None:
    """Print a line of progress."""
    print(text, file=sys.stderr, flush=True)
