"""Extreme entries in windows of an array, and what is added at the places where they are.

A program that takes a maximum over windows defines an array of windows, ``u[p,i] = x[s*p+i]``, the
maximum over some of its axes, and in a gradient the selection, which is 1 at the first extreme
entry of each window. One pass reads the windows where they lie in ``x``, so none of these arrays is
made. A gradient that is a sum of products with the selection, ``sum[p,i] g[p] * selection[p,i] *
[s*p+i == h]``, has one term for each window that is not zero: it is added at the place of the
extreme entry.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sympy import Expr, Symbol

from rot180.codegen.plans.agreement import agreed
from rot180.codegen.plans.fusion import FusedPass, FusedStep
from rot180.codegen.plans.plan import Affine, affine
from rot180.derive.gradients.gather_steps import GatherStep
from rot180.derive.gradients.program_steps import AnyStep, ProgramStep, SelectionStep
from rot180.derive.kernel.errors import ProofError
from rot180.derive.kernel.proof import Theorem
from rot180.derive.kernel.replay import replay
from rot180.derive.language.computed import Selection
from rot180.derive.language.layers import Layer
from rot180.derive.language.polynomial import coefficient, monomials, normal, symbols_of
from rot180.derive.language.terms import Access, Equal, Factor, Tensor, Term, term
from rot180.derive.search.derivation import Derivation
from rot180.derive.search.rewriting import drop_implied

Maps = tuple[Affine, ...]


@dataclass(frozen=True)
class Scatter:
    """A sum of products with a selection, over all its windows.

    Attributes:
        coefficient: a number.
        index: the place in the output, a map of the loops for each axis.
        factors: other arrays, each with the loops that are its indices.
        theorem: what it computes.

    """

    coefficient: Expr
    index: Maps
    factors: tuple[tuple[Tensor, tuple[Symbol, ...]], ...]
    theorem: Theorem


@dataclass(frozen=True)
class WindowPass(FusedPass):
    """A pass over windows; its domain is the shape of the array that has them all.

    Attributes:
        loops: an index for each axis of the domain.
        source: the array that the windows lie in.
        index: where, a map of the loops for each axis.
        selection: what is selected in each window.
        scatter: what is added at the selected entries; None if these are returned.

    """

    loops: tuple[Symbol, ...]
    source: Tensor
    index: Maps
    selection: Selection
    scatter: Scatter | None

    @property
    def kept(self) -> tuple[int, ...]:
        """Return the axes of the domain along which windows lie."""
        return tuple(a for a in range(len(self.loops)) if a not in self.selection.axes)

    @property
    def names(self) -> tuple[str, ...]:
        """Return what it computes that others may read."""
        return (self.steps[-1].tensor.name,)

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """Return the arrays that it is given."""
        others = self.scatter.factors if self.scatter else ()
        return tuple({t.name: t for t in (*(t for t, _ in others), self.source)}.values())


def windows(steps: Sequence[AnyStep], results: Collection[AnyStep]) -> Iterator[WindowPass]:
    """Yield the passes over windows among the steps of a function.

    Args:
        steps: the steps, each after those that it reads.
        results: the steps whose arrays are returned.

    """
    names = [step.name for step in steps]
    if len(set(names)) < len(names):
        return
    readers = _readers(steps)
    returned = {step.name for step in results}
    for view in steps:
        maps = _view(view)
        if maps is None or not isinstance(view, ProgramStep) or view.name in returned:
            continue
        found = [_pass(view, maps, s, readers, returned) for s in readers.get(view.name, ())]
        passes = [p for p in found if p is not None]
        if len(passes) == len(found):  # else the array is made, and the others read it
            yield from passes


def _readers(steps: Sequence[AnyStep]) -> Mapping[str, list[AnyStep]]:
    found: dict[str, list[AnyStep]] = {}
    for step in steps:
        for t in dict.fromkeys(_read(step)):
            found.setdefault(t.name, []).append(step)
    return found


def _read(step: AnyStep) -> tuple[Tensor, ...]:
    if isinstance(step, ProgramStep):
        return step.layer.tensors
    if isinstance(step, SelectionStep):
        return (step.selection.source,)
    return (step.source,) if isinstance(step, GatherStep) else ()


def _view(step: AnyStep) -> tuple[tuple[Symbol, ...], Tensor, Maps] | None:
    """Return the loops, the array and the maps of a step that copies entries of an array."""
    if not isinstance(step, ProgramStep):
        return None
    output = step.layer.output
    assert output.definition is not None
    loops, body = output.definition.formals, output.definition.body
    if len(body) != 1 or len(body[0].factors) != 1 or body[0] != term(*body[0].factors):
        return None
    (read,) = body[0].factors
    if not isinstance(read, Access) or read.tensor.definition is not None:
        return None  # a function of an entry is not an array that lies somewhere
    if None in (*output.shape, *read.tensor.shape):
        return None
    maps = tuple(affine(e, loops) for e in read.index)
    return (loops, read.tensor, maps) if all(map(_small, maps)) else None


def _small(e: Affine) -> bool:
    """Say whether coefficients are sums of parameters, so that 62 bits hold their products."""
    parts = (e.constant, *(c for _, c in e.coefficients))
    terms = [(m, c) for p in parts for m, c in monomials(p).items()]
    return all(sum(k for _, k in m) <= 1 and c.is_Integer and abs(c) < 2**16 for m, c in terms)


def _pass(
    view: ProgramStep,
    maps: tuple[tuple[Symbol, ...], Tensor, Maps],
    step: AnyStep,
    readers: Mapping[str, list[AnyStep]],
    returned: Collection[str],
) -> WindowPass | None:
    """Return the pass of a selection, and of what reads it."""
    if not isinstance(step, SelectionStep) or step.selection.kind not in ("max", "min"):
        return None
    loops, source, index = maps
    s = step.selection
    domain = tuple(n for n in s.source.shape if n is not None)
    first = FusedStep(view.layer.output, tuple(range(len(loops))), (), view)
    kept = tuple(a for a in range(len(loops)) if a not in s.axes)
    if step.is_value:
        value = Tensor(s.value, tuple(domain[a] for a in kept))
        last = FusedStep(value, kept, (), step)
        return WindowPass(domain, 0, (first, last), loops, source, index, s, None)
    (reader, *others) = readers.get(step.name, [None])
    if others or step.name in returned or not isinstance(reader, ProgramStep):
        return None
    scatter = _scatter(reader.layer, s, loops)
    if scatter is None:
        return None
    middle = FusedStep(s.tensor, tuple(range(len(loops))), (), step)
    last = FusedStep(reader.layer.output, (), (), reader)
    return WindowPass(domain, 0, (first, middle, last), loops, source, index, s, scatter)


def _scatter(layer: Layer, s: Selection, loops: tuple[Symbol, ...]) -> Scatter | None:
    """Read a definition as a scatter; None if it is none."""
    output = layer.output
    assert output.definition is not None
    body = output.definition.body
    if len(body) != 1 or None in output.shape or not body[0].coefficient.is_number:
        return None
    theorem = _unfolded(layer) if s.tensor.name in {u.name for u in layer.tensors} else None
    if theorem is None or len(theorem.rhs) != 1:
        return None
    (t,) = theorem.rhs
    entries = (f for f in t.factors if isinstance(f, Access))
    (entry, *more) = (f for f in entries if f.tensor.name == s.tensor.name)
    pairs = zip(entry.index, loops, strict=True)
    names = {e: v for e, v in pairs if isinstance(e, Symbol)}
    if more or len(names) < len(loops):
        return None
    index = [_place(v, t, names) for v, _ in theorem.variables]
    found = Scatter(t.coefficient, tuple(e for e in index if e is not None), (), theorem)
    others = tuple(_factors(t, entry, names, s))
    if None in index or None in others or not all(map(_small, found.index)):
        return None
    factors = tuple(f for f in others if f is not None)
    found = Scatter(t.coefficient, found.index, factors, theorem)
    return found if _covered(t, entry, found, names) else None


def _unfolded(layer: Layer) -> Theorem | None:
    """Prove that an entry of a definition is its body, without brackets that follow."""
    output = layer.output
    assert output.definition is not None
    index = output.definition.formals
    variables = tuple(zip(index, output.shape, strict=True))
    d = Derivation(f"{layer.name or 'layer'}.scatter", variables, (), (term(output[index]),))
    try:
        d.apply("definition", factor=0)
        drop_implied(d)
        return agreed(replay(d.proof()).proof)
    except (ProofError, ValueError):
        return None


def _place(v: Symbol, t: Term, names: Mapping[Symbol, Symbol]) -> Affine | None:
    """Return where a free index is: a loop, or what an equation says."""
    if v in names:
        return affine(names[v], names.values())
    for f in t.factors:
        if isinstance(f, Equal) and coefficient(f.value, v) in (1, -1):
            e = normal(v - coefficient(f.value, v) * f.value)
            if v not in symbols_of(e):
                return affine(normal(e.xreplace(dict(names))), names.values())
    return None


def _factors(
    t: Term, entry: Access, names: Mapping[Symbol, Symbol], s: Selection
) -> Iterator[tuple[Tensor, tuple[Symbol, ...]] | None]:
    """Yield the other arrays, each with the loops that are its indices; None for another factor."""
    sizes = dict(zip(names.values(), s.source.shape, strict=True))
    along = {v for a, v in enumerate(names.values()) if a in s.axes}
    for f in t.factors:
        if f == entry or isinstance(f, Equal):
            continue
        if not isinstance(f, Access):
            yield None
            continue
        loops = tuple(names[e] for e in f.index if isinstance(e, Symbol) and e in names)
        plain = tuple(sizes[v] for v in loops) == f.tensor.shape and len(set(loops)) == len(loops)
        yield (f.tensor, loops) if plain and not along & set(loops) else None


def _covered(
    t: Term, entry: Access, found: Scatter, names: Mapping[Symbol, Symbol]
) -> bool:
    """Say whether the scatter, read back as a term, is the theorem's right side."""
    back = {w: v for v, w in names.items()}
    free = [v for v, _ in found.theorem.variables]
    factors: list[Factor] = [entry]
    for tensor, loops in found.factors:
        factors.append(tensor[tuple(back[v] for v in loops)])
    for v, e in zip(free, found.index, strict=True):
        place = normal(e.constant + sum(c * back[w] for w, c in e.coefficients))
        if place != v:
            factors.append(Equal(place - v))
    bound = {v for v in entry.index if v not in free}
    same = sorted(map(_key, factors)) == sorted(map(_key, t.factors))
    return same and bound == set(t.variables) and t.coefficient == found.coefficient


def _key(f: Factor) -> str:
    """Return a text that two factors share if they are equal; an equation has two signs."""
    if isinstance(f, Equal):
        return min(str(normal(f.value)), str(normal(-f.value)))
    return str(f)


__all__ = ["Scatter", "WindowPass", "windows"]
