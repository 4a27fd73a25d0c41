"""Minimal filtering: the Toom-Cook identity, and Winograd's form of a layer.

F(m, r) computes m neighbouring outputs of a filter with r taps by n = m + r - 1 products:
evaluate at n points (one of them infinity), multiply, interpolate.

    c [i = p + k] = sum_t A[p, t] G[t, k] B[t, i],    0 <= p < m, 0 <= k < r.

The identity has three tables of integers and an integer scale c, so that it needs no division. The
form of a layer follows by applying this theorem once for each axis.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import lcm

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
    def points(self) -> tuple[int, ...]:
        """Return the finite points: 0, 1, -1, 2, -2, ... The last point is infinity."""
        return tuple((n + 1) // 2 * (1 if n % 2 else -1) for n in range(self.products - 1))

    @property
    def scale(self) -> int:
        """Return c, the least common multiple of the denominators."""
        return lcm(*map(self._denominator, self.points))

    def _denominator(self, a: int) -> int:
        return _evaluate(_nodal([b for b in self.points if b != a]), a)

    def output(self) -> Matrix:
        """Return A: the powers of the points, 0 to m - 1."""
        finite = [[a**p for a in self.points] for p in range(self.outputs)]
        return tuple((*row, int(p == self.outputs - 1)) for p, row in enumerate(finite))

    def filter(self) -> Matrix:
        """Return G: the powers of the points, 0 to r - 1, times c over the denominator."""
        rows = [
            tuple(self.scale // self._denominator(a) * a**k for k in range(self.taps))
            for a in self.points
        ]
        return (*rows, tuple(self.scale * int(k == self.taps - 1) for k in range(self.taps)))

    def input(self) -> Matrix:
        """Return B: the coefficients of Lagrange's numerators, and of the nodal polynomial."""
        rows = [_nodal([b for b in self.points if b != a]) for a in self.points]
        return (*((*row, 0) for row in rows), _nodal(self.points))

    def tables(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return A, G and B as tensors."""
        return table("A", self.output()), table("G", self.filter()), table("B", self.input())


def _nodal(points: list[int] | tuple[int, ...]) -> tuple[int, ...]:
    """Return the coefficients of the product of all x - a, lowest first."""
    out = [1]
    for a in points:
        out = [b - a * c for b, c in zip([0, *out], [*out, 0], strict=True)]
    return tuple(out)


def _evaluate(polynomial: tuple[int, ...], at: int) -> int:
    return sum(c * at**n for n, c in enumerate(polynomial))


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


def correlation(f: MinimalFiltering, axes: int) -> Layer:
    """Return the layer: stride and dilation 1, any low padding; with channels and groups in 2-D."""
    r = f.taps
    if axes == 1:
        return layer(f"x[H]; w[{r}]; y[p] = sum[k] x[p+k-lo] * w[k]")
    return layer(
        f"x[N,G,C,H,V]; w[G,O,C,{r},{r}]; "
        "y[n,g,o,p,q] = sum[c,k,l] x[n,g,c,p+k-lo,q+l-lp] * w[g,o,c,k,l]"
    )


def _tile_outputs(
    f: MinimalFiltering,
    main: Tensor,
    window: Tensor,
    leads: tuple[list[Symbol], list[Symbol], list[Symbol]],
    origin: list[Expr],
    places: list[Symbol],
) -> Expression:
    """Return the sum over t of A[.., t] times (window by G) times (main by B), for one output.

    Args:
        f: the filtering algorithm.
        main: the tensor that the window slides over.
        window: the filter.
        leads: the non-spatial indices of main, of the window and of the result.
        origin: the position in main at which the tile begins.
        places: the number of the output within the tile, on each axis.

    """
    a, g, b = f.tables()
    axes = len(places)
    ts = [symbol(f"t{n or ''}") for n in range(axes)]
    taps = [symbol(f"j{n or ''}") for n in range(axes)]
    inside = [symbol(f"i{n or ''}") for n in range(axes)]
    corners = [symbol(f"e{n or ''}") for n in range(axes)]
    lead_main, lead_window, lead_out = leads
    u = define(
        "U", (None,) * (len(lead_window) + axes), (*lead_window, *ts),
        (term(*(g[t, j] for t, j in zip(ts, taps, strict=True)),
              window[(*lead_window, *taps)], over=tuple(taps)),),
    )  # fmt: skip
    shifted = [e + i for e, i in zip(corners, inside, strict=True)]
    v = define(
        "V", (None,) * (len(lead_main) + 2 * axes), (*lead_main, *corners, *ts),
        (term(*(b[t, i] for t, i in zip(ts, inside, strict=True)),
              main[(*lead_main, *shifted)], over=tuple(inside)),),
    )  # fmt: skip
    summed = [s for s in (*lead_window, *lead_main) if s not in lead_out]
    return (
        term(
            *(a[p, t] for p, t in zip(places, ts, strict=True)),
            u[(*lead_window, *ts)],
            v[(*lead_main, *origin, *ts)],
            over=tuple(dict.fromkeys((*ts, *summed))),
        ),
    )


def _words(f: MinimalFiltering, axes: int, main: Tensor, window: Tensor) -> str:
    def times(n: int) -> str:
        return " x ".join([str(n)] * axes)

    return (
        f"the correlation of {display_name(main)} with {display_name(window)} by tiles of "
        f"{times(f.outputs)}, {times(f.products)} products each"
    )


def forward(f: MinimalFiltering, axes: int) -> Claim:
    """State c^axes y[p] as output number a of a tile that begins at p - a."""
    conv = correlation(f, axes)
    x, w, y = operand(conv, "x"), operand(conv, "w"), conv.output
    assert y.definition is not None
    index = y.definition.formals
    lead = [index[: len(index) - axes], index[len(index) - axes :]]
    group = list(lead[0][:-1])
    o, c = (list(lead[0][-1:]), [symbol("c")]) if axes > 1 else ([], [])
    leads = ([*group, *c], [*group[1:], *o, *c], [*group, *o])
    places = [symbol("a"), symbol("b")][:axes]
    pads = [symbol(n.low) for n in axis_letters(axes)]
    origin = [p - a - lo for p, a, lo in zip(lead[1], places, pads, strict=True)]
    variables = (*zip(index, y.shape, strict=True), *((a, Integer(f.outputs)) for a in places))
    left = (term(y[index], coefficient=f.scale**axes),)
    right = _tile_outputs(f, x, w, leads, origin, places)
    return Claim(variables, left, right, (), _words(f, axes, x, w), (f.name,) * axes)


def input_gradient(f: MinimalFiltering, axes: int) -> Claim:
    """State the same for c^axes dL/dx[h], the correlation of the output gradient with rot180(w)."""
    conv = correlation(f, axes)
    x, w, g = operand(conv, "x"), operand(conv, "w"), output_gradient(conv)
    variables, goal = chain_goal(conv, x)
    index = [v for v, _ in variables]
    lead, where = index[: len(index) - axes], index[len(index) - axes :]
    o = [symbol("o")] if axes > 1 else []
    leads = ([*lead[:-1], *o], [*lead[1:-1], *o, *lead[-1:]], lead)
    places = [symbol("a"), symbol("b")][:axes]
    pads = [symbol(n.low) for n in axis_letters(axes)]
    origin = [h - a - (f.taps - 1 - lo) for h, a, lo in zip(where, places, pads, strict=True)]
    rotated = rot180(w, range(len(w.shape) - axes, len(w.shape)))
    (one,) = goal
    left = (Term(Integer(f.scale**axes), one.variables, one.factors),)
    right = _tile_outputs(f, g, rotated, leads, origin, places)
    free = (*variables, *((a, Integer(f.outputs)) for a in places))
    return Claim(free, left, right, (), _words(f, axes, g, rotated), (f.name,) * axes)


FILTERINGS = (MinimalFiltering(2, 3), MinimalFiltering(4, 3), MinimalFiltering(3, 2))
for _f in FILTERINGS:
    claim(_f.name, partial(identity, _f))
for _f in FILTERINGS[:2]:
    for _axes in (1, 2):
        claim(f"winograd_{_f.outputs}_{_f.taps}_{_axes}d", partial(forward, _f, _axes))
        _name = f"winograd_{_f.outputs}_{_f.taps}_input_{_axes}d"
        claim(_name, partial(input_gradient, _f, _axes))
