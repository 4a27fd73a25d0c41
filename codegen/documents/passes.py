"""Where a sliding window starts: a valid pass stays inside, a full pass overhangs by all but one.

Outside its indices a tensor is zero. So a pass is known by the first place that its window reads:
the first entry, or as many places before it as the window has taps, less one.
"""

from __future__ import annotations

from dataclasses import replace

from sympy import Expr

from rot180.codegen.figures.expand import accesses
from rot180.codegen.figures.windows import source
from rot180.derive.display.notations import Symbols
from rot180.derive.language.polynomial import coefficient, normal, symbols_of
from rot180.derive.language.spelling import unfold_operators
from rot180.derive.language.terms import Access, Expression, term


def reach(found: Expression) -> str:
    """Return ``valid`` or ``full``; "" for a sum that is no such pass.

    Args:
        found: a sum of products of a window's taps with the entries that they cover, or an entry
            of a tensor that is defined as one, perhaps times another factor.

    """
    if len(found) != 1:
        return ""
    named = (unfold_operators((term(f),)) for f in found[0].factors)
    (t,) = next((one for one in named if one and one[0].variables), found)
    read = accesses(t)
    window = next((a for a in read if set(a.index) == set(t.variables)), None)
    slid = next((a for a in read if len(_steps(a, window)) == len(t.variables)), None)
    if window is None or slid is None:
        return ""
    starts = {_start(e, window) for e in _steps(slid, window)}
    return starts.pop() if len(starts) == 1 else ""


def marked(symbols: Symbols, found: Expression) -> Symbols:
    """Return the notation in which the star of a pass says whether it is valid or full."""
    stars = {"correlate": f"#1 {star(reach(found))} #2"}
    return replace(symbols, operators=tuple({**dict(symbols.operators), **stars}.items()))


def star(word: str) -> str:
    r"""Return the sign of a correlation, as mathematics.

    >>> print(star("full"))
    \star_{\mathrm{full}}
    """
    return f"\\star_{{\\mathrm{{{word}}}}}" if word else "\\star"


def _steps(slid: Access, window: Access | None) -> list[Expr]:
    """Return the indices that move with the taps of a window."""
    taps = set(window.index) if window else set()
    return [e for e in slid.index if symbols_of(e) & taps and e not in taps]


def _start(place: Expr, window: Access) -> str:
    """Say where a window starts along one axis."""
    tap = next(v for v in window.index if v in symbols_of(place))
    last = source(window.tensor).shape[window.index.index(tap)]
    assert last is not None
    way = coefficient(place, tap)
    sizes = symbols_of(last)
    variables = [v for v in symbols_of(place) if v not in sizes]
    first = normal(place.xreplace(dict.fromkeys(variables, 0)) - (last - 1) * int(way == -1))
    return {0: "valid", normal(1 - last): "full"}.get(first, "")
