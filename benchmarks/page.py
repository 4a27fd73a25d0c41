"""docs/benchmarks.md: what was measured, how, on which machine, and the results."""

from __future__ import annotations

from benchmarks import out_of_core
from benchmarks.cases import GOALS, TITLES, Case
from benchmarks.report import (
    NONE,
    against,
    class_table,
    conditions,
    goal_of,
    in_brackets,
    markdown,
    number,
    peak_fraction,
    percentage,
    spread,
    summaries,
)
from benchmarks.results import CLOCKS, COMPILED, OURS, SINGLE, Run

OPENING = """\
# Benchmarks

How fast the generated kernels are, compared with other libraries. `python -m benchmarks --table`
prints this page from saved runs; change `benchmarks/page.py` instead of it.

## What was measured

- Layers: {cases}, from a worked example of 5 x 5 pixels to VGG, in classes.
  `python -m benchmarks --list` prints them; `benchmarks/cases.py` defines them.
- Layers of one's own, in `benchmarks/user_cases.py`: `compile` makes their kernels.
  The gradients of PyTorch are its autograd's, and all have what the forward pass saved. The first
  operand counts as the input, another as the weight.
- Operations: the forward pass, the gradient of the input, the gradient of the weight.
- Kernels: "{compiled}" are those in `generated/` that Cython and a C compiler compile.
- Peers (the libraries and kernels that they are compared with): {peers}.

`python -m benchmarks --explain` prints which algorithm each case uses, and why;
[kernels.md](kernels.md) describes the algorithms. `python -m benchmarks.call` measures the overhead
of the smallest call.

## How it was measured

- The calls of all contestants are interleaved, in up to 21 rounds; medians are compared.
- Each result is first compared with that of the compiled kernels; a result that differs by more
  than rounding is reported and not timed.
- Arrays are converted to the format of each library beforehand. On several threads, a measurement
  starts when the threads of the previous one are idle, and OpenMP's threads wait passively.
- A ratio is a time divided by that of the compiled kernels: **above 1 the compiled kernels are
  faster**. A row shows geometric means over the cases of its class. The fastest peer is chosen for
  each case; the worst case is the one with the smallest ratio against its fastest peer.
- Goals are in brackets; not all of them are reached. "% of peak" is relative to a large matrix
  product in NumPy on as many threads. `accuracy="fast"` needs fewer multiplications than are
  counted, so it can exceed 100. Products with padding are counted: the compiled kernels compute
  them, a peer that skips them needs only the share in the last column of the lists below.

To repeat it, in a checkout:

```sh
pip install -e . torch scipy
{commands}
python -m benchmarks --table {files} > docs/benchmarks.md
```
"""


def page(runs: list[Run]) -> str:
    """Return the page of one or more runs.

    Args:
        runs: saved runs, each with another number of threads, or another clock.

    Raises:
        ValueError: a run has no result, or two have the same number of threads and clock.

    """
    threads = [run.threads for run in runs]
    if len({threads_of(run) for run in runs}) < len(runs):
        raise ValueError(f"--table: found runs on {threads} threads, expected different numbers")
    for run in runs:
        if not run.results:
            raise ValueError(f"--table: found no result in the run on {threads_of(run)}")
    everything = [result for run in runs for result in run.results]
    peers = {name: None for result in everything for name in result.ratios if name not in OURS}
    names = [f"run{'_processor_time' if in_processor_time(r) else r.threads}.json" for r in runs]
    opening = OPENING.format(
        compiled=COMPILED,
        peers="; ".join(peers) or "none",
        cases=len({str(result.case) + result.case.category for result in everything}),
        files=" ".join(names),
        commands="\n".join(
            f"python -m benchmarks {options_of(run)} --json {name}"
            for run, name in zip(runs, names, strict=True)
        ),
    )
    return "\n".join([opening, *(section(run) for run in runs), out_of_core.table()])


def in_processor_time(run: Run) -> bool:
    """Say whether a run counted the time of the processor."""
    return run.machine.get("clock") == CLOCKS[1]


def options_of(run: Run) -> str:
    """Return the options of a run; its classes if they are fewer than those that are missing."""
    measured = [c for c in GOALS if any(r.case.category == c for r in run.results)]
    words = [f"--threads {run.threads}"]
    if 2 * len(measured) < len(GOALS):
        words = [f"--class {c}" for c in measured] + words
    return " ".join([*words, *(["--processor-time"] if in_processor_time(run) else [])])


def threads_of(run: Run) -> str:
    """Return the number of threads in words, and the clock if it is that of the processor."""
    threads = "one thread" if run.threads == 1 else f"{run.threads} threads"
    return f"{threads}, processor time" if in_processor_time(run) else threads


def section(run: Run) -> str:
    """Return the section of a run: the summary, the machine, the cases with a faster peer."""
    wrong = [f"- {r.case}, {r.operation}: {name} {why}"
             for r in run.results for name, why in r.wrong.items()]  # fmt: skip
    parts = [f"## On {threads_of(run)}", summary_table(run), conditions(run), slower(run)]
    if any(r.case.category == "users" for r in run.results):
        parts.append(class_table(run, "users"))
    if wrong:
        parts += ["Not timed, because the result differs:", "\n".join(wrong)]
    parts += [f"Not measured: {text}." for text in run.skipped]
    return "\n\n".join(parts) + "\n"


def summary_table(run: Run) -> str:
    """Return a table with a row for each operation of each class."""
    head = ["class", "cases", "operation", f"PyTorch / {COMPILED}", f"fastest peer / {COMPILED}"]
    head += ["worst case", "% of peak"]
    if run.threads > 1:
        head.append(f"{SINGLE} / {COMPILED}")
    rows = []
    for s in summaries(run):
        goal, worst = GOALS[s.category], NONE
        if s.worst is not None:
            ratio = number(against(s.worst, s.worst.fastest))
            worst = f"{ratio}{in_brackets(goal.every)} {s.worst.fastest}"
        cells = [TITLES[s.category], str(s.cases), s.operation]
        cells += [f"{number(s.torch)}{in_brackets(goal.torch)}"]
        cells += [f"{number(s.fastest)}{in_brackets(goal_of(s))}"]
        speedup = [number(s.speedup)] if run.threads > 1 else []
        rows.append([*cells, worst, percentage(s.peak), *speedup])
    return markdown(head, rows)


def slower(run: Run) -> str:
    """Return a table of the cases for which a peer is faster than the compiled kernels."""
    found = [(r.ratios[r.fastest], r.fastest, r) for r in run.results if r.fastest is not None]
    rows = []
    for ratio, peer, r in sorted(found, key=lambda f: (f[0].value, str(f[2].case))):
        if ratio.value < 1:
            inside = r.case.inside if isinstance(r.case, Case) else None
            cells = [str(r.case), r.operation, peer, spread(ratio)]
            rows.append([*cells, percentage(peak_fraction(r, run)), percentage(inside)])
    if not rows:
        return "No peer is faster than the compiled kernels in any case."
    head = ["layer", "operation", "fastest peer", f"peer / {COMPILED} (quartiles)", "% of peak"]
    head.append("% of products without padding")
    return f"A peer is faster than the compiled kernels in these cases:\n\n{markdown(head, rows)}"
