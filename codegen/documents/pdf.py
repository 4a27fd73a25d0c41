"""PDF from LaTeX text, by latexmk in a folder of its own."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from rot180.codegen.system import files, programs

PACKAGES = "texlive-latex-recommended texlive-latex-extra texlive-pictures latexmk"
"""The Debian packages that a document needs."""

CURE = f"on Debian, a document needs: apt install {PACKAGES}"


class CompileError(OSError):
    """A TeX engine is missing, or refused a document."""


def compiled(text: str, timeout: float = 300) -> tuple[bytes, str]:
    """Compile a LaTeX file and return the PDF and TeX's log.

    Args:
        text: the LaTeX file.
        timeout: seconds after which TeX is stopped.

    Raises:
        CompileError: latexmk or its TeX engine is missing, or the document has an error.

    """
    command = ["latexmk", "-pdf", "-interaction=nonstopmode", "-halt-on-error", "document.tex"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files.write(folder, {"document.tex": text})
        try:
            ran = programs.run(command, folder, timeout)
        except programs.ToolError as error:
            raise CompileError(f"no PDF: {error}; {CURE}") from error
        if ran.code != 0:
            raise CompileError(f"no PDF: {_complaint(ran.output)}")
        log = files.contents(folder / "document.log").decode("utf-8", "replace")
        return files.contents(folder / "document.pdf"), log


def _complaint(output: str) -> str:
    """Return what TeX stopped at; for a file that it does not have, with the cure."""
    found = re.search(r"^! .*(?:\n.*){0,3}", output, re.MULTILINE)
    said = found[0] if found else output[-500:]
    return f"{said}; {CURE}" if "not found" in said or not found else said
