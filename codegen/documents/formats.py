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
    missing = []
    if {"tex", "pdf"} & {*asked}:
        progress(f"writing {name}.tex")
        text = latex(document)
        if "tex" in asked:
            texts[f"{name}.tex"] = text
    if "html" in asked:
        progress(f"writing {name}.html")
        try:
            texts[f"{name}.html"] = page(document)
        except ModuleNotFoundError as error:
            missing.append(f"{name}.html is left out: {error}")
    if "pdf" in asked:
        progress(f"compiling {name}.pdf")
        try:
            texts[f"{name}.pdf"], _ = compiled(text)
        except CompileError as error:
            missing.append(f"{name}.pdf is left out: {error}")
    return texts, missing
