"""Documents in the formats that the user asks for."""

from __future__ import annotations

from collections.abc import Callable, Collection

from rot180.codegen.documents.html import page
from rot180.codegen.documents.latex import latex
from rot180.codegen.documents.model import Document
from rot180.codegen.documents.pdf import CompileError, compiled

FORMATS = ("tex", "html", "pdf")

NO_DOCUMENT = "none"
"""What is written in the place of formats to get no document."""


def parse_formats(given: str) -> tuple[str, ...]:
    """Return a list of formats, given as ``tex,pdf,html``; no formats for ``none``.

    Raises:
        ValueError: one is unknown, or there is none.

    """
    if given.strip() == NO_DOCUMENT:
        return ()
    asked = [name.strip() for name in given.split(",")]
    for name in asked:
        if name not in FORMATS:
            raise ValueError(
                f"--format: found {name!r}, expected {NO_DOCUMENT}, or one or more of "
                f"{','.join(FORMATS)}"
            )
    return tuple(name for name in FORMATS if name in asked)


def in_formats(
    document: Document, name: str, asked: Collection[str], progress: Callable[[str], None]
) -> tuple[dict[str, str | bytes], list[str]]:
    """Return a document in some formats.

    Args:
        document: the document.
        name: the name of the files, without the ending.
        asked: some of `FORMATS`.
        progress: called with a message before each step.

    Returns:
        file name to contents, and a message with the cure for each file that is left out.

    """
    texts: dict[str, str | bytes] = {}
    missing: list[str] = []
    if {"tex", "pdf"} & {*asked}:
        progress(f"writing {name}.tex")
        texts, missing = in_paper_formats(latex(document), name, asked, progress)
    if "html" in asked:
        progress(f"writing {name}.html")
        try:
            texts[f"{name}.html"] = page(document)
        except ModuleNotFoundError as error:
            missing.append(f"{name}.html is left out: {error}")
    return texts, missing


def in_paper_formats(
    text: str, name: str, asked: Collection[str], progress: Callable[[str], None]
) -> tuple[dict[str, str | bytes], list[str]]:
    """Return a LaTeX file as it is, as a PDF, or both; arguments and result as `in_formats`."""
    texts: dict[str, str | bytes] = {f"{name}.tex": text} if "tex" in asked else {}
    if "pdf" not in asked:
        return texts, []
    progress(f"compiling {name}.pdf")
    try:
        return texts | {f"{name}.pdf": compiled(text)[0]}, []
    except CompileError as error:
        return texts, [f"{name}.pdf is left out: {error}"]
