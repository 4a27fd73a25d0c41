"""A layer and its gradients as slides: one idea a frame, and one step of a proof a frame."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from rot180.codegen.documents.fragments import expect_room, packages, typeset
from rot180.codegen.documents.layer import replay_theorem, title
from rot180.codegen.documents.listings import function_text
from rot180.codegen.documents.widths import Width
from rot180.codegen.figures.figures import pictures
from rot180.codegen.figures.shapes import extent
from rot180.codegen.figures.tikz import tikz, tikz_preamble
from rot180.codegen.kernels.derivation import ProvedLayer
from rot180.codegen.system.templates import template
from rot180.codegen.system.version import version
from rot180.derive.display.abbreviate import abbreviated
from rot180.derive.display.equations import Display, arrange
from rot180.derive.display.letters import layer_letters, letters
from rot180.derive.display.notations import DEEP_LEARNING, Symbols
from rot180.derive.display.proof_latex import proof_lines
from rot180.derive.display.terms_latex import escape
from rot180.derive.display.theorem_latex import boxed, definitions, listed, statement, subject
from rot180.derive.gradients.gradient import loss, output_gradient
from rot180.derive.kernel.proof import Theorem
from rot180.derive.language.layers import Layer
from rot180.derive.language.terms import Tensor, tensors, term

MOST_ROWS = 7
"""How many rows of mathematics a frame has, if they can be so few."""

MOST_LINES, COLUMNS = 20, 66
"""How many lines of a kernel a frame has; a longer line counts as several."""

FIGURE = 95.0, 48.0
"""The most width and height of a picture, in millimetres."""


@dataclass(frozen=True)
class Slide:
    """A slide.

    Attributes:
        title: its title, a text.
        body: its contents, as LaTeX.
        listing: whether the contents are program text.

    """

    title: str
    body: str
    listing: bool = False


def slides(
    derivation: ProvedLayer,
    room: Width,
    symbols: Symbols = DEEP_LEARNING,
    detail: str = "short",
    preamble: bool = True,
) -> str:
    """Return frames of beamer: the layer, its gradients, pictures, proofs step by step, kernels.

    Args:
        derivation: what was proved; every proof is replayed first.
        room: the width of a frame's text.
        symbols: the notation.
        detail: "short", or "full" for every step of a proof.
        preamble: whether the file compiles by itself; else a comment names what it needs.

    Raises:
        ProofError: a proof does not follow.
        ValueError: a symbol is wider than a frame.

    """
    proved = [replay_theorem(t) for _, t in derivation.gradients]
    drawn = _pictures(derivation.layer, symbols)
    known = tensors((term(loss(derivation.layer)[()]),))
    frames = [
        *_layer(derivation.layer, proved, room, symbols),
        *(frame for t in proved for frame in _stated(t, known, room, symbols)),
        *drawn,
        *(frame for t in proved for frame in _proof(t, room, symbols, detail)),
        *_kernels(derivation),
    ]
    return template("documents", "slides.tex.jinja").render(
        preamble=preamble,
        version=version(),
        packages=packages("".join(f.body for f in frames)),
        pictures=tikz_preamble().splitlines() if drawn else [],
        subtitle=escape(derivation.layer.text).replace(",", ",\\allowbreak "),
        frames=frames,
    )


def _frame(head: str, parts: Sequence[str | Display], room: Width) -> Slide:
    """Return a frame of sentences and equations, whose long lines are abbreviated until it fits."""
    terms = max((len(e.right) for p in parts if not isinstance(p, str) for e in p), default=1)
    shown = list(parts)
    while terms > 1 and _rows(shown, room) > MOST_ROWS:
        terms -= 1
        shown = [p if isinstance(p, str) else abbreviated(p, terms) for p in parts]
    expect_room(shown, room)
    return Slide(head, typeset(shown, room))


def _rows(parts: Sequence[str | Display], room: Width) -> int:
    layouts = (arrange(p, room.points) for p in parts if not isinstance(p, str))
    return sum(len(rows) for layout in layouts for rows in layout.rows)


def _layer(
    layer: Layer, proved: Sequence[Theorem], room: Width, symbols: Symbols
) -> Iterator[Slide]:
    """Yield the definition of a layer, and of the loss that is differentiated."""
    own, total = layer_letters(layer, symbols), loss(layer)
    boxes = listed([boxed(t, own) for t in layer.tensors])
    defined = [t for t in tensors((term(total[()]),)) if t.definition is not None and t != total]
    yield _frame("The layer", [definitions(defined, own), f"Here {boxes}."], room)
    if proved:
        style = letters(proved[0], symbols)
        name, g = style.tensor(total), style.tensor(output_gradient(layer))
        y = own.tensor(layer.output)
        said = f"Of the loss, only ${g} = \\partial {name} / \\partial {y}$ is used. With it fixed,"
        line = definitions([total], replace(own, tensors=style.tensors))
        after = "has the same derivatives as every loss with that gradient."
        yield _frame("The loss", [said, line, after], room)


def _stated(
    theorem: Theorem, known: Collection[Tensor], room: Width, symbols: Symbols
) -> Iterator[Slide]:
    """Yield what a theorem states, and the definitions of its symbols."""
    parts = statement(theorem, known, symbols)
    cut = parts.index("Here") if "Here" in parts else len(parts)
    yield _frame(title(theorem, symbols), parts[:cut], room)
    if parts[cut:]:
        yield _frame(f"{title(theorem, symbols)}: symbols", parts[cut:], room)


def _proof(theorem: Theorem, room: Width, symbols: Symbols, detail: str) -> Iterator[Slide]:
    """Yield the steps of a proof: the line before if there is room, the line after, the reason."""
    lines = proof_lines(theorem, detail, symbols)
    left = subject(theorem, letters(theorem, symbols))
    for n, line in enumerate(lines, 1):
        shown: Display = (replace(line, left=left),)
        if n > 1:
            both = replace(lines[n - 2], left=left, remark=""), line
            shown = both if _rows([both], room) <= MOST_ROWS else shown
        head = f"{title(theorem, symbols)}: step {n} of {len(lines)}"
        yield _frame(head, [shown], room)


def _pictures(layer: Layer, symbols: Symbols) -> list[Slide]:
    """Return the pictures of a layer, each as large as a frame allows."""
    frames = []
    for picture in pictures(layer, symbols=symbols):
        if picture.name.endswith("-1"):
            continue
        x0, y0, x1, y1 = extent(picture.shapes)
        widest = min(FIGURE[0], FIGURE[1] * (x1 - x0) / (y1 - y0))
        drawn = f"\\begin{{center}}\n{tikz(picture, widest)}\\end{{center}}\n"
        frames.append(Slide(picture.title, f"{drawn}{{\\scriptsize {picture.caption}\\par}}"))
    return frames


def _kernels(derivation: ProvedLayer) -> Iterator[Slide]:
    """Yield the kernels of the gradients as plain Python."""
    for name, _ in derivation.gradients:
        lines = function_text(derivation.layer, name.removeprefix("grad_")).splitlines()
        parts: list[list[str]] = [[]]
        for line in lines:
            if _height([*parts[-1], line]) > MOST_LINES:
                parts.append([])
            parts[-1].append(line)
        for n, part in enumerate(parts, 1):
            count = f" ({n} of {len(parts)})" if len(parts) > 1 else ""
            head = f"The kernel \\texttt{{{escape(name)}}}{count}"
            yield Slide(head, "\n".join(part), listing=True)


def _height(lines: Sequence[str]) -> int:
    return sum(1 + len(line) // COLUMNS for line in lines)
