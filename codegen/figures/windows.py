"""Layers and their input gradients as windows that move over a grid, read off their index maps.

No layer is known here by name. An index with a free and a summed variable, ``s*p + d*k - lo``, or
an equation between such variables gives the position of a window; a variable that is always an
index by itself (a batch, a channel) is fixed at 0 and not shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from math import prod

from sympy import Expr, Symbol

from rot180.codegen.figures.expand import (
    Env,
    Limit,
    Product,
    accesses,
    integer,
    limits,
    products,
    span,
)
from rot180.derive.gradients.gradient import gradient
from rot180.derive.kernel.proof import Theorem
from rot180.derive.language.layers import Layer
from rot180.derive.language.polynomial import coefficient, normal, symbols_of
from rot180.derive.language.spelling import unfold_operators
from rot180.derive.language.terms import Access, Equal, Tensor, Term


@dataclass(frozen=True)
class Window:
    """A sum of products, as a window over a grid of entries.

    Attributes:
        target: the tensor that is computed.
        free: the free indices that are shown.
        shape: their sizes.
        term: the sum.
        taps: the summed indices that are shown.
        fixed: the variables that are fixed at 0.
        grid: the number of the access, among those of the term, to what the window moves over.
        kernel: those of the accesses to the window's weights; the others scale the whole sum.

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
        """Return the bounds of a summed index."""
        return limits(self.term, v, frozenset((*self.free, *self.fixed)))

    def size(self, tap: Symbol) -> Expr:
        """Return the size of the axis, or of the bracket, that bounds a tap."""
        return self.limits(tap)[0].size

    def axes(self, access: Access) -> tuple[int, ...]:
        """Return the axes of an access that are shown."""
        shown = {*self.free, *self.taps}
        return tuple(a for a, e in enumerate(access.index) if symbols_of(e) & shown)

    def points(self, env: Env) -> Iterator[tuple[int, ...]]:
        """Iterate over the values of the free indices that are shown."""
        return product(*(range(integer(n, env)) for n in self.shape))

    def count(self, env: Env) -> int:
        """Return how many products the sum has at all points, those that are zero included."""
        sizes = [integer(n, env) for n in self.shape]
        return prod((*sizes, *(len(span(self.limits(v), env)) for v in self.taps)))

    def products(self, env: Env, point: tuple[int, ...]) -> list[Product]:
        """Write the sum out at given values of the free indices."""
        at = {v.name: 0 for v in self.fixed}
        at |= {v.name: n for v, n in zip(self.free, point, strict=True)}
        return list(products(self.term, env, at))


@dataclass(frozen=True)
class WindowAxis:
    """One axis that a window moves along: at step p, tap k is at place ``s*p + d*k - lo``.

    Attributes:
        step: the index of the window's position.
        taps: the summed indices of the window, with their sizes.
        place: the place of a tap at a step.
        steps: the number of windows.
        places: the number of places.
        output: the size of the output: that of the steps, or, where the windows are scattered
            into the output, that of the places.

    """

    step: Symbol
    taps: tuple[tuple[Symbol, Expr], ...]
    place: Expr
    steps: Expr
    places: Expr
    output: Expr

    @property
    def stride(self) -> Expr:
        """Return the number of places between one window and the next."""
        return coefficient(self.place, self.step)

    @property
    def shift(self) -> Expr:
        """Return the place of tap 0 at step 0: minus the padding."""
        variables = (self.step, *(v for v, _ in self.taps))
        return normal(self.place - sum(coefficient(self.place, v) * v for v in variables))


@dataclass(frozen=True)
class WindowedLayer:
    """A layer whose forward sum is a window over a grid.

    Attributes:
        layer: the layer.
        forward: its window.
        axes: the axes along which it moves; none where every index is a variable by itself.

    """

    layer: Layer
    forward: Window
    axes: tuple[WindowAxis, ...]

    @property
    def operand(self) -> Tensor:
        """Return the operand that the window moves over."""
        return source(accesses(self.forward.term)[self.forward.grid].tensor)

    def parameters(self, part: str) -> tuple[Symbol, ...]:
        """Return the parameters in the stride, in the dilation, or in the padding.

        Args:
            part: "step", "tap" or "shift", in this order.

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
    """Return the free tensor that a tensor rearranges, or itself if it is free."""
    while tensor.definition is not None:
        tensor = accesses(tensor.definition.body[0])[0].tensor
    return tensor


def windowed_layer(layer: Layer) -> WindowedLayer:
    """Return a layer as a window that moves over an operand.

    Raises:
        ValueError: it is none; the message says what was expected.

    """
    definition = layer.output.definition
    assert definition is not None
    sums = [t for t in definition.body if t.variables and len(accesses(t)) > 1]
    sums = sums or [t for t in definition.body if accesses(t) and _joint(t, definition.formals)]
    if len(sums) != 1:
        raise ValueError(
            f"{layer.text}: expected one sum of products of entries to draw, found {len(sums)}"
        )
    shape = tuple(zip(definition.formals, layer.output.shape, strict=True))
    window = _window(layer.output, shape, sums[0])
    read = accesses(window.term)
    operand = source(read[window.grid].tensor)
    uses = [a for t in definition.body for a in accesses(t) if source(a.tensor) == operand]
    if len(uses) > 1:
        raise ValueError(
            f"{layer.text}: {operand.name} occurs {len(uses)} times, expected once: the outputs "
            "that an entry contributes to would be those of several windows"
        )
    kernel = tuple(i for i in range(len(read)) if i != window.grid)
    window = replace(window, kernel=kernel)
    return WindowedLayer(layer, window, tuple(_axes(layer, window)))


@lru_cache(maxsize=64)
def input_gradient(layer: Layer) -> Theorem:
    """Derive the gradient by the operand that a layer's window moves over."""
    return gradient(layer, windowed_layer(layer).operand.name)


def backward(layer: Layer) -> Window:
    """Return the input gradient, as it is derived and named, as a window of its own.

    Raises:
        ValueError: the layer or its gradient is not such a window.

    """
    theorem, forward = input_gradient(layer), windowed_layer(layer).forward
    sums = unfold_operators(theorem.rhs)
    if len(sums) != 1:
        raise ValueError(f"{theorem.name}: found a sum of {len(sums)} sums, expected one to draw")
    shown = forward.axes(accesses(forward.term)[forward.grid])
    free = [v for v, _ in theorem.variables]
    shape = tuple(n for _, n in theorem.variables)
    wrt = Tensor(f"grad_{windowed_layer(layer).operand.name}", shape)
    return _window(wrt, theorem.variables, sums[0], [free[a] for a in shown])


def _joint(t: Term, free: tuple[Symbol, ...]) -> list[Symbol]:
    """Return the variables of the indices and equations that are more than a single variable."""
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
    """Return a sum as a window; `free` are the free indices that are shown, if they are known."""
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
        raise ValueError(f"{target.name}: found no index along which a window moves")
    scales = [{v for e in a.index for v in symbols_of(e)} & shown for a in read]
    kernel = tuple(
        i for i, found in enumerate(scales) if i != grid and not (found and found <= sizes.keys())
    )
    taps = tuple(v for v in t.variables if v in shown)
    fixed = tuple(v for v in (*names, *t.variables) if v not in sizes and v not in taps)
    shape = tuple(n for n in sizes.values() if n is not None)
    return Window(target, tuple(sizes), shape, t, taps, fixed, grid, kernel)


def _axes(layer: Layer, window: Window) -> Iterator[WindowAxis]:
    """Find the axes: each is an index of the grid, or an equation, with a step and taps in it."""
    taps = {v: window.size(v) for v in window.taps}
    grid = accesses(window.term)[window.grid]
    sizes = dict(zip(window.free, window.shape, strict=True))
    for e, places in zip(grid.index, grid.tensor.shape, strict=True):
        found = symbols_of(e)
        steps = [v for v in window.free if v in found]
        if steps and places is not None and not isinstance(e, Symbol):
            inner = tuple((v, n) for v, n in taps.items() if v in found)
            _one(layer, steps, e)
            yield WindowAxis(steps[0], inner, e, sizes[steps[0]], places, sizes[steps[0]])
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
                    f"{layer.text}: found {ends[0]} in an equation with the factor {factor}, "
                    "expected 1"
                )
            inner = tuple((v, n) for v, n in taps.items() if v in found and v not in steps)
            place = normal(ends[0] - f.value * factor)
            size = sizes[ends[0]]
            yield WindowAxis(steps[0], inner, place, taps[steps[0]], size, size)


def _one(layer: Layer, found: list[Symbol], e: Expr) -> None:
    if len(found) != 1:
        raise ValueError(
            f"{layer.text}: found {len(found)} indices of window positions in the index {e}, "
            "expected one"
        )
