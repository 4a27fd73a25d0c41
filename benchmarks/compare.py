"""Measure two checkouts against each other: one process each, calls interleaved.

This file is also the program of each process. It answers requests, one JSON list a line:
`["case", number, module]`, `["result", operation]`, `["plan", operation]` and
`["turn", operation, repeats]`.
"""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from benchmarks.cases import CASES, Case
from benchmarks.measure import (
    FULL,
    QUICK,
    Effort,
    Progress,
    machine,
    origins,
    plan,
    ratio,
    seconds,
    set_threads,
    timing,
)
from benchmarks.operations import OPERATIONS
from benchmarks.peers import Calls, kernels, problem
from benchmarks.report import NONE, duration, markdown, mean, spread
from benchmarks.results import Ratio, Timing
from benchmarks.user_cases import UserCase
from benchmarks.user_peers import user_kernels, user_problem

BACKENDS = {"compiled": "cython_kernels", "NumPy": "numpy_kernels"}
"""The modules of kernels that are compared, each with its own summary."""

COMPILE = {"cython_kernels": "compiled", "numpy_kernels": "numpy"}
"""What `compile` calls the back ends of these modules."""

AnyCase = Case | UserCase

Entry = tuple[Timing, Timing, Ratio]
"""The times of an operation here and in the other checkout, and their ratio."""

PASSES = 5
"""The number of passes, each in new processes. Where a process has its memory can change the time
of a case by a third, so for each case the pass with the median ratio counts."""

ALL = "all"
"""The name of all classes together in the summary."""

ROOT = Path(__file__).resolve().parent.parent


class Checkout:
    """The compiled kernels of one checkout, in a process of their own."""

    def __init__(self, folder: Path, threads: int, quick: bool) -> None:
        """Start the process.

        Raises:
            ValueError: the folder is not a checkout, or its kernels are not compiled.

        """
        self.folder = folder.resolve()
        links = self.folder / ".links"
        if not (links / "rot180").is_dir():
            raise ValueError(f"{folder}: found no .links/rot180, expected a checkout of rot180")
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(links), str(ROOT)))}
        command = [sys.executable, "-m", "benchmarks.compare", str(threads), str(int(quick))]
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=1,
        )  # fmt: skip
        where = self._read()
        if where != [str(self.folder / "generated")]:
            self.close()
            found = f"kernels from {' and '.join(where)}" if where else "no compiled kernels"
            raise ValueError(f"{folder}: found {found}, expected its own, compiled in place")

    def __enter__(self) -> Checkout:
        """Return the checkout."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the process."""
        self.close()

    def close(self) -> None:
        """End the process."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()

    def ask(self, *request: Any) -> Any:
        """Return the answer to a request."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return self._read()

    def _read(self) -> Any:
        assert self.process.stdout is not None
        text = self.process.stdout.readline()
        if not text:
            raise RuntimeError(f"{self.folder}: its process ended early; see its message above")
        return json.loads(text)


def answer(threads: int, effort: Effort) -> None:
    """Answer the requests on standard input until it ends."""
    try:
        where = [str(folder) for folder in origins()]
    except ImportError:
        where = []
    print(json.dumps(where), flush=True)
    set_threads(threads)
    calls: Calls = {}
    case = CASES[0]
    for text in sys.stdin:
        request, *arguments = json.loads(text)
        reply: Any
        if request == "case":
            case = CASES[arguments[0]]
            calls = _calls(case, arguments[1])
            reply = list(calls)
        elif request == "result":
            reply = digest(calls[arguments[0]]())
        elif request == "plan":
            reply = plan(calls[arguments[0]], effort)
        else:
            reply = seconds(calls[arguments[0]], arguments[1])
        print(json.dumps(reply), flush=True)


def _calls(case: AnyCase, module: str) -> Calls:
    """Return the calls of the kernels of this checkout, in a module or of that back end."""
    if isinstance(case, UserCase):
        return user_kernels(COMPILE[module], user_problem(case))
    return kernels(module, problem(case))


def digest(result: Any) -> tuple[list[int], float, float]:
    """Return the shape of a result, its norm, and its inner product with random numbers."""
    probe = np.random.default_rng(1).standard_normal(result.size)
    flat = result.ravel().astype(np.float64)
    return list(result.shape), float(np.linalg.norm(flat)), float(flat @ probe)


def same(a: list[Any], b: list[Any], case: AnyCase, operation: str) -> bool:
    """Return whether two digests agree within rounding."""
    allowed = 16 * float(np.finfo(case.dtype).eps) * math.sqrt(case.terms(operation) + 64)
    close = [abs(m - n) <= allowed * a[1] for m, n in zip(a[1:], b[1:], strict=True)]
    return bool(a[0] == b[0] and all(close))


def compare(
    cases: list[AnyCase], other: Path, threads: int, quick: bool, progress: Progress
) -> tuple[str, dict[str, Any]]:
    """Return tables of the ratios of times, other / here, as Markdown and as JSON data.

    Raises:
        ValueError: the other folder is not a checkout with compiled kernels, or nothing was
            measured.
        RuntimeError: a process ended early, or two results differ.

    """
    passes = [
        one_pass(cases, other, threads, quick, partial(_numbered, progress, number + 1))
        for number in range(1 if quick else PASSES)
    ]
    entries = [(*key, *median_of([one[key] for one in passes])) for key in passes[0]]
    if not entries:
        raise ValueError("the checkouts have no kernel in common for these cases")
    head = ["layer", "back end", "operation", "here", "other", "other / here"]
    rows = [
        [str(c), backend, o, duration(ours.median), duration(others.median), spread(q)]
        for c, backend, o, ours, others, q in entries
    ]
    data = {
        "machine": machine(),
        "threads": threads,
        "other": str(other),
        "results": [
            {"case": asdict(c), "backend": backend, "operation": o, "here": asdict(ours),
             "other": asdict(others), "ratio": asdict(q)}
            for c, backend, o, ours, others, q in entries
        ],
    }  # fmt: skip
    ratios = [(c.category, backend, o, q.value) for c, backend, o, _, _, q in entries]
    return f"{markdown(head, rows)}\n\n{summary(ratios)}", data


def _numbered(progress: Progress, number: int, text: str) -> None:
    progress(f"pass {number}: {text}")


def one_pass(
    cases: list[AnyCase], other: Path, threads: int, quick: bool, progress: Progress
) -> dict[tuple[AnyCase, str, str], Entry]:
    """Measure every case once, in one process for each checkout.

    Returns:
        The times of both checkouts and their ratio, by case, back end and operation.

    """
    entries: dict[tuple[AnyCase, str, str], Entry] = {}
    with Checkout(other, threads, quick) as there, Checkout(ROOT, threads, quick) as here:
        for number, case in enumerate(cases, 1):
            for backend, module in BACKENDS.items():
                if isinstance(case, Case) and case.accuracy and module != BACKENDS["compiled"]:
                    continue  # NumPy's kernels ignore `accuracy`: the same as another case
                request = ("case", CASES.index(case), module)
                both = set(here.ask(*request)) & set(there.ask(*request))
                for operation in (name for name in OPERATIONS if name in both):
                    entry = checked(here, there, case, operation)
                    entries[case, backend, operation] = entry
                    progress(
                        f"[{number}/{len(cases)}] {case}, {operation}, {backend}: "
                        f"{1e6 * entry[0].median:.0f} us, other / here {spread(entry[2])}"
                    )
    return entries


def median_of(entries: Sequence[Entry]) -> Entry:
    """Return the entry with the median ratio; of an even number, the lower of the two."""
    return sorted(entries, key=lambda entry: entry[2].value)[(len(entries) - 1) // 2]


def summary(ratios: list[tuple[str, str, str, float]]) -> str:
    """Return a table of geometric means, by class and back end, and over all classes.

    Args:
        ratios: the class, back end, operation and other / here of each measurement.

    """

    def row(name: str, backend: str) -> list[str]:
        chosen = [r for r in ratios if r[1] == backend and (name == ALL or r[0] == name)]
        means = [mean([r[3] for r in chosen if r[2] == o]) for o in OPERATIONS]
        means.append(mean([r[3] for r in chosen]))
        return [name, backend, *(NONE if m is None else f"{m:.3f}" for m in means)]

    names = [*dict.fromkeys(r[0] for r in ratios), ALL]
    found = {(r[0], r[1]) for r in ratios} | {(ALL, r[1]) for r in ratios}
    rows = [row(n, backend) for backend in BACKENDS for n in names if (n, backend) in found]
    head = ["class", "back end", *OPERATIONS, "geometric mean"]
    return markdown(head, rows)


def checked(here: Checkout, there: Checkout, case: AnyCase, operation: str) -> Entry:
    """Return the times of an operation in both checkouts, and their ratio; compare the results.

    Raises:
        RuntimeError: the results differ.

    """
    a, b = here.ask("result", operation), there.ask("result", operation)
    if not same(a, b, case, operation):
        raise RuntimeError(f"{case}, {operation}: the results differ: {a} and {b}")
    return interleaved(here, there, operation)


def interleaved(here: Checkout, there: Checkout, operation: str) -> Entry:
    """Return the times of an operation in both checkouts, and their ratio."""
    plans = [side.ask("plan", operation) for side in (here, there)]
    repeats, rounds = min(plan[0] for plan in plans), min(plan[1] for plan in plans)
    ours, others = [], []
    for _ in range(rounds):
        ours.append(float(here.ask("turn", operation, repeats)))
        others.append(float(there.ask("turn", operation, repeats)))
    return timing(ours), timing(others), ratio(others, ours)


if __name__ == "__main__":
    answer(int(sys.argv[1]), QUICK if sys.argv[2] == "1" else FULL)
