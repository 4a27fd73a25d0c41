"""The seconds of random programs against their sizes: a table, a fitted power, a picture."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

Point = tuple[int, float]
"""The number of definitions of a program, and its seconds."""


def medians(points: Sequence[Point]) -> list[tuple[int, int, float]]:
    """Return size, programs of that size, and their median seconds."""
    sizes: dict[int, list[float]] = {}
    for size, seconds in points:
        sizes.setdefault(size, []).append(seconds)
    return [(n, len(found), statistics.median(found)) for n, found in sorted(sizes.items())]


def fitted(points: Sequence[Point]) -> tuple[float, float]:
    """Return (factor, exponent) of ``factor * size**exponent``: least squares of logarithms."""
    logs = [(math.log(n), math.log(max(s, 1e-9))) for n, s in points]
    x, y = (statistics.fmean(p[k] for p in logs) for k in (0, 1))
    spread = sum((a - x) ** 2 for a, _ in logs)
    slope = sum((a - x) * (b - y) for a, b in logs) / spread if spread else 0.0
    return math.exp(y - slope * x), slope


_LEFT, _TOP, _WIDTH, _HEIGHT = 70, 40, 520, 320


def picture(points: Sequence[Point]) -> str:
    """Return a plot of the points as SVG, both axes logarithmic, with the fitted power."""
    factor, power = fitted(points)
    least, most = min(n for n, _ in points), max(n for n, _ in points)
    low = 10.0 ** math.floor(math.log10(min(s for _, s in points)))
    high = 10.0 ** math.ceil(math.log10(max(s for _, s in points)))

    def x(size: float) -> float:
        return _LEFT + _WIDTH * math.log(size / least) / math.log(max(most / least, 2))

    def y(seconds: float) -> float:
        return _TOP + _HEIGHT * (1 - math.log(seconds / low) / math.log(high / low))

    bottom = _TOP + _HEIGHT
    title = f"{len(points)} random programs: processor seconds grow as definitions^{power:.2f}"
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_LEFT + _WIDTH + 40}" '
        f'height="{bottom + 50}" font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="{_LEFT}" y="24" font-size="14">{title}</text>',
    ]
    for size in (n for n in (1, 2, 3, 5, 10, 20, 30, 50, 100, 200) if least <= n <= most):
        out += _line(x(size), _TOP, x(size), bottom)
        out.append(f'<text x="{x(size):.1f}" y="{bottom + 16}" text-anchor="middle">{size}</text>')
    for tenth in range(round(math.log10(low)), round(math.log10(high)) + 1):
        at = y(10.0**tenth)
        out += _line(_LEFT, at, _LEFT + _WIDTH, at)
        place = f'x="{_LEFT - 8}" y="{at + 4:.1f}" text-anchor="end"'
        out.append(f"<text {place}>{10.0**tenth:g}</text>")
    out += [
        f'<circle cx="{x(n):.1f}" cy="{y(s):.1f}" r="2" fill="#2b6ca3" fill-opacity="0.35"/>'
        for n, s in points
    ]
    ends = [(x(n), min(max(y(factor * n**power), _TOP), bottom)) for n in (least, most)]
    out += _line(*ends[0], *ends[1], "#c2571a")
    out.append(
        f'<text x="{_LEFT + _WIDTH / 2}" y="{bottom + 36}" text-anchor="middle">'
        "definitions, intermediates among them</text>"
    )
    out.append(
        f'<text transform="translate(16 {_TOP + _HEIGHT / 2}) rotate(-90)" '
        'text-anchor="middle">processor seconds</text>'
    )
    return "\n".join([*out, "</svg>"]) + "\n"


def _line(x1: float, y1: float, x2: float, y2: float, colour: str = "#ccc") -> list[str]:
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return [f'<line {ends} stroke="{colour}"/>']
