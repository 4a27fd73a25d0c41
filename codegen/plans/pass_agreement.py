"""A pass is refused unless its loop nests are seen to compute what the plans of its steps compute.

What is read is what a printer prints: the nests, in order, for each value of the outer loops. How
the pass was found is not trusted. It is right for all sizes if

* each sum of a step is the one nest of its plan with other names of the loops, over whole arrays;
* each part visits each point of its sums once: else a term is added several times, or not at all;
* each entry is begun once, before anything is added to it;
* what is read is complete, and is the entry of the same outer loops.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sympy import Expr, Integer, Symbol

from rot180.codegen.plans.fusion import Axes, FusedPass, FusedRead, FusedStep, FusedTerm
from rot180.codegen.plans.pass_nests import FusedNest, FusedPart, pass_nests
from rot180.codegen.plans.plan import Box, LoweringError, Nest, Operand, Plan, affine
from rot180.derive.gradients.program_steps import SelectionStep

_SUMMED, _SELECTED = {"set", "zero", "add"}, {"begin", "extreme", "first"}
"""The kinds of parts that compute sums, and those that compute selections."""


def require_agreement(found: FusedPass, plans: Sequence[Plan | None]) -> None:
    """Refuse a pass that is not seen to compute its steps.

    Args:
        found: the pass.
        plans: the proved plan of each step; None of a selection.

    Raises:
        LoweringError: something differs; the message names the step and says what.

    """
    names = [s.tensor.name for s in found.steps]
    if len(set(names)) < len(names):
        raise LoweringError("two steps of a pass have one name")
    for s, plan in zip(found.steps, plans, strict=True):
        _require(s, _selected(found, s) if plan is None else _planned(found, s, plan))
    nests = pass_nests(found)
    for s in found.steps:
        _require(s, _begun(found, s, nests))
        for at, nest in enumerate(nests):
            for n, part in enumerate(nest.parts):
                if part.name == s.tensor.name:
                    _require(s, _visited(found, part) or _early(found, nests, at, n))


def _require(s: FusedStep, differs: str) -> None:
    if differs:
        raise LoweringError(f"the pass does not compute {s.tensor.name}: {differs}")


def _planned(found: FusedPass, s: FusedStep, plan: Plan) -> str:
    """Say where the sums of a step are not the nests of its plan, or ""."""
    if plan.hypotheses or plan.intermediates or plan.alternatives:
        return "its plan is more than sums"
    if len(plan.nests) != len(s.terms):
        return f"it has {len(s.terms)} sums, its plan {len(plan.nests)}"
    if plan.shape != s.tensor.shape:
        return f"its shape is {s.tensor.shape}, its plan's {plan.shape}"
    pairs = zip(plan.nests, s.terms, strict=True)
    return next((said for nest, t in pairs if (said := _same(found, s, nest, t))), "")


def _same(found: FusedPass, s: FusedStep, nest: Nest, t: FusedTerm) -> str:
    """Say where a sum is not a nest with axes of the domain for its loops, or ""."""
    sizes = _whole_loops(nest)
    operands = [f for f in nest.factors if isinstance(f, Operand)]
    if sizes is None or nest.outer or len(operands) < len(nest.factors):
        return "a nest of its plan has a bound, a phase or a bracket"
    if nest.coefficient != t.coefficient:
        return f"the coefficient is {t.coefficient}, its plan's {nest.coefficient}"
    given = [(f.tensor, f.function, f.order) for f in operands]
    if given != [(r.tensor, r.function, r.order) for r in t.reads]:
        return "its factors are not those of its plan"
    at: dict[Symbol, int] = {}
    places = [(nest.output, s.tensor, s.axes)]
    places += [(f.index, f.tensor, r.axes) for f, r in zip(operands, t.reads, strict=True)]
    for index, tensor, axes in places:
        for e, size, axis in zip(index, tensor.shape, axes, strict=True):
            (v, *_) = e.loops or (None,)
            if v is None or e != affine(v, (v,)) or at.setdefault(v, axis) != axis:
                return f"an index of {tensor.name} is not that of its plan"
            if not size == sizes[v] == found.domain[axis]:
                return f"an axis of {tensor.name} is not as long as the loop over it"
    once = len(set(at.values())) == len(at) and len(set(t.axes)) == len(t.axes)
    if not (once and set(at) == set(sizes) and set(at.values()) == set(t.axes)):
        return "its loops are not those of its plan"
    return ""


def _whole_loops(nest: Nest) -> dict[Symbol, Expr] | None:
    """Return the sizes of loops, each of which runs from 0; None if one has other bounds."""
    sizes: dict[Symbol, Expr] = {}
    for loop in nest.loops:
        v, size = loop.variable, loop.bounds[0].size if loop.bounds else Integer(0)
        if loop.bounds != (Box(affine(v, (v,)), size),) or v in sizes:
            return None
        sizes[v] = size
    return sizes


def _selected(found: FusedPass, s: FusedStep) -> str:
    """Say where a step is not its selection, or ""."""
    if not isinstance(s.step, SelectionStep) or s.step.selection.kind not in ("max", "min"):
        return "it has no plan"
    selection, outer = s.step.selection, set(range(found.outer))
    whole = tuple(range(len(selection.source.shape)))
    if s.terms != (FusedTerm(Integer(1), whole, (FusedRead(selection.source, whole),)),):
        return "it is not selected from all of one array"
    kept = tuple(a for a in whole if a not in selection.axes) if s.step.is_value else whole
    sizes = tuple(selection.source.shape[a] for a in kept)
    if s.axes != kept or s.tensor.shape != sizes:
        return "its axes are not those of its selection"
    if selection.source.shape != found.domain[: len(whole)] or outer & {*selection.axes}:
        return "a row has not all that it selects from"
    if not s.step.is_value and {*whole} - outer != {*selection.axes}:
        return "what it selects from is more than a row"
    return ""


def _begun(found: FusedPass, s: FusedStep, nests: Sequence[FusedNest]) -> str:
    """Say why an entry of a step is not begun once, and all its sums added, or ""."""
    parts = [p for nest in nests for p in nest.parts if p.name == s.tensor.name]
    outer, axes = set(range(found.outer)), set(s.axes)
    if len(axes) < len(s.axes):
        return "two of its axes are one"
    added = Counter(t for p in parts if p.kind not in ("zero", "begin") for t in p.terms)
    if not parts or added != Counter(s.terms):
        return "its sums are not those of its loop nests"
    first, *others = parts
    if not {p.kind for p in parts} <= (_SELECTED if isinstance(s.step, SelectionStep) else _SUMMED):
        return "a sum is computed as a selection, or a selection as a sum"
    if any(p.kind not in ("add", "extreme") for p in others):
        return "it is begun twice"
    if first.kind in ("add", "extreme"):  # an array of zeros, or a variable of each row
        zeros = first.kind == "add" and not outer <= axes
        return "" if axes == outer or zeros else "nothing begins its entries"
    if outer | set(first.loops) != axes:
        return "its entries are begun several times, or not all of them"
    return ""


def _visited(found: FusedPass, part: FusedPart) -> str:
    """Say why the loops of a part do not visit each point of its sums once, or ""."""
    visited = (*range(found.outer), *part.loops)
    if len(set(visited)) < len(visited):
        return "a loop runs twice"
    if any(set(t.axes) != set(visited) for t in part.terms):
        return "a sum is added several times, or at some of its points"
    return ""


def _early(found: FusedPass, nests: Sequence[FusedNest], at: int, n: int) -> str:
    """Say what a part of a nest reads before it is complete, or of another row, or ""."""
    made = {s.tensor.name: s for s in found.steps}
    before, part = nests[at].parts[:n], nests[at].parts[n]
    late = [p.name for nest in nests[at:] for p in nest.parts]
    for r in part.reads:
        name = r.tensor.name
        m = made.get(name)
        if m is None:
            continue
        if m.tensor.shape != r.tensor.shape:
            return f"it reads {name} with the shape {r.tensor.shape}, not {m.tensor.shape}"
        if found.is_spread(m) or _rows(found, m.axes) != _rows(found, r.axes):
            return f"it reads {name} of other rows"
        entry = [p.kind for p in before if p.name == name] == ["set"] and m.axes == r.axes
        if late.count(name) > (1 if entry else 0):
            return f"it reads {name} before that is complete"
    return ""


def _rows(found: FusedPass, axes: Axes) -> list[int | None]:
    """Return where the outer loops are among some axes."""
    return [a if a < found.outer else None for a in axes]
