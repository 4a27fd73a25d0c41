"""A run as Markdown tables and as a bar chart in SVG."""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from statistics import geometric_mean

from benchmarks.cases import FORWARD, GOALS, OPERATIONS, TITLES, Goal
from benchmarks.results import COMPILED, NUMPY, SINGLE, TORCH, Ratio, Result, Run

NONE = "—"


@dataclass(frozen=True, slots=True)
class Summary:
    """One operation of a class: geometric means over its cases; None where nobody was measured.

    Attributes:
        category: the class.
        operation: one of `OPERATIONS`.
        cases: how many.
        torch: PyTorch's time over ours.
        fastest: the fastest peer's, of each case, over ours.
        worst: the case with the least ratio to its fastest peer.
        peak: our share of the measured peak.
        gain: our own time on one thread over that on all.

    """

    category: str
    operation: str
    cases: int
    torch: float | None
    fastest: float | None
    worst: Result | None
    peak: float
    gain: float | None


def share(result: Result, run: Run) -> float:
    """Return which part of the peak of all threads the compiled kernel reaches."""
    gflops = 1e-9 * result.case.flops / result.timings[COMPILED].median
    return gflops / run.peak[result.case.dtype]


def against(result: Result, name: str | None) -> float | None:
    """Return another's time over ours, where it was measured."""
    return result.ratios[name].value if name in result.ratios else None


def mean(values: list[float | None]) -> float | None:
    """Return the geometric mean of what is there, or None."""
    found = [value for value in values if value is not None]
    return geometric_mean(found) if found else None


def summaries(run: Run) -> list[Summary]:
    """Return a summary for each operation of each class that was measured."""
    found = []
    for category in GOALS:
        for operation in OPERATIONS:
            results = [
                r for r in run.results if r.case.category == category and r.operation == operation
            ]
            if not results:
                continue
            raced = [r for r in results if r.fastest is not None]
            found.append(
                Summary(
                    category,
                    operation,
                    len(results),
                    mean([against(r, TORCH) for r in results]),
                    mean([against(r, r.fastest) for r in results]),
                    min(raced, key=lambda r: against(r, r.fastest) or 0, default=None),
                    geometric_mean([share(r, run) for r in results]),
                    mean([against(r, SINGLE) for r in results]),
                )
            )
    return found


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
    """Return a time in the unit that suits it."""
    return f"{1e6 * seconds:.3g} µs" if seconds < 1e-3 else f"{1e3 * seconds:.3g} ms"


def percent(value: float) -> str:
    """Return a share for a table."""
    return f"{100 * value:.1f}"


def class_table(run: Run, category: str) -> str:
    """Return the cases of a class, and what its goal asks and got."""
    head = ["layer", "operation", COMPILED, "% of peak"]
    others = (NUMPY, TORCH, SINGLE) if run.threads > 1 else (NUMPY, TORCH)
    head += [f"{name} / {COMPILED}" for name in (*others, "fastest peer")]
    rows = []
    for r in run.results:
        if r.case.category != category:
            continue
        best = f"{spread(r.ratios[r.fastest])} {r.fastest}" if r.fastest else NONE
        cells = [str(r.case), r.operation, duration(r.timings[COMPILED].median)]
        cells += [percent(share(r, run)), *(spread(r.ratios.get(n)) for n in others), best]
        rows.append(cells)
    parts = [f"### {category}: {TITLES[category]}", "", markdown(head, rows), ""]
    return "\n".join([*parts, *(verdict(s) for s in summaries(run) if s.category == category)])


def verdict(summary: Summary) -> str:
    """Return the geometric means of an operation of a class, each with the goal."""
    goal = GOALS[summary.category]
    parts = [
        f"- {summary.operation}: PyTorch / compiled {number(summary.torch)}{asked(goal.torch)}",
        f"fastest peer / compiled {number(summary.fastest)}{asked(bar(goal, summary.operation))}",
    ]
    if summary.worst is not None:
        least = against(summary.worst, summary.worst.fastest)
        parts.append(f"least {number(least)}{asked(goal.every)}")
    if summary.gain is not None:
        parts.append(f"{SINGLE} / {COMPILED} {number(summary.gain)}")
    return ", ".join(parts)


def bar(goal: Goal, operation: str) -> float:
    """Return what the goal asks of an operation against the fastest peer."""
    return goal.fastest if operation == FORWARD else goal.gradients


def asked(goal: float) -> str:
    """Return a goal in brackets, where there is one."""
    return f" (goal {goal:g})" if goal else ""


def tables(run: Run) -> str:
    """Return a table for each class that was measured, what was left out, and the machine."""
    measured = [c for c in GOALS if any(r.case.category == c for r in run.results)]
    parts = [class_table(run, category) + "\n" for category in measured]
    parts += [f"WRONG: {r.case}, {r.operation}: {n}: {why}" for r in run.results
              for n, why in r.wrong.items()]  # fmt: skip
    parts += [f"Not measured: {text}." for text in run.skipped]
    parts += ["Ratios above 1 mean that the compiled kernels are faster.", origin(run)]
    return "\n".join(parts)


def readme_table(run: Run) -> str:
    """Return the summary of a run, a line for each operation of each class, and the machine."""
    head = ["class", "cases", "operation", "PyTorch / compiled", "fastest peer / compiled"]
    head += ["least of all cases", "% of peak"]
    if run.threads > 1:
        head.append(f"{SINGLE} / {COMPILED}")
    rows = []
    for s in summaries(run):
        goal, least = GOALS[s.category], NONE
        if s.worst is not None:
            ratio = number(against(s.worst, s.worst.fastest))
            least = f"{ratio}{asked(goal.every)} {s.worst.fastest}"
        cells = [TITLES[s.category], str(s.cases), s.operation]
        cells += [f"{number(s.torch)}{asked(goal.torch)}"]
        cells += [f"{number(s.fastest)}{asked(bar(goal, s.operation))}"]
        gain = [number(s.gain)] if run.threads > 1 else []
        rows.append([*cells, least, percent(s.peak), *gain])
    return f"{markdown(head, rows)}\n\n{origin(run)}"


def origin(run: Run) -> str:
    """Return what the run was measured on, in a sentence or two."""
    about = run.machine
    libraries = ", ".join(f"{name} {number}" for name, number in about["versions"].items())
    peaks = ", ".join(f"{value:.0f} GFLOP/s in {dtype}" for dtype, value in run.peak.items())
    absent = f" Not installed: {', '.join(run.absent)}." if run.absent else ""
    busy = "" if run.quiet else f" The machine was busy: it gave {run.cores:.1f} cores."
    return (
        f"{about['processor']}, {about['cores']} cores, threads: {run.threads}; "
        f"{about['compiler']}; {libraries}; {about['blas']}; {about['system']}. "
        f"Peak: {peaks}, by a large matrix product in NumPy.{busy}{absent}"
    )


_COLOURS = {TORCH: "#c2571a", "fastest peer": "#2b6ca3"}
_LEFT, _WIDTH, _ROW, _TOP = 400, 460, 18, 64


def plot(run: Run) -> str:
    """Return the geometric means of each class as bars in SVG, on a logarithmic scale."""
    rows = summaries(run)
    values = [v for s in rows for v in (s.torch, s.fastest) if v is not None] or [1.0]
    first = math.floor(math.log10(min([*values, 1.0])))
    last = max(first + 1, math.ceil(math.log10(max([*values, 1.0]))))

    def across(value: float) -> float:
        return _LEFT + _WIDTH * (math.log10(value) - first) / (last - first)

    height = _TOP + 2 * _ROW * len(rows) + 6 * len(rows) + 10
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_LEFT + _WIDTH + 70}" '
        f'height="{height}" font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="10" y="20" font-size="14">Time of others over the compiled kernels\', '
        f"threads: {run.threads}; right of 1 ours are faster</text>",
    ]
    for place, (name, colour) in enumerate(_COLOURS.items()):
        x = 10 + 120 * place
        out.append(f'<rect x="{x}" y="32" width="12" height="12" fill="{colour}"/>')
        out.append(f'<text x="{x + 18}" y="42">{name}</text>')
    for power in range(first, last + 1):
        at, colour = across(10.0**power), "#333" if power == 0 else "#ccc"
        out.append(
            f'<line x1="{at:.1f}" y1="{_TOP}" x2="{at:.1f}" y2="{height}" stroke="{colour}"/>'
        )
        out.append(f'<text x="{at:.1f}" y="{_TOP - 4}" text-anchor="middle">{10.0**power:g}</text>')
    y = float(_TOP + 6)
    for s in rows:
        label = escape(f"{TITLES[s.category]}, {s.operation}")
        out.append(f'<text x="{_LEFT - 8}" y="{y + _ROW + 4}" text-anchor="end">{label}</text>')
        for value, colour in zip((s.torch, s.fastest), _COLOURS.values(), strict=True):
            if value is not None:
                begin, end = sorted((across(1.0), across(value)))
                out.append(
                    f'<rect x="{begin:.1f}" y="{y + 2}" width="{end - begin:.1f}" '
                    f'height="{_ROW - 4}" fill="{colour}"/>'
                )
                out.append(f'<text x="{end + 4:.1f}" y="{y + _ROW - 5}">{value:.2f}</text>')
            y += _ROW
        y += 6
    return "\n".join([*out, "</svg>"]) + "\n"
