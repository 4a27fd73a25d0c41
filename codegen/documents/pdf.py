"""PDF from LaTeX text, by latexmk in a temporary folder."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from rot180.codegen.system import files, programs

PACKAGES = "texlive-latex-recommended texlive-latex-extra texlive-pictures latexmk"
"""The Debian packages that compile a document."""

CURE = f"on Debian, a document needs: apt install {PACKAGES}"


class CompileError(OSError):
    """TeX is missing, or could not compile a document."""


def compiled(text: str, timeout: float = 300) -> tuple[bytes, str]:
    """Return the PDF of a LaTeX file, and the log of TeX.

    Args:
        text: the LaTeX file.
        timeout: in seconds.

    Raises:
        CompileError: latexmk or TeX is missing, or the document has an error.

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
    """Return the error of TeX; if a file is missing, with the cure."""
    found = re.search(r"^! .*(?:\n.*){0,3}", output, re.MULTILINE)
    said = found[0] if found else output[-500:]
    return f"{said}; {CURE}" if "not found" in said or not found else said
