"""Minimal filtering: the Toom-Cook identity, and Winograd's form of a layer.

F(m, r) computes m neighbouring outputs of a filter with r taps by n = m + r - 1 products:
evaluate at n points (one of them infinity), multiply, interpolate.

    c [i = p + k] = sum_t A[p, t] G[t, k] B[t, i],    0 <= p < m, 0 <= k < r.

The identity has three tables of integers and an integer scale c, so that it needs no division. The
form of a layer follows by applying this theorem once for each axis.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, count, islice, starmap
from math import lcm, prod

from sympy import Expr, Integer, Symbol

from rot180.derive.gradients.gradient import chain_goal, operand, output_gradient
from rot180.derive.kernel.proof import Variables
from rot180.derive.language.layers import Layer, axis_letters, layer
from rot180.derive.language.operators import rot180
from rot180.derive.language.polynomial import symbol
from rot180.derive.language.spelling import display_name
from rot180.derive.language.terms import Equal, Expression, Range, Tensor, Term, define, term
from rot180.derive.theorems.registry import Claim, claim

Matrix = tuple[tuple[int, ...], ...]

Point = tuple[int, int]
"""The numerator and the denominator of a point: a/b; (1, 0) is infinity."""


@dataclass(frozen=True)
class MinimalFiltering:
    """F(m, r): m outputs of a filter with r taps, with m + r - 1 products.

    Attributes:
        outputs: m.
        taps: r.

    """

    outputs: int
    taps: int

    @property
    def name(self) -> str:
        """Return the name of its theorem."""
        return f"toom_cook_{self.outputs}_{self.taps}"

    @property
    def products(self) -> int:
        """Return the number of products."""
        return self.outputs + self.taps - 1

    @property
    def points(self) -> tuple[Point, ...]:
        """Return the finite points 0, 1, -1, 2, -2, 1/2, -1/2, 3, -3, 1/3, ... and infinity."""
        sizes = chain([(1, 1)], ((n, 1)[::s] for n in count(2) for s in (1, -1)))
        finite = chain([(0, 1)], ((sign * a, b) for a, b in sizes for sign in (1, -1)))
        return (*islice(finite, self.products - 1), (1, 0))

    @property
    def scale(self) -> int:
        """Return c, the least common multiple of the denominators."""
        return lcm(*map(self._denominator, range(self.products)))

    def _denominator(self, t: int) -> int:
        a, b = self.points[t]
        return prod(e * a - d * b if e else b for u, (d, e) in enumerate(self.points) if u != t)

    def output(self) -> Matrix:
        """Return A: the powers of the points, 0 to m - 1."""
        return tuple(zip(*(_powers(point, self.outputs) for point in self.points), strict=True))

    def filter(self) -> Matrix:
        """Return G: the powers of the points, 0 to r - 1, times c over the denominator."""
        return tuple(
            tuple(self.scale // self._denominator(t) * power for power in _powers(point, self.taps))
            for t, point in enumerate(self.points)
        )

    def input(self) -> Matrix:
        """Return B: the coefficients of Lagrange's numerators; the last is the nodal polynomial."""
        rows = (
            _nodal([other for u, other in enumerate(self.points) if u != t])
            for t in range(self.products)
        )
        return tuple((*row, *[0] * (self.products - len(row))) for row in rows)

    def tables(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return A, G and B as tensors."""
        return table("A", self.output()), table("G", self.filter()), table("B", self.input())


def _nodal(points: Iterable[Point]) -> tuple[int, ...]:
    """Return the coefficients of the product of all ``b x - a``, lowest first; infinity gives 1."""
    out = [1]
    for a, b in points:
        if b:
            out = [b * d - a * c for d, c in zip([0, *out], [*out, 0], strict=True)]
    return tuple(out)


def _powers(point: Point, count: int) -> tuple[int, ...]:
    """Return the powers of a point, 0 to count - 1, times b^(count - 1)."""
    a, b = point
    return tuple(a**n * b ** (count - 1 - n) for n in range(count))


def table(name: str, entries: Matrix) -> Tensor:
    """Return a table of numbers as a tensor: the sum of ``c [i = row] [j = column]``."""
    i, j = symbol("i"), symbol("j")
    body = tuple(
        term(Equal(i - a), Equal(j - b), coefficient=c)
        for a, row in enumerate(entries)
        for b, c in enumerate(row)
        if c
    )
    return define(name, (Integer(len(entries)), Integer(len(entries[0]))), (i, j), body)


def identity(f: MinimalFiltering) -> Claim:
    """State c [i = p + k] = sum_t A[p, t] G[t, k] B[t, i]."""
    a, g, b = f.tables()
    p, k, i, t = map(symbol, "pkit")
    variables: Variables = ((p, Integer(f.outputs)), (k, None), (i, None))
    left = (term(a[p, t], g[t, k], b[t, i], over=(t,)),)
    right = (term(Range(k, Integer(f.taps)), Equal(i - p - k), coefficient=f.scale),)
    points = ", ".join(map(str, f.points))
    words = f"F({f.outputs}, {f.taps}) at the points {points} and infinity"
    return Claim(variables, left, right, (), words)


@dataclass(frozen=True)
class Tiling:
    """A layer cut into tiles of outputs, and its filter into blocks of taps.

    Attributes:
        filtering: F(m, r), applied once for each step.
        axes: the number of spatial axes of the layer.
        nested: whether an axis is treated as two: a tile of m m outputs, as one of m x m outputs.

    """

    filtering: MinimalFiltering
    axes: int
    nested: bool = False

    @property
    def name(self) -> str:
        """Return what its theorems are called, with a place for the operation."""
        words = "nested_" if self.nested else ""
        return f"winograd_{self.filtering.outputs}_{self.filtering.taps}_{{}}{words}{self.axes}d"

    @property
    def steps(self) -> tuple[int, ...]:
        """Return the strides of a tile along an axis: (1,), or (r, 1) if it is nested."""
        return (self.filtering.taps, 1) if self.nested else (1,)

    @property
    def scale(self) -> int:
        """Return the factor of the identity, once for each table that is applied."""
        return int(self.filtering.scale ** len(self.places))

    def layer(self) -> Layer:
        """Return the layer: stride and dilation 1, any filter and low padding."""
        if self.axes == 1:
            return layer("x[H]; w[K]; y[p] = sum[k] x[p+k-lo] * w[k]")
        return layer(
            "x[N,G,C,H,V]; w[G,O,C,K,L]; "
            "y[n,g,o,p,q] = sum[c,k,l] x[n,g,c,p+k-lo,q+l-lp] * w[g,o,c,k,l]"
        )

    @property
    def places(self) -> tuple[Symbol, ...]:
        """Return the number of an output within its tile, for each table that is applied."""
        return tuple(map(symbol, "ab"[: self.axes * len(self.steps)]))

    def along(self, indices: Sequence[Expr]) -> list[Expr]:
        """Return the offset along each axis of a place in a tile."""
        whole = len(self.steps)
        return [
            sum((n * i for n, i in zip(self.steps, indices[whole * a :], strict=False)), Integer(0))
            for a in range(self.axes)
        ]

    def words(self, main: Tensor, window: Tensor) -> str:
        """Say what it computes, and with how many products."""
        f, times = self.filtering, len(self.places)
        tile = f.outputs**2 if self.nested else " x ".join([str(f.outputs)] * times)
        products = " x ".join([str(f.products)] * times)
        return (
            f"the correlation of {display_name(main)} with {display_name(window)} by tiles of "
            f"{tile}, {products} products for each block of "
            f"{f.taps**2 if self.nested else ' x '.join([str(f.taps)] * times)} taps"
        )

    def outputs(
        self,
        main: Tensor,
        window: Tensor,
        leads: tuple[list[Symbol], list[Symbol], list[Symbol]],
        origin: list[Expr],
    ) -> Expression:
        """Return one output of a tile: the sum of A[.., t] M[.., t].

        M sums the products of U, the window by G, and V, main by B, over blocks and channels.

        Args:
            main: the tensor that the window slides over.
            window: the filter.
            leads: the non-spatial indices of main, of the window and of the result.
            origin: the position in main at which the tile begins.

        """
        a, g, b = self.filtering.tables()
        times = range(len(self.places))
        ts, taps, inside = ([symbol(f"{s}{n or ''}") for n in times] for s in "tji")
        corners, blocks = ([symbol(f"{s}{n or ''}") for n in range(self.axes)] for s in "er")
        size = self.filtering.taps ** len(self.steps)
        lead_main, lead_window, lead_out = leads
        tap = [size * r + at for r, at in zip(blocks, self.along(taps), strict=True)]
        u = define(
            "U", (None,) * (len(lead_window) + self.axes + len(ts)), (*lead_window, *blocks, *ts),
            (term(*(g[t, j] for t, j in zip(ts, taps, strict=True)),
                  window[(*lead_window, *tap)], over=tuple(taps)),),
        )  # fmt: skip
        entry = [e + at for e, at in zip(corners, self.along(inside), strict=True)]
        v = define(
            "V", (None,) * (len(lead_main) + self.axes + len(ts)), (*lead_main, *corners, *ts),
            (term(*(b[t, i] for t, i in zip(ts, inside, strict=True)),
                  main[(*lead_main, *entry)], over=tuple(inside)),),
        )  # fmt: skip
        begins = [e + size * r for e, r in zip(corners, blocks, strict=True)]
        every = dict.fromkeys((*lead_window, *lead_main))
        summed = [*blocks, *(i for i in every if i not in lead_out)]
        m = define(
            "M", (None,) * (len(lead_out) + self.axes + len(ts)), (*lead_out, *corners, *ts),
            (term(u[(*lead_window, *blocks, *ts)], v[(*lead_main, *begins, *ts)],
                  over=tuple(summed)),),
        )  # fmt: skip
        outer = (a[p, t] for p, t in zip(self.places, ts, strict=True))
        return (term(*outer, m[(*lead_out, *origin, *ts)], over=tuple(ts)),)

    def claim(self, free: Variables, left: Expression, right: Expression, words: str) -> Claim:
        """State c y = right, for each place in a tile."""
        (one,) = left
        scaled = (Term(self.scale * one.coefficient, one.variables, one.factors),)
        places = ((a, Integer(self.filtering.outputs)) for a in self.places)
        cites = (self.filtering.name,) * len(self.places)
        return Claim((*free, *places), scaled, right, (), words, cites)


def forward(tiling: Tiling) -> Claim:
    """State that y[p] is output number a of a tile that begins at p - a."""
    conv, axes = tiling.layer(), tiling.axes
    x, w, y = operand(conv, "x"), operand(conv, "w"), conv.output
    assert y.definition is not None
    index = y.definition.formals
    lead, where = index[: len(index) - axes], index[len(index) - axes :]
    group = list(lead[:-1])
    o, c = (list(lead[-1:]), [symbol("c")]) if axes > 1 else ([], [])
    leads = ([*group, *c], [*group[1:], *o, *c], [*group, *o])
    pads = [symbol(n.low) for n in axis_letters(axes)]
    origin = [p - a - lo for p, a, lo in zip(where, tiling.along(tiling.places), pads, strict=True)]
    right = tiling.outputs(x, w, leads, origin)
    free = tuple(zip(index, y.shape, strict=True))
    return tiling.claim(free, (term(y[index]),), right, tiling.words(x, w))


def input_gradient(tiling: Tiling) -> Claim:
    """State the same for dL/dx[h], the correlation of the output gradient with rot180(w)."""
    conv, axes = tiling.layer(), tiling.axes
    x, w, g = operand(conv, "x"), operand(conv, "w"), output_gradient(conv)
    variables, goal = chain_goal(conv, x)
    index = [v for v, _ in variables]
    lead, where = index[: len(index) - axes], index[len(index) - axes :]
    o = [symbol("o")] if axes > 1 else []
    leads = ([*lead[:-1], *o], [*lead[1:-1], *o, *lead[-1:]], lead)
    pads = [symbol(n.low) for n in axis_letters(axes)]
    sizes = [n for n in w.shape[len(w.shape) - axes :] if n is not None]
    origin = [
        h - a - (size - 1 - lo)
        for h, a, size, lo in zip(where, tiling.along(tiling.places), sizes, pads, strict=True)
    ]
    rotated = rot180(w, range(len(w.shape) - axes, len(w.shape)))
    right = tiling.outputs(g, rotated, leads, origin)
    return tiling.claim(variables, goal, right, tiling.words(g, rotated))


LAYERS = tuple(starmap(MinimalFiltering, ((2, 3), (4, 3), (4, 4), (4, 5))))
"""The algorithms of layers."""

WEIGHT_GRADIENT = MinimalFiltering(3, 2)
"""An algorithm of a weight gradient."""

FILTERINGS = (*LAYERS, WEIGHT_GRADIENT)
TILINGS = (
    *(Tiling(f, axes) for f in LAYERS for axes in (1, 2)),
    Tiling(MinimalFiltering(4, 4), 1, nested=True),
)
for _f in FILTERINGS:
    claim(_f.name, partial(identity, _f))
for _tiling in TILINGS:
    claim(_tiling.name.format(""), partial(forward, _tiling))
    claim(_tiling.name.format("input_"), partial(input_gradient, _tiling))
