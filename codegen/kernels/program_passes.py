"""Which steps of a program's functions one pass computes, and what others read of a pass."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from rot180.codegen.kernels.c_functions import has_c_function
from rot180.codegen.kernels.fused_kernel import FusedKernel, steps_of
from rot180.codegen.kernels.program_calls import inputs
from rot180.codegen.kernels.window_kernel import has_room, pass_kernel
from rot180.codegen.plans.fusion import FusedPass, all_reads, fused
from rot180.codegen.plans.pass_agreement import require_agreement
from rot180.codegen.plans.plan import Plan
from rot180.codegen.plans.windows import WindowPass, windows
from rot180.derive.gradients.program_steps import AnyStep, ProgramStep

Plans = Mapping[ProgramStep, Plan]


@dataclass(frozen=True)
class StepSequence:
    """The steps of a function, in order.

    Attributes:
        name: the function's name.
        forward: the steps of the forward pass.
        back: the steps of reverse mode.
        results: the steps whose arrays it returns.

    """

    name: str
    forward: tuple[AnyStep, ...]
    back: tuple[AnyStep, ...]
    results: tuple[AnyStep, ...]

    @property
    def steps(self) -> tuple[AnyStep, ...]:
        """Return all steps."""
        return (*self.forward, *self.back)


def read_names(steps: Iterable[AnyStep], plans: Plans) -> set[str]:
    """Return the names of the arrays that steps read.

    Args:
        steps: the steps.
        plans: the plan of each step that has one.

    """
    names: set[str] = set()
    for step in steps:
        if isinstance(step, ProgramStep):
            names |= {f.tensor.name for f in plans[step].operands}
        else:
            names |= {t.name for t in inputs(step, None)}
    return names


def program_passes(
    functions: Sequence[StepSequence], plans: Plans
) -> dict[str, tuple[FusedKernel, ...]]:
    """Return the passes of each function by its name; those with the same steps are one kernel.

    Args:
        functions: the functions.
        plans: the plan of each step that has one.

    """
    over = {f.name: [w for w in windows(f.steps, f.results) if has_room(w)] for f in functions}
    found = {f.name: list[FusedPass](over[f.name]) for f in functions}
    for f in functions:
        within = {step for w in over[f.name] for step in steps_of(w)}
        for part in (f.forward, f.back):
            found[f.name] += _passes(f, [s for s in part if s not in within], plans)
    asked: dict[tuple[AnyStep, ...], set[str]] = {}
    saved = {n for f in functions for n in _read_back(f, over[f.name], plans)}
    for f in functions:
        for p in found[f.name]:
            own = steps_of(p)
            names = read_names([s for s in f.steps if s not in own], plans)
            names |= {t.name for w in over[f.name] for t in w.inputs}
            names |= {s.name for s in f.results}
            # what reverse mode reads may be asked of the forward pass
            names |= saved if own[0] in f.forward else set()
            asked.setdefault(own, set()).update(names.intersection(p.names))
    made: dict[tuple[AnyStep, ...], FusedKernel] = {}
    for p in (p for passes in found.values() for p in passes):
        steps = steps_of(p)
        outputs = tuple(n for n in p.names if n in asked[steps])
        word = f"_pass{len(made) + 1}_{p.names[-1]}"
        made.setdefault(steps, pass_kernel(word, p, outputs))
    return {word: tuple(made[steps_of(p)] for p in passes) for word, passes in found.items()}


def _read_back(f: StepSequence, over: Sequence[WindowPass], plans: Plans) -> set[str]:
    """Return the names of what reverse mode reads; of windows, where they lie."""
    own = {step for w in over for step in steps_of(w)}
    inside = {t.name for w in over for t in w.inputs if steps_of(w)[-1] in f.back}
    return read_names([s for s in f.back if s not in own], plans) | inside


def _passes(f: StepSequence, part: Sequence[AnyStep], plans: Plans) -> Iterator[FusedPass]:
    """Yield the passes of a part; no step is in one that reads or makes one name of two arrays."""
    count = Counter(step.name for step in f.steps)
    twice = {n for n, times in count.items() if times > 1}
    runs: list[list[AnyStep]] = [[]]
    for step in part:
        if twice & {step.name, *read_names([step], plans)}:
            runs.append([])
        else:
            runs[-1].append(step)
    for run in runs:
        lowered = [(s, plans[s] if isinstance(s, ProgramStep) else None) for s in run]
        known = dict(lowered)
        for p in fused(lowered):
            if isinstance(p, FusedPass) and all(has_c_function(*g) for g in all_reads([p])):
                require_agreement(p, [known[s.step] for s in p.steps])
                yield p
