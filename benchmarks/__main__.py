"""Time the kernels and compare them with other libraries.

    python -m benchmarks                          every case, a table for each class
    python -m benchmarks --quick                  a few cases of each class, within a minute
    python -m benchmarks --explain                which algorithm each case uses, and why
    python -m benchmarks --json run.json --plot run.svg
    python -m benchmarks --table run.json         docs/benchmarks.md, from saved runs
    python -m benchmarks --compare ../other       this checkout against another, in five
                                                  passes, each in new processes

Calls are interleaved and their medians are compared, with the quartiles of the ratios of the
rounds. Each library's result is first checked against the compiled kernels' result: the exit code
is 1 if one differs. With several threads, a measurement starts when the threads of the previous
one are idle, and the compiled kernels are also measured on one thread.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from dataclasses import replace
from pathlib import Path

from benchmarks.cases import CASES, GOALS, Case, select
from benchmarks.user_cases import UserCase

THREADS = ("OMP", "OPENBLAS", "MKL", "NUMBA", "VECLIB")


def arguments(words: list[str] | None) -> argparse.Namespace:
    """Return the options; exits with code 2 if they are not valid."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="a few cases and rounds")
    parser.add_argument(
        "--class", dest="categories", action="append", default=[], choices=list(GOALS),
        metavar="NAME", help=f"one of {', '.join(GOALS)}; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "--case", default="", metavar="TEXT", help="only cases whose line contains TEXT"
    )
    parser.add_argument(
        "--threads", type=int, default=1, metavar="N", help="threads of each library (default: 1)"
    )
    parser.add_argument(
        "--processor-time", action="store_true",
        help="count the processor time of one thread, for a machine on which more is running",
    )  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="FILE", help="save the results")
    parser.add_argument("--plot", type=Path, metavar="FILE.svg", help="draw the geometric means")
    parser.add_argument("--list", action="store_true", help="print the cases and exit")
    parser.add_argument(
        "--explain", action="store_true", help="print which algorithm each case uses, and exit"
    )
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument(
        "--table", type=Path, nargs="+", metavar="FILE",
        help="print docs/benchmarks.md from saved runs, one a number of threads",
    )  # fmt: skip
    instead.add_argument(
        "--compare", type=Path, metavar="CHECKOUT", help="measure against another checkout"
    )
    options = parser.parse_args(words)
    if options.threads < 1:
        parser.error(f"--threads: found {options.threads}, expected at least 1")
    if options.processor_time and (options.threads > 1 or options.compare):
        parser.error("--processor-time: expected --threads 1 and no --compare")
    if options.plot and options.plot.suffix != ".svg":
        parser.error(f"--plot: found {options.plot.name}, expected a name that ends in .svg")
    if options.plot and options.compare:
        parser.error("--plot: found with --compare, expected a run against other libraries")
    if options.plot and options.table and len(options.table) > 1:
        parser.error(f"--plot: found {len(options.table)} runs in --table, expected one")
    for path in (options.json, options.plot):
        if path and not path.absolute().parent.is_dir():
            parser.error(f"{path}: its folder does not exist")
    options.cases = select(options.categories, options.case, options.quick)
    if not options.cases:
        parser.error(f"none of the {len(CASES)} cases matches; --list prints them")
    return options


def environment(threads: int) -> None:
    """Set the variables that libraries read when they load; call it before NumPy is imported."""
    for name in THREADS:
        os.environ[f"{name}_NUM_THREADS"] = str(threads)
    if threads == 1:
        os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")
    else:
        # Passive waiting: a thread that waits leaves its core to the library that is measured.
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")  # sleeps after 2**4 clock ticks


def show(saved: list[Path], drawing: Path | None) -> None:
    """Print the page of saved runs, and draw the chart if a file for it is given."""
    from benchmarks.chart import plot
    from benchmarks.page import page
    from benchmarks.results import loads

    runs = [loads(file.read_text(encoding="utf-8")) for file in saved]
    print(page(runs), end="")
    if drawing:
        drawing.write_text(plot(runs[0]), encoding="utf-8")


def against_checkout(cases: list[Case | UserCase], options: argparse.Namespace) -> None:
    """Measure this checkout against another."""
    from benchmarks.compare import compare
    from benchmarks.measure import to_stderr

    table, data = compare(cases, options.compare, options.threads, options.quick, to_stderr)
    print(table)
    if options.json:
        text = json.dumps(data, indent=1, ensure_ascii=False) + "\n"
        options.json.write_text(text, encoding="utf-8")


def measure(cases: list[Case | UserCase], options: argparse.Namespace) -> int:
    """Measure the cases; return the exit code."""
    from benchmarks.chart import plot
    from benchmarks.measure import FULL, QUICK, run, to_stderr
    from benchmarks.report import tables
    from benchmarks.results import dumps

    effort = QUICK if options.quick else FULL
    if options.processor_time:
        effort = replace(effort, clock=time.process_time)
    found = run(cases, effort, options.threads, to_stderr)
    if options.json:
        options.json.write_text(dumps(found), encoding="utf-8")
    if options.plot:
        options.plot.write_text(plot(found), encoding="utf-8")
    print(tables(found))
    if not found.quiet:
        to_stderr(
            f"warning: the machine was busy: {found.threads} threads got {found.cores:.1f} cores; "
            "results on several threads suffer most: measure again on an idle machine"
        )
    if options.threads > 1 and len(found.machine["openmp"]) > 1:
        to_stderr(f"warning: two OpenMP thread pools compete: {', '.join(found.machine['openmp'])}")
    return 1 if any(result.wrong for result in found.results) else 0


def main(words: list[str] | None = None) -> int:
    """Run the command line; return the exit code: 0, 1 for a wrong result, 2 for bad input."""
    options = arguments(words)
    environment(options.threads)
    try:
        if options.list:
            print("\n".join(f"{case.category:10} {case}" for case in options.cases))
        elif options.explain:
            from benchmarks.algorithms import algorithms

            print("\n".join(algorithms(options.cases, options.threads)))
        elif options.table:
            show(options.table, options.plot)
        elif options.compare:
            against_checkout(options.cases, options)
        else:
            return measure(options.cases, options)
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except ImportError as error:
        print(f"error: {error}; the suite needs the compiled kernels: pip install -e .",
              file=sys.stderr)  # fmt: skip
        return 2
    except RuntimeError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
