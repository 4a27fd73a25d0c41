"""A run as Markdown tables."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import geometric_mean

from benchmarks.cases import GOALS, TITLES
from benchmarks.operations import FORWARD, OPERATIONS
from benchmarks.results import COMPILED, NUMPY, SHIPPED, SINGLE, TORCH, Ratio, Result, Run

NONE = "—"


@dataclass(frozen=True, slots=True)
class Summary:
    """The geometric means of one operation of a class; None where nothing was measured.

    Attributes:
        category: the class.
        operation: one of `OPERATIONS`.
        cases: the number of cases.
        torch: PyTorch / compiled.
        fastest: the fastest peer of each case / compiled.
        worst: the case with the smallest ratio against its fastest peer.
        peak: the fraction of the measured peak that the compiled kernels reach, where products are
            counted.
        speedup: compiled kernels on one thread / compiled.

    """

    category: str
    operation: str
    cases: int
    torch: float | None
    fastest: float | None
    worst: Result | None
    peak: float | None
    speedup: float | None


def peak_fraction(result: Result, run: Run) -> float | None:
    """Return the fraction of the peak of all threads that the compiled kernel reaches.

    None if the products of the case are not counted.
    """
    if not result.case.flops:
        return None
    gflops = 1e-9 * result.case.flops / result.timings[COMPILED].median
    return gflops / run.peak[result.case.dtype]


def against(result: Result, name: str | None) -> float | None:
    """Return the time of a contestant / compiled, or None if it was not measured."""
    return result.ratios[name].value if name in result.ratios else None


def mean(values: list[float | None]) -> float | None:
    """Return the geometric mean of the values that are not None, or None if there are none."""
    present = [value for value in values if value is not None]
    return geometric_mean(present) if present else None


def summaries(run: Run) -> list[Summary]:
    """Return a summary for each operation of each class that was measured."""
    rows = []
    for category in GOALS:
        for operation in OPERATIONS:
            results = [
                r for r in run.results if r.case.category == category and r.operation == operation
            ]
            if not results:
                continue
            compared = [r for r in results if r.fastest is not None]
            rows.append(
                Summary(
                    category,
                    operation,
                    len(results),
                    mean([against(r, TORCH) for r in results]),
                    mean([against(r, r.fastest) for r in results]),
                    min(compared, key=lambda r: against(r, r.fastest) or 0, default=None),
                    mean([peak_fraction(r, run) for r in results]),
                    mean([against(r, SINGLE) for r in results]),
                )
            )
    return rows


def markdown(head: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def number(value: float | None) -> str:
    """Return a ratio for a table."""
    return NONE if value is None else f"{value:.2f}"


def spread(ratio: Ratio | None) -> str:
    """Return a ratio with its quartiles."""
    return NONE if ratio is None else f"{ratio.value:.2f} ({ratio.low:.2f} to {ratio.high:.2f})"


def duration(seconds: float) -> str:
    """Return a time in microseconds or milliseconds."""
    return f"{1e6 * seconds:.3g} µs" if seconds < 1e-3 else f"{1e3 * seconds:.3g} ms"


def percentage(value: float | None) -> str:
    """Return a fraction as a percentage for a table."""
    return NONE if value is None else f"{100 * value:.1f}"


def class_table(run: Run, category: str) -> str:
    """Return a table of the cases of a class, and its means with their goals."""
    head = ["layer", "operation", COMPILED, "% of peak"]
    results = [r for r in run.results if r.case.category == category]
    others = [NUMPY, TORCH]
    others += [n for n in (SHIPPED, SINGLE) if any(n in r.ratios for r in results)]
    head += [f"{name} / {COMPILED}" for name in (*others, "fastest peer")]
    rows = []
    for r in results:
        best = f"{spread(r.ratios[r.fastest])} {r.fastest}" if r.fastest else NONE
        cells = [str(r.case), r.operation, duration(r.timings[COMPILED].median)]
        cells += [percentage(peak_fraction(r, run))]
        cells += [*(spread(r.ratios.get(name)) for name in others), best]
        rows.append(cells)
    parts = [f"### {category}: {TITLES[category]}", "", markdown(head, rows), ""]
    return "\n".join([*parts, *(summary_line(s) for s in summaries(run) if s.category == category)])


def summary_line(summary: Summary) -> str:
    """Return a line with the geometric means of an operation of a class and their goals."""
    goal = GOALS[summary.category]
    parts = [
        f"- {summary.operation}",
        f"PyTorch / compiled {number(summary.torch)}{in_brackets(goal.torch)}",
        f"fastest peer / compiled {number(summary.fastest)}{in_brackets(goal_of(summary))}",
    ]
    if summary.worst is not None:
        ratio = against(summary.worst, summary.worst.fastest)
        parts.append(f"worst case {number(ratio)}{in_brackets(goal.every)}")
    if summary.speedup is not None:
        parts.append(f"{SINGLE} / {COMPILED} {number(summary.speedup)}")
    return ", ".join(parts)


def goal_of(summary: Summary) -> float:
    """Return the goal of an operation of a class against the fastest peer."""
    goal = GOALS[summary.category]
    return goal.fastest if summary.operation == FORWARD else goal.gradients


def in_brackets(goal: float) -> str:
    """Return a goal in brackets, or an empty string if there is none."""
    return f" (goal {goal:g})" if goal else ""


def tables(run: Run) -> str:
    """Return a table for each class, the cases that were not measured, and the machine."""
    measured = [c for c in GOALS if any(r.case.category == c for r in run.results)]
    parts = [class_table(run, category) + "\n" for category in measured]
    parts += [f"WRONG: {r.case}, {r.operation}: {n}: {why}" for r in run.results
              for n, why in r.wrong.items()]  # fmt: skip
    parts += [f"Not measured: {text}." for text in run.skipped]
    parts += ["Ratios above 1 mean that the compiled kernels are faster.", conditions(run)]
    return "\n".join(parts)


def conditions(run: Run) -> str:
    """Return the machine, the number of threads and the versions of the libraries of a run."""
    about = run.machine
    libraries = ", ".join(f"{name} {number}" for name, number in about["versions"].items())
    peaks = ", ".join(f"{value:.0f} GFLOP/s in {dtype}" for dtype, value in run.peak.items())
    absent = f" Not installed: {', '.join(run.absent)}." if run.absent else ""
    clock = f" Times are {about['clock']}." if "clock" in about else ""
    busy = "" if run.quiet else f" The machine was busy: the product got {run.cores:.1f} cores."
    return (
        f"{about['processor']}, {about['cores']} cores, threads: {run.threads}; "
        f"{about['compiler']}; {libraries}; {about['blas']}; {about['system']}. "
        f"Peak: {peaks}, measured with a large matrix product in NumPy.{clock}{busy}{absent}"
    )
