"""Layers and their input gradients as windows that move over a grid, read off their index maps.

Nothing here knows a layer by name. An index with a free and a summed variable, ``s*p + d*k - lo``,
or an equation between such variables says where a window lies; a variable that only ever stands
alone (a batch, a channel) is fixed at 0 and not shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product

from sympy import Expr, Symbol

from rot180.codegen.figures.expand import Env, Limit, Product, accesses, integer, limits, products
from rot180.derive.gradients.gradient import gradient
from rot180.derive.kernel.proof import Theorem
from rot180.derive.language.layers import Layer
from rot180.derive.language.polynomial import coefficient, normal, symbols_of
from rot180.derive.language.spelling import reading
from rot180.derive.language.terms import Access, Equal, Tensor, Term


@dataclass(frozen=True)
class Window:
    """A sum of products, as a window over a grid of entries.

    Attributes:
        target: what is computed.
        free: the free indices that are shown.
        shape: their sizes.
        term: the sum.
        taps: the summed indices that are shown.
        fixed: the variables that stay at 0.
        grid: which of the term's accesses the window covers.
        kernel: which ones it consists of; the others only scale what the window computes.

    """

    target: Tensor
    free: tuple[Symbol, ...]
    shape: tuple[Expr, ...]
    term: Term
    taps: tuple[Symbol, ...]
    fixed: tuple[Symbol, ...]
    grid: int
    kernel: tuple[int, ...]

    def limits(self, v: Symbol) -> tuple[Limit, ...]:
        """Return what bounds a summed index."""
        return limits(self.term, v, frozenset((*self.free, *self.fixed)))

    def size(self, tap: Symbol) -> Expr:
        """Return the size of the axis or bracket that bounds a tap."""
        return self.limits(tap)[0].size

    def axes(self, access: Access) -> tuple[int, ...]:
        """Return the axes of an access that are shown."""
        shown = {*self.free, *self.taps}
        return tuple(a for a, e in enumerate(access.index) if symbols_of(e) & shown)

    def points(self, env: Env) -> Iterator[tuple[int, ...]]:
        """Walk over the free indices that are shown."""
        return product(*(range(integer(n, env)) for n in self.shape))

    def products(self, env: Env, point: tuple[int, ...]) -> list[Product]:
        """Write the sum out at a point of the free indices."""
        at = {v.name: 0 for v in self.fixed}
        at |= {v.name: n for v, n in zip(self.free, point, strict=True)}
        return list(products(self.term, env, at))


@dataclass(frozen=True)
class Axis:
    """One axis of a window's way: at step p and tap k it meets place ``s*p + d*k - lo``.

    Attributes:
        step: the index that counts windows.
        taps: the summed indices of the window, with their sizes.
        place: where they meet.
        steps: how many windows there are.
        places: how many places there are.
        output: which of both sizes is the output's: the steps', or, where windows are laid into
            the output, the places'.

    """

    step: Symbol
    taps: tuple[tuple[Symbol, Expr], ...]
    place: Expr
    steps: Expr
    places: Expr
    output: Expr

    @property
    def stride(self) -> Expr:
        """Return by how many places a step moves the window."""
        return coefficient(self.place, self.step)

    @property
    def shift(self) -> Expr:
        """Return the place of tap 0 at step 0."""
        moving = sum(coefficient(self.place, v) * v for v, _ in ((self.step, None), *self.taps))
        return normal(self.place - moving)


@dataclass(frozen=True)
class Moving:
    """A layer whose forward sum is a window over a grid.

    Attributes:
        layer: the layer.
        forward: its window.
        axes: the way of the window; none for a sum in which every index stands alone.

    """

    layer: Layer
    forward: Window
    axes: tuple[Axis, ...]

    @property
    def swept(self) -> Tensor:
        """Return the operand that the window covers."""
        return source(accesses(self.forward.term)[self.forward.grid].tensor)

    def parameters(self, part: str) -> tuple[Symbol, ...]:
        """Return the parameters that say how far a step goes, a tap, or where the first one is.

        Args:
            part: "step", "tap" or "shift".

        """
        found: dict[Symbol, None] = {}
        for axis in self.axes:
            read = {
                "step": [axis.stride],
                "tap": [coefficient(axis.place, v) for v, _ in axis.taps],
                "shift": [axis.shift],
            }[part]
            found |= {v: None for v in self.layer.parameters for e in read if v in symbols_of(e)}
        return tuple(found)


def source(tensor: Tensor) -> Tensor:
    """Return the free tensor whose entries a tensor rearranges."""
    while tensor.definition is not None:
        tensor = accesses(tensor.definition.body[0])[0].tensor
    return tensor


def moving(layer: Layer) -> Moving:
    """Read a layer as a window that moves over an operand.

    Raises:
        ValueError: it is none: its message says what was looked for.

    """
    definition = layer.output.definition
    assert definition is not None
    sums = [t for t in definition.body if t.variables and len(accesses(t)) > 1]
    sums = sums or [t for t in definition.body if _joint(t, definition.formals)]
    if len(sums) != 1:
        raise ValueError(
            f"{layer.text}: expected one sum of products of entries to draw, found {len(sums)}"
        )
    shape = tuple(zip(definition.formals, layer.output.shape, strict=True))
    window = _window(layer.output, shape, sums[0])
    read = accesses(window.term)
    swept = source(read[window.grid].tensor)
    uses = [a for t in definition.body for a in accesses(t) if source(a.tensor) == swept]
    if len(uses) > 1:
        raise ValueError(
            f"{layer.text}: {swept.name} occurs {len(uses)} times, expected once, for the outputs "
            "that an entry feeds to be those of one window"
        )
    kernel = tuple(i for i in range(len(read)) if i != window.grid)
    window = replace(window, kernel=kernel)
    return Moving(layer, window, tuple(_axes(layer, window)))


@lru_cache(maxsize=64)
def input_gradient(layer: Layer) -> Theorem:
    """Derive the gradient by the operand that a layer's window covers."""
    return gradient(layer, moving(layer).swept.name)


def backward(layer: Layer) -> Window:
    """Read the input gradient, as the engine derives and names it, as a window of its own.

    Raises:
        ValueError: the layer or its gradient is no such window.

    """
    theorem, forward = input_gradient(layer), moving(layer).forward
    sums = reading(theorem.rhs)
    if len(sums) != 1:
        raise ValueError(f"{theorem.name} is a sum of {len(sums)} sums, expected one to draw")
    shown = forward.axes(accesses(forward.term)[forward.grid])
    free = [v for v, _ in theorem.variables]
    wrt = Tensor(f"grad_{moving(layer).swept.name}", tuple(n for _, n in theorem.variables))
    return _window(wrt, theorem.variables, sums[0], [free[a] for a in shown])


def _joint(t: Term, free: tuple[Symbol, ...]) -> list[Symbol]:
    """Return the variables that stand in an index or an equation with something else."""
    variables = (*free, *t.variables)
    places = [e for a in accesses(t) for e in a.index if not isinstance(e, Symbol)]
    places += [f.value for f in t.factors if isinstance(f, Equal)]
    return [v for v in variables if any(v in symbols_of(e) for e in places)]


def _window(
    target: Tensor,
    variables: tuple[tuple[Symbol, Expr | None], ...],
    t: Term,
    free: list[Symbol] | None = None,
) -> Window:
    """Read a sum as a window; `free` says which free indices are shown, if that is known."""
    names = tuple(v for v, _ in variables)
    joint, read = _joint(t, names), accesses(t)
    grid = next((i for i, a in enumerate(read) if set(a.index) - {*names, *t.variables}), 0)
    if joint:
        shown = set(joint) | set(free or ())
    else:
        there = set(read[grid].index)
        shown = {v for v in names if v not in there} | {v for v in t.variables if v in there}
    sizes = {v: n for v, n in variables if v in shown and (free is None or v in free)}
    if not sizes or None in sizes.values():
        raise ValueError(f"{target.name}: no index of it moves a window")
    scales = [{v for e in a.index for v in symbols_of(e)} & shown for a in read]
    kernel = tuple(
        i for i, found in enumerate(scales) if i != grid and not (found and found <= sizes.keys())
    )
    taps = tuple(v for v in t.variables if v in shown)
    fixed = tuple(v for v in (*names, *t.variables) if v not in sizes and v not in taps)
    shape = tuple(n for n in sizes.values() if n is not None)
    return Window(target, tuple(sizes), shape, t, taps, fixed, grid, kernel)


def _axes(layer: Layer, window: Window) -> Iterator[Axis]:
    """Find where steps and taps meet: in an index of the grid, or in an equation."""
    taps = {v: window.size(v) for v in window.taps}
    grid = accesses(window.term)[window.grid]
    sizes = dict(zip(window.free, window.shape, strict=True))
    for e, places in zip(grid.index, grid.tensor.shape, strict=True):
        found = symbols_of(e)
        steps = [v for v in window.free if v in found]
        if steps and places is not None and not isinstance(e, Symbol):
            inner = tuple((v, n) for v, n in taps.items() if v in found)
            _one(layer, steps, e)
            yield Axis(steps[0], inner, e, sizes[steps[0]], places, sizes[steps[0]])
    for f in window.term.factors:
        if isinstance(f, Equal):
            found = symbols_of(f.value)
            ends = [v for v in window.free if v in found]
            _one(layer, ends, f.value)
            factor = coefficient(f.value, ends[0])
            steps = [v for v in taps if v in found and v in grid.index]
            _one(layer, steps, f.value)
            if factor not in (1, -1):
                raise ValueError(
                    f"{layer.text}: {ends[0]} stands in an equation with the factor {factor}, "
                    "expected 1"
                )
            inner = tuple((v, n) for v, n in taps.items() if v in found and v not in steps)
            place = normal(ends[0] - f.value * factor)
            size = sizes[ends[0]]
            yield Axis(steps[0], inner, place, taps[steps[0]], size, size)


def _one(layer: Layer, found: list[Symbol], e: Expr) -> None:
    if len(found) != 1:
        raise ValueError(
            f"{layer.text}: the index {e} joins {len(found)} indices that count windows, "
            "expected one"
        )
