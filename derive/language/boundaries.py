"""What an index beyond the box of an axis means: zero, or an entry of the axis.

The conventions are those of `numpy.pad` and of `torch.nn.functional.pad`. Let n be the size of the
axis. Each mode is a sum of entries, at most one of which is in the box:

- ``zero(e)``: ``x[e]``, which is 0 outside, as is a plain index;
- ``circular(e)``: ``x[e] + x[e + n] + x[e - n]``: the axis repeated once on each side;
- ``reflect(e)``: ``x[e]``, ``x[-e]`` for ``1 <= -e < n``, and ``x[2*n - 2 - e]`` for
  ``n <= e < 2*n - 1``: the axis mirrored at its first and its last entry, which are not repeated;
- ``replicate(e)``: ``x[e]``, ``x[0]`` for ``e < 0``, and ``x[n - 1]`` for ``e >= n``.

So circular holds for paddings of at most n, and reflect for paddings of less than n, which is all
that PyTorch allows; further outside, the value is 0.
"""

from __future__ import annotations

import sympy as sp
from sympy import Expr

from rot180.derive.language.polynomial import normal
from rot180.derive.language.terms import Range
from rot180.derive.language.tokens import RawBound, RawFactor, Token

MODES = ("zero", "circular", "reflect", "replicate")

Place = tuple[Expr, tuple[RawFactor, ...]]
"""An index of an axis, and the brackets under which it is read."""


def places(mode: str, e: Expr, size: Expr, at: Token) -> tuple[Place, ...]:
    """Return the indices that are read in place of ``mode(e)``; their entries are added.

    Args:
        mode: one of `MODES`.
        e: the index.
        size: the size of the axis.
        at: where it is in the text.

    """
    last = normal(size - 1)
    if mode == "circular":
        return (e, ()), (normal(e + size), ()), (normal(e - size), ())
    if mode == "reflect":
        low, high = normal(-e), normal(2 * last - e)
        return (e, ()), (low, (Range(normal(low - 1), last),)), (high, (Range(high, last),))
    if mode == "replicate":
        below = RawBound(at, e, sp.Integer(-1), grows=True)
        above = RawBound(at, size, e, grows=True)
        return (e, ()), (sp.Integer(0), (below,)), (last, (above,))
    return ((e, ()),)
