"""Pictures as TikZ; a document needs `tikz_preamble` once."""

from __future__ import annotations

from functools import singledispatch

from rot180.codegen.figures.colors import COLORS, DASHES
from rot180.codegen.figures.shapes import (
    BESIDE,
    LINK,
    Cell,
    Frame,
    Label,
    Link,
    Node,
    Picture,
    Point,
    Shape,
    extent,
    fitted,
)
from rot180.derive.display.terms_latex import escape

UNIT = 9.0
"""The size of a cell in millimetres, where there is room."""

_SIZES = ((8.6, "\\small"), (7.6, "\\footnotesize"), (6.4, "\\scriptsize"), (0.0, "\\tiny"))
_FILL = {"plain": 24, "strong": 55, "faint": 8}


def tikz_preamble() -> str:
    """Return the packages and colours for the preamble of a document."""
    colours = (f"\\definecolor{{rot-{role}}}{{HTML}}{{{value}}}" for role, value in COLORS.items())
    return "\\usepackage{amsmath,tikz}\n\\usetikzlibrary{patterns}\n" + "\n".join(colours) + "\n"


def tikz(picture: Picture, widest: float) -> str:
    """Return a picture as a ``tikzpicture``.

    Args:
        picture: what is drawn.
        widest: its largest width in millimetres; cells are smaller than `UNIT` if need be.

    """
    left, top, right, bottom = extent(picture.shapes)
    unit = min(UNIT, widest / (right - left))
    size = next(name for least, name in _SIZES if unit >= least)
    lines = "\n".join(f"  {draw(shape)}" for shape in picture.shapes)
    return (
        f"\\begin{{tikzpicture}}[x={unit:.3f}mm,y=-{unit:.3f}mm,line cap=round,"
        f"every node/.style={{inner sep=1pt,font={size}}}]\n"
        f"  \\path[use as bounding box] {_at((left, top))} rectangle {_at((right, bottom))};\n"
        f"{lines}\n\\end{{tikzpicture}}\n"
    )


def _at(point: Point) -> str:
    return f"({round(point[0], 3):g},{round(point[1], 3):g})"


def _words(text: str) -> str:
    """Return a label as LaTeX: words are escaped, mathematics is kept."""
    return "$".join(p if n % 2 else escape(p) for n, p in enumerate(text.split("$")))


def _filled(shape: Cell | Node) -> str:
    """Return the options that draw the outline and fill of a cell."""
    if shape.look in ("zero", "padding"):
        return f"draw=rot-quiet,line width=.4pt{',densely dotted' * (shape.look == 'padding')}"
    if shape.look == "hatched":
        return f"draw=rot-{shape.role},pattern=north east lines,pattern color=rot-{shape.role}!70"
    outline = f"draw=rot-{shape.role}{'!50' * (shape.look == 'faint')}"
    thick = ",line width=1.2pt" if shape.look == "strong" else ",line width=.6pt"
    return f"{outline},fill=rot-{shape.role}!{_FILL[shape.look]}{thick}"


def _label(shape: Cell | Node, at: Point) -> str:
    """Return the label of a cell, on a white background if the cell is hatched."""
    if not shape.label:
        return ""
    quiet = shape.look in ("zero", "padding", "faint", "hatched")
    options = f"text={'rot-quiet' if quiet else 'rot-ink'}"
    options = "fill=white,rounded corners=1pt" if shape.look == "hatched" else options
    return f" \\node[{options}{_scale(fitted(shape.label))}] at {_at(at)} {{${shape.label}$}};"


def _scale(factor: float) -> str:
    return f",scale={factor:g}" if factor < 1 else ""


@singledispatch
def draw(shape: Shape) -> str:
    """Return the commands that draw a shape, on one line."""
    raise TypeError(f"found {type(shape).__name__}, expected a shape")


@draw.register
def _(shape: Cell) -> str:
    x, y = shape.at
    corners = f"{_at((x + 0.04, y + 0.04))} rectangle {_at((x + 0.96, y + 0.96))}"
    middle = (x + 0.5, y + 0.5)
    return f"\\path[{_filled(shape)},rounded corners=1pt] {corners};" + _label(shape, middle)


@draw.register
def _(shape: Node) -> str:
    circle = f"{_at(shape.at)} ellipse [x radius=.47,y radius=.47];"
    back = f"\\fill[white] {circle} "
    return f"{back}\\path[{_filled(shape)}] {circle}" + _label(shape, shape.at)


@draw.register
def _(shape: Link) -> str:
    options = [f"rot-{shape.role}", "line width=.9pt"]
    if shape.look == "cut":
        options = ["rot-quiet", "line width=.5pt", "dash pattern=on .5pt off 2pt"]
    elif shape.role in DASHES:
        lengths = DASHES[shape.role]
        pairs = zip(lengths[::2], lengths[1::2], strict=True)
        options.append("dash pattern=" + " ".join(f"on {a:g}pt off {b:g}pt" for a, b in pairs))
    options += ["-latex"] if shape.look == "arrow" else []
    label = ""
    if shape.label:
        ground = "text=rot-ink,fill=white,fill opacity=.88,text opacity=1"
        scale = _scale(fitted(shape.label, LINK))
        label = f" node[pos={BESIDE},{ground}{scale}] {{${shape.label}$}}"
    return f"\\draw[{','.join(options)}] {_at(shape.start)} -- {_at(shape.end)}{label};"


@draw.register
def _(shape: Frame) -> str:
    far = (shape.at[0] + shape.width, shape.at[1] + shape.height)
    dashed = ",dashed" if shape.dashed else ""
    return (
        f"\\draw[rot-{shape.role},line width=1.6pt,rounded corners=1.5pt{dashed}] "
        f"{_at(shape.at)} rectangle {_at(far)};"
    )


@draw.register
def _(shape: Label) -> str:
    anchor = {"start": "west", "middle": "center", "end": "east"}[shape.anchor]
    return f"\\node[anchor={anchor},text=rot-ink] at {_at(shape.at)} {{{_words(shape.text)}}};"
