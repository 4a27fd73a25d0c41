"""The pages of the museum: each entry with its refutation, a picture, and the true theorem.

``python -m rot180.codegen.audit.museum_page`` writes ``docs/museum/entries.md`` and a picture of
each entry beside it; with ``--check`` it says what differs.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from rot180.codegen.audit.museum import Entry, configuration
from rot180.codegen.audit.museum_claims import RefutedClaim, Shown, WrongClaim
from rot180.codegen.audit.museum_entries import ENTRIES
from rot180.codegen.figures.shapes import Cell, Label, Picture, Shape
from rot180.codegen.figures.svg import svg
from rot180.codegen.system import files
from rot180.codegen.system.terminal import say
from rot180.derive.language.polynomial import symbol
from rot180.derive.theorems import claims

COLUMNS, ROWS = 16, 6
"""The most columns and rows of a picture: the largest configuration is drawn that fits."""

SIZES = {"x": "input_remainder", "w": "weight_remainder", "": "transposed_size"}
"""The theorem about the size of a gradient by an operand, or of the output of an adjoint."""

FOLDER = Path("docs/museum")
"""Where the pages are, in the repository."""

HEAD = """# The entries of the museum

Written by `python -m rot180.codegen.audit.museum_page`; [the museum](README.md) says what it is.
Each entry claims that its expression is the array by the definition. The engine refutes the claim:
of all sizes and parameters that the code supported, none nearer to the simplest ones (1 for sizes
and strides, 0 for paddings) makes it false. The claim about sizes is `[0 <= h < H] = [0 <= h < W]`:
an array has an entry at h, or not. Both values are those of the first entry that differs, at small
numbers. What the audit says is what `rot180 audit` calls the mistake.

In the pictures the upper row is right and the lower one is what the code computed; hatched entries
are wrong, and a cross marks an index at which only one of the two arrays has an entry.
"""


def pages() -> dict[str, str]:
    """Return the text of each file by its name in ``docs/museum``."""
    out, parts = {}, [HEAD]
    for entry in ENTRIES:
        claim = WrongClaim(entry)
        text, shown = _drawn(claim)
        out[f"pictures/{entry.key}.svg"] = svg(_picture(entry, text, shown))
        parts.append("\n".join(_section(entry, claim.refuted(), text, shown)))
    return {"entries.md": "\n".join(parts), **out}


def _drawn(claim: WrongClaim) -> tuple[str, Shown]:
    """Return the largest configuration of an entry that fits into a picture, and both arrays."""
    found = []
    for text in claim.entry.fails:
        values = configuration(claim.entry, text)
        shown = claim.at({symbol(v): n for v, n in values.items()}) if _small(values) else None
        if shown and shown.shape[-1] <= COLUMNS and _rows(shown) <= ROWS:
            found.append((text, shown))
    return max(found, key=lambda pair: pair[1].right.size)


def _small(values: dict[str, Any]) -> bool:
    return bool(values.get("H", 0) <= 2 * COLUMNS)


def _rows(shown: Shown) -> int:
    out = 1
    for n in shown.shape[:-1]:
        out *= n
    return out


def _section(entry: Entry, refuted: RefutedClaim, text: str, shown: Shown) -> Iterator[str]:
    number = f"[#{entry.issue}]({entry.references[0]})"
    yield f'\n<a id="{entry.key}"></a>\n\n## {entry.project} {number}, {entry.year}\n'
    yield f"{entry.summary}\n"
    yield f"    {entry.wrong.rpartition('; ')[2]}\n"
    if entry.derived:
        formulas = ", ".join(f"{v} = {formula}" for v, formula in entry.derived)
        yield f"with {formulas}.\n"
    sizes = {v.name: n for v, n in refuted.found.sizes.items()}
    where = ", ".join(f"{v} = {sizes[v]}" for v in _names(entry) if v in sizes)
    index = ", ".join(f"{v} = {n}" for v, n in refuted.found.index.items())
    right, computed = map(_plain, (refuted.found.left, refuted.found.right))
    what = f"`[0 <= {index[0]} < size]` is" if refuted.of == "sizes" else "the entry is"
    values = f"{what} {right} by the definition, {computed} in the code"
    yield f"Refuted at {where}: for {index}, {values}.\n"
    wrong = f"{len(shown.wrong)} of {max(1, _rows(shown) * shown.shape[-1])} entries"
    yield f"![{wrong} are wrong at {text}](pictures/{entry.key}.svg)\n"
    true = [entry.true, *((SIZES[entry.operand],) if refuted.of == "sizes" else ())]
    links = " and ".join(f"[`{name}`](../../{_file(name)})" for name in true)
    yield f"True: {links}. The audit says: *{entry.mistake}*."


def _names(entry: Entry) -> list[str]:
    """Return the sizes that are shown: those that configurations name, and those of arrays."""
    words = (w.partition("=")[0] for t in (*entry.fails, *entry.agrees) for w in t.split())
    return list(dict.fromkeys((*words, *(v for v, _ in entry.derived if v == "W"))))


def _file(name: str) -> str:
    """Return the file that claims a theorem."""
    state = claims()[name]
    module = getattr(state, "func", state).__module__
    return "/".join(module.split(".")[1:]) + ".py"


def _plain(value: Any) -> str:
    """Return a number in a few characters."""
    if isinstance(value, Fraction | int):
        exact = Fraction(value)
        small = exact.denominator == 1 or (exact.denominator < 100 and abs(exact.numerator) < 1000)
        return str(exact) if small else f"{float(exact):.2f}"
    return f"{value.middle:.4g}"


def _picture(entry: Entry, text: str, shown: Shown) -> Picture:
    shapes: list[Shape] = []
    many = _rows(shown) > 1
    for row in range(_rows(shown)):
        at = _leading(row, shown.shape[:-1])
        down = row * 2.6
        for n, (word, array) in enumerate((("right", shown.right), ("code", shown.computed))):
            said = f"{word} [{','.join(map(str, at))}]" if many else word
            shapes.append(Label((-0.3, down + n + 0.5), said, "end"))
            for column in range(shown.shape[-1]):
                place = (*at, column)
                shapes.append(_cell((column, down + n), shown, array, place))
    caption = f"{entry.project} {entry.issue} at {text}: " + "; ".join(_said(shown))
    return Picture(
        entry.key.replace("_", "-"), f"{entry.project} {entry.issue}", caption, tuple(shapes)
    )


def _leading(row: int, shape: tuple[int, ...]) -> tuple[int, ...]:
    out: list[int] = []
    for n in reversed(shape):
        out.insert(0, row % n)
        row //= n
    return tuple(out)


def _cell(at: tuple[float, float], shown: Shown, array: Any, place: tuple[int, ...]) -> Cell:
    value = shown.value(array, place)
    if value is None:
        return Cell(at, "quiet", "\\times", "padding")
    wrong = array is shown.computed and place in shown.wrong
    return Cell(
        at, "gradient" if wrong else "output", _plain(value), "hatched" if wrong else "plain"
    )


def _said(shown: Shown) -> Iterator[str]:
    """Yield what a picture shows, in words, for the entries that are wrong."""
    for place in shown.wrong[:8]:
        right, computed = (shown.value(a, place) for a in (shown.right, shown.computed))
        words = ("no entry" if v is None else _plain(v) for v in (right, computed))
        yield f"[{','.join(map(str, place))}] right {next(words)}, code {next(words)}"
    if len(shown.wrong) > 8:
        yield f"and {len(shown.wrong) - 8} more"


def main(words: list[str] | None = None) -> int:
    """Write the pages, or compare them with those that there are; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; say what differs")
    given = parser.parse_args(words)
    texts = pages()
    if not given.check:
        files.write(FOLDER, texts)
        return 0
    changed = files.drift(FOLDER, texts, ("pictures/*",))
    say("\n".join(changed))
    return int(bool(changed))


if __name__ == "__main__":
    sys.exit(main())
