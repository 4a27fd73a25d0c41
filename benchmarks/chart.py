"""A bar chart of a run, as SVG."""

from __future__ import annotations

import math
from html import escape

from benchmarks.cases import TITLES
from benchmarks.report import summaries
from benchmarks.results import TORCH, Run

_COLOURS = {TORCH: "#c2571a", "fastest peer": "#2b6ca3"}
_LEFT, _WIDTH, _ROW, _TOP = 400, 460, 18, 64


def plot(run: Run) -> str:
    """Return the geometric means of each class as bars on a logarithmic scale."""
    rows = summaries(run)
    values = [v for s in rows for v in (s.torch, s.fastest) if v is not None] or [1.0]
    first = math.floor(math.log10(min([*values, 1.0])))
    last = max(first + 1, math.ceil(math.log10(max([*values, 1.0]))))

    def position(value: float) -> float:
        return _LEFT + _WIDTH * (math.log10(value) - first) / (last - first)

    height = _TOP + 2 * _ROW * len(rows) + 6 * len(rows) + 10
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_LEFT + _WIDTH + 70}" '
        f'height="{height}" font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="10" y="20" font-size="14">Time / time of the compiled kernels, threads: '
        f"{run.threads}; above 1 the compiled kernels are faster</text>",
    ]
    for number, (name, colour) in enumerate(_COLOURS.items()):
        x = 10 + 120 * number
        out.append(f'<rect x="{x}" y="32" width="12" height="12" fill="{colour}"/>')
        out.append(f'<text x="{x + 18}" y="42">{name}</text>')
    for power in range(first, last + 1):
        at, colour = position(10.0**power), "#333" if power == 0 else "#ccc"
        out.append(
            f'<line x1="{at:.1f}" y1="{_TOP}" x2="{at:.1f}" y2="{height}" stroke="{colour}"/>'
        )
        out.append(f'<text x="{at:.1f}" y="{_TOP - 4}" text-anchor="middle">{10.0**power:g}</text>')
    y = float(_TOP + 6)
    for s in rows:
        label = escape(f"{TITLES[s.category]}, {s.operation}")
        out.append(f'<text x="{_LEFT - 8}" y="{y + _ROW + 4}" text-anchor="end">{label}</text>')
        for value, colour in zip((s.torch, s.fastest), _COLOURS.values(), strict=True):
            if value is not None:
                begin, end = sorted((position(1.0), position(value)))
                out.append(
                    f'<rect x="{begin:.1f}" y="{y + 2}" width="{end - begin:.1f}" '
                    f'height="{_ROW - 4}" fill="{colour}"/>'
                )
                out.append(f'<text x="{end + 4:.1f}" y="{y + _ROW - 5}">{value:.2f}</text>')
            y += _ROW
        y += 6
    return "\n".join([*out, "</svg>"]) + "\n"
